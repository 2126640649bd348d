//! What secured packages tell and others don't: secrets in configurations, values of private lookups.

use super::super::store::{SystemStore, integer, text};
use crate::system::resources::codec::MASK;
use antiphon_model::{Object, Result, Value, json};
use std::collections::HashMap;

/// The secrets of an installation in plain.
pub(super) struct Secrets {
    configurations: HashMap<i64, Object>,
    lookups: HashMap<i64, String>,
}

impl Secrets {
    /// As they are stored.
    ///
    /// # Errors
    /// When the database can't be read, or a secret in it.
    pub(super) fn load(store: &SystemStore) -> Result<Secrets> {
        let configurations = store.services()?.into_iter().map(|service| (service.id, service.config)).collect();
        let sql = "SELECT id, value FROM lookup WHERE private = 1 AND value IS NOT NULL";
        let mut lookups = HashMap::new();
        for (id, sealed) in store.all(sql, &[], |row| (integer(row, 0), text(row, 1).unwrap_or_default()))? {
            lookups.insert(id, store.opened("lookup", "value", &sealed)?);
        }
        Ok(Secrets { configurations, lookups })
    }

    /// Puts the secrets in the place of their masks.
    pub(super) fn reveal(&self, table: &str, id: &Value, record: &mut Object) {
        let Some(id) = id.as_i64() else { return };
        match table {
            "lookup" => {
                if let (Some(value), Some(plain)) = (record.get_mut("value"), self.lookups.get(&id)) {
                    *value = json!(plain);
                }
            }
            "service" => {
                let config = record.get_mut("config").and_then(Value::as_object_mut).into_iter().flatten();
                for (name, value) in config.filter(|(_, value)| **value == MASK) {
                    if let Some(plain) = self.configurations.get(&id).and_then(|config| config.get(name)) {
                        *value = plain.clone();
                    }
                }
            }
            _ => {}
        }
    }
}
