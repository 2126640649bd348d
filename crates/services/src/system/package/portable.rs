//! Records as packages carry them: without what belongs to one installation only, references by name.

use super::kinds::{Child, Kind};
use super::references::References;
use super::secrets::Secrets;
use crate::system::SystemService;
use crate::system::records::{Records, parts};
use crate::system::store::SystemStore;
use antiphon_gateway::Call;
use antiphon_model::{Object, Result, Value, Verb, json};
use antiphon_sql::catalog::{Field, Table};
use antiphon_sql::database::Database;
use std::collections::HashMap;
use std::sync::Arc;

/// Columns that mean nothing elsewhere.
const OWN: [&str; 9] = [
    "id",
    "created_date",
    "last_modified_date",
    "created_by_id",
    "last_modified_by_id",
    "last_login_date",
    "mutable",
    "deletable",
    "key_text",
];
/// Records that are read at once.
const PAGE: usize = 500;

/// A stored record.
pub(super) struct StoredRecord {
    /// Its identifier; null for kinds that are identified by their name.
    pub(super) id: Value,
    /// Identifiers of its children, in the order of those in the record.
    pub(super) children: Vec<Vec<Value>>,
    /// The record as packages carry it.
    pub(super) record: Object,
}

/// Every record of a kind, in the order of identifiers.
///
/// # Errors
/// When the database can't be read.
pub(super) fn stored(
    service: &SystemService,
    call: &Call<'_>,
    naming: &Naming,
    kind: &'static Kind,
) -> Result<Vec<StoredRecord>> {
    let Some(resource) = kind.resource() else { return Ok(Vec::new()) };
    let database = service.store().database();
    let table = database.table(resource.table)?;
    let parts = kind.children.iter().map(|child| Parts::load(service, call, &table, child));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let mut found = Vec::new();
    loop {
        let mut parameters = Object::new();
        parameters.insert("fields".into(), json!("*"));
        parameters.insert("limit".into(), json!(PAGE));
        parameters.insert("offset".into(), json!(found.len()));
        let request = Records { resource, verb: Verb::Get, id: None, parameters, payload: Value::Null };
        let page = match request.run(service, call)?.get_mut("resource").map(Value::take) {
            Some(Value::Array(rows)) => rows,
            _ => Vec::new(),
        };
        // A page may be shorter than asked for, where the instance has a lower limit.
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page.iter().filter_map(Value::as_object).map(|row| portable(naming, kind, &table, row, &parts)));
    }
}

/// The children of one sort, by the records that they are part of.
struct Parts {
    child: &'static Child,
    table: Arc<Table>,
    rows: HashMap<i64, Vec<Object>>,
}

impl Parts {
    fn load(service: &SystemService, call: &Call<'_>, table: &Table, child: &'static Child) -> Result<Parts> {
        let table = child_table(service.store().database(), table, child)?;
        let mut rows: HashMap<i64, Vec<Object>> = HashMap::new();
        let mut offset = 0;
        loop {
            let page = parts(service, call, (&table.name, child.parent), offset, PAGE)?;
            if page.is_empty() {
                return Ok(Parts { child, table, rows });
            }
            offset += page.len();
            for row in page {
                let parent = row.get(child.parent).and_then(Value::as_i64).unwrap_or_default();
                rows.entry(parent).or_default().push(row);
            }
        }
    }

    fn of(&self, id: &Value) -> &[Object] {
        id.as_i64().and_then(|id| self.rows.get(&id)).map(Vec::as_slice).unwrap_or_default()
    }
}

fn portable(naming: &Naming, kind: &Kind, table: &Table, row: &Object, parts: &[Parts]) -> StoredRecord {
    let id = row.get("id").cloned().unwrap_or_default();
    let mut record = naming.columns(table, row, None);
    if kind.name == "service"
        && let Some(config) = record.get_mut("config")
    {
        if let Some(members) = config.as_object_mut() {
            members.shift_remove("service_id");
        }
        naming.references.name_in_config(config);
    }
    let mut children = Vec::with_capacity(parts.len());
    for part in parts {
        let rows = part.of(&id);
        let named = rows.iter().map(|row| Value::Object(naming.columns(&part.table, row, Some(part.child.parent))));
        record.insert(part.child.relation.to_owned(), named.collect());
        children.push(rows.iter().map(|row| row.get("id").cloned().unwrap_or_default()).collect());
    }
    StoredRecord { id, children, record }
}

/// What turns stored records into those of a package.
pub(super) struct Naming {
    pub(super) references: References,
    /// Told in secured packages only.
    pub(super) secrets: Option<Secrets>,
}

impl Naming {
    /// Of the installation as it is now.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(super) fn load(store: &SystemStore, secured: bool) -> Result<Naming> {
        let secrets = secured.then(|| Secrets::load(store)).transpose()?;
        Ok(Naming { references: References::load(store)?, secrets })
    }

    /// The columns of a row that mean something elsewhere.
    fn columns(&self, table: &Table, row: &Object, parent: Option<&str>) -> Object {
        let carried = carried(table, parent).filter_map(|field| Some((field, row.get(&field.name)?)));
        let mut columns = carried
            .map(|(field, value)| match reference(field) {
                Some(table) => (field.name.clone(), self.references.named(table, value)),
                None => (field.name.clone(), value.clone()),
            })
            .collect();
        if let Some(secrets) = &self.secrets {
            secrets.reveal(&table.name, row.get("id").unwrap_or(&Value::Null), &mut columns);
        }
        columns
    }
}

/// The columns that packages carry; `parent` is the one that names the record that a child is part of.
pub(super) fn carried<'t>(table: &'t Table, parent: Option<&str>) -> impl Iterator<Item = &'t Field> {
    table.fields.iter().filter(move |field| {
        let is_owner = table.name == "lookup" && ["app_id", "role_id", "user_id"].contains(&field.name.as_str());
        !field.is_hidden && !is_owner && !OWN.contains(&field.name.as_str()) && Some(field.name.as_str()) != parent
    })
}

/// The table that a column refers to.
pub(super) fn reference(field: &Field) -> Option<&str> {
    field.foreign_key.as_ref().map(|key| key.table.as_str())
}

/// The table of children.
pub(super) fn child_table(database: &Database, table: &Table, child: &Child) -> Result<Arc<Table>> {
    let relation = table.relation(child.relation);
    database.table(relation.map_or(child.relation, |relation| relation.ref_table.as_str()))
}

/// The records of a member that holds one or several.
pub(super) fn rows_of(value: Option<&Value>) -> Vec<&Object> {
    match value {
        Some(Value::Array(rows)) => rows.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(row)) => vec![row],
        _ => Vec::new(),
    }
}
