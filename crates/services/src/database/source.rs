//! The databases of services: opened once for each configuration, and kept open while it stays.
//!
//! The name of a database may hold lookups (system-and-users 6): then each caller's session says which one it is.

use super::SystemExtras;
use crate::jobs::DatabaseOutbox;
use crate::system::{ServiceRecord, SystemStore};
use antiphon_gateway::jobs::{Jobs, Outbox};
use antiphon_model::{Error, Limits, Object, Result, Value};
use antiphon_sql::database::{Database, DatabaseConfig};
use antiphon_sql::dialect::sqlite::Location;
use antiphon_sql::lookup::{Lookups, has_lookup, replace_all};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Where a service's database comes from.
pub enum Source {
    /// One for everybody; or why it can't be opened.
    Everybodys(Result<Arc<Database>>),
    /// One that the caller's lookups name.
    Callers(CallersDatabase),
}

impl Source {
    /// The database for a caller with these lookups.
    ///
    /// # Errors
    /// Why there is none.
    pub fn database(&self, lookups: &dyn Lookups) -> Result<Arc<Database>> {
        match self {
            Source::Everybodys(database) => database.clone(),
            Source::Callers(callers) => callers.database(lookups),
        }
    }

    /// Forgets the structure of every database that is open.
    pub(super) fn forget_structure(&self) {
        match self {
            Source::Everybodys(Ok(database)) => database.refresh(),
            Source::Everybodys(Err(_)) => {}
            Source::Callers(CallersDatabase { databases, record, .. }) => {
                let open = databases.open.lock();
                open.get(&record.id).into_iter().flatten().for_each(|opened| opened.database.refresh());
            }
        }
    }
}

/// The databases of a service whose configuration names lookups.
pub struct CallersDatabase {
    databases: Arc<Databases>,
    record: ServiceRecord,
    name: String,
}

impl CallersDatabase {
    fn database(&self, lookups: &dyn Lookups) -> Result<Arc<Database>> {
        let name = replace_all(&self.name, lookups, true).ok_or_else(|| {
            let (service, name) = (&self.record.name, &self.name);
            Error::bad_request(format!("The database of the service '{service}' is named '{name}', and a lookup of that name has no value for this caller."))
        })?;
        // Only what an administrator wrote out in the configuration may lead out of the folder of databases: the
        // values of lookups may be callers' own words.
        if Path::new(name.as_ref()).is_absolute() && !Path::new(&self.name).is_absolute() {
            return Err(Error::bad_request("A lookup must not lead to a database outside of the folder of databases."));
        }
        self.databases.open(&self.record, &name)
    }
}

/// The open databases of all services.
pub struct Databases {
    store: Arc<SystemStore>,
    /// Folder of those that are named by a relative path.
    folder: PathBuf,
    /// File of the system database, which no service may open.
    system: PathBuf,
    limits: Limits,
    jobs: Arc<Jobs>,
    open: Mutex<HashMap<i64, Vec<Opened>>>,
}

/// A database as it was configured when it was opened.
struct Opened {
    config: Object,
    name: String,
    database: Arc<Database>,
    /// Looked after as long as it is here.
    _outbox: Arc<dyn Outbox>,
}

impl Databases {
    /// None is open yet.
    pub fn new(store: Arc<SystemStore>, folder: PathBuf, system: PathBuf, jobs: Arc<Jobs>) -> Arc<Databases> {
        let limits = store.limits().clone();
        Arc::new(Databases { store, folder, system, limits, jobs, open: Mutex::default() })
    }

    /// Closes those of services that are not among these, or are configured otherwise now.
    pub fn keep_only(&self, records: &[ServiceRecord]) {
        let mut open = self.open.lock();
        open.retain(|id, _| records.iter().any(|record| record.id == *id));
        for record in records {
            if let Some(opened) = open.get_mut(&record.id) {
                opened.retain(|each| each.config == record.config);
            }
        }
    }

    /// The database of that service, or databases.
    pub fn of(self: &Arc<Self>, record: &ServiceRecord) -> Source {
        let name = record.config.get("database").and_then(Value::as_str).unwrap_or_default();
        match has_lookup(name) {
            false => Source::Everybodys(self.open(record, name)),
            true => Source::Callers(CallersDatabase {
                databases: Arc::clone(self),
                record: record.clone(),
                name: name.to_owned(),
            }),
        }
    }

    fn open(&self, record: &ServiceRecord, name: &str) -> Result<Arc<Database>> {
        let mut open = self.open.lock();
        let opened = open.entry(record.id).or_default();
        if let Some(index) = opened.iter().position(|each| each.name == name && each.config == record.config) {
            // The one that was used last stands last, so that the first is the one to close.
            opened[index..].rotate_left(1);
            return Ok(Arc::clone(&opened[opened.len() - 1].database));
        }
        let config = self.sqlite_config(record, name)?;
        let extras = Arc::new(SystemExtras::new(Arc::clone(&self.store), record.id));
        let database = Database::open(config, extras, &self.limits)?;
        let outbox: Arc<dyn Outbox> = Arc::new(DatabaseOutbox(Arc::clone(&database)));
        self.jobs.look_after(&outbox);
        if opened.len() >= self.limits.databases_of_a_service.max(1) {
            opened.remove(0);
        }
        let entry = Opened {
            config: record.config.clone(),
            name: name.to_owned(),
            database: Arc::clone(&database),
            _outbox: outbox,
        };
        opened.push(entry);
        Ok(database)
    }

    fn sqlite_config(&self, record: &ServiceRecord, name: &str) -> Result<DatabaseConfig> {
        if name.trim().is_empty() {
            return Err(Error::bad_request("Database connection information must contain at least database name."));
        }
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Error::internal("The folder of databases can't be made.", error))?;
        let path = database_path(&self.folder, name)?;
        if is_same_file(&path, &self.system) {
            return Err(Error::bad_request("The system database is served by the service 'system' only."));
        }
        let config = &record.config;
        Ok(DatabaseConfig {
            service_id: Some(record.id),
            allow_upsert: config.get("allow_upsert").is_some_and(antiphon_model::truthy),
            max_records: config.get("max_records").and_then(Value::as_i64),
            statements: texts(config.get("statements")),
            ..DatabaseConfig::at(Location::File(path))
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

/// Whether both paths lead to one file that exists, links followed.
fn is_same_file(left: &Path, right: &Path) -> bool {
    matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
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
