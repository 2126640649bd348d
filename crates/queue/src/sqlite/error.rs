//! What SQLite's errors mean for the queue.

use crate::{QueueError, QueueResult};
use rusqlite::{Error, ErrorCode};

/// Results of SQLite as results of the queue.
pub(super) trait QueueErrorExt<T> {
    /// The same, with the error that the queue gives.
    fn or_queue_error(self) -> QueueResult<T>;
}

impl<T> QueueErrorExt<T> for rusqlite::Result<T> {
    fn or_queue_error(self) -> QueueResult<T> {
        self.map_err(|error| queue_error(&error))
    }
}

fn queue_error(error: &Error) -> QueueError {
    tracing::debug!(%error, "the queue's file gave an error");
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            QueueError::Full("no room is left on the disk of its file. Free some, or move the data folder.".to_owned())
        }
        Some(ErrorCode::SystemIoFailure) => QueueError::Full(format!(
            "its file can't be written or read ({error}). Look at the disk of the data folder: is it full, or broken?"
        )),
        Some(ErrorCode::OutOfMemory) => QueueError::Full("no memory is left.".to_owned()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            QueueError::Unreachable("another process holds its file for long. Try again.".to_owned())
        }
        Some(ErrorCode::CannotOpen) => QueueError::Unreachable(format!(
            "its file can't be opened ({error}). Look at the rights on the data folder, and whether its disk is full."
        )),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => QueueError::Refused(format!(
            "its file is damaged ({error}). Stop the server, move the file away or bring back a copy, and start again."
        )),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            QueueError::Refused(format!("its file may not be written ({error}). Give this process the right to."))
        }
        _ => QueueError::Refused(error.to_string()),
    }
}
