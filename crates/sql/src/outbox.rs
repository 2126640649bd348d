//! What must follow a write, left behind in the transaction of the write itself: the transactional outbox.
//!
//! A message is committed with the rows that it is about, or not at all. Whoever takes messages on removes them; what a process
//! that died left behind is still there for the next. The table is made at the first need and is hidden from everybody else.

use crate::database::Database;
use crate::dialect::{Connection, Row};
use crate::error::DatabaseError;
use crate::statement::Bound;
use crate::transaction::Transaction;
use crate::value::Stored;
use antiphon_model::{OutboxEntry, OutboxMessage, Result, Value};

/// The table; discovery leaves it out.
pub(crate) const TABLE: &str = "_antiphon_outbox";

const CREATE: &str = "CREATE TABLE IF NOT EXISTS _antiphon_outbox (id TEXT PRIMARY KEY, owner TEXT NOT NULL, \
     is_final INTEGER NOT NULL, envelope TEXT NOT NULL, payload BLOB NOT NULL) WITHOUT ROWID";
const PUT: &str =
    "INSERT OR REPLACE INTO _antiphon_outbox (id, owner, is_final, envelope, payload) VALUES (?, ?, ?, ?, ?)";
const ONE: &str = "SELECT id, owner, is_final, envelope, payload FROM _antiphon_outbox WHERE id = ?";

/// What must follow the writes of one request.
pub trait Followup: Sync {
    /// The messages to be committed together with the rows; `answer` is what the request is answered with, as far as that is known before
    /// the commit.
    ///
    /// # Errors
    /// When they can't be written down; the write goes on without them.
    fn messages(&self, answer: &Value) -> Result<Vec<OutboxMessage>>;

    /// The rows are committed, and the messages with them.
    fn committed(&self);

    /// The rows were undone, or nothing was written.
    fn undone(&self);
}

impl Transaction<'_> {
    /// Writes the messages into the transaction. Tells whether that worked: a write never fails because of them.
    pub(crate) fn leave(&self, followup: &dyn Followup, answer: &Value) -> bool {
        let left = followup.messages(answer).and_then(|messages| self.savepoint(|| self.put(&messages)));
        if let Err(error) = &left {
            tracing::error!(%error, cause = error.cause, "what follows a write can't be written with it");
        }
        left.is_ok()
    }

    fn put(&self, messages: &[OutboxMessage]) -> Result<()> {
        for message in messages {
            let put = || self.connection().execute(&self.database().bound(PUT, &values(message)));
            if put().is_err() {
                // Most often there is no table yet.
                self.connection().run(CREATE)?;
                put()?;
            }
        }
        Ok(())
    }
}

fn values(message: &OutboxMessage) -> [Bound; 5] {
    [
        Bound::Text(message.id.clone()),
        Bound::Text(message.owner.clone()),
        Bound::Boolean(message.is_final),
        Bound::Text(message.envelope.clone()),
        Bound::Blob(message.payload.clone()),
    ]
}

impl Database {
    /// The messages that are not taken on yet and whose identifiers come after that one, at most that many, in the order of identifiers.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn list_messages(&self, after: &str, most: usize) -> Result<Vec<OutboxEntry>> {
        let values = [Bound::Text(after.to_owned()), Bound::Integer(i64::try_from(most).unwrap_or(i64::MAX))];
        let sql = "SELECT id, owner, is_final, length(payload) FROM _antiphon_outbox WHERE id > ? ORDER BY id LIMIT ?";
        let mut listed = Vec::new();
        let connection = self.reader()?;
        if has_table(&*connection, self)? {
            connection.query(&self.bound(sql, &values), &mut |row| {
                let bytes = integer(row, 3).try_into().unwrap_or_default();
                listed.push(OutboxEntry {
                    id: text(row, 0),
                    owner: text(row, 1),
                    is_final: integer(row, 2) == 1,
                    bytes,
                });
                Ok(())
            })?;
        }
        Ok(listed)
    }

    /// The messages with these identifiers that are not taken on yet.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn messages(&self, ids: &[String]) -> Result<Vec<OutboxMessage>> {
        let connection = self.reader()?;
        let mut messages = Vec::new();
        if has_table(&*connection, self)? {
            for id in ids {
                let statement = self.bound(ONE, &[Bound::Text(id.clone())]);
                connection.query(&statement, &mut |row| {
                    messages.push(message(row));
                    Ok(())
                })?;
            }
        }
        Ok(messages)
    }

    /// Writes messages outside of any request, each in place of the one with its identifier.
    ///
    /// # Errors
    /// When the database refuses; then none is written.
    pub fn put_messages(&self, messages: &[OutboxMessage]) -> Result<()> {
        let transaction = Transaction::begin(self)?;
        transaction.put(messages)?;
        transaction.commit()
    }

    /// Removes messages that are taken on.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn remove_messages(&self, ids: &[String]) -> Result<()> {
        let transaction = Transaction::begin(self)?;
        if !has_table(transaction.connection(), self)? {
            // Somebody took it away with everything in it.
            return Ok(());
        }
        for id in ids {
            let statement = self.bound("DELETE FROM _antiphon_outbox WHERE id = ?", &[Bound::Text(id.clone())]);
            transaction.connection().execute(&statement)?;
        }
        transaction.commit()
    }
}

fn has_table(connection: &dyn Connection, database: &Database) -> Result<bool, DatabaseError> {
    let mut found = false;
    let look = database.bound("SELECT 1 FROM sqlite_master WHERE name = ?", &[Bound::Text(TABLE.to_owned())]);
    connection.query(&look, &mut |_| {
        found = true;
        Ok(())
    })?;
    Ok(found)
}

fn message(row: &dyn Row) -> OutboxMessage {
    OutboxMessage {
        id: text(row, 0),
        owner: text(row, 1),
        is_final: integer(row, 2) == 1,
        envelope: text(row, 3),
        payload: match row.stored(4) {
            Stored::Blob(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        },
    }
}

fn text(row: &dyn Row, column: usize) -> String {
    match row.stored(column) {
        Stored::Text(text) => text.to_owned(),
        _ => String::new(),
    }
}

fn integer(row: &dyn Row, column: usize) -> i64 {
    match row.stored(column) {
        Stored::Integer(value) => value,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
