//! Why a database refused, one variant per cause, and what the caller is told of it (11, 21.13).

use antiphon_model::Error;

/// A failure that the database reported. What it displays is for the log: it may name columns and hold SQL.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DatabaseError {
    /// A unique constraint is violated; the columns, as far as the database names them.
    #[error("unique constraint violated on {columns:?}")]
    Duplicate {
        /// Column names without the table.
        columns: Vec<String>,
    },
    /// A foreign key refers to nothing, or is still referred to.
    #[error("foreign key constraint violated")]
    ForeignKey,
    /// Null in a column that must not be null.
    #[error("null in column '{column}'")]
    NotNull {
        /// Column name without the table.
        column: String,
    },
    /// A check constraint or a type check is violated.
    #[error("check constraint violated: {0}")]
    Check(String),
    /// A trigger of the database refused, in its author's words.
    #[error("{0}")]
    Raised(String),
    /// The rows of this view can't be changed.
    #[error("not writable: {0}")]
    NotWritable(String),
    /// The request makes a statement with more parts than the database takes.
    #[error("{0}")]
    TooComplicated(String),
    /// All connections were lent, or another process holds the lock, longer than the limit.
    #[error("the database is busy")]
    Busy,
    /// The statement ran longer than the limit.
    #[error("the statement ran too long")]
    TimedOut,
    /// Writing to a database that is open for reading only.
    #[error("the database is read-only")]
    ReadOnly,
    /// The database could not be opened.
    #[error("the database can't be opened: {0}")]
    Unreachable(String),
    /// An error of ours that ended the reading of rows.
    #[error("{0}")]
    Row(Box<Error>),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Error {
        let cause = error.to_string();
        let told = match error {
            DatabaseError::Row(error) => return *error,
            DatabaseError::Duplicate { columns } if columns.is_empty() => {
                Error::conflict("Duplicate record: a value that must be unique is already in use.")
            }
            DatabaseError::Duplicate { columns } => Error::conflict(format!(
                "Duplicate record: another one already has this value of '{}'.",
                columns.join("', '")
            )),
            DatabaseError::ForeignKey => Error::conflict(
                "The change breaks a reference between tables: a referenced record does not exist, or the record is \
                 still referenced.",
            ),
            DatabaseError::NotNull { column } => Error::bad_request(format!("Field '{column}' can not be NULL.")),
            DatabaseError::Check(_) => Error::bad_request("A value was refused by a check of the database."),
            DatabaseError::Raised(message) => Error::bad_request(message),
            DatabaseError::NotWritable(_) => Error::bad_request("The records of this view can not be changed."),
            DatabaseError::TooComplicated(_) => Error::bad_request(
                "The request has more conditions or fields than the database takes at once. Send fewer.",
            ),
            DatabaseError::Busy => Error::unavailable("The database is busy. Please try again.", 1),
            DatabaseError::TimedOut => Error::unavailable("The database took too long to answer this request.", 1),
            DatabaseError::ReadOnly => Error::forbidden("This database is read-only."),
            DatabaseError::Unreachable(_) => Error::unavailable("The database can not be reached.", 5),
            DatabaseError::Other(_) => Error::new(500, "The database could not carry out this request."),
        };
        told.with_cause(cause)
    }
}
