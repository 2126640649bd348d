//! Users and administrators: the two halves of one table (system-and-users 4.3).

use super::{Resource, deletes_everything, equals, invalid, require_if_given};
use crate::system::confirmation::has_expired;
use crate::system::newcomer::{display_name, is_email, username_problem};
use crate::system::store::{SystemStore, flag};
use antiphon_gateway::Call;
use antiphon_gateway::identity::{Changed, check_password_rules};
use antiphon_model::{Error, Object, Result, Value, Verb, json};
use antiphon_sql::catalog::Table;
use antiphon_sql::condition::Condition;
use antiphon_sql::statement::Bound;

/// Why a second role for one user in one app is refused.
pub(super) const MULTIPLE_ASSIGNMENT: &str = "Multiple user-to-app-to-role assignment. There can only be a single user-to-app-to-role \
                                              assignment for a given user and app.";

/// One of the halves.
pub(super) struct Account {
    pub(super) admin: bool,
}

impl Resource for Account {
    fn settable(&self) -> &'static [&'static str] {
        &["password", "security_answer"]
    }

    fn condition(&self, call: &Call<'_>, table: &Table) -> Option<Condition> {
        let half = equals(table, "is_sys_admin", Bound::Boolean(self.admin))?;
        let own = equals(table, "id", Bound::from(call.session.user_id()))?;
        Some(if deletes_everything(call) { half.and(own.negate()) } else { half })
    }

    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        record.remove("last_login_date");
        let email = text(record, "email").ok_or_else(|| invalid("email", "The email field is required."))?;
        record.insert("email".into(), json!(email));
        check(record)?;
        if text(record, "name").is_none() {
            record.insert(
                "name".into(),
                json!(display_name(
                    text(record, "first_name").as_deref(),
                    text(record, "last_name").as_deref(),
                    &email
                )),
            );
        }
        if text(record, "username").is_none() {
            record.insert("username".into(), json!(email));
        }
        hash_secrets(call, record)?;
        record.insert("is_sys_admin".into(), json!(self.admin));
        Ok(())
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        record.remove("last_login_date");
        for field in ["email", "name", "username"] {
            // Whole records come back; what was acceptable when it was stored still is.
            match record.get(field) == existing.get(field) {
                true => drop(record.remove(field)),
                false => require_if_given(record, field)?,
            }
        }
        check(record)?;
        let deactivates = record.get("is_active").is_some_and(|value| !antiphon_model::truthy(value));
        if deactivates && self.admin && is_own(call, existing) {
            return Err(Error::forbidden("Cannot deactivate your account."));
        }
        if hash_secrets(call, record)? || deactivates {
            let generation = existing.get("token_generation").and_then(Value::as_i64).unwrap_or_default();
            record.insert("token_generation".into(), json!(generation + 1));
        }
        Ok(())
    }

    fn delete(&self, call: &Call<'_>, existing: &Object) -> Result<()> {
        match is_own(call, existing) {
            true => Err(Error::forbidden("Cannot delete your account.")),
            false => Ok(()),
        }
    }

    fn computed(&self) -> &'static [(&'static str, &'static str)] {
        &[("confirmed", "boolean"), ("expired", "boolean")]
    }

    fn complete(&self, call: &Call<'_>, row: &mut Object) {
        let Some(id) = row.get("id").and_then(Value::as_i64) else { return };
        let identity = call.gateway.identity();
        if call.request.verb != Verb::Get {
            // What this call wrote is in nobody's memory yet.
            identity.forget(Changed::Account(id));
        }
        let account = identity.account(id).ok().flatten();
        let since = account.and_then(|account| account.unconfirmed_since);
        row.insert("confirmed".into(), json!(since.is_none()));
        row.insert("expired".into(), json!(since.is_some_and(|since| has_expired(since, call.gateway.limits()))));
    }
}

/// Administrators are the business of administrators, whatever a role grants (system-and-users 3.5).
pub(in crate::system) fn refuse_strangers(call: &Call<'_>, resource: &str) -> Result<()> {
    if resource != "admin" || call.session.is_admin() {
        return Ok(());
    }
    let what = match call.request.verb {
        Verb::Get => "see",
        Verb::Delete => "delete",
        _ => "change",
    };
    Err(Error::forbidden(format!("Not allowed to {what} an admin user.")))
}

/// Refuses to change or delete, by identifier, an account of the other half; says so instead of "not found".
pub(in crate::system) fn wrong_side(store: &SystemStore, resource: &str, verb: Verb, id: &str) -> Result<()> {
    let what = match verb {
        Verb::Delete => "delete",
        Verb::Put | Verb::Patch => "update",
        _ => return Ok(()),
    };
    let Ok(id) = id.parse() else { return Ok(()) };
    let is_admin =
        store.one("SELECT is_sys_admin FROM user WHERE id = ?", &[Bound::Integer(id)], |row| flag(row, 0))?;
    match (resource, is_admin) {
        ("user", Some(true)) if what == "delete" => Err(Error::forbidden("Not allowed to delete an admin user.")),
        ("user", Some(true)) => Err(Error::forbidden("Not allowed to change an admin user.")),
        ("admin", Some(false)) => Err(Error::bad_request(format!("Cannot {what} a non-admin user."))),
        _ => Ok(()),
    }
}

fn is_own(call: &Call<'_>, existing: &Object) -> bool {
    let id = existing.get("id").and_then(Value::as_i64);
    id.is_some() && id == call.session.user_id()
}

fn text(record: &Object, field: &str) -> Option<String> {
    record.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn check(record: &Object) -> Result<()> {
    if let Some(email) = text(record, "email")
        && !is_email(&email)
    {
        return Err(invalid("email", "The email must be a valid email address."));
    }
    if let Some(problem) = text(record, "username").as_deref().and_then(username_problem) {
        return Err(invalid("username", &problem));
    }
    check_assignments(record)
}

/// One role for each app.
fn check_assignments(record: &Object) -> Result<()> {
    let rows =
        record.get("user_to_app_to_role_by_user_id").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let apps: Vec<&Value> = rows.iter().filter_map(|row| row.get("app_id")).filter(|app| !app.is_null()).collect();
    let repeated = apps.iter().enumerate().any(|(index, app)| apps[..index].contains(app));
    match repeated {
        true => Err(Error::bad_request(MULTIPLE_ASSIGNMENT)),
        false => Ok(()),
    }
}

/// Puts hashes in place of what must not be stored. Tells whether there is a new password.
fn hash_secrets(call: &Call<'_>, record: &mut Object) -> Result<bool> {
    let answer = text(record, "security_answer");
    record.remove("security_answer");
    if let Some(answer) = answer {
        record.insert("security_answer".into(), json!(call.gateway.identity().passwords().hash(&answer)?));
    }
    let password = match record.remove("password") {
        None | Some(Value::Null) => return Ok(false),
        Some(Value::String(password)) if password.is_empty() => return Ok(false),
        Some(Value::String(password)) => password,
        Some(_) => return Err(invalid("password", "The password must be a string.")),
    };
    check_password_rules(&password, call.gateway.limits())?;
    record.insert("password".into(), json!(call.gateway.identity().passwords().hash(&password)?));
    record.insert("confirm_code".into(), Value::Null);
    Ok(true)
}
