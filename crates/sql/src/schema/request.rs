//! Requests under `_schema`: which part of the structure, and what to do with it.

use super::definition::TableDefinition;
use super::describe::describe_table;
use super::{change, fields, listing, related};
use crate::database::Database;
use antiphon_model::{BatchVerb, Error, Object, Result, Value, Verb, VerbMask, json};

/// Who asks about the structure.
pub struct SchemaCaller<'a> {
    /// What the caller may do with the records of a table, by its name on the wire; tables without any verb are not
    /// listed.
    pub access: &'a dyn Fn(&str) -> VerbMask,
    /// Whether SQL of the caller's own is accepted in definitions.
    pub is_admin: bool,
    /// The name of another service by its identifier, for relations that lead there.
    pub service_name: &'a dyn Fn(i64) -> Option<String>,
}

/// A part of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member<'a> {
    /// `_field`, or `_field/{name}`.
    Field(Option<&'a str>),
    /// `_related`, or `_related/{name}`.
    Relation(Option<&'a str>),
}

/// A request under `_schema`.
pub struct SchemaRequest<'a> {
    /// The effective verb.
    pub verb: Verb,
    /// Name of the table in the database.
    pub table: Option<&'a str>,
    /// Part of the table.
    pub member: Option<Member<'a>>,
    /// Query parameters.
    pub parameters: &'a Object,
    /// The parsed body; null when there is none.
    pub payload: &'a Value,
}

/// Answers a request under `_schema` with the body of the response.
///
/// # Errors
/// 400 for definitions that make no sense or that the database refuses, 404 for what does not exist.
pub fn handle(database: &Database, request: &SchemaRequest<'_>, caller: &SchemaCaller<'_>) -> Result<Value> {
    if request.parameters.get("refresh").is_some_and(antiphon_model::truthy) {
        database.refresh();
    }
    match (request.table, request.member) {
        (Some(table), Some(Member::Field(name))) => fields::handle(database, request, caller, table, name),
        (Some(table), Some(Member::Relation(name))) => related::handle(database, request, caller, table, name),
        (Some(table), None) => table_request(database, request, caller, table),
        (None, _) => tables_request(database, request, caller),
    }
}

fn table_request(
    database: &Database,
    request: &SchemaRequest<'_>,
    caller: &SchemaCaller<'_>,
    name: &str,
) -> Result<Value> {
    match request.verb {
        Verb::Get => {
            let table = database.table(name)?;
            let access = (caller.access)(table.wire_name());
            Ok(describe_table(&table, database.config().service_id, access))
        }
        Verb::Delete => {
            change::drop_table(database, name)?;
            Ok(json!({ "success": true }))
        }
        Verb::Post | Verb::Put | Verb::Patch => {
            if request.verb != Verb::Post {
                database.table(name)?;
            }
            let body = single(request)?;
            let definition = TableDefinition::read(body, Some(name))?;
            change::apply(database, &definition, mode(request), caller.is_admin)?;
            answer_for(database, request, caller, &definition.name)
        }
    }
}

fn tables_request(database: &Database, request: &SchemaRequest<'_>, caller: &SchemaCaller<'_>) -> Result<Value> {
    match request.verb {
        Verb::Get => match ids(request) {
            None => listing::list_tables(database, request.parameters, caller, false),
            Some(names) => {
                let described = names.iter().map(|name| {
                    let unknown = || Error::not_found(format!("Table '{name}' does not exist in the database."));
                    let table = database.catalog()?.table(name).cloned().ok_or_else(unknown)?;
                    Ok(describe_table(&table, database.config().service_id, (caller.access)(table.wire_name())))
                });
                Ok(json!({ "resource": described.collect::<Result<Vec<_>>>()? }))
            }
        },
        Verb::Delete => {
            let names = ids(request).ok_or_else(|| no_data("delete"))?;
            for name in &names {
                let known = database.catalog()?.table(name).is_some();
                if !known {
                    return Err(Error::not_found(format!("Table '{name}' not found.")));
                }
            }
            let dropped = each(&names, BatchVerb::Deleted, |name| {
                change::drop_table(database, name)?;
                Ok(json!({ "name": name }))
            })?;
            Ok(json!({ "resource": dropped }))
        }
        Verb::Post | Verb::Put | Verb::Patch => {
            let word = if request.verb == Verb::Post { "create" } else { "update" };
            let definitions = listed(request.payload).ok_or_else(|| no_data(word))?;
            let verb = if request.verb == Verb::Post { BatchVerb::Created } else { BatchVerb::Updated };
            let answers = each(&definitions, verb, |definition| {
                let definition = TableDefinition::read(definition, None)?;
                if request.verb != Verb::Post {
                    database.table(&definition.name)?;
                }
                change::apply(database, &definition, mode(request), caller.is_admin)?;
                answer_for(database, request, caller, &definition.name)
            })?;
            Ok(json!({ "resource": answers }))
        }
    }
}

/// Does the work for every item; one that fails does not stop the rest (5).
pub(super) fn each<T>(items: &[T], verb: BatchVerb, work: impl Fn(&T) -> Result<Value>) -> Result<Vec<Value>> {
    let done: Vec<Result<Value>> = items.iter().map(work).collect();
    let failed: Vec<usize> =
        done.iter().enumerate().filter(|(_, each)| each.is_err()).map(|(index, _)| index).collect();
    if failed.is_empty() || items.len() == 1 {
        return done.into_iter().collect();
    }
    let entries = done.into_iter().map(|each| each.unwrap_or_else(|error| error.to_value())).collect();
    Err(Error::batch(verb, &failed, entries, false))
}

fn mode(request: &SchemaRequest<'_>) -> change::Mode {
    let only_new = request.parameters.get("check_exist").is_some_and(antiphon_model::truthy);
    match request.verb {
        Verb::Post if only_new => change::Mode::OnlyNew,
        Verb::Put => change::Mode::Replace,
        _ => change::Mode::Merge,
    }
}

fn answer_for(
    database: &Database,
    request: &SchemaRequest<'_>,
    caller: &SchemaCaller<'_>,
    name: &str,
) -> Result<Value> {
    if request.parameters.get("fields").and_then(Value::as_str) == Some("*") {
        let table = database.table(name)?;
        return Ok(describe_table(&table, database.config().service_id, (caller.access)(table.wire_name())));
    }
    Ok(json!({ "name": name }))
}

/// Names in `ids`, or in a body of `ids`, `resource` or a bare list.
fn ids(request: &SchemaRequest<'_>) -> Option<Vec<String>> {
    let body = request.payload;
    let from_body = body.get("ids").or_else(|| body.get("resource")).or_else(|| body.is_array().then_some(body));
    listing::names(request.parameters.get("ids").or(from_body)).filter(|names| !names.is_empty())
}

/// The definitions of a body: wrapped or a bare list.
pub(super) fn listed(payload: &Value) -> Option<Vec<&Value>> {
    let listed = match payload {
        Value::Array(items) => items.iter().collect::<Vec<_>>(),
        Value::Object(members) => match members.get("resource")? {
            Value::Array(items) => items.iter().collect(),
            one @ Value::Object(_) => vec![one],
            _ => return None,
        },
        _ => return None,
    };
    Some(listed).filter(|items| !items.is_empty())
}

/// The definition of a body under a path that names what it defines.
pub(super) fn single<'a>(request: &SchemaRequest<'a>) -> Result<&'a Value> {
    match listed(request.payload).as_deref() {
        Some([only]) => Ok(only),
        Some(_) => Err(Error::bad_request("Exactly one definition is needed in a request that names it in its path.")),
        None if request.payload.as_object().is_some_and(|members| !members.is_empty()) => Ok(request.payload),
        None => Err(no_data(if request.verb == Verb::Post { "create" } else { "update" })),
    }
}

pub(super) fn no_data(what: &str) -> Error {
    Error::bad_request(format!("No data in schema {what} request."))
}
