//! Writes to several tables, all or nothing: what arrives together is stored together.

use super::write::{insert, update};
use super::{Caller, Scope, identify};
use crate::database::Database;
use crate::transaction::Transaction;
use antiphon_model::{Error, Object, Result, Value};

/// A running unit. Holds the database's write lock: nothing that may wait for other calls belongs inside. What is not
/// committed is undone when it is dropped.
pub struct Unit<'d> {
    database: &'d Database,
    transaction: Transaction<'d>,
}

impl<'d> Unit<'d> {
    /// Begins, waiting a bounded time for the write lock.
    ///
    /// # Errors
    /// When the lock can't be had.
    pub fn begin(database: &'d Database) -> Result<Unit<'d>> {
        Ok(Unit { database, transaction: Transaction::begin(database)? })
    }

    /// Creates a record with the records nested in it, and answers with its key. One that fails leaves nothing behind.
    ///
    /// # Errors
    /// As a POST of that record.
    pub fn create(&self, table: &str, record: &Object, caller: &Caller<'_>) -> Result<Object> {
        let table = self.database.table_by_wire_name(table)?;
        let scope = Scope::of(self.database, &table, caller)?;
        self.transaction.savepoint(|| insert(&scope, &self.transaction, record, 0))
    }

    /// Changes the record with this identifier, and the records nested in it. One that fails stays as it was.
    ///
    /// # Errors
    /// As a PATCH of that record; 404 when there is none.
    pub fn update(&self, table: &str, id: &Value, change: &Object, caller: &Caller<'_>) -> Result<()> {
        let table = self.database.table_by_wire_name(table)?;
        let scope = Scope::of(self.database, &table, caller)?;
        let condition = identify::condition(&scope.identifiers, id)?;
        let changed = self.transaction.savepoint(|| update(&scope, &self.transaction, &condition, change))?;
        changed.map(drop).ok_or_else(|| Error::record_not_found(identify::in_words(id)))
    }

    /// Makes everything permanent.
    ///
    /// # Errors
    /// When the database refuses; then nothing is stored.
    pub fn commit(self) -> Result<()> {
        self.transaction.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::NoLookups;
    use crate::records::{NoRule, RowFilters};
    use crate::relations::SameDatabase;
    use crate::sandbox::{Sandbox, column};
    use antiphon_model::json;

    fn within(sandbox: &Sandbox, work: impl FnOnce(&Unit<'_>, &Caller<'_>)) -> Unit<'_> {
        let related = SameDatabase { database: &sandbox.database, lookups: &NoLookups };
        let caller = Caller {
            lookups: &NoLookups,
            user_id: None,
            row_filters: RowFilters::new(),
            related: &related,
            rule: &NoRule,
            is_admin: true,
            followup: None,
        };
        let unit = Unit::begin(&sandbox.database).unwrap();
        work(&unit, &caller);
        unit
    }

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    /// An account with a contact, and a change of another account.
    fn two_writes(unit: &Unit<'_>, caller: &Caller<'_>) {
        let account = object(json!({"name": "Initech", "contact_by_account_id": [{"name": "Bill"}]}));
        assert_eq!(unit.create("account", &account, caller).unwrap()["id"], 3);
        unit.update("account", &json!(1), &object(json!({"name": "Apex"})), caller).unwrap();
    }

    #[test]
    fn everything_is_stored_together() {
        let sandbox = Sandbox::with_tables();
        within(&sandbox, two_writes).commit().unwrap();
        assert_eq!(column(&sandbox.get("account"), "name"), ["Apex", "Globex", "Initech"]);
        assert_eq!(column(&sandbox.get("contact?filter=account_id=3"), "name"), ["Bill"]);
    }

    #[test]
    fn what_is_not_committed_never_was() {
        let sandbox = Sandbox::with_tables();
        drop(within(&sandbox, two_writes));
        assert_eq!(column(&sandbox.get("account"), "name"), ["Acme", "Globex"]);
    }

    #[test]
    fn a_write_that_fails_leaves_the_others_as_they_are() {
        let sandbox = Sandbox::with_tables();
        let unit = within(&sandbox, |unit, caller| {
            two_writes(unit, caller);
            let twice = object(json!({"name": "Globex", "contact_by_account_id": [{"name": "Nobody"}]}));
            assert_eq!(unit.create("account", &twice, caller).unwrap_err().status, 409);
            let change = object(json!({"name": "Nothing"}));
            assert_eq!(unit.update("account", &json!(99), &change, caller).unwrap_err().status, 404);
        });
        unit.commit().unwrap();
        assert_eq!(column(&sandbox.get("account"), "name"), ["Apex", "Globex", "Initech"]);
        assert_eq!(sandbox.get("contact?filter=name='Nobody'")["resource"], json!([]));
    }
}
