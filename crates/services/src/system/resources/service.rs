//! Services (system-and-users 4.7, 5).

use super::{Resource, deletes_everything, equals, invalid, require, require_if_given, service_config};
use crate::system::service_type;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value, json};
use antiphon_sql::catalog::Table;
use antiphon_sql::condition::Condition;
use antiphon_sql::statement::Bound;

/// Names that would hide something else of the API.
const RESERVED: [&str; 7] = ["api", "rest", "setup", "status", "system", "user", "api_docs"];
/// What can't be changed of a service that is not mutable; its configuration can.
const FIXED: [&str; 5] = ["name", "label", "description", "is_active", "type"];

pub(super) struct Services;

impl Resource for Services {
    fn condition(&self, call: &Call<'_>, table: &Table) -> Option<Condition> {
        equals(table, "deletable", Bound::Boolean(true)).filter(|_| deletes_everything(call))
    }

    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        forget_flags(record);
        require(record, "name")?;
        require(record, "type")?;
        check_name(record)?;
        check_type(record)?;
        let name = record.get("name").cloned().unwrap_or_default();
        if record.get("label").and_then(Value::as_str).is_none_or(|label| label.trim().is_empty()) {
            record.insert("label".into(), name);
        }
        strip_label(record);
        let kind = text(record, "type").unwrap_or_default().to_owned();
        call.gateway.engines().enabled(&kind)?;
        service_config::complete(record, &kind, None)
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        forget_flags(record);
        strip_label(record);
        require_if_given(record, "name")?;
        let changed = |field: &str| record.get(field).is_some_and(|value| Some(value) != existing.get(field));
        if existing.get("mutable") == Some(&Value::Bool(false)) && FIXED.iter().any(|field| changed(field)) {
            let name = text(existing, "name").unwrap_or_default();
            return Err(Error::forbidden(format!(
                "The service '{name}' can not be changed, except its configuration."
            )));
        }
        if changed("type") {
            return Err(invalid("type", "The type of a service can not be changed; create another service."));
        }
        if changed("name") {
            check_name(record)?;
        }
        let kind = text(existing, "type").unwrap_or_default();
        call.gateway.engines().enabled(kind)?;
        service_config::complete(record, kind, text(existing, "config"))
    }

    fn delete(&self, _call: &Call<'_>, existing: &Object) -> Result<()> {
        match existing.get("deletable") {
            Some(Value::Bool(false)) => {
                let name = text(existing, "name").unwrap_or_default();
                Err(Error::forbidden(format!("The service '{name}' can not be deleted.")))
            }
            _ => Ok(()),
        }
    }
}

fn text<'r>(record: &'r Object, field: &str) -> Option<&'r str> {
    record.get(field).and_then(Value::as_str)
}

/// Whether a service can be changed or deleted is not for clients to say.
fn forget_flags(record: &mut Object) {
    record.remove("mutable");
    record.remove("deletable");
}

fn check_name(record: &Object) -> Result<()> {
    let name = text(record, "name").unwrap_or_default();
    if !name.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character)) {
        return Err(invalid("name", "Service name should only contain letters, numbers, underscores and dashes."));
    }
    if name.starts_with('_') || RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(invalid("name", &format!("The service name '{name}' is reserved; choose another one.")));
    }
    Ok(())
}

fn check_type(record: &Object) -> Result<()> {
    let kind = text(record, "type").unwrap_or_default();
    match service_type::find(kind) {
        Some(known) if known.singleton => {
            Err(invalid("type", &format!("There can only be one service of type '{kind}', and it exists already.")))
        }
        Some(_) => Ok(()),
        None => Err(invalid("type", &format!("The service type '{kind}' is unknown; see system/service_type."))),
    }
}

/// Labels are shown by web pages: markup in them is dropped.
fn strip_label(record: &mut Object) {
    let Some(label) = text(record, "label").filter(|label| label.contains('<')) else { return };
    let mut plain = String::with_capacity(label.len());
    let mut inside = false;
    for character in label.chars() {
        match character {
            '<' => inside = true,
            '>' if inside => inside = false,
            other if !inside => plain.push(other),
            _ => {}
        }
    }
    record.insert("label".into(), json!(plain));
}
