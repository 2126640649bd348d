//! The resources that are tables: each is a row here and a small rule in a file of its name.

mod account;
mod app;
pub(super) mod codec;
mod cors;
mod event_script;
mod limit;
mod lookup;
mod named;
mod role;
mod schedule;
mod script_library;
mod service;
pub(super) mod service_config;
mod service_script;

pub(super) use account::{refuse_strangers, wrong_side};
pub(super) use app::launch_url;
pub(super) use codec::CHILDREN;
pub(super) use event_script::warnings;
pub(super) use script_library::warnings as library_warnings;
pub(super) use service_script::warnings as service_warnings;

use super::escalation::{self, Guard};
use super::sealing;
use super::service_report::{self, Action};
use crate::vault::Vault;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value, Verb, json};
use antiphon_sql::catalog::Table;
use antiphon_sql::condition::{Condition, FieldRef};
use antiphon_sql::records::{RecordRule, Stage};
use antiphon_sql::statement::Bound;

/// A resource over a table.
pub(super) struct RecordResource {
    /// Its name on the wire.
    pub(super) name: &'static str,
    /// Its table.
    pub(super) table: &'static str,
    /// What it is, in a few words.
    pub(super) summary: &'static str,
    pub(super) rule: &'static dyn Resource,
}

/// Every resource over a table (system-and-users 4.1).
pub(super) const RESOURCES: [RecordResource; 15] = [
    resource("admin", "user", "Administrators", &account::Account { admin: true }),
    resource("app", "app", "Apps and their API keys", &app::Apps),
    resource("app_group", "app_group", "Groups of apps", &named::Named(&["name"])),
    resource("cors", "cors_config", "Rules for calls from web pages", &cors::Cors),
    resource("custom", "system_custom", "Named values of the instance", &named::Named(&["name"])),
    resource("email_template", "email_template", "E-mail templates", &named::Named(&["name"])),
    resource("limit", "limits", "Limits on calls", &limit::Limits),
    resource("lookup", "lookup", "Named values for filters, records and scripts", &lookup::Lookups),
    resource("role", "role", "Roles and what they grant", &role::Roles),
    resource("schedule", "schedule", "Scripts that run at moments of a clock", &schedule::Schedules),
    resource("service", "service", "Services and their configuration", &service::Services),
    resource("service_report", "service_report", "Changes to services", &named::Named(&[])),
    resource("user", "user", "Users", &account::Account { admin: false }),
    resource("event_script", "event_script", "Scripts that run on events", &event_script::EventScripts),
    resource("script_library", "script_library", "Code that scripts share", &script_library::ScriptLibraries),
];

const fn resource(
    name: &'static str,
    table: &'static str,
    summary: &'static str,
    rule: &'static dyn Resource,
) -> RecordResource {
    RecordResource { name, table, summary, rule }
}

/// The resource of that name, in any case.
pub(super) fn find(name: &str) -> Option<&'static RecordResource> {
    RESOURCES.iter().find(|resource| resource.name.eq_ignore_ascii_case(name))
}

/// The resource that shows the rows of a table to everybody who may use it: users, not administrators.
pub(super) fn shown_by(table: &str) -> Option<&'static RecordResource> {
    RESOURCES.iter().find(|resource| resource.table == table && resource.name != "admin")
}

/// The resource that rows which tell of people's rights are part of: whoever reads them by another way must be granted that one.
pub(super) fn part_of(table: &str) -> Option<&'static str> {
    match table {
        "role_service_access" => Some("role"),
        "user_to_app_to_role" => Some("user"),
        _ => None,
    }
}

/// Whether the call deletes everything, which spares what is protected (system-and-users 1.8).
fn deletes_everything(call: &Call<'_>) -> bool {
    call.request.verb == Verb::Delete && call.request.flag("force")
}

/// The rules of one resource. Records arrive as clients write them, with special columns already in the form of the table.
pub(super) trait Resource: Send + Sync {
    /// Hidden columns that clients may set.
    fn settable(&self) -> &'static [&'static str] {
        &[]
    }

    /// Names and JSON types of the members that [`Resource::complete`] adds.
    fn computed(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The rows that belong to the resource.
    fn condition(&self, _call: &Call<'_>, _table: &Table) -> Option<Condition> {
        None
    }

    /// Checks and completes a new record.
    fn create(&self, _call: &Call<'_>, _record: &mut Object) -> Result<()> {
        Ok(())
    }

    /// Completes a new record by what is stored already.
    fn settle(&self, _call: &Call<'_>, _stage: &Stage<'_>, _record: &mut Object) -> Result<()> {
        Ok(())
    }

    /// Checks and completes a change.
    fn update(&self, _call: &Call<'_>, _existing: &Object, _record: &mut Object) -> Result<()> {
        Ok(())
    }

    /// Checks a deletion.
    fn delete(&self, _call: &Call<'_>, _existing: &Object) -> Result<()> {
        Ok(())
    }

    /// The columns that these are computed from; whoever asks for one of them by name gets the columns, too.
    fn computed_from(&self) -> &'static [&'static str] {
        &["id"]
    }

    /// Adds what is computed to a row of an answer.
    fn complete(&self, _call: &Call<'_>, _row: &mut Object) {}
}

/// A resource's rules within one call, with what holds for every resource: stamps, and texts of errors.
pub(super) struct Rule<'a> {
    pub(super) resource: &'static RecordResource,
    pub(super) call: &'a Call<'a>,
    pub(super) vault: &'a Vault,
}

impl RecordRule for Rule<'_> {
    fn wants_existing(&self) -> bool {
        true
    }

    fn settable_hidden_fields(&self) -> &[&str] {
        self.resource.rule.settable()
    }

    fn before_create(&self, stage: &Stage<'_>, record: &mut Object) -> Result<()> {
        drop_meaningless_nulls(stage.table, record);
        record.remove("last_modified_by_id");
        self.resource.rule.create(self.call, record)?;
        self.resource.rule.settle(self.call, stage, record)?;
        stamp(stage, record, "created_by_id");
        check_lengths(stage.table, record)?;
        sealing::seal(self.vault, &stage.table.name, record)
    }

    fn before_update(&self, stage: &Stage<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        drop_meaningless_nulls(stage.table, record);
        record.remove("created_by_id");
        guard(self.call, stage, |guard| guard.before(existing))?;
        let mut existing = existing.clone();
        sealing::open(self.vault, &stage.table.name, &mut existing);
        self.resource.rule.update(self.call, &existing, record)?;
        stamp(stage, record, "last_modified_by_id");
        check_lengths(stage.table, record)?;
        sealing::seal(self.vault, &stage.table.name, record)
    }

    fn after_write(&self, stage: &Stage<'_>, existing: Option<&Object>, stored: &Object) -> Result<()> {
        guard(self.call, stage, |guard| guard.after(stored))?;
        let action = if existing.is_some() { Action::Modified } else { Action::Created };
        service_report::note(self.call, stage, action, stored)
    }

    fn before_delete(&self, stage: &Stage<'_>, existing: &Object) -> Result<()> {
        guard(self.call, stage, |guard| guard.before_delete(existing))?;
        self.resource.rule.delete(self.call, existing)?;
        service_report::note(self.call, stage, Action::Deleted, existing)
    }

    fn condition(&self, table: &Table) -> Option<Condition> {
        self.resource.rule.condition(self.call, table)
    }

    fn duplicate_message(&self, columns: &[String], record: &Object) -> Option<String> {
        if self.resource.table == "lookup" {
            return Some(match self.call.request.verb {
                Verb::Put | Verb::Patch => "Lookup name can not be modified to one that already exists.".to_owned(),
                _ => "A record with that 'name' already exists.".to_owned(),
            });
        }
        let column = columns.first()?;
        // Who gives no user name has the address for one, and of the two the database may name either.
        let is_address = column == "email" || (column == "username" && record.get(column) == record.get("email"));
        if self.resource.table == "user" && is_address {
            let email = record.get("email").and_then(Value::as_str).unwrap_or_default();
            // A client looks for this very fragment to tell its user what is wrong.
            return Some(format!(
                "A record with that 'email' already exists. Duplicate entry '{email}' for key 'user_email_unique'"
            ));
        }
        Some(format!("A record with that '{column}' already exists."))
    }

    fn refuses_unknown_relations(&self) -> bool {
        true
    }

    fn deletes_detached(&self) -> bool {
        true
    }
}

/// The rule of records that are written as part of another one.
pub(super) struct ChildRule<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) vault: &'a Vault,
}

impl RecordRule for ChildRule<'_> {
    fn wants_existing(&self) -> bool {
        !self.call.session.is_admin()
    }

    fn before_create(&self, stage: &Stage<'_>, record: &mut Object) -> Result<()> {
        drop_meaningless_nulls(stage.table, record);
        check_lengths(stage.table, record)?;
        sealing::seal(self.vault, &stage.table.name, record)
    }

    fn before_update(&self, stage: &Stage<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        guard(self.call, stage, |guard| guard.before(existing))?;
        drop_meaningless_nulls(stage.table, record);
        check_lengths(stage.table, record)?;
        sealing::seal(self.vault, &stage.table.name, record)
    }

    fn after_write(&self, stage: &Stage<'_>, _existing: Option<&Object>, stored: &Object) -> Result<()> {
        guard(self.call, stage, |guard| guard.after(stored))
    }

    fn before_delete(&self, stage: &Stage<'_>, existing: &Object) -> Result<()> {
        guard(self.call, stage, |guard| guard.before(existing))
    }

    fn duplicate_message(&self, columns: &[String], _record: &Object) -> Option<String> {
        let is_assignment =
            columns.iter().any(|column| column == "app_id") && columns.iter().any(|column| column == "user_id");
        is_assignment.then(|| account::MULTIPLE_ASSIGNMENT.to_owned())
    }

    fn tells_reasons(&self) -> bool {
        true
    }

    fn adopts_children(&self) -> bool {
        false
    }

    fn child_name(&self, table: &Table) -> Option<&'static str> {
        (table.name == "lookup").then_some("name")
    }
}

/// Has the guard judge a write, unless it is an administrator's.
fn guard(call: &Call<'_>, stage: &Stage<'_>, judge: impl FnOnce(&Guard<'_>) -> Result<()>) -> Result<()> {
    escalation::guard(call, stage)?.as_ref().map_or(Ok(()), judge)
}

/// Clients send null for what they don't care about; in a column that has a default it means just that.
fn drop_meaningless_nulls(table: &Table, record: &mut Object) {
    record.retain(|name, value| {
        !value.is_null() || table.field(name).is_none_or(|field| field.allow_null || field.default.is_null())
    });
}

/// Refuses texts that are longer than their column says; SQLite would take them.
fn check_lengths(table: &Table, record: &Object) -> Result<()> {
    for field in &table.fields {
        let (Some(length), Some(text)) = (field.length, record.get(&field.name).and_then(Value::as_str)) else {
            continue;
        };
        if usize::try_from(length).is_ok_and(|length| text.chars().nth(length).is_some()) {
            let name = field.name.replace('_', " ");
            return Err(invalid(&field.name, &format!("The {name} may not be greater than {length} characters.")));
        }
    }
    Ok(())
}

fn stamp(stage: &Stage<'_>, record: &mut Object, column: &str) {
    if stage.table.field(column).is_some() {
        record.insert(column.to_owned(), json!(stage.user_id));
    }
}

/// 400 for a field, with the reason in the message and in the context.
pub(super) fn invalid(field: &str, reason: &str) -> Error {
    Error::bad_request(format!("Invalid data supplied. {reason}")).with_context(json!({ field: [reason] }))
}

/// Refuses a record without text in that field.
pub(super) fn require(record: &Object, field: &str) -> Result<()> {
    match record.get(field) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(()),
        Some(Value::Number(_)) => Ok(()),
        _ => Err(invalid(field, &format!("The {} field is required.", field.replace('_', " ")))),
    }
}

/// Refuses a change that empties that field.
pub(super) fn require_if_given(record: &Object, field: &str) -> Result<()> {
    if record.contains_key(field) { require(record, field) } else { Ok(()) }
}

/// `column = value`, also for hidden columns.
fn equals(table: &Table, column: &str, value: Bound) -> Option<Condition> {
    let field = table.fields.iter().find(|field| field.name == column)?;
    FieldRef::of(field).map(|field| Condition::equals(field, value))
}
