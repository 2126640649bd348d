//! Requests under `_schema/{table}/_field` (3, 5).

use super::change;
use super::definition::FieldDefinition;
use super::describe::describe_field;
use super::listing::names;
use super::request::{SchemaCaller, SchemaRequest, listed, no_data, single};
use crate::catalog::{Field, Table};
use crate::database::Database;
use antiphon_model::{Error, Result, Value, Verb, json};

pub(super) fn handle(
    database: &Database,
    request: &SchemaRequest<'_>,
    caller: &SchemaCaller<'_>,
    table: &str,
    name: Option<&str>,
) -> Result<Value> {
    let table = database.table(table)?;
    match (request.verb, name) {
        (Verb::Get, Some(name)) => table.field(name).map(describe_field).ok_or_else(|| unknown(&table)),
        (Verb::Get, None) => described(&table, request),
        (Verb::Delete, _) => {
            let wanted = match name {
                Some(name) => vec![name.to_owned()],
                None => {
                    let body = request.payload;
                    let from_body = body.get("ids").or_else(|| body.get("resource"));
                    names(request.parameters.get("ids").or(from_body)).ok_or_else(|| no_data("delete"))?
                }
            };
            let dropped: Vec<&Field> = wanted.iter().filter_map(|name| table.field(name)).collect();
            if !dropped.is_empty() {
                change::change_fields(database, &table, &[], &dropped)?;
            }
            Ok(json!({ "success": true }))
        }
        (_, Some(name)) => {
            let definition = FieldDefinition::read(single(request)?, Some(name))?;
            apply(database, caller, &table, std::slice::from_ref(&definition))?;
            Ok(json!({ "name": definition.name }))
        }
        (_, None) => {
            let listed = listed(request.payload).ok_or_else(|| no_data("create"))?;
            let definitions: Vec<FieldDefinition> =
                listed.into_iter().map(|each| FieldDefinition::read(each, None)).collect::<Result<_>>()?;
            apply(database, caller, &table, &definitions)?;
            let named: Vec<Value> = definitions.iter().map(|field| json!({ "name": field.name })).collect();
            Ok(json!({ "resource": named }))
        }
    }
}

fn apply(database: &Database, caller: &SchemaCaller<'_>, table: &Table, fields: &[FieldDefinition]) -> Result<()> {
    change::require_administrator(fields.iter().any(FieldDefinition::needs_administrator), caller.is_admin)?;
    change::change_fields(database, table, fields, &[])
}

fn described(table: &Table, request: &SchemaRequest<'_>) -> Result<Value> {
    let only = names(request.parameters.get("ids"));
    let wanted = |field: &&Field| {
        !field.is_hidden
            && only.as_ref().is_none_or(|only| only.iter().any(|name| name.eq_ignore_ascii_case(&field.name)))
    };
    let found: Vec<Value> = table.fields.iter().filter(wanted).map(describe_field).collect();
    match found.is_empty() && only.is_some() {
        true => Err(unknown(table)),
        false => Ok(json!({ "resource": found })),
    }
}

fn unknown(table: &Table) -> Error {
    Error::not_found(format!("No requested fields found in table '{}'.", table.name))
}
