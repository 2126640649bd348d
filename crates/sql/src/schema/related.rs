//! Requests under `_schema/{table}/_related`: relations and virtual relations (3, 5.3).

use super::definition::{flag, text};
use super::describe::describe_relation;
use super::labels;
use super::listing::names;
use super::request::{SchemaCaller, SchemaRequest, listed, no_data, single};
use super::{aliases, change};
use crate::catalog::{Relation, Table};
use crate::database::Database;
use crate::extras::{Extra, Subject};
use antiphon_model::{Error, Object, Result, Value, Verb, json};

/// Members that a virtual relation keeps.
const VIRTUAL: [&str; 9] = [
    "is_virtual",
    "type",
    "field",
    "ref_service_id",
    "ref_table",
    "ref_field",
    "junction_table",
    "junction_field",
    "junction_ref_field",
];
/// Members that every relation keeps (5.1).
const EXTRAS: [&str; 6] = ["alias", "label", "description", "always_fetch", "flatten", "flatten_drop_prefix"];

pub(super) fn handle(
    database: &Database,
    request: &SchemaRequest<'_>,
    caller: &SchemaCaller<'_>,
    table: &str,
    name: Option<&str>,
) -> Result<Value> {
    let table = database.table(table)?;
    let done = match (request.verb, name) {
        (Verb::Get, Some(name)) => {
            let relation = table.relation(name).or_else(|| by_name(&table, name)).ok_or_else(|| unknown(&table))?;
            return Ok(describe_relation(relation, database.config().service_id));
        }
        (Verb::Get, None) => return described(database, &table, request),
        (Verb::Delete, _) => {
            let wanted = match name {
                Some(name) => vec![name.to_owned()],
                None => names(request.parameters.get("ids").or_else(|| request.payload.get("ids")))
                    .ok_or_else(|| no_data("delete"))?,
            };
            for relation in wanted.iter().filter_map(|name| by_name(&table, name).or_else(|| table.relation(name))) {
                let subject = Subject::Relation(relation.name.clone());
                database.extras().store(Extra { table: table.name.clone(), subject, values: Object::new() })?;
            }
            Ok(json!({ "success": true }))
        }
        (_, Some(name)) => {
            let stored = store(database, caller, &table, single(request)?, Some(name))?;
            Ok(json!({ "name": stored }))
        }
        (_, None) => {
            let listed = listed(request.payload).ok_or_else(|| no_data("create"))?;
            let stored = listed
                .into_iter()
                .map(|each| Ok(json!({ "name": store(database, caller, &table, each, None)? })))
                .collect::<Result<Vec<Value>>>()?;
            Ok(json!({ "resource": stored }))
        }
    };
    database.refresh();
    done
}

/// Stores the extras of a relation, or makes a virtual one; answers with its name.
fn store(
    database: &Database,
    caller: &SchemaCaller<'_>,
    table: &Table,
    definition: &Value,
    name: Option<&str>,
) -> Result<String> {
    let members =
        definition.as_object().ok_or_else(|| Error::bad_request("A relation definition must be an object."))?;
    let known =
        name.or_else(|| text(members, "name")).and_then(|name| by_name(table, name).or_else(|| table.relation(name)));
    let name = match known {
        Some(relation) => relation.name.clone(),
        None if flag(members, "is_virtual") || text(members, "type").is_some() => {
            format!("{}{}", service_prefix(database, caller, members)?, virtual_name(members)?)
        }
        None => return Err(unknown(table)),
    };
    aliases::check_relation(table, &name, members)?;
    let makes_virtual = known.is_none();
    let mut values: Object = members
        .iter()
        .filter(|(key, _)| EXTRAS.contains(&key.as_str()) || (makes_virtual && VIRTUAL.contains(&key.as_str())))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if makes_virtual {
        values.insert("is_virtual".into(), Value::Bool(true));
    }
    change::store(database, &table.name, Subject::Relation(name.clone()), &values, &labels::label(&name))?;
    Ok(name)
}

/// What the name of a relation to another service begins with: that service's name and a dot (15.1).
fn service_prefix(database: &Database, caller: &SchemaCaller<'_>, members: &Object) -> Result<String> {
    let id = members.get("ref_service_id").and_then(Value::as_i64);
    match id.filter(|id| Some(*id) != database.config().service_id) {
        None => Ok(String::new()),
        Some(id) => match (caller.service_name)(id) {
            Some(name) => Ok(format!("{name}.")),
            None => Err(Error::bad_request(format!(
                "The relation's ref_service_id is {id}, but there is no service of that identifier."
            ))),
        },
    }
}

/// The generated name of a virtual relation inside its service (15.1).
fn virtual_name(members: &Object) -> Result<String> {
    let needed = |name: &str| {
        text(members, name).ok_or_else(|| Error::bad_request(format!("Invalid schema detected - no {name} element.")))
    };
    let invalid = || Error::bad_request("Invalid schema detected - invalid or missing type element.");
    let kind = text(members, "type").ok_or_else(invalid)?;
    let (field, ref_table, ref_field) = (needed("field")?, needed("ref_table")?, needed("ref_field")?);
    match kind {
        "belongs_to" => Ok(format!("{ref_table}_by_{field}")),
        "has_one" | "has_many" => Ok(format!("{ref_table}_by_{ref_field}")),
        "many_many" => {
            needed("junction_field")?;
            needed("junction_ref_field")?;
            Ok(format!("{ref_table}_by_{}", needed("junction_table")?))
        }
        _ => Err(invalid()),
    }
}

fn described(database: &Database, table: &Table, request: &SchemaRequest<'_>) -> Result<Value> {
    let only = names(request.parameters.get("ids"));
    let wanted = |relation: &&Relation| {
        only.as_ref().is_none_or(|only| only.iter().any(|name| name.eq_ignore_ascii_case(&relation.name)))
    };
    let service = database.config().service_id;
    let found: Vec<Value> =
        table.relations.iter().filter(wanted).map(|relation| describe_relation(relation, service)).collect();
    match found.is_empty() && only.is_some() {
        true => Err(unknown(table)),
        false => Ok(json!({ "resource": found })),
    }
}

fn by_name<'t>(table: &'t Table, name: &str) -> Option<&'t Relation> {
    table.relations.iter().find(|relation| relation.name.eq_ignore_ascii_case(name))
}

fn unknown(table: &Table) -> Error {
    Error::not_found(format!("No requested relationships found in table '{}'.", table.name))
}
