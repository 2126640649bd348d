//! What PostgreSQL's errors mean to the queue.

use crate::QueueError;
use deadpool_postgres::PoolError;
use std::error::Error as _;
use tokio_postgres::error::SqlState;

/// The error as the queue tells it.
pub(super) fn queue_error(error: &tokio_postgres::Error) -> QueueError {
    let told = described(error);
    match error.code() {
        None => QueueError::Unreachable(told),
        Some(code) if is_no_room(code) => QueueError::Full(told),
        Some(code) if is_passing(code) => QueueError::Unreachable(told),
        Some(_) => QueueError::Refused(told),
    }
}

/// The error of taking a connection as the queue tells it.
pub(super) fn pool_error(error: &PoolError) -> QueueError {
    match error {
        PoolError::Backend(error) => queue_error(error),
        PoolError::Timeout(_) => {
            QueueError::Unreachable("no connection to PostgreSQL came free (limit queue_connections)".to_owned())
        }
        other => QueueError::Unreachable(format!("no connection to PostgreSQL: {other}")),
    }
}

/// Whether the same statement, said again at once, may well succeed: it met another one, and PostgreSQL chose to end it.
pub(super) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::UNIQUE_VIOLATION]
            .contains(code)
    })
}

/// Whether its connection is of no more use: it is closed, or the server is about to close it.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.code().is_some_and(|code| [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(code))
}

/// What it says, with all of its causes.
fn described(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("PostgreSQL says: {} (SQLSTATE {})", said.message(), said.code().code());
    }
    let mut told = format!("PostgreSQL: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !told.contains(&next) {
            told.push_str(": ");
            told.push_str(&next);
        }
        cause = error.source();
    }
    told
}

/// Disk or memory; the rest of that class is limits of connections.
fn is_no_room(code: &SqlState) -> bool {
    [SqlState::DISK_FULL, SqlState::OUT_OF_MEMORY].contains(code)
}

/// What goes away by itself: lost connections (class 08), none free (53), an operator or a crash (57), conflicts (40), waits for locks
/// (55), reading only while another server takes over.
fn is_passing(code: &SqlState) -> bool {
    ["08", "53", "57", "40", "55"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}
