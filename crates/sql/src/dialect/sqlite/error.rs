//! SQLite's errors in the words of this crate.

use crate::error::DatabaseError;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// How messages begin by which SQLite refuses a statement for its size.
const TOO_COMPLICATED: [&str; 4] =
    ["Expression tree is too large", "too many terms", "too many columns", "parser stack"];

/// The cause behind an error of SQLite.
pub(super) fn translate(error: rusqlite::Error) -> DatabaseError {
    let (failure, message) = match &error {
        rusqlite::Error::SqliteFailure(failure, message) => (failure, message.clone()),
        // The message without the statement it is about.
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg.clone())),
        _ => return DatabaseError::Other(error.to_string()),
    };
    let message = message.unwrap_or_else(|| failure.to_string());
    if TOO_COMPLICATED.iter().any(|start| message.starts_with(start)) {
        return DatabaseError::TooComplicated(message);
    }
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            return DatabaseError::Duplicate { columns: columns(&message) };
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return DatabaseError::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            return DatabaseError::NotNull { column: columns(&message).pop().unwrap_or_default() };
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => return DatabaseError::Raised(message),
        _ => {}
    }
    if message.starts_with("cannot modify") {
        return DatabaseError::NotWritable(message);
    }
    match failure.code {
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig => DatabaseError::Check(message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DatabaseError::Busy,
        ErrorCode::OperationInterrupted => DatabaseError::TimedOut,
        ErrorCode::ReadOnly => DatabaseError::ReadOnly,
        ErrorCode::CannotOpen | ErrorCode::NotADatabase => DatabaseError::Unreachable(message),
        _ => DatabaseError::Other(message),
    }
}

/// The columns of `UNIQUE constraint failed: todo.name, todo.owner`.
fn columns(message: &str) -> Vec<String> {
    let Some((_, list)) = message.split_once("failed: ") else { return Vec::new() };
    list.split(", ").filter_map(|each| each.rsplit_once('.')).map(|(_, column)| column.to_owned()).collect()
}
