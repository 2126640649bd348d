//! The tables of the file, and how older files come up to date.

use super::error::QueueErrorExt as _;
use super::row::count;
use crate::{JobStatus, QueueError, QueueResult};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for another process that writes.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// How often the change to WAL is tried: SQLite refuses it at once, without waiting, while another process makes the same change.
const WAL_TRIES: u32 = 100;

/// The steps from an empty file on; a file's `user_version` tells how many it has. Never edited, only appended to.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// The number by which a status is stored; `schema.sql` uses them too.
pub(super) fn status_number(status: JobStatus) -> i64 {
    match status {
        JobStatus::Waiting => 0,
        JobStatus::Running => 1,
        JobStatus::Succeeded => 2,
        JobStatus::Dead => 3,
        JobStatus::Cancelled => 4,
    }
}

/// The status stored by that number.
pub(super) fn status_of(number: i64) -> Option<JobStatus> {
    use JobStatus::{Cancelled, Dead, Running, Succeeded, Waiting};
    [Waiting, Running, Succeeded, Dead, Cancelled].into_iter().find(|status| status_number(*status) == number)
}

/// A connection that writes, with the tables made or brought up to date.
pub(super) fn open_for_writing(path: &Path) -> QueueResult<Connection> {
    let mut connection = connect(path)?;
    use_wal(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// A connection that only looks; the tables are there.
pub(super) fn open_for_reading(path: &Path) -> QueueResult<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true).or_queue_error()?;
    Ok(connection)
}

fn connect(path: &Path) -> QueueResult<Connection> {
    let connection = Connection::open(path).or_queue_error()?;
    connection.busy_timeout(BUSY_WAIT).or_queue_error()?;
    connection.set_prepared_statement_cache_capacity(64);
    // The log of a burst is cut back afterwards; what is written stays readable by everybody at any time.
    connection
        .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;")
        .or_queue_error()?;
    Ok(connection)
}

fn use_wal(connection: &Connection) -> QueueResult<()> {
    let mut tried = 0;
    loop {
        let changed = connection.pragma_update(None, "journal_mode", "WAL").or_queue_error();
        match changed {
            Err(QueueError::Unreachable(_)) if tried < WAL_TRIES => {
                tried += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

fn migrate(connection: &mut Connection) -> QueueResult<()> {
    // Processes that start together: the first makes the tables while the others wait, and then find them made.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).or_queue_error()?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).or_queue_error()?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(steps) = MIGRATIONS.get(done..) else {
        return Err(QueueError::Refused(format!(
            "its file was written by a newer version of this server (version {version}, known up to {}). Start the \
             newer version, or move the file away.",
            MIGRATIONS.len()
        )));
    };
    for step in steps {
        transaction.execute_batch(step).or_queue_error()?;
    }
    transaction.pragma_update(None, "user_version", count(MIGRATIONS.len())).or_queue_error()?;
    transaction.commit().or_queue_error()
}
