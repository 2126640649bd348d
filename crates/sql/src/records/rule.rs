//! A resource's own rules over its table. The system's resources are tables plus one of these each.

use crate::catalog::Table;
use crate::condition::Condition;
use crate::database::Database;
use crate::dialect::EachRow;
use crate::statement::Bound;
use crate::transaction::Transaction;
use antiphon_model::{Object, Result};

/// What a rule may look at while it judges a change. Runs while the database is locked for writing: a rule must not
/// call services or scripts.
pub struct Stage<'a> {
    /// The table.
    pub table: &'a Table,
    /// Identifier of the user who asks.
    pub user_id: Option<i64>,
    pub(super) database: &'a Database,
    pub(super) transaction: &'a Transaction<'a>,
}

impl Stage<'_> {
    /// Hands over the rows of a query of the rule's own, as they are within the running transaction. Each `?` of the text stands
    /// for the next value.
    ///
    /// # Errors
    /// When the database refuses the query, and whatever `each` returns.
    pub fn query(&self, sql: &str, values: &[Bound], each: EachRow<'_>) -> Result<()> {
        Ok(self.transaction.connection().query(&self.database.bound(sql, values), each)?)
    }

    /// Runs a changing statement of the rule's own within the running transaction: what it writes is undone with the change. Each
    /// `?` of the text stands for the next value.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn execute(&self, sql: &str, values: &[Bound]) -> Result<u64> {
        Ok(self.transaction.connection().execute(&self.database.bound(sql, values))?)
    }
}

/// Rules over the records of one table. Every method does nothing unless it is written.
pub trait RecordRule: Send + Sync {
    /// Whether [`before_update`](Self::before_update) and [`before_delete`](Self::before_delete) want to see the row as
    /// it is; reading it costs one more statement for each record.
    fn wants_existing(&self) -> bool {
        false
    }

    /// Checks and completes a record that is about to be created.
    ///
    /// # Errors
    /// Why it is refused.
    fn before_create(&self, _stage: &Stage<'_>, _record: &mut Object) -> Result<()> {
        Ok(())
    }

    /// Checks and completes a change. `existing` is empty unless [`wants_existing`](Self::wants_existing).
    ///
    /// # Errors
    /// Why it is refused.
    fn before_update(&self, _stage: &Stage<'_>, _existing: &Object, _change: &mut Object) -> Result<()> {
        Ok(())
    }

    /// Checks what was written, by its key, while it can still be undone: what a record holds in the end may not be what the
    /// request seemed to say. `existing` is the row before a change, as in [`before_update`](Self::before_update); none for a
    /// new record.
    ///
    /// # Errors
    /// Why it is refused.
    fn after_write(&self, _stage: &Stage<'_>, _existing: Option<&Object>, _stored: &Object) -> Result<()> {
        Ok(())
    }

    /// Checks a deletion. `existing` is empty unless [`wants_existing`](Self::wants_existing).
    ///
    /// # Errors
    /// Why it is refused.
    fn before_delete(&self, _stage: &Stage<'_>, _existing: &Object) -> Result<()> {
        Ok(())
    }

    /// Changes a row on its way out: hides, computes, renames.
    fn shape(&self, _row: &mut Object) {}

    /// The rows that exist for this resource; none means all of the table.
    fn condition(&self, _table: &Table) -> Option<Condition> {
        None
    }

    /// What to tell of a violated unique constraint on these columns; none means the usual text.
    fn duplicate_message(&self, _columns: &[String], _record: &Object) -> Option<String> {
        None
    }

    /// Hidden fields that clients may set all the same, such as a password; the rule turns them into what is stored.
    fn settable_hidden_fields(&self) -> &[&str] {
        &[]
    }

    /// Whether a relation that does not exist is an error; else it is passed over.
    fn refuses_unknown_relations(&self) -> bool {
        false
    }

    /// Whether a refused child is told with its reason; else as the batch of one that it is on its own table's endpoint.
    fn tells_reasons(&self) -> bool {
        false
    }

    /// Whether a child that is written through its parent may come from another parent, by its identifier.
    fn adopts_children(&self) -> bool {
        true
    }

    /// The field by which a child that comes without its identifier is found among those of its parent.
    fn child_name(&self, _table: &Table) -> Option<&'static str> {
        None
    }

    /// Whether a child whose foreign key is set to null goes away, whatever the request says.
    fn deletes_detached(&self) -> bool {
        false
    }

    /// Whether values are stored as they are given: no expressions, and stamps keep what is given.
    fn is_verbatim(&self) -> bool {
        false
    }
}

/// The rule of tables that have none.
pub struct NoRule;

impl RecordRule for NoRule {}

/// The rule of a copy: everything is stored as it was elsewhere.
pub struct Verbatim;

impl RecordRule for Verbatim {
    fn is_verbatim(&self) -> bool {
        true
    }
}
