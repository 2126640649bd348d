//! A database that is open: its connections, its structure, its settings.

use crate::catalog::{Catalog, Table};
use crate::dialect::sqlite::{Location, Sqlite, SqliteOptions};
use crate::dialect::{Backend, Connection};
use crate::error::DatabaseError;
use crate::extras::Extras;
use crate::relations::discover;
use crate::schema::merge;
use antiphon_model::{Error, Limits, Result};
use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use std::sync::Arc;

/// How a database is opened (1).
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Where it is.
    pub location: Location,
    /// Identifier of the service that it belongs to, for descriptions of relations.
    pub service_id: Option<i64>,
    /// Whether updating a record that is not there creates it (9.4).
    pub allow_upsert: bool,
    /// Records that one read answers with; none or nothing positive means the instance's default (7.4).
    pub max_records: Option<i64>,
    /// Statements that run on every new connection.
    pub statements: Vec<String>,
    /// Refuse every change.
    pub read_only: bool,
}

impl DatabaseConfig {
    /// A database at this place with default settings.
    pub fn at(location: Location) -> DatabaseConfig {
        DatabaseConfig {
            location,
            service_id: None,
            allow_upsert: false,
            max_records: None,
            statements: Vec::new(),
            read_only: false,
        }
    }
}

/// An open database.
pub struct Database {
    backend: Box<dyn Backend>,
    config: DatabaseConfig,
    limits: Limits,
    extras: Arc<dyn Extras>,
    catalog: ArcSwapOption<Catalog>,
    /// Held while the structure is read, so that it is read once.
    discovery: Mutex<()>,
    /// Counts how often the structure was forgotten: what was read before must not be kept after.
    generation: Mutex<u64>,
}

impl Database {
    /// Opens it. The file is created when it is not there; the structure is read at the first use.
    ///
    /// # Errors
    /// 503 when it can't be opened or one of the configured statements fails.
    pub fn open(config: DatabaseConfig, extras: Arc<dyn Extras>, limits: &Limits) -> Result<Arc<Database>> {
        let options = SqliteOptions {
            location: config.location.clone(),
            statements: config.statements.clone(),
            read_only: config.read_only,
        };
        Ok(Arc::new(Database {
            backend: Box::new(Sqlite::open(options, limits)?),
            config,
            limits: limits.clone(),
            extras,
            catalog: ArcSwapOption::empty(),
            discovery: Mutex::new(()),
            generation: Mutex::new(0),
        }))
    }

    /// The structure as known.
    ///
    /// # Errors
    /// When it must be read first and can't be.
    pub fn catalog(&self) -> Result<Arc<Catalog>> {
        if let Some(catalog) = self.catalog.load_full() {
            return Ok(catalog);
        }
        let _one_at_a_time = self.discovery.lock();
        if let Some(catalog) = self.catalog.load_full() {
            return Ok(catalog);
        }
        let read_at = *self.generation.lock();
        let found = {
            let connection = self.reader()?;
            self.backend.discover(&*connection)?
        };
        let mut tables = discover::add_relations(found);
        merge::merge(&mut tables, &self.extras.load()?);
        let relations = tables.iter_mut().flat_map(|table| &mut table.relations);
        for relation in relations.filter(|relation| relation.ref_service_id == self.config.service_id) {
            relation.ref_service_id = None;
        }
        let catalog = Arc::new(Catalog::new(tables));
        let generation = self.generation.lock();
        if *generation == read_at {
            self.catalog.store(Some(Arc::clone(&catalog)));
        }
        Ok(catalog)
    }

    /// Forgets the structure; the next use reads it anew.
    pub fn refresh(&self) {
        let mut generation = self.generation.lock();
        *generation += 1;
        self.catalog.store(None);
    }

    /// The table that records are reached by under this name, in any case.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn table_by_wire_name(&self, name: &str) -> Result<Arc<Table>> {
        let catalog = self.catalog()?;
        catalog.table_by_wire_name(name).cloned().ok_or_else(|| unknown_table(name))
    }

    /// The table of this name in the database, in any case.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn table(&self, name: &str) -> Result<Arc<Table>> {
        let catalog = self.catalog()?;
        catalog.table(name).cloned().ok_or_else(|| unknown_table(name))
    }

    /// The most records that one read answers with (7.4).
    pub fn max_records(&self) -> u64 {
        let own = self.config.max_records.and_then(|count| u64::try_from(count).ok()).filter(|count| *count > 0);
        own.unwrap_or(self.limits.max_records).min(self.limits.max_records_cap)
    }

    /// The settings that it was opened with.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(crate) fn extras(&self) -> &dyn Extras {
        &*self.extras
    }

    pub(crate) fn reader(&self) -> Result<Box<dyn Connection + '_>, DatabaseError> {
        self.backend.reader()
    }
}

fn unknown_table(name: &str) -> Error {
    Error::not_found(format!("Table \"{name}\" does not exist in the database."))
}
