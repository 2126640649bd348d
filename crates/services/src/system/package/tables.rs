//! Tables of database services, with their rows, through the services' own API: rights, events and rules hold.

use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Request, Result, Value, Verb, json};

/// Rows that are read at once.
const PAGE: usize = 500;
/// Members of a table's description that mean nothing elsewhere.
const OWN: [&str; 2] = ["access", "native"];
/// What makes a relation more than what the database itself tells.
const ADDED: [&str; 5] = ["alias", "description", "always_fetch", "flatten", "is_virtual"];

/// The names of the tables of a service; none when it does not answer.
pub(super) fn names(call: &Call<'_>, service: &str, part: &str) -> Option<Vec<Value>> {
    let parameters = Object::from_iter([("as_list".to_owned(), json!(true))]);
    let mut listed = ask(call, Verb::Get, service, part, parameters, Value::Null).ok()?;
    match listed.get_mut("resource").map(Value::take) {
        Some(Value::Array(names)) => Some(names),
        _ => None,
    }
}

/// The structure of these tables as packages carry it.
///
/// # Errors
/// When one of them is not there.
pub(super) fn definitions(call: &Call<'_>, service: &str, tables: &[String]) -> Result<Value> {
    tables.iter().map(|table| definition(call, service, table)).collect()
}

/// The structure of one table as packages carry it.
pub(super) fn definition(call: &Call<'_>, service: &str, table: &str) -> Result<Value> {
    let path = format!("_schema/{table}");
    let mut described = ask(call, Verb::Get, service, &path, Object::new(), Value::Null)?;
    if let Some(members) = described.as_object_mut() {
        members.retain(|name, _| !OWN.contains(&name.as_str()));
        if let Some(Value::Array(relations)) = members.get_mut("related") {
            relations.retain(|relation| ADDED.iter().any(|member| relation.get(*member).is_some_and(says_something)));
            relations.iter_mut().for_each(|relation| name_services(call, relation));
        }
    }
    Ok(described)
}

/// The rows of these tables as packages carry them.
///
/// # Errors
/// When one of them is not there.
pub(super) fn contents(call: &Call<'_>, service: &str, tables: &[String]) -> Result<Value> {
    tables.iter().map(|table| Ok(json!({ "name": table, "record": rows(call, service, table)? }))).collect()
}

fn rows(call: &Call<'_>, service: &str, table: &str) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let mut size = 0;
    loop {
        let mut parameters = Object::new();
        parameters.insert("limit".into(), json!(PAGE));
        parameters.insert("offset".into(), json!(rows.len()));
        let mut page = ask(call, Verb::Get, service, &format!("_table/{table}"), parameters, Value::Null)?;
        let Some(Value::Array(page)) = page.get_mut("resource").map(Value::take) else { return Ok(rows) };
        if page.is_empty() {
            return Ok(rows);
        }
        size += page.iter().map(|row| row.to_string().len()).sum::<usize>();
        let largest = call.gateway.limits().package_file_bytes;
        if size > largest {
            return Err(Error::bad_request(format!(
                "The rows of '{service}/_table/{table}' are larger than {largest} bytes (limit package_file_bytes). Leave \
                 them out of the manifest."
            )));
        }
        rows.extend(page);
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Services by name instead of by identifier.
fn name_services(call: &Call<'_>, relation: &mut Value) {
    for member in ["ref_service_id", "junction_service_id"] {
        if let Some(value) = relation.get_mut(member)
            && let Some(entry) = value.as_i64().and_then(|id| call.gateway.registry().find_by_id(id))
        {
            *value = json!(entry.name);
        }
    }
}

/// Whether all that is wanted is there: members of objects, and members of lists that have a name.
pub(super) fn covers(existing: &Value, wanted: &Value) -> bool {
    match (existing, wanted) {
        (Value::Object(existing), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| covers(existing.get(name).unwrap_or(&Value::Null), value))
        }
        (Value::Array(existing), Value::Array(wanted)) if wanted.iter().all(|item| item.get("name").is_some()) => {
            let same = |wanted: &Value| existing.iter().find(|item| item.get("name") == wanted.get("name"));
            wanted.iter().all(|wanted| same(wanted).is_some_and(|existing| covers(existing, wanted)))
        }
        _ => existing == wanted,
    }
}

/// A call on behalf of the caller, in which everything stays as it is: packages are copies, and a script that refuses dates of the
/// past must not refuse the past.
///
/// # Errors
/// What the service answered.
pub(super) fn ask(
    call: &Call<'_>,
    verb: Verb,
    service: &str,
    resource: &str,
    parameters: Object,
    payload: Value,
) -> Result<Value> {
    let requestor = call.request.requestor;
    let request = Request { parameters, payload, requestor, verbatim: true, ..Request::new(verb, service, resource) };
    call.ask(request)
}

/// A write of rows that come from elsewhere: all or nothing.
///
/// # Errors
/// What the service answered.
pub(super) fn copy(call: &Call<'_>, verb: Verb, service: &str, resource: &str, payload: Value) -> Result<Value> {
    let parameters = Object::from_iter([("rollback".to_owned(), json!(true))]);
    ask(call, verb, service, resource, parameters, payload)
}
