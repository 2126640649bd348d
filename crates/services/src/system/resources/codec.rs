//! How stored columns look on the wire, for records and for the records related to them.
//!
//! Relation names begin with their table's name (`lookup_by_role_id`), so one walk over a record reaches them all.

use antiphon_model::{Object, Value, Verb, VerbMask, json};

pub(in crate::system) use antiphon_gateway::MASK;

/// Tables that are written as part of the record that they belong to. Other related records that a client sends back with
/// the one it read are passed over.
pub(in crate::system) const CHILDREN: [&str; 5] =
    ["role_service_access", "lookup", "user_to_app_to_role", "app_to_app_group", "service_doc"];

/// What is special about a column.
enum Codec {
    /// Any JSON value, stored as its text.
    Json,
    /// Mail addresses: one as a string, several as an array; a comma list becomes an array. Stored as JSON text.
    Addresses,
    /// A set of verbs, stored as a mask: an array of names, a comma list or a mask. Answered as an array.
    Verbs,
    /// The same, answered as the mask.
    Mask,
}

const COLUMNS: [(&str, &str, Codec); 13] = [
    ("role_service_access", "filters", Codec::Json),
    ("service", "config", Codec::Json),
    ("event_script", "config", Codec::Json),
    ("system_custom", "value", Codec::Json),
    ("user_custom", "value", Codec::Json),
    ("email_template", "defaults", Codec::Json),
    ("email_template", "to", Codec::Addresses),
    ("email_template", "cc", Codec::Addresses),
    ("email_template", "bcc", Codec::Addresses),
    ("schedule", "payload", Codec::Json),
    ("schedule", "config", Codec::Json),
    ("cors_config", "method", Codec::Verbs),
    ("role_service_access", "verb_mask", Codec::Mask),
];

/// From the wire to the table, related records included.
pub(in crate::system) fn store(table: &str, record: &mut Object) {
    spell_plainly(record);
    for (_, column, codec) in columns(table) {
        if let Some(value) = record.get_mut(*column)
            && !value.is_null()
        {
            *value = match codec {
                Codec::Json => Value::String(value.to_string()),
                Codec::Addresses => Value::String(addresses(value).to_string()),
                Codec::Verbs | Codec::Mask => json!(mask_of(value).0),
            };
        }
    }
    if table == "lookup" && record.get("value").is_some_and(|value| value == MASK) {
        record.remove("value");
    }
    record.retain(|name, _| name.split_once("_by_").is_none_or(|(child, _)| CHILDREN.contains(&child)));
    for_related(record, &mut |table, child| {
        store(table, child);
        child.remove("created_by_id");
        child.remove("last_modified_by_id");
    });
}

/// Names of columns and relations are lower-case. Other spellings reach them too, so the rules must not look past them.
fn spell_plainly(record: &mut Object) {
    if record.keys().all(|name| !name.contains(|letter: char| letter.is_ascii_uppercase())) {
        return;
    }
    let (plain, other): (Vec<_>, Vec<_>) = std::mem::take(record)
        .into_iter()
        .partition(|(name, _)| !name.contains(|letter: char| letter.is_ascii_uppercase()));
    record.extend(plain);
    for (name, value) in other {
        record.entry(name.to_ascii_lowercase()).or_insert(value);
    }
}

/// From the table to the wire, related records included.
pub(in crate::system) fn present(table: &str, row: &mut Object) {
    for (_, column, codec) in columns(table) {
        if let Some(value) = row.get_mut(*column)
            && !value.is_null()
        {
            *value = match codec {
                Codec::Json | Codec::Addresses => parsed(value),
                Codec::Verbs => mask_of(value).verbs().map(Verb::as_str).collect(),
                Codec::Mask => continue,
            };
        }
    }
    match table {
        "lookup" => present_lookup(row),
        "service" => super::service_config::present(row),
        _ => {}
    }
    for_related(row, &mut present);
}

/// What such columns carry on the wire, for the documentation.
pub(in crate::system) fn schemas(table: &str) -> impl Iterator<Item = (&'static str, Value)> {
    columns(table).map(|(_, column, codec)| {
        let schema = match codec {
            Codec::Json => json!({ "description": "Any JSON value." }),
            Codec::Addresses => json!({ "description": "One mail address, or a list of them." }),
            Codec::Verbs => {
                json!({ "type": "array", "items": { "type": "string", "enum": Verb::ALL.map(Verb::as_str) } })
            }
            Codec::Mask => json!({ "type": "integer", "minimum": 0, "maximum": 31 }),
        };
        (*column, schema)
    })
}

fn columns(table: &str) -> impl Iterator<Item = &'static (&'static str, &'static str, Codec)> {
    COLUMNS.iter().filter(move |(known, ..)| *known == table)
}

/// Private values are never told, nor those of which a row does not tell whether they are private. Of the three owners only the one that there is.
fn present_lookup(row: &mut Object) {
    if row.get("private") != Some(&Value::Bool(false)) && row.contains_key("value") {
        row.insert("value".into(), json!(MASK));
    }
    for owner in ["app_id", "role_id", "user_id"] {
        if row.get(owner).is_some_and(Value::is_null) {
            row.shift_remove(owner);
        }
    }
}

/// Hands over every record that a record brings along, with its table.
pub(in crate::system) fn for_related(record: &mut Object, each: &mut dyn FnMut(&str, &mut Object)) {
    for (name, value) in record.iter_mut() {
        let Some((table, _)) = name.split_once("_by_") else { continue };
        match value {
            Value::Array(rows) => rows.iter_mut().filter_map(Value::as_object_mut).for_each(|row| each(table, row)),
            Value::Object(row) => each(table, row),
            _ => {}
        }
    }
}

fn parsed(stored: &Value) -> Value {
    match stored.as_str().map(serde_json::from_str) {
        Some(Ok(value)) => value,
        _ => stored.clone(),
    }
}

/// The set of verbs that a client means.
fn mask_of(value: &Value) -> VerbMask {
    let of_names = |names: &mut dyn Iterator<Item = &str>| {
        VerbMask::of(&names.filter_map(|name| Verb::parse(name.trim())).collect::<Vec<_>>())
    };
    match value {
        Value::Array(items) => of_names(&mut items.iter().filter_map(Value::as_str)),
        Value::String(text) => match text.trim().parse::<u64>() {
            Ok(mask) => of_bits(mask),
            Err(_) => of_names(&mut text.split(',')),
        },
        other => of_bits(other.as_u64().unwrap_or_default()),
    }
}

fn of_bits(mask: u64) -> VerbMask {
    VerbMask::of(&Verb::ALL.into_iter().filter(|verb| mask & u64::from(verb.bit()) != 0).collect::<Vec<_>>())
}

fn addresses(value: &Value) -> Value {
    match value.as_str() {
        Some(list) if list.contains(',') => list.split(',').map(str::trim).filter(|each| !each.is_empty()).collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn json_columns_of_related_records_are_stored_as_text_and_answered_as_values() {
        let sent = object(json!({
            "name": "r",
            "role_service_access_by_role_id": [{"filters": [{"name": "id"}], "verb_mask": ["GET", "POST"]}],
        }));
        let mut record = sent.clone();
        store("role", &mut record);
        assert_eq!(record["role_service_access_by_role_id"][0]["filters"], json!("[{\"name\":\"id\"}]"));
        assert_eq!(record["role_service_access_by_role_id"][0]["verb_mask"], json!(3));
        present("role", &mut record);
        assert_eq!(record["role_service_access_by_role_id"][0]["filters"], json!([{"name": "id"}]));
    }

    #[test]
    fn no_spelling_of_a_name_gets_past_the_rules() {
        let mut record =
            object(json!({"PassWord": "p", "Lookup_By_Role_Id": [{"VALUE": MASK}], "name": "n", "NAME": "m"}));
        store("role", &mut record);
        assert_eq!(Value::Object(record), json!({"name": "n", "password": "p", "lookup_by_role_id": [{}]}));
    }

    #[test]
    fn a_string_stays_a_string_and_an_object_an_object() {
        for value in [json!("{\"a\":1}"), json!({"a": 1}), json!(3), Value::Null] {
            let mut record = object(json!({ "config": value }));
            store("event_script", &mut record);
            present("event_script", &mut record);
            assert_eq!(record["config"], value);
        }
    }

    #[test]
    fn the_verbs_of_a_cors_rule_are_an_array_whatever_form_was_sent() {
        for sent in [json!(["GET", "POST"]), json!("get, post"), json!(3), json!("3")] {
            let mut record = object(json!({ "method": sent }));
            store("cors_config", &mut record);
            present("cors_config", &mut record);
            assert_eq!(record["method"], json!(["GET", "POST"]));
        }
    }

    #[test]
    fn a_comma_list_of_addresses_is_an_array_and_a_single_one_a_string() {
        let mut record = object(json!({"to": "ops@x.io, it@x.io", "cc": "a@b.c", "bcc": [{"email": "d@e.f"}]}));
        let wanted = json!({"to": ["ops@x.io", "it@x.io"], "cc": "a@b.c", "bcc": [{"email": "d@e.f"}]});
        store("email_template", &mut record);
        present("email_template", &mut record);
        assert_eq!(Value::Object(record), wanted);
    }

    #[test]
    fn related_records_that_do_not_belong_to_this_one_are_passed_over() {
        let mut record = object(json!({"name": "n", "user_by_created_by_id": {"id": 1}, "lookup_by_role_id": []}));
        store("role", &mut record);
        assert_eq!(Value::Object(record), json!({"name": "n", "lookup_by_role_id": []}));
    }

    #[test]
    fn a_private_value_is_never_told_and_its_mask_changes_nothing() {
        let mut row = object(json!({"name": "n", "value": "v", "private": true, "role_id": null, "user_id": 5}));
        present("lookup", &mut row);
        assert_eq!(Value::Object(row), json!({"name": "n", "value": MASK, "private": true, "user_id": 5}));
        let mut row = object(json!({"value": "v"}));
        present("lookup", &mut row);
        assert_eq!(Value::Object(row), json!({"value": MASK}));
        let mut record = object(json!({"lookup_by_user_id": [{"id": 1, "value": MASK}]}));
        store("user", &mut record);
        assert_eq!(record["lookup_by_user_id"], json!([{"id": 1}]));
    }
}
