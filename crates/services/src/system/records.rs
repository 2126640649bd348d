//! Records of the system's tables, by the very code that serves every database (system-and-users 1.4 to 1.8).

use super::resources::{ChildRule, RecordResource, Rule, codec};
use super::{SystemService, SystemStore, resources, sealing, upload};
use crate::database::SessionLookups;
use crate::jobs::Following;
use crate::vault::Vault;
use antiphon_gateway::jobs::CallFollowup;
use antiphon_gateway::{Call, authorize};
use antiphon_model::{Error, Object, Result, Value, Verb, json};
use antiphon_sql::database::Database;
use antiphon_sql::lookup::{Lookups, NoLookups};
use antiphon_sql::outbox::Followup;
use antiphon_sql::records::{Caller, NoRule, RecordRequest, RecordRule, RowFilters, Unit, handle};
use antiphon_sql::relations::RelatedTables;

/// One request for records of a resource.
pub(super) struct Records<'a> {
    pub(super) resource: &'static RecordResource,
    pub(super) verb: Verb,
    pub(super) id: Option<&'a str>,
    pub(super) parameters: Object,
    pub(super) payload: Value,
}

impl<'a> Records<'a> {
    /// The request of the call itself.
    pub(super) fn of(call: &Call<'_>, resource: &'static RecordResource, id: Option<&'a str>) -> Records<'a> {
        Records {
            resource,
            verb: call.request.verb,
            id,
            parameters: call.request.parameters.clone(),
            payload: call.request.payload.clone(),
        }
    }

    /// Answers it.
    pub(super) fn run(mut self, service: &SystemService, call: &Call<'_>) -> Result<Value> {
        let store = service.store();
        resources::refuse_strangers(call, self.resource.name)?;
        if let Some(id) = self.id
            && self.resource.table == "user"
        {
            resources::wrong_side(store, self.resource.name, self.verb, id)?;
        }
        if self.verb != Verb::Get
            && let Some(records) = upload::records_of(call.request)?
        {
            self.payload = records;
        }
        self.prepare(service, call)?;
        let answer = self.handle(store, call);
        match answer {
            Ok(mut answer) => {
                self.present(store, call, &mut answer);
                Ok(answer)
            }
            Err(mut error) => {
                self.present_context(store, call, &mut error);
                Err(error)
            }
        }
    }

    fn handle(&self, store: &SystemStore, call: &Call<'_>) -> Result<Value> {
        let request = RecordRequest {
            verb: self.verb,
            table: self.resource.table,
            id: self.id,
            parameters: &self.parameters,
            payload: &self.payload,
        };
        self.as_caller(store, call, |caller| handle(store.database(), &request, caller))
    }

    /// Writes the one record of the payload as part of a unit: a new one, or a change of the one with that identifier. Answers with
    /// the key of a new one. Nobody is told before the unit is committed.
    pub(super) fn write_in(
        mut self,
        unit: &Unit<'_>,
        service: &SystemService,
        call: &Call<'_>,
        id: Option<&Value>,
    ) -> Result<Object> {
        self.prepare(service, call)?;
        let table = self.resource.table;
        let record = self.payload.as_object().ok_or_else(Error::no_records)?;
        self.as_caller(service.store(), call, |caller| match id {
            None => unit.create(table, record, caller),
            Some(id) => unit.update(table, id, record, caller).map(|()| Object::new()),
        })
    }

    /// Does the work as the caller of the call, under the rules of the resource.
    fn as_caller<T>(&self, store: &SystemStore, call: &Call<'_>, work: impl FnOnce(&Caller<'_>) -> T) -> T {
        let session = SessionLookups(call.session);
        // What is stored keeps its lookups: they are for the time of use.
        let lookups: &dyn Lookups = if self.verb == Verb::Get { &session } else { &NoLookups };
        let tables = SystemTables { store, lookups, call, children: ChildRule { call, vault: store.vault() } };
        let rule = Rule { resource: self.resource, call, vault: store.vault() };
        let followup = CallFollowup::of(call, &[]).filter(|_| self.verb != Verb::Get);
        let following = followup.map(|followup| Following::new(followup, store.database()));
        work(&Caller {
            lookups,
            user_id: call.session.user_id(),
            row_filters: RowFilters::new(),
            related: &tables,
            rule: &rule,
            is_admin: call.session.is_admin(),
            followup: following.as_ref().map(|following| following as &dyn Followup),
        })
    }

    fn prepare(&mut self, service: &SystemService, call: &Call<'_>) -> Result<()> {
        let table = self.resource.table;
        // Most records are known by a number: anything else is none of them.
        if let Some(id) = self.id
            && !["event_script", "script_library", "system_custom"].contains(&table)
            && id.parse::<i64>().is_err()
        {
            return Err(Error::record_not_found(id));
        }
        if self.verb != Verb::Get {
            let is_empty = self.payload.is_null() || self.payload.as_object().is_some_and(Object::is_empty);
            if is_empty && self.id.is_some() && call.request.flag("regenerate") {
                self.payload = json!({ "regenerate": true });
            }
            each_record(&mut self.payload, &mut |record| {
                rename_relations(record);
                codec::store(table, record);
            });
        }
        if let Some(Value::String(related)) = self.parameters.get_mut("related") {
            let names: Vec<&str> =
                related.split(',').map(str::trim).map(|name| renamed(name).unwrap_or(name)).collect();
            *related = names.join(",");
        }
        self.complete_fields(service.store().database(), call.session.is_admin());
        Ok(())
    }

    /// Some fields can only be answered with others; hidden ones count as not asked for.
    fn complete_fields(&mut self, database: &Database, is_admin: bool) {
        let Some(Value::String(fields)) = self.parameters.get("fields") else { return };
        if fields.trim().is_empty() {
            self.parameters.remove("fields");
            return;
        }
        let Ok(table) = database.table(self.resource.table) else { return };
        let is_hidden =
            |name: &str| table.fields.iter().any(|field| field.is_hidden && field.name.eq_ignore_ascii_case(name));
        let mut names: Vec<&str> = fields.split(',').map(str::trim).filter(|name| !is_hidden(name)).collect();
        let is_computed = |name: &str| self.resource.rule.computed().iter().any(|(computed, _)| *computed == name);
        if names.iter().any(|name| is_computed(name)) {
            names.retain(|name| !is_computed(name));
            names.extend(self.resource.rule.computed_from());
        }
        match self.resource.table {
            // A configuration can only be shown complete with its type (system-and-users 4.7).
            "service" if names.contains(&"config") => names.extend(["id", "type"]),
            "lookup" => names.push("private"),
            // Who may be told a key depends on the role of its app.
            "app" if !is_admin && names.iter().any(|name| name.eq_ignore_ascii_case("api_key")) => {
                names.push("role_id")
            }
            _ => {}
        }
        self.parameters.insert("fields".into(), json!(names.join(",")));
    }

    /// Computed fields come with every read, and with a write that asks for more than identifiers.
    fn present(&self, store: &SystemStore, call: &Call<'_>, answer: &mut Value) {
        if let Some(schema) = answer.pointer_mut("/meta/schema").and_then(Value::as_object_mut) {
            name_aliases(schema);
        }
        let asked = ["fields", "select", "related"].iter().any(|name| self.parameters.contains_key(*name));
        let complete = self.verb == Verb::Get || asked;
        each_record(answer, &mut |row| {
            open_all(store.vault(), self.resource.table, row);
            codec::present(self.resource.table, row);
            complete_related(call, row);
            if complete {
                self.resource.rule.complete(call, row);
            }
        });
    }

    fn present_context(&self, store: &SystemStore, call: &Call<'_>, error: &mut Error) {
        let Some(entries) = error.context.get_mut("resource").and_then(Value::as_array_mut) else { return };
        let is_error = |entry: &Value| entry.get("status_code").is_some() && entry.get("message").is_some();
        entries.iter_mut().filter(|entry| !is_error(entry)).for_each(|entry| self.present(store, call, entry));
    }
}

/// Rows of a table whose records are part of others, as answers show them: those that belong to a record by that field, in the order
/// of identifiers. Other than related records, which come with a list up to its limit, they can be read to the last.
pub(super) fn parts(
    service: &SystemService,
    call: &Call<'_>,
    (table, parent): (&str, &str),
    offset: usize,
    limit: usize,
) -> Result<Vec<Object>> {
    let store = service.store();
    let tables = SystemTables { store, lookups: &NoLookups, call, children: ChildRule { call, vault: store.vault() } };
    let parameters =
        json!({ "filter": format!("{parent} is not null"), "order": "id", "offset": offset, "limit": limit });
    let parameters = parameters.as_object().cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for row in tables.read(None, table, parameters)? {
        let Value::Object(mut row) = row else { continue };
        open_all(store.vault(), table, &mut row);
        codec::present(table, &mut row);
        rows.push(row);
    }
    Ok(rows)
}

/// What the relation to lookups is called now: before, each kind of lookup had a table of its own.
fn renamed(relation: &str) -> Option<&'static str> {
    match relation {
        "app_lookup_by_app_id" => Some("lookup_by_app_id"),
        "role_lookup_by_role_id" => Some("lookup_by_role_id"),
        "user_lookup_by_user_id" => Some("lookup_by_user_id"),
        _ => None,
    }
}

fn rename_relations(record: &mut Object) {
    let old: Vec<String> = record.keys().filter(|name| renamed(name).is_some()).cloned().collect();
    for name in old {
        if let (Some(value), Some(renamed)) = (record.shift_remove(&name), renamed(&name)) {
            record.insert(renamed.to_owned(), value);
        }
    }
}

/// Descriptions of the system's tables say that there are no aliases; those of databases leave that out.
fn name_aliases(schema: &mut Object) {
    schema.insert("alias".into(), Value::Null);
    for list in ["field", "related"] {
        let items = schema.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        items.filter_map(Value::as_object_mut).for_each(|item| drop(item.insert("alias".into(), Value::Null)));
    }
}

/// Opens what is stored encrypted in a row and in those related to it.
fn open_all(vault: &Vault, table: &str, row: &mut Object) {
    sealing::open(vault, table, row);
    codec::for_related(row, &mut |table, related| open_all(vault, table, related));
}

/// Adds what is computed to the related rows of a row.
fn complete_related(call: &Call<'_>, row: &mut Object) {
    codec::for_related(row, &mut |table, related| {
        if let Some(resource) = resources::shown_by(table) {
            resource.rule.complete(call, related);
        }
        complete_related(call, related);
    });
}

/// The record of a body or answer, or each of its records.
pub(super) fn each_record(body: &mut Value, each: &mut dyn FnMut(&mut Object)) {
    match body {
        Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(each),
        Value::Object(members) => match members.get_mut("resource") {
            Some(Value::Array(items)) => items.iter_mut().filter_map(Value::as_object_mut).for_each(each),
            Some(Value::Object(record)) => each(record),
            _ => each(members),
        },
        _ => {}
    }
}

/// Related tables of the system: roles must grant the resource that shows them, and its rules say which rows there are.
struct SystemTables<'a> {
    store: &'a SystemStore,
    lookups: &'a dyn Lookups,
    call: &'a Call<'a>,
    children: ChildRule<'a>,
}

impl RelatedTables for SystemTables<'_> {
    fn read(&self, service_id: Option<i64>, table: &str, parameters: Object) -> Result<Vec<Value>> {
        if service_id.is_some() {
            return Err(Error::not_implemented("Records of another service can not be read here."));
        }
        let Call { session, request, entry, .. } = self.call;
        if table == "limit_cache" {
            self.store.refresh_counters(self.call.gateway.rates())?;
        }
        let shown_by = resources::shown_by(table);
        match resources::part_of(table).or(shown_by.map(|resource| resource.name)) {
            Some(resource) => authorize(session, request.requestor, Verb::Get, entry, resource)?,
            // What no resource shows is no business of roles, unless it is part of the record that they may read.
            None if !session.is_admin() && !codec::CHILDREN.contains(&table) => {
                return Err(Error::forbidden(format!("Records of '{table}' can only be read by administrators.")));
            }
            None => {}
        }
        let restricted = shown_by.filter(|_| !session.is_admin()).map(|resource| Rule {
            resource,
            call: self.call,
            vault: self.store.vault(),
        });
        let caller = Caller {
            lookups: self.lookups,
            user_id: session.user_id(),
            row_filters: RowFilters::new(),
            related: self,
            rule: restricted.as_ref().map_or(&NoRule as &dyn RecordRule, |rule| rule),
            is_admin: session.is_admin(),
            followup: None,
        };
        let request =
            RecordRequest { verb: Verb::Get, table, id: None, parameters: &parameters, payload: &Value::Null };
        let mut answer = handle(self.store.database(), &request, &caller)?;
        match answer.get_mut("resource").map(Value::take) {
            Some(Value::Array(records)) => Ok(records),
            _ => Ok(Vec::new()),
        }
    }

    /// Only tables that are part of the written record get here; who may write that may write them.
    fn authorize_write(&self, _table: &str, _verb: Verb) -> Result<RowFilters> {
        Ok(RowFilters::new())
    }

    fn rule(&self, _table: &str) -> &dyn RecordRule {
        &self.children
    }
}

/// A batch of one, as its only record fared: for calls that name one record.
pub(super) fn unbatched(error: Error) -> Error {
    let first = error.context.get("resource").and_then(Value::as_array).and_then(|entries| entries.first());
    let Some(entry) = first.filter(|_| error.code == json!(Error::BATCH_CODE)) else { return error };
    let status = entry.get("status_code").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let message = entry.get("message").and_then(Value::as_str).unwrap_or_default();
    Error::new(status.unwrap_or(error.status), message)
        .with_code(entry.get("code").cloned().unwrap_or_default())
        .with_context(entry.get("context").cloned().unwrap_or_default())
}
