//! From a data folder to a gateway with services.

use crate::database::{DatabaseService, SystemExtras};
use crate::planned::PlannedService;
use crate::secret;
use crate::system::{ServiceRecord, SystemService, SystemStore, service_type};
use crate::user::UserService;
use antiphon_gateway::identity::Identity;
use antiphon_gateway::{Gateway, LibraryFolder, Service, ServiceEntry};
use antiphon_model::{Error, Limits, Object, Result, Value};
use antiphon_sql::database::{Database, DatabaseConfig};
use antiphon_sql::dialect::sqlite::Location;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Weak};

/// File of the system database in the data folder.
const SYSTEM_DATABASE: &str = "system.sqlite3";
/// Folder of the services' SQLite databases in the data folder.
const DATABASES: &str = "databases";
/// Folder of library scripts in the data folder.
const LIBRARIES: &str = "scripts";

/// How a platform is set up.
#[derive(Debug, Clone, Default)]
pub struct PlatformSettings {
    /// Where the secret key is, when not in the data folder.
    pub secret_key_file: Option<PathBuf>,
    /// The limits in force.
    pub limits: Limits,
}

/// A running platform: the door, and what the server needs beside it.
pub struct Platform {
    gateway: Arc<Gateway>,
    store: Arc<SystemStore>,
}

impl Platform {
    /// Opens the data folder and starts every service in it.
    ///
    /// # Errors
    /// When the folder's databases or its secret can't be used.
    pub fn start(data: &Path, settings: &PlatformSettings) -> Result<Platform> {
        let limits = &settings.limits;
        let secret_file = settings.secret_key_file.clone().unwrap_or_else(|| data.join(secret::FILE));
        let (store, secret) = SystemStore::open(&data.join(SYSTEM_DATABASE), &secret_file, limits)?;
        let identity = Identity::new(store.clone(), &secret, limits);
        let libraries = LibraryFolder::new(data.join(LIBRARIES), limits.script_source_bytes);
        let gateway = Gateway::new(identity, libraries, limits);
        gateway.registry().declare_kinds(service_type::kinds());
        let builder = Arc::new(Builder {
            gateway: Arc::downgrade(&gateway),
            store: Arc::clone(&store),
            folder: data.join(DATABASES),
            limits: limits.clone(),
            databases: Mutex::default(),
        });
        builder.rebuild()?;
        gateway.scripts().replace_all(store.event_scripts()?);
        Ok(Platform { gateway, store })
    }

    /// The door.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Whether there is an administrator who can log in.
    ///
    /// # Errors
    /// When the system database can't be read.
    pub fn has_admin(&self) -> Result<bool> {
        self.store.admin_exists()
    }

    /// Creates the first administrator.
    ///
    /// # Errors
    /// 400 when e-mail address or password are not acceptable.
    pub fn create_first_admin(&self, email: &str, password: &str) -> Result<()> {
        self.store.create_first_admin(email, password)
    }
}

/// Builds the services that the system database lists, again after every change to them. Databases that stay as they are
/// stay open.
struct Builder {
    gateway: Weak<Gateway>,
    store: Arc<SystemStore>,
    folder: PathBuf,
    limits: Limits,
    databases: Mutex<HashMap<i64, (Object, Arc<Database>)>>,
}

impl Builder {
    /// Puts the services as they are stored now in place of those that the gateway has.
    ///
    /// # Errors
    /// When the system database can't be read. A service that can't be started does not stop the others: its calls say why.
    fn rebuild(self: &Arc<Self>) -> Result<()> {
        let Some(gateway) = self.gateway.upgrade() else { return Ok(()) };
        let records = self.store.services()?;
        self.databases.lock().retain(|id, _| records.iter().any(|record| record.id == *id));
        let entries = records
            .into_iter()
            .map(|record| {
                let service = self.service(&record);
                let ServiceRecord { id, name, label, description, kind, is_active, .. } = record;
                ServiceEntry { id, name, label, description, kind, is_active, service }
            })
            .collect();
        gateway.registry().replace_all(entries);
        Ok(())
    }

    fn service(self: &Arc<Self>, record: &ServiceRecord) -> Arc<dyn Service> {
        match record.kind.as_str() {
            "system" => {
                let builder = Arc::clone(self);
                Arc::new(SystemService::new(Arc::clone(&self.store), Arc::new(move || builder.rebuild())))
            }
            "user" => Arc::new(UserService::new(Arc::clone(&self.store))),
            "sqlite" => Arc::new(DatabaseService::new(self.database(record))),
            kind => Arc::new(PlannedService::new(&record.name, kind, record.doc.as_deref())),
        }
    }

    fn database(&self, record: &ServiceRecord) -> Result<Arc<Database>> {
        let mut databases = self.databases.lock();
        if let Some((config, database)) = databases.get(&record.id)
            && *config == record.config
        {
            return Ok(Arc::clone(database));
        }
        let config = self.sqlite_config(record)?;
        let extras = Arc::new(SystemExtras::new(Arc::clone(&self.store), record.id));
        let database = Database::open(config, extras, &self.limits)?;
        databases.insert(record.id, (record.config.clone(), Arc::clone(&database)));
        Ok(database)
    }

    fn sqlite_config(&self, record: &ServiceRecord) -> Result<DatabaseConfig> {
        let config = &record.config;
        let name =
            config.get("database").and_then(Value::as_str).filter(|name| !name.trim().is_empty()).ok_or_else(|| {
                Error::bad_request("Database connection information must contain at least database name.")
            })?;
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Error::internal("The folder of databases can't be made.", error))?;
        Ok(DatabaseConfig {
            service_id: Some(record.id),
            allow_upsert: config.get("allow_upsert").is_some_and(antiphon_model::truthy),
            max_records: config.get("max_records").and_then(Value::as_i64),
            statements: texts(config.get("statements")),
            ..DatabaseConfig::at(Location::File(database_path(&self.folder, name)?))
        })
    }
}

/// Relative names lie in the folder of databases and can't climb out of it; administrators may name any other file in full.
fn database_path(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Error::bad_request("The path of a database must not contain '..'."));
    }
    Ok(folder.join(path))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_database_lies_in_the_folder_and_never_above_it() {
        let folder = Path::new("/data/databases");
        assert_eq!(database_path(folder, "a.sqlite3").unwrap(), Path::new("/data/databases/a.sqlite3"));
        assert_eq!(database_path(folder, "/srv/b.sqlite3").unwrap(), Path::new("/srv/b.sqlite3"));
        assert_eq!(database_path(folder, "../system.sqlite3").unwrap_err().status, 400);
    }
}
