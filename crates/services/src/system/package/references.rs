//! Identifiers mean something in one installation only: in packages records are referred to by name.

use super::super::store::{SystemStore, integer, required_text};
use super::kinds::{NAMED, referred_by_config};
use antiphon_model::{Object, Result, Value, json};
use std::collections::HashMap;

/// The names and identifiers of the records that others refer to.
pub(super) struct References {
    names: HashMap<(&'static str, i64), String>,
    ids: HashMap<(&'static str, String), i64>,
}

impl References {
    /// As they are stored.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(super) fn load(store: &SystemStore) -> Result<References> {
        let mut references = References { names: HashMap::new(), ids: HashMap::new() };
        for (table, column) in NAMED {
            let sql = format!("SELECT id, {column} FROM {table}");
            for (id, name) in store.all(&sql, &[], |row| (integer(row, 0), required_text(row, 1)))? {
                references.add(table, id, &name);
            }
        }
        Ok(references)
    }

    /// One record more.
    pub(super) fn add(&mut self, table: &'static str, id: i64, name: &str) {
        self.ids.insert((table, name.to_lowercase()), id);
        self.names.insert((table, id), name.to_owned());
    }

    /// The name of the record with that identifier.
    pub(super) fn name(&self, table: &str, id: &Value) -> Option<&str> {
        self.names.get(&(named(table)?, id.as_i64()?)).map(String::as_str)
    }

    /// A reference as packages carry it. What it leads nowhere by is kept as a text that names nothing: an access row for a
    /// service that is gone must not turn into one for all services.
    pub(super) fn named(&self, table: &str, id: &Value) -> Value {
        match id {
            Value::Null => Value::Null,
            id => json!(self.name(table, id).map_or_else(|| nobody(id), str::to_owned)),
        }
    }

    /// The identifier of the record with that name, in any case.
    pub(super) fn id(&self, table: &str, name: &str) -> Option<i64> {
        self.ids.get(&(named(table)?, name.to_lowercase())).copied()
    }

    /// Puts names in place of the identifiers in a configuration.
    pub(super) fn name_in_config(&self, config: &mut Value) {
        each_reference(config, &mut |table, value| {
            if value.is_i64() {
                *value = self.named(table, value);
            }
        });
    }

    /// Puts identifiers in place of the names in a configuration; gives the names that nothing has.
    pub(super) fn resolve_in_config(&self, config: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        each_reference(config, &mut |table, value| {
            if let Some(name) = value.as_str().map(str::to_owned) {
                let id = self.id(table, &name);
                if id.is_none() {
                    unknown.push(format!("{table} '{name}'"));
                }
                *value = json!(id);
            }
        });
        unknown
    }
}

/// What stands for a record whose name is not known.
pub(super) fn nobody(id: &Value) -> String {
    format!("#{id}")
}

/// Whether a configuration refers to other records.
pub(super) fn refers(config: &Value) -> bool {
    let mut found = false;
    each_reference(&mut config.clone(), &mut |_, value| found |= !value.is_null());
    found
}

/// The members of a configuration that refer to nothing else.
pub(super) fn without_references(config: &Object) -> Object {
    config
        .iter()
        .filter(|(name, value)| !is_reference(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_reference(name: &str, value: &Value) -> bool {
    let own = Object::from_iter([(name.to_owned(), value.clone())]);
    refers(&Value::Object(own))
}

/// Hands over every reference in a configuration with the table that it leads to.
pub(super) fn each_reference(config: &mut Value, each: &mut dyn FnMut(&'static str, &mut Value)) {
    match config {
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, each)),
        Value::Object(members) => {
            for (name, value) in members {
                match referred_by_config(name) {
                    Some(table) if !value.is_object() && !value.is_array() => each(table, value),
                    _ => each_reference(value, each),
                }
            }
        }
        _ => {}
    }
}

fn named(table: &str) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == table).map(|(known, _)| *known)
}
