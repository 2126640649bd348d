//! The records of a package on their way in: one unit, all or nothing.

use super::difference::{change_of_config, changed_children, difference};
use super::kinds::{Child, KINDS, Kind, NAMED};
use super::portable::{Naming, StoredRecord, carried, child_table, reference, rows_of, stored};
use super::references::{each_reference, nobody, refers, without_references};
use super::report::{Action, Report};
use crate::system::SystemService;
use crate::system::records::Records;
use crate::system::resources::codec::MASK;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value, Verb, json};
use antiphon_sql::catalog::Table;
use antiphon_sql::records::Unit;
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the caller wants of an import.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes {
    /// Change what is there already.
    pub(super) overwrite: bool,
    /// Only tell what would be done.
    pub(super) dry_run: bool,
    /// The package tells secrets.
    pub(super) secured: bool,
}

/// Stores the records of a package, or finds out what that would do.
///
/// # Errors
/// 400 that names every record that can't be stored; then nothing is.
pub(super) fn records(
    service: &SystemService,
    call: &Call<'_>,
    records: &IndexMap<&'static str, Vec<Object>>,
    wishes: Wishes,
    report: &mut Report,
) -> Result<()> {
    let unit = Unit::begin(service.store().database())?;
    let mut importer = Importer {
        service,
        call,
        unit: &unit,
        naming: Naming::load(service.store(), wishes.secured)?,
        foreign_names: foreign_names(records),
        overwrite: wishes.overwrite,
        deferred: Vec::new(),
        report,
    };
    for kind in &KINDS {
        if let Some(found) = records.get(kind.name) {
            importer.all(kind, found)?;
        }
    }
    importer.complete_configurations()?;
    if let Some(refusal) = importer.report.refusal() {
        return Err(refusal);
    }
    if wishes.dry_run { Ok(()) } else { unit.commit() }
}

struct Importer<'a> {
    service: &'a SystemService,
    call: &'a Call<'a>,
    unit: &'a Unit<'a>,
    naming: Naming,
    /// Names by the identifiers that they had where the package was made, as far as it holds them.
    foreign_names: HashMap<(&'static str, i64), String>,
    overwrite: bool,
    /// Configurations that refer to records which come after services.
    deferred: Vec<(String, Value)>,
    report: &'a mut Report,
}

/// A table with those of its children.
struct Tables {
    own: Arc<Table>,
    children: Vec<(&'static Child, Arc<Table>)>,
}

impl Importer<'_> {
    fn all(&mut self, kind: &'static Kind, records: &[Object]) -> Result<()> {
        let Some(resource) = kind.resource() else {
            self.report.warn(format!("This server has no resource '{}': its records are left out.", kind.name));
            return Ok(());
        };
        let database = self.service.store().database();
        let own = database.table(resource.table)?;
        let children = kind.children.iter().map(|child| Ok((child, child_table(database, &own, child)?)));
        let tables = Tables { children: children.collect::<Result<Vec<_>>>()?, own };
        let known: HashMap<String, StoredRecord> = stored(self.service, self.call, &self.naming, kind)?
            .into_iter()
            .map(|stored| (text(&stored.record, kind.key).to_lowercase(), stored))
            .collect();
        let mut keys: HashSet<String> = match kind.name {
            "app" => known.values().map(|stored| text(&stored.record, "api_key").to_owned()).collect(),
            _ => HashSet::new(),
        };
        let mut seen = HashSet::new();
        for told in records {
            let name = text(told, kind.key).to_owned();
            if name.is_empty() || !seen.insert(name.to_lowercase()) {
                let reason = Error::bad_request("Each record of a package must have a name of its own.");
                self.report.refused(kind, &name, &reason);
                continue;
            }
            let mut record = self.understood(kind, &tables, told);
            let result = match known.get(&name.to_lowercase()) {
                Some(_) if !self.overwrite => Ok(Action::Skipped),
                Some(stored) => self.change(kind, &tables, &name, stored, &record),
                None => {
                    self.tell_what_is_missing(kind, &name, told);
                    self.free_key(kind, &name, &mut record, &mut keys);
                    self.create(kind, &tables, &name, record)
                }
            };
            match result {
                Ok(action) => self.report.record(kind, &name, action),
                Err(error) if error.status >= 500 => return Err(error),
                Err(error) => self.report.refused(kind, &name, &error),
            }
        }
        Ok(())
    }

    /// What a record says that this server knows, references by name.
    fn understood(&mut self, kind: &Kind, tables: &Tables, record: &Object) -> Object {
        let mut known = self.known_columns(kind, &tables.own, None, record);
        if let Some(config) = known.get_mut("config").filter(|_| kind.name == "service")
            && let Some(members) = config.as_object_mut()
        {
            members.shift_remove("service_id");
            members.retain(|_, value| value != MASK);
            each_reference(config, &mut |table, value| {
                if value.is_i64() {
                    *value = self.foreign_name(table, value);
                }
            });
        }
        for (child, table) in &tables.children {
            let Some(rows) = record.get(child.relation) else { continue };
            let rows =
                rows_of(Some(rows)).into_iter().map(|row| self.known_columns(kind, table, Some(child.parent), row));
            known.insert(child.relation.to_owned(), rows.map(Value::Object).collect());
        }
        known
    }

    fn known_columns(&self, kind: &Kind, table: &Table, parent: Option<&str>, row: &Object) -> Object {
        let mut known = Object::new();
        for field in carried(table, parent) {
            let Some(value) = row.get(&field.name) else { continue };
            let value = match (reference(field), value.as_i64()) {
                (Some(table), Some(_)) => self.foreign_name(table, value),
                _ => value.clone(),
            };
            // A secret that the package does not tell is none of its changes.
            let is_told = !(value == MASK && (table.name == "lookup" || kind.name == "lookup"));
            if is_told {
                known.insert(field.name.clone(), value);
            }
        }
        known
    }

    /// The name of a record of the installation where the package was made, if the package tells it.
    fn foreign_name(&self, table: &str, id: &Value) -> Value {
        let named = NAMED.iter().find(|(known, _)| *known == table).zip(id.as_i64());
        let name = named.and_then(|((table, _), id)| self.foreign_names.get(&(*table, id)));
        json!(name.cloned().unwrap_or_else(|| nobody(id)))
    }

    fn create(&mut self, kind: &'static Kind, tables: &Tables, name: &str, record: Object) -> Result<Action> {
        let mut record = self.resolved(kind, tables, name, record)?;
        if kind.name == "service"
            && let Some(config) = record.get_mut("config")
            && refers(config)
        {
            self.deferred.push((name.to_owned(), config.clone()));
            *config = Value::Object(config.as_object().map(without_references).unwrap_or_default());
        }
        let key = self.write(kind, None, record)?;
        let table = tables.own.name.as_str();
        if let (Some((table, _)), Some(id)) =
            (NAMED.iter().find(|(known, _)| *known == table), key.get("id").and_then(Value::as_i64))
        {
            self.naming.references.add(table, id, name);
        }
        Ok(Action::Created)
    }

    fn change(
        &mut self,
        kind: &'static Kind,
        tables: &Tables,
        name: &str,
        stored: &StoredRecord,
        record: &Object,
    ) -> Result<Action> {
        let mut change = difference(&stored.record, record, tables.children.iter().map(|(child, _)| child.relation));
        if kind.name == "service" {
            change_of_config(&stored.record, record, &mut change);
            if matches!(name, "system" | "user" | "api_docs") {
                change.retain(|member, _| member == "config");
            }
        }
        for (index, (child, _)) in tables.children.iter().enumerate() {
            let ids = stored.children.get(index).map(Vec::as_slice).unwrap_or_default();
            let existing = rows_of(stored.record.get(child.relation));
            let rows = changed_children(child, &existing, ids, &rows_of(record.get(child.relation)));
            if !rows.is_empty() {
                change.insert(child.relation.to_owned(), Value::Array(rows));
            }
        }
        if change.is_empty() {
            return Ok(Action::Unchanged);
        }
        let mut change = self.resolved(kind, tables, name, change)?;
        if let Some(config) = change.get("config").filter(|config| kind.name == "service" && refers(config)).cloned() {
            self.deferred.push((name.to_owned(), config));
            change.shift_remove("config");
        }
        if !change.is_empty() {
            let id = if stored.id.is_null() { json!(name) } else { stored.id.clone() };
            self.write(kind, Some(&id), change)?;
        }
        Ok(Action::Updated)
    }

    /// Identifiers in place of names. What refers to nothing is left out: an access row for a service that is not there
    /// must not become one for all services.
    fn resolved(&mut self, kind: &Kind, tables: &Tables, name: &str, mut record: Object) -> Result<Object> {
        let unknown = self.resolve_row(&tables.own, &mut record);
        for missing in &unknown {
            self.report.warn(format!("The {} '{name}' refers to the {missing}, which is not there.", kind.name));
        }
        if kind.name == "limit" && !unknown.is_empty() {
            return Err(Error::bad_request("A limit can't be without what it limits."));
        }
        for (child, table) in &tables.children {
            let Some(Value::Array(rows)) = record.get_mut(child.relation) else { continue };
            let mut kept = Vec::with_capacity(rows.len());
            for mut row in rows.drain(..) {
                let unknown = row.as_object_mut().map(|row| self.resolve_row(table, row)).unwrap_or_default();
                match unknown.first() {
                    None => kept.push(row),
                    Some(missing) => self.report.warn(format!(
                        "A row of {} of the {} '{name}' was left out: it refers to the {missing}, which is not there.",
                        child.relation, kind.name
                    )),
                }
            }
            *rows = kept;
        }
        Ok(record)
    }

    /// Puts identifiers in place of the names in one row; gives what is not there.
    fn resolve_row(&self, table: &Table, row: &mut Object) -> Vec<String> {
        let mut unknown = Vec::new();
        for field in carried(table, None) {
            let Some(table) = reference(field) else { continue };
            let Some(value) = row.get_mut(&field.name) else { continue };
            if let Some(name) = value.as_str().map(str::to_owned) {
                let id = self.naming.references.id(table, &name);
                if id.is_none() {
                    unknown.push(format!("{table} '{name}'"));
                }
                *value = json!(id);
            }
        }
        unknown
    }

    /// Configurations that refer to other records, now that all of these are there.
    fn complete_configurations(&mut self) -> Result<()> {
        let Some(kind) = Kind::find("service") else { return Ok(()) };
        for (name, mut config) in std::mem::take(&mut self.deferred) {
            for missing in self.naming.references.resolve_in_config(&mut config) {
                self.report.warn(format!("The service '{name}' refers to the {missing}, which is not there."));
            }
            let Some(id) = self.naming.references.id("service", &name) else { continue };
            let change = Object::from_iter([("config".to_owned(), config)]);
            if let Err(error) = self.write(kind, Some(&json!(id)), change) {
                self.report.refused(kind, &name, &error);
            }
        }
        Ok(())
    }

    fn write(&self, kind: &Kind, id: Option<&Value>, record: Object) -> Result<Object> {
        let resource = kind.resource().ok_or_else(Error::no_records)?;
        let verb = if id.is_some() { Verb::Patch } else { Verb::Post };
        let request = Records { resource, verb, id: None, parameters: Object::new(), payload: Value::Object(record) };
        request.write_in(self.unit, self.service, self.call, id)
    }

    /// An app keeps its key, unless another app has it.
    fn free_key(&mut self, kind: &Kind, name: &str, record: &mut Object, keys: &mut HashSet<String>) {
        if kind.name != "app" {
            return;
        }
        let key = text(record, "api_key").to_owned();
        if !key.is_empty() && !keys.insert(key) {
            record.shift_remove("api_key");
            self.report.warn(format!("The API key of the app '{name}' belongs to another app here; it got a new one."));
        }
    }

    /// Says what a new record lacks because the package does not tell it.
    fn tell_what_is_missing(&mut self, kind: &Kind, name: &str, told: &Object) {
        if kind.key == "email" {
            self.report
                .warn(format!("The {} '{name}' has no password yet: passwords are not part of packages.", kind.name));
        }
        let config = told.get("config").and_then(Value::as_object).into_iter().flatten();
        for (member, _) in config.filter(|(_, value)| *value == MASK) {
            self.report.warn(format!("The {member} of the {} '{name}' is not in the package: set it.", kind.name));
        }
        let lookups = kind.children.iter().filter(|child| child.relation.starts_with("lookup_by_"));
        let lookups = lookups.flat_map(|child| rows_of(told.get(child.relation)));
        for lookup in lookups.chain(Some(told).filter(|_| kind.name == "lookup")) {
            if lookup.get("value").is_some_and(|value| value == MASK) {
                let lookup = text(lookup, "name");
                self.report.warn(format!(
                    "The value of the private lookup '{lookup}' of the {} '{name}' is not in the package: set it.",
                    kind.name
                ));
            }
        }
    }
}

fn text<'r>(record: &'r Object, member: &str) -> &'r str {
    record.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Names of the package's own records by the identifiers that they have in it, if they have any.
fn foreign_names(records: &IndexMap<&'static str, Vec<Object>>) -> HashMap<(&'static str, i64), String> {
    let mut names = HashMap::new();
    for (kind, found) in records.iter().filter_map(|(name, found)| Some((Kind::find(name)?, found))) {
        let Some(resource) = kind.resource() else { continue };
        let Some((table, _)) = NAMED.iter().find(|(table, _)| *table == resource.table) else { continue };
        for record in found {
            if let Some(id) = record.get("id").and_then(Value::as_i64) {
                names.insert((*table, id), text(record, kind.key).to_owned());
            }
        }
    }
    names
}
