//! One error type on the way to the client.
//!
//! What a client sees (`status`, `code`, `message`, `context`) is kept apart from what the log says (`cause`), so that a
//! message can be helpful without telling secrets.

use serde_json::{Value, json};
use std::fmt;

/// The result of anything that can fail on the way to the client.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call, as the client will see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// The `code` member; the status unless somebody chose another (1000 for batches; scripts choose freely).
    pub code: Value,
    /// Plain English for the caller: what happened, and what to do. Never holds SQL, paths or credentials.
    pub message: String,
    /// The `context` member: null, an object or an array.
    pub context: Value,
    /// Seconds after which a retry may succeed; sent as `Retry-After`.
    pub retry_after: Option<u32>,
    /// What really happened, for the log only.
    pub cause: Option<String>,
}

/// What a batch was doing when it failed; the last word of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchVerb {
    /// POST.
    Created,
    /// PUT and PATCH.
    Updated,
    /// DELETE.
    Deleted,
    /// GET by identifiers.
    Retrieved,
}

impl Error {
    /// The code of a batch error.
    pub const BATCH_CODE: i64 = 1000;

    /// An error with this status, whose code is the status.
    pub fn new(status: u16, message: impl Into<String>) -> Error {
        Error {
            status,
            code: json!(status),
            message: message.into(),
            context: Value::Null,
            retry_after: None,
            cause: None,
        }
    }

    /// 400: the caller can repair the request.
    pub fn bad_request(message: impl Into<String>) -> Error {
        Error::new(400, message)
    }

    /// 401: no valid credentials.
    pub fn unauthorized(message: impl Into<String>) -> Error {
        Error::new(401, message)
    }

    /// 403: known caller, not allowed.
    pub fn forbidden(message: impl Into<String>) -> Error {
        Error::new(403, message)
    }

    /// 404: no such thing.
    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(404, message)
    }

    /// 409: conflicts with what is stored.
    pub fn conflict(message: impl Into<String>) -> Error {
        Error::new(409, message)
    }

    /// 500: our fault; `cause` goes to the log.
    pub fn internal(message: impl Into<String>, cause: impl fmt::Display) -> Error {
        Error::new(500, message).with_cause(cause)
    }

    /// 501: declared, not built.
    pub fn not_implemented(message: impl Into<String>) -> Error {
        Error::new(501, message)
    }

    /// 503: try again after that many seconds.
    pub fn unavailable(message: impl Into<String>, retry_after: u32) -> Error {
        Error { retry_after: Some(retry_after), ..Error::new(503, message) }
    }

    /// 404 `Record with identifier '…' not found.`
    pub fn record_not_found(identifier: impl fmt::Display) -> Error {
        Error::not_found(format!("Record with identifier '{identifier}' not found."))
    }

    /// 400 for a body in which no record was found where a list of records must be.
    pub fn no_records() -> Error {
        Error::bad_request(
            "No record(s) detected in request. Please make sure record(s) are wrapped in a 'resource' tag. \
             Example: {\"resource\":[{\"record\":1},{\"record\":2}]}",
        )
    }

    /// 400, code 1000: some records of a batch failed. `entries` holds, for each record that was tried, its answer or its
    /// error; `failed` the indexes of the errors.
    pub fn batch(verb: BatchVerb, failed: &[usize], entries: Vec<Value>, rolled_back: bool) -> Error {
        let what = match verb {
            BatchVerb::Created => "created",
            BatchVerb::Updated => "updated",
            BatchVerb::Deleted => "deleted",
            BatchVerb::Retrieved => "retrieved",
        };
        let undone = if rolled_back { " All changes rolled back." } else { "" };
        Error {
            code: json!(Self::BATCH_CODE),
            context: json!({ "error": failed, "resource": entries }),
            ..Error::bad_request(format!("Batch Error: Not all requested records could be {what}.{undone}"))
        }
    }

    /// The same error with a `context`.
    pub fn with_context(mut self, context: Value) -> Error {
        self.context = context;
        self
    }

    /// The same error with a `code` of its own.
    pub fn with_code(mut self, code: impl Into<Value>) -> Error {
        self.code = code.into();
        self
    }

    /// The same error with a cause for the log.
    pub fn with_cause(mut self, cause: impl fmt::Display) -> Error {
        self.cause = Some(cause.to_string());
        self
    }

    /// Whether this is the error of a batch.
    pub fn is_batch(&self) -> bool {
        self.code == Self::BATCH_CODE
    }

    /// The members of the `error` object; also an entry of a batch's `context.resource`.
    pub fn to_value(&self) -> Value {
        json!({ "code": self.code, "context": self.context, "message": self.message, "status_code": self.status })
    }

    /// The whole body: `{"error": {...}}`.
    pub fn to_body(&self) -> Value {
        json!({ "error": self.to_value() })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.message, self.status)?;
        match &self.cause {
            Some(cause) => write!(out, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
