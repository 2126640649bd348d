//! The system database: opening it, and what the server itself asks of it.

use super::{schema, sealing};
use crate::cors::CorsIndex;
use crate::secret;
use crate::vault::Vault;
use antiphon_gateway::identity::Secret;
use antiphon_gateway::{Link, ScriptOrigin, ScriptSlot};
use antiphon_model::{Limits, Object, Result, User, Value};
use antiphon_script::Script;
use antiphon_sql::database::{Database, DatabaseConfig};
use antiphon_sql::dialect::Row;
use antiphon_sql::dialect::sqlite::Location;
use antiphon_sql::statement::Bound;
use antiphon_sql::value::Stored;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

/// A service as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRecord {
    /// Record identifier.
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// Label for people.
    pub label: String,
    /// Text for people.
    pub description: Option<String>,
    /// Service type, such as `sqlite`.
    pub kind: String,
    /// Inactive services refuse every call.
    pub is_active: bool,
    /// The type's own settings; empty when there are none.
    pub config: Object,
    /// Its document in OpenAPI form, JSON or YAML text.
    pub doc: Option<String>,
}

const EVENT_SCRIPTS: &str = "SELECT name, type, content, config, allow_event_modification, version, is_active, \
     link_error, linked_file, storage_service_id, storage_path, scm_repository, scm_reference FROM event_script";

/// The system database.
pub struct SystemStore {
    database: Arc<Database>,
    vault: Vault,
    limits: Limits,
    pub(super) cors: Arc<CorsIndex>,
    /// Held while the counters of limits are written down, or forgotten.
    pub(super) saving_counters: Mutex<()>,
}

impl SystemStore {
    /// Opens the system database in that file, and the secret that it belongs to; a new one gets its tables and first records.
    ///
    /// # Errors
    /// When the file can't be used, is of a version that can't be brought up to date, or belongs to another secret.
    pub fn open(path: &Path, secret_file: &Path, limits: &Limits) -> Result<(Arc<SystemStore>, Secret)> {
        let config = DatabaseConfig {
            // The tables' references are for discovery; see the schema.
            statements: vec!["PRAGMA foreign_keys=0".to_owned()],
            ..DatabaseConfig::at(Location::File(path.to_owned()))
        };
        let database = Database::open(config, Arc::new(schema::extras()), limits)?;
        schema::migrate(&database)?;
        let secret = secret::load_or_create(secret_file, sealing::is_in_use(&database)?)?;
        let vault = Vault::new(&secret)?;
        sealing::establish(&database, &vault)?;
        let store = SystemStore {
            database,
            vault,
            limits: limits.clone(),
            cors: Arc::default(),
            saving_counters: Mutex::default(),
        };
        Ok((Arc::new(store), secret))
    }

    /// What seals and opens the secrets in it.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The database itself.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// All services in order of their identifiers.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn services(&self) -> Result<Vec<ServiceRecord>> {
        let mut services = Vec::new();
        self.database.query(
            "SELECT s.id, s.name, s.label, s.description, s.type, s.is_active, s.config, \
             (SELECT d.content FROM service_doc d WHERE d.service_id = s.id) FROM service s ORDER BY s.id",
            &[],
            &mut |row| {
                let name = required_text(row, 1);
                let config = self.config(text(row, 6), &name);
                services.push(ServiceRecord {
                    id: integer(row, 0),
                    label: text(row, 2).unwrap_or_else(|| name.clone()),
                    name,
                    description: text(row, 3),
                    kind: required_text(row, 4),
                    is_active: flag(row, 5),
                    config,
                    doc: text(row, 7),
                });
                Ok(())
            },
        )?;
        Ok(services)
    }

    /// The configuration of one service: the one of that type with the lowest identifier.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) fn service_config(&self, kind: &str) -> Result<Object> {
        let sql = "SELECT config, name FROM service WHERE type = ? ORDER BY id LIMIT 1";
        let found =
            self.one(sql, &[Bound::Text(kind.to_owned())], |row| self.config(text(row, 0), &required_text(row, 1)))?;
        Ok(found.unwrap_or_default())
    }

    /// A stored configuration; a damaged one counts as none, so that the other services start and this one can be repaired.
    fn config(&self, stored: Option<String>, service: &str) -> Object {
        let Some(stored) = stored else { return Object::new() };
        match self.opened("service", "config", &stored) {
            Ok(json) => serde_json::from_str(&json).unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, service, "the configuration of a service is damaged; store it again");
                Object::new()
            }
        }
    }

    /// All event scripts.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn event_scripts(&self) -> Result<Vec<ScriptSlot>> {
        self.all(EVENT_SCRIPTS, &[], script_slot)
    }

    /// The event script of that name.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn event_script(&self, name: &str) -> Result<Option<ScriptSlot>> {
        self.one(&format!("{EVENT_SCRIPTS} WHERE name = ?"), &[Bound::Text(name.to_owned())], script_slot)
    }

    /// Whether there is an active administrator.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn admin_exists(&self) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM user WHERE is_sys_admin = 1 AND is_active = 1 LIMIT 1", &[], |_| ())?.is_some())
    }

    /// The active administrator who was there first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn first_admin(&self) -> Result<Option<User>> {
        let sql = "SELECT id, name, email FROM user WHERE is_sys_admin = 1 AND is_active = 1 ORDER BY id LIMIT 1";
        self.one(sql, &[], |row| User {
            id: integer(row, 0),
            name: required_text(row, 1),
            email: required_text(row, 2),
            is_sys_admin: true,
            ..User::default()
        })
    }

    /// The first row of a query.
    pub(crate) fn one<T>(&self, sql: &str, values: &[Bound], read: impl Fn(&dyn Row) -> T) -> Result<Option<T>> {
        let mut found = None;
        self.database.query(sql, values, &mut |row| {
            if found.is_none() {
                found = Some(read(row));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Every row of a query.
    pub(crate) fn all<T>(&self, sql: &str, values: &[Bound], read: impl Fn(&dyn Row) -> T) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.database.query(sql, values, &mut |row| {
            found.push(read(row));
            Ok(())
        })?;
        Ok(found)
    }
}

pub(crate) fn text(row: &dyn Row, column: usize) -> Option<String> {
    match row.stored(column) {
        Stored::Text(text) => Some(text.to_owned()),
        Stored::Integer(value) => Some(value.to_string()),
        _ => None,
    }
}

pub(crate) fn required_text(row: &dyn Row, column: usize) -> String {
    text(row, column).unwrap_or_default()
}

pub(crate) fn optional_integer(row: &dyn Row, column: usize) -> Option<i64> {
    match row.stored(column) {
        Stored::Integer(value) => Some(value),
        _ => None,
    }
}

pub(crate) fn integer(row: &dyn Row, column: usize) -> i64 {
    optional_integer(row, column).unwrap_or_default()
}

pub(crate) fn flag(row: &dyn Row, column: usize) -> bool {
    integer(row, column) != 0
}

/// Where the text of a script is; what is linked to a file is stored with it, as the file was when it could last be read.
fn origin(row: &dyn Row) -> ScriptOrigin {
    let filled = |column| text(row, column).filter(|text| !text.trim().is_empty());
    if let Some(reason) = filled(7) {
        return ScriptOrigin::Unreadable(reason.into());
    }
    match (filled(8), optional_integer(row, 9), filled(10)) {
        (None, Some(service_id), Some(path)) => {
            ScriptOrigin::Linked(Arc::new(Link { service_id, path, repository: filled(11), reference: filled(12) }))
        }
        _ => ScriptOrigin::Stored,
    }
}

fn script_slot(row: &dyn Row) -> ScriptSlot {
    let script = Script {
        name: required_text(row, 0),
        kind: required_text(row, 1),
        source: text(row, 2).unwrap_or_default().into(),
        config: text(row, 3).and_then(|config| serde_json::from_str(&config).ok()).unwrap_or(Value::Null),
        allow_event_modification: flag(row, 4),
        version: u64::try_from(integer(row, 5)).unwrap_or_default(),
    };
    ScriptSlot { script: Arc::new(script), is_active: flag(row, 6), origin: origin(row) }
}
