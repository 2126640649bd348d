//! The schemas of the system's records, for the API documentation.

use super::resources::{self, CHILDREN, RESOURCES, codec};
use super::{SystemStore, jobs};
use crate::api_docs::{action_schemas, tables};
use antiphon_gateway::Schema;
use antiphon_model::{Result, Value, json};
use antiphon_sql::catalog::Table;

/// One schema for each resource over a table, for each kind of record that is written with another one, and for each action.
pub(super) fn all(store: &SystemStore) -> Result<Vec<Schema>> {
    let catalog = store.database().catalog()?;
    let resources = RESOURCES.iter().map(|resource| (resource.name, resource.table));
    let children = CHILDREN.iter().filter(|table| resources::shown_by(table).is_none()).map(|table| (*table, *table));
    let mut schemas = action_schemas();
    for (kind, table) in resources.chain(children) {
        if let Some(table) = catalog.table(table) {
            schemas.push(record(kind, table));
        }
    }
    schemas.extend(jobs::schemas(store.limits())?);
    Ok(schemas)
}

/// The kind of the records of a table.
fn kind_of(table: &str) -> Option<String> {
    let resource = resources::shown_by(table).map(|resource| resource.name);
    resource.or_else(|| CHILDREN.into_iter().find(|child| *child == table)).map(str::to_owned)
}

fn record(kind: &str, table: &Table) -> Schema {
    let mut described = tables::record_schema(kind, table, &kind_of);
    let Some(Value::Object(properties)) = described.schema.get_mut("properties") else { return described };
    for (column, schema) in codec::schemas(&table.name) {
        properties.insert(column.to_owned(), schema);
    }
    if let Some(resource) = resources::find(kind) {
        for name in resource.rule.settable() {
            properties.insert((*name).to_owned(), json!({ "type": "string", "writeOnly": true }));
        }
        for (name, kind) in resource.rule.computed() {
            properties.insert((*name).to_owned(), json!({ "type": kind, "readOnly": true }));
        }
    }
    described
}
