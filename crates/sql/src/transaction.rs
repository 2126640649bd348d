//! One transaction that writes, with a savepoint for each record; what is not committed is undone.

use crate::database::Database;
use crate::dialect::Connection;
use crate::outbox::Followup;
use antiphon_model::{Error, Result, Value};
use std::cell::Cell;

/// A running transaction. Holds the database's write lock: nothing that may wait for other calls belongs inside.
pub struct Transaction<'d> {
    database: &'d Database,
    connection: Box<dyn Connection + 'd>,
    /// What must follow once it is over.
    followup: Option<&'d dyn Followup>,
    open: bool,
    /// The database ended the transaction by itself: nothing more may be written.
    lost: Cell<bool>,
    /// What restores the connection's settings afterwards.
    restore: &'static str,
}

impl<'d> Transaction<'d> {
    /// Begins, waiting a bounded time for the write lock.
    pub(crate) fn begin(database: &'d Database) -> Result<Transaction<'d>> {
        let connection = database.backend().writer()?;
        connection.run(database.backend().begin())?;
        Ok(Transaction { database, connection, followup: None, open: true, lost: Cell::new(false), restore: "" })
    }

    /// Begins a transaction for the writes of one request, and tells what follows them how it ended.
    pub(crate) fn begin_with(database: &'d Database, followup: Option<&'d dyn Followup>) -> Result<Transaction<'d>> {
        let mut transaction = Transaction::begin(database)?;
        transaction.followup = followup;
        Ok(transaction)
    }

    /// Begins a transaction that may rebuild tables: foreign keys are judged at its end.
    pub(crate) fn begin_structural(database: &'d Database) -> Result<Transaction<'d>> {
        let connection = database.backend().writer()?;
        let (prepare, restore) = database.backend().structural();
        connection.run(prepare)?;
        let lost = Cell::new(false);
        let mut transaction = Transaction { database, connection, followup: None, open: false, lost, restore };
        transaction.connection.run(database.backend().begin())?;
        transaction.open = true;
        Ok(transaction)
    }

    /// The database that it is a transaction of.
    pub(crate) fn database(&self) -> &'d Database {
        self.database
    }

    /// The connection that it runs on.
    pub fn connection(&self) -> &dyn Connection {
        &*self.connection
    }

    /// Runs a piece of work that leaves nothing behind when it fails.
    pub(crate) fn savepoint<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check_lost()?;
        self.connection.run("SAVEPOINT record")?;
        match work() {
            Ok(value) => {
                self.connection.run("RELEASE record")?;
                Ok(value)
            }
            Err(error) => {
                if let Err(lost) = self.connection.run("ROLLBACK TO record; RELEASE record") {
                    tracing::warn!(error = %lost, "the database ended the transaction");
                    self.lost.set(true);
                }
                Err(error)
            }
        }
    }

    /// Makes everything permanent, unless a foreign key refers to nothing.
    pub(crate) fn commit_structural(self, database: &Database) -> Result<()> {
        database.backend().check_references(&*self.connection)?;
        self.commit()
    }

    /// Makes everything permanent, together with the messages of what follows.
    pub(crate) fn commit_with(mut self, answer: impl FnOnce() -> Value) -> Result<()> {
        match self.followup.take() {
            None => self.commit(),
            Some(followup) => {
                let left = self.leave(followup, &answer());
                let committed = self.commit();
                match &committed {
                    Err(_) => followup.undone(),
                    Ok(()) if left => followup.committed(),
                    Ok(()) => {}
                }
                committed
            }
        }
    }

    /// Makes everything permanent.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.check_lost()?;
        self.connection.run("COMMIT")?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.undo();
        if let Some(followup) = self.followup {
            followup.undone();
        }
        if !self.restore.is_empty()
            && let Err(error) = self.connection.run(self.restore)
        {
            tracing::error!(%error, "the connection's settings could not be restored");
        }
    }
}

impl Transaction<'_> {
    fn check_lost(&self) -> Result<()> {
        match self.lost.get() {
            true => Err(Error::internal("The database ended the transaction.", "rolled back by the database")),
            false => Ok(()),
        }
    }

    fn undo(&self) {
        if self.open
            && let Err(error) = self.connection.run("ROLLBACK")
        {
            tracing::debug!(%error, "the transaction was already over");
        }
    }
}
