//! Lists of tables under `_schema` and `_table` (2.1).

use super::request::SchemaCaller;
use crate::catalog::Table;
use crate::database::Database;
use antiphon_model::{Object, Result, Value, VerbMask, json, truthy};

/// The list at `_table` (`under_alias`) or `_schema`: the tables that the caller may use, with the properties that
/// `fields` asks for.
///
/// # Errors
/// When the structure can't be read.
pub fn list_tables(
    database: &Database,
    parameters: &Object,
    caller: &SchemaCaller<'_>,
    under_alias: bool,
) -> Result<Value> {
    let flag = |name: &str| parameters.get(name).is_some_and(truthy);
    if flag("refresh") {
        database.refresh();
    }
    let catalog = database.catalog()?;
    let only = names(parameters.get("ids"));
    let schema = parameters.get("schema").and_then(Value::as_str).filter(|schema| !schema.is_empty());
    let mut entries: Vec<(String, Value)> = Vec::new();
    for table in catalog.tables() {
        let name = if under_alias { table.wire_name() } else { &table.name };
        let access = (caller.access)(table.wire_name());
        let listed = only.as_ref().is_none_or(|only| only.iter().any(|each| each.eq_ignore_ascii_case(name)));
        if access == VerbMask::default() || !listed || !in_schema(name, schema) {
            continue;
        }
        let entry = match flag("as_list") {
            true => json!(name),
            false => entry(table, name, access, parameters),
        };
        entries.push((name.to_lowercase(), entry));
    }
    entries.sort_by_key(|left| natural(&left.0));
    let listed: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(json!({ "resource": listed }))
}

/// SQLite has one schema, `main`, whose tables are listed without prefix.
fn in_schema(name: &str, schema: Option<&str>) -> bool {
    let Some(schema) = schema else { return true };
    if schema.eq_ignore_ascii_case("main") {
        return !name.contains('.');
    }
    name.split_once('.').is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(schema))
}

fn entry(table: &Table, name: &str, access: VerbMask, parameters: &Object) -> Value {
    let verbs: Vec<&str> = access.verbs().map(|verb| verb.as_str()).collect();
    let full = json!({
        "name": name,
        "label": table.label,
        "description": table.description,
        "native": [],
        "plural": table.plural,
        "is_view": table.is_view,
        "access": verbs,
    });
    let mut wanted = match names(parameters.get("fields")) {
        Some(fields) if fields.iter().any(|field| field == "*") => return full,
        Some(fields) if !fields.is_empty() => fields,
        _ => vec!["name".to_owned()],
    };
    if parameters.get("include_access").is_some_and(truthy) && !wanted.iter().any(|field| field == "access") {
        wanted.push("access".to_owned());
    }
    let picked = |(name, value): (&String, &Value)| {
        wanted.iter().any(|field| field.eq_ignore_ascii_case(name)).then(|| (name.clone(), value.clone()))
    };
    Value::Object(full.as_object().into_iter().flatten().filter_map(picked).collect())
}

/// Names given as a comma list or as an array.
pub(super) fn names(value: Option<&Value>) -> Option<Vec<String>> {
    let names: Vec<String> = match value? {
        Value::String(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().or_else(|| item.get("name").and_then(Value::as_str)))
            .map(str::to_owned)
            .collect(),
        _ => return None,
    };
    Some(names.into_iter().filter(|name| !name.is_empty()).collect())
}

/// A key that sorts numbers inside names by their value.
fn natural(name: &str) -> Vec<(u8, u64, String)> {
    let mut parts: Vec<(u8, u64, String)> = Vec::new();
    for character in name.chars() {
        let digit = character.to_digit(10).map(u64::from);
        match (digit, parts.last_mut()) {
            (Some(digit), Some((0, number, _))) => *number = number.saturating_mul(10).saturating_add(digit),
            (Some(digit), _) => parts.push((0, digit, String::new())),
            (None, Some((1, _, text))) => text.push(character),
            (None, _) => parts.push((1, 0, character.to_string())),
        }
    }
    parts
}
