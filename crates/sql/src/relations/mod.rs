//! Relations between tables: where they come from, reading along them, writing through them (15).

pub(crate) mod discover;
pub(crate) mod read;
mod same_database;
#[cfg(test)]
mod tests;
pub(crate) mod write;

pub use same_database::SameDatabase;

use crate::records::{NoRule, RecordRule, RowFilters};
use antiphon_model::{Object, Result, Value, Verb};

/// The other tables of a request. Access checks, row filters and events of a related table are the business of whoever
/// implements this.
pub trait RelatedTables {
    /// Reads records through the related table's own endpoint. `service_id` names another service; none is this one.
    /// `parameters` are those of a read. Never called while the database is locked.
    ///
    /// # Errors
    /// 403 when the caller may not read the table, and whatever the read answers.
    fn read(&self, service_id: Option<i64>, table: &str, parameters: Object) -> Result<Vec<Value>>;

    /// The conditions on the rows of a table of this service that nested data is written to. Called while the database
    /// is locked: it must not run scripts or call services.
    ///
    /// # Errors
    /// 403 when the caller may not use this verb on the table.
    fn authorize_write(&self, table: &str, verb: Verb) -> Result<RowFilters>;

    /// The rules of a table that nested data is written to.
    fn rule(&self, _table: &str) -> &dyn RecordRule {
        &NoRule
    }
}
