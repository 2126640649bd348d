//! A service's configuration: by type, its secrets never told.

use crate::system::service_type::{self, ServiceType};
use antiphon_gateway::{MASK, mask, unmask};
use antiphon_model::{Error, Object, Result, Value, json};

/// Merges a new configuration with the stored one, so that a part can be sent; a mask leaves the secret as it is. Both
/// are JSON text.
///
/// # Errors
/// 400 when the configuration is no object or lacks what the type needs.
pub(super) fn complete(record: &mut Object, kind: &str, stored: Option<&str>) -> Result<()> {
    let sent = match record.get("config").and_then(Value::as_str).map(serde_json::from_str::<Value>) {
        None => {
            record.remove("config");
            return Ok(());
        }
        Some(Ok(Value::Object(sent))) => sent,
        // An empty list is how some clients write an empty object.
        Some(Ok(Value::Array(items))) if items.is_empty() => Object::new(),
        Some(_) => return Err(super::invalid("config", "The config must be an object.")),
    };
    let mut config: Object = stored.and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default();
    let mut sent = Value::Object(sent);
    unmask(&mut sent, &Value::Object(config.clone()));
    for (name, value) in sent.as_object_mut().map(std::mem::take).unwrap_or_default() {
        if name != "service_id" && value != MASK {
            config.insert(name, value);
        }
    }
    let is_missing = |name: &str| config.get(name).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    if ["mysql", "pgsql"].contains(&kind) && (is_missing("host") || is_missing("database")) {
        return Err(Error::bad_request(
            "Database connection information must contain at least host and database name.",
        ));
    }
    if kind == "sqlite" && is_missing("database") {
        return Err(Error::bad_request("Database connection information must contain at least database name."));
    }
    normalize_max_records(&mut config);
    record.insert("config".into(), json!(Value::Object(config).to_string()));
    Ok(())
}

/// Anything but a positive whole number means that no maximum is set (database-service 1).
fn normalize_max_records(config: &mut Object) {
    let Some(given) = config.get("max_records") else { return };
    let number = match given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    match number.filter(|number: &i64| *number > 0) {
        Some(number) => config.insert("max_records".into(), json!(number)),
        None => config.shift_remove("max_records"),
    };
}

/// The configuration of a row as clients see it: complete when the row tells its type, secrets masked always.
pub(in crate::system) fn present(row: &mut Object) {
    let kind = row.get("type").and_then(Value::as_str).and_then(service_type::find);
    let id = row.get("id").cloned();
    let Some(config) = row.get_mut("config") else { return };
    let stored = match config.take() {
        Value::Object(stored) => stored,
        _ => Object::new(),
    };
    *config = Value::Object(match kind {
        Some(kind) if !stored.is_empty() => complete_for(kind, id, stored),
        _ => masked(stored),
    });
}

fn complete_for(kind: &ServiceType, id: Option<Value>, mut stored: Object) -> Object {
    let mut config = Object::new();
    config.extend(id.map(|id| ("service_id".to_owned(), id)));
    for field in &kind.config {
        let value = stored.remove(&field.name).unwrap_or_else(|| field.unset());
        config.insert(field.name.clone(), value);
    }
    masked(config)
}

fn masked(config: Object) -> Object {
    let mut config = Value::Object(config);
    mask(&mut config, &service_type::is_secret);
    match config {
        Value::Object(config) => config,
        _ => Object::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_secret_reads_as_a_mask_and_the_mask_leaves_it() {
        let mut row =
            object(json!({"id": 9, "type": "pgsql", "config": {"host": "h", "database": "d", "password": "p"}}));
        present(&mut row);
        assert_eq!(row["config"]["password"], MASK);
        assert_eq!(row["config"]["service_id"], 9);
        let mut record = object(json!({"config": row["config"].to_string()}));
        complete(&mut record, "pgsql", Some(r#"{"host":"h","database":"d","password":"p"}"#)).unwrap();
        let stored: Value = serde_json::from_str(record["config"].as_str().unwrap()).unwrap();
        assert_eq!((&stored["password"], stored.get("service_id")), (&json!("p"), None));
    }

    #[test]
    fn a_secret_is_masked_even_when_the_row_does_not_tell_its_type() {
        let mut row = object(json!({"config": {"password": "p", "host": "h"}}));
        present(&mut row);
        assert_eq!(row["config"], json!({"password": MASK, "host": "h"}));
    }

    #[test]
    fn a_secret_within_an_option_is_masked_and_left_likewise() {
        let stored = r#"{"base_url":"u","options":{"proxy":{"password":"p"}}}"#;
        let mut row = object(json!({"id": 9, "type": "rws", "config": serde_json::from_str::<Value>(stored).unwrap()}));
        present(&mut row);
        assert_eq!(row["config"]["options"]["proxy"]["password"], MASK);
        let mut record = object(json!({"config": json!({"options": row["config"]["options"]}).to_string()}));
        complete(&mut record, "rws", Some(stored)).unwrap();
        assert_eq!(record["config"], json!(stored));
    }

    #[test]
    fn a_part_of_a_configuration_keeps_the_rest() {
        let mut record = object(json!({"config": r#"{"allow_upsert":true}"#}));
        complete(&mut record, "sqlite", Some(r#"{"database":"a"}"#)).unwrap();
        assert_eq!(record["config"], json!(r#"{"database":"a","allow_upsert":true}"#));
    }

    #[test]
    fn a_database_needs_what_tells_where_it_is() {
        let mut record = object(json!({"config": "{}"}));
        assert_eq!(complete(&mut record, "pgsql", None).unwrap_err().status, 400);
        let refused = complete(&mut record, "sqlite", None).unwrap_err();
        assert_eq!(refused.message, "Database connection information must contain at least database name.");
        complete(&mut object(json!({})), "sqlite", None).unwrap();
    }

    #[test]
    fn only_a_positive_number_is_a_maximum_of_records() {
        for (given, kept) in [
            (json!(-1), None),
            (json!(0), None),
            (json!(""), None),
            (json!("many"), None),
            (json!("20"), Some(json!(20))),
            (json!(100_100), Some(json!(100_100))),
        ] {
            let mut record = object(json!({"config": json!({"database": "a", "max_records": given}).to_string()}));
            complete(&mut record, "sqlite", None).unwrap();
            let stored: Value = serde_json::from_str(record["config"].as_str().unwrap()).unwrap();
            assert_eq!(stored.get("max_records"), kept.as_ref(), "{given}");
        }
    }
}
