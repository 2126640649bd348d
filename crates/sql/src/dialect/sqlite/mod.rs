//! SQLite: one writer, several readers, everything else in the files beside.

mod alter;
mod connection;
mod create;
mod discovery;
mod error;
mod like;
mod pool;
#[cfg(test)]
mod tests;
pub(crate) mod types;

pub use pool::{Location, SqliteOptions};

use super::{Backend, Connection, DiscoveredTable};
use crate::catalog::{Field, Table};
use crate::error::DatabaseError;
use crate::schema::definition::{FieldDefinition, TableDefinition};
use crate::statement::{Bound, Dialect, Statement};
use crate::watch::Probe;
use antiphon_model::Limits;

/// How SQLite writes names and placeholders.
pub struct SqliteDialect;

impl Dialect for SqliteDialect {
    fn identifier(&self, sql: &mut String, name: &str) {
        sql.push('"');
        for character in name.chars() {
            if character == '"' {
                sql.push('"');
            }
            sql.push(character);
        }
        sql.push('"');
    }

    fn placeholder(&self, sql: &mut String, _position: usize) {
        sql.push('?');
    }
}

/// A SQLite database.
pub struct Sqlite {
    pool: pool::Pool,
}

impl Sqlite {
    /// Opens the database and creates its file when it is not there.
    ///
    /// # Errors
    /// When the file can't be opened or one of the configured statements fails.
    pub fn open(options: SqliteOptions, limits: &Limits) -> Result<Sqlite, DatabaseError> {
        Ok(Sqlite { pool: pool::Pool::open(options, limits)? })
    }
}

impl Backend for Sqlite {
    fn dialect(&self) -> &dyn Dialect {
        &SqliteDialect
    }

    fn reader(&self) -> Result<Box<dyn Connection + '_>, DatabaseError> {
        self.pool.reader()
    }

    fn writer(&self) -> Result<Box<dyn Connection + '_>, DatabaseError> {
        self.pool.writer()
    }

    fn probe(&self) -> Result<Box<dyn Probe>, DatabaseError> {
        self.pool.probe()
    }

    fn begin(&self) -> &'static str {
        "BEGIN IMMEDIATE"
    }

    fn structural(&self) -> (&'static str, &'static str) {
        // Dropping the old form of a table would otherwise delete or change the rows that refer to it.
        (
            "PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON;",
            "PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON;",
        )
    }

    fn check_references(&self, connection: &dyn Connection) -> Result<(), DatabaseError> {
        let mut statement = Statement::new(&SqliteDialect);
        statement.push("SELECT 1 FROM pragma_foreign_key_check LIMIT 1");
        let mut broken = false;
        connection.query(&statement, &mut |_| {
            broken = true;
            Ok(())
        })?;
        if broken { Err(DatabaseError::ForeignKey) } else { Ok(()) }
    }

    fn empty_table(&self, connection: &dyn Connection, table: &Table) -> Result<(), DatabaseError> {
        let mut statement = Statement::new(&SqliteDialect);
        statement.push("DELETE FROM ").identifier(&table.name);
        connection.execute(&statement)?;
        // The table of sequences is there as soon as any table has an automatic key.
        if table.fields.iter().any(|field| field.auto_increment) && has_sequences(connection)? {
            let mut statement = Statement::new(&SqliteDialect);
            statement.push("DELETE FROM sqlite_sequence WHERE name = ").bind(Bound::Text(table.name.clone()));
            connection.execute(&statement)?;
        }
        Ok(())
    }

    fn discover(&self, connection: &dyn Connection) -> Result<Vec<DiscoveredTable>, DatabaseError> {
        discovery::discover(connection)
    }

    fn create_table(&self, sql: &mut Statement<'_>, definition: &TableDefinition) -> antiphon_model::Result<()> {
        create::table(sql, definition)
    }

    fn add_field(
        &self,
        connection: &dyn Connection,
        table: &Table,
        field: &FieldDefinition,
    ) -> antiphon_model::Result<()> {
        alter::add_field(connection, table, field)
    }

    fn alter_fields(
        &self,
        connection: &dyn Connection,
        table: &Table,
        changed: &[FieldDefinition],
        dropped: &[&Field],
    ) -> antiphon_model::Result<()> {
        alter::alter_fields(connection, table, changed, dropped)
    }
}

fn has_sequences(connection: &dyn Connection) -> Result<bool, DatabaseError> {
    let mut statement = Statement::new(&SqliteDialect);
    statement.push("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'");
    let mut found = false;
    connection.query(&statement, &mut |_| {
        found = true;
        Ok(())
    })?;
    Ok(found)
}
