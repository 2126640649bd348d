//! What a database must be able to do, in the words of this crate; one folder below for each kind of database.
//!
//! Everything above speaks only these traits, so another kind of database is one more folder.

pub mod sqlite;

use crate::catalog::{Field, Table};
use crate::error::DatabaseError;
use crate::schema::definition::{FieldDefinition, TableDefinition};
use crate::statement::{Dialect, Statement};
use crate::value::Stored;
use crate::watch::Probe;

/// A row under the cursor.
pub trait Row {
    /// The value of that column, counted from zero.
    fn stored(&self, column: usize) -> Stored<'_>;
}

/// Called with each row; an error ends the reading.
pub type EachRow<'r> = &'r mut dyn FnMut(&dyn Row) -> Result<(), antiphon_model::Error>;

/// One connection, lent for a piece of work.
pub trait Connection {
    /// Runs a statement and hands over its rows one by one.
    fn query(&self, statement: &Statement<'_>, each: EachRow<'_>) -> Result<(), DatabaseError>;
    /// Runs a statement and tells how many rows it touched.
    fn execute(&self, statement: &Statement<'_>) -> Result<u64, DatabaseError>;
    /// Runs text of our own: transaction control and changes of structure.
    fn run(&self, sql: &str) -> Result<(), DatabaseError>;
}

/// A foreign key as declared, one or more columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableKey {
    /// Columns here.
    pub fields: Vec<String>,
    /// The table they refer to.
    pub ref_table: String,
    /// Columns there, as many.
    pub ref_fields: Vec<String>,
    /// What happens here when the key there changes.
    pub on_update: String,
    /// What happens here when the row there goes.
    pub on_delete: String,
}

/// A table as the database describes it: relations and extras come later.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoveredTable {
    /// The table, without relations.
    pub table: Table,
    /// Its foreign keys.
    pub keys: Vec<TableKey>,
}

/// A database that can be connected to.
pub trait Backend: Send + Sync {
    /// How its statements are written.
    fn dialect(&self) -> &dyn Dialect;
    /// A connection for reading, given back when dropped. Waits a bounded time when all are lent.
    fn reader(&self) -> Result<Box<dyn Connection + '_>, DatabaseError>;
    /// The connection for writing, given back when dropped. Waits a bounded time for its turn.
    fn writer(&self) -> Result<Box<dyn Connection + '_>, DatabaseError>;
    /// A connection of its own that notices commits.
    fn probe(&self) -> Result<Box<dyn Probe>, DatabaseError>;
    /// Begins a transaction that may write.
    fn begin(&self) -> &'static str;
    /// What to run before a transaction that rebuilds tables, and after it.
    fn structural(&self) -> (&'static str, &'static str);
    /// Fails when a foreign key refers to nothing.
    fn check_references(&self, connection: &dyn Connection) -> Result<(), DatabaseError>;
    /// Deletes every row of a table and lets its keys begin anew.
    fn empty_table(&self, connection: &dyn Connection, table: &Table) -> Result<(), DatabaseError>;
    /// All tables and views with their fields, keys and constraints; relations are derived from those elsewhere.
    fn discover(&self, connection: &dyn Connection) -> Result<Vec<DiscoveredTable>, DatabaseError>;
    /// Writes `CREATE TABLE`.
    fn create_table(&self, sql: &mut Statement<'_>, definition: &TableDefinition) -> antiphon_model::Result<()>;
    /// Adds fields that the table does not have yet.
    fn add_field(
        &self,
        connection: &dyn Connection,
        table: &Table,
        field: &FieldDefinition,
    ) -> antiphon_model::Result<()>;
    /// Changes fields that the table has, and drops the named ones, keeping the rows.
    fn alter_fields(
        &self,
        connection: &dyn Connection,
        table: &Table,
        changed: &[FieldDefinition],
        dropped: &[&Field],
    ) -> antiphon_model::Result<()>;
}
