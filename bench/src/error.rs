//! What can go wrong while measuring.

use std::io;

/// Why a measurement could not be made. A wrong answer is an error too: a fast wrong answer has no rate.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A server did not answer in time.
    #[error("{what} did not answer within {seconds} s. Its last words:\n{log}")]
    NoAnswer {
        /// Which server.
        what: String,
        /// How long it was waited for.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// An answer that is not the expected one.
    #[error("{what} answered {status}: {body}")]
    Answer {
        /// The call.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The answer's beginning.
        body: String,
    },
    /// The database of the bare handler.
    #[error("the bare handler's database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// The result of a measurement.
pub type Result<T, E = BenchError> = std::result::Result<T, E>;

/// Says what was attempted when the system refuses it.
pub(crate) fn attempt<T>(what: &str, result: io::Result<T>) -> Result<T> {
    result.map_err(|source| BenchError::Io { what: what.to_owned(), source })
}
