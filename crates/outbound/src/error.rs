//! Why a call came to nothing.

/// Why a call to another server has no answer. The texts are for the script's author; they hold no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The address can't be called at all.
    #[error("{0}")]
    Invalid(String),
    /// The address must not be called.
    #[error("{0}")]
    Refused(String),
    /// Nothing came in time.
    #[error("The server '{0}' did not answer in time.")]
    Late(String),
    /// The server can't be reached, or broke off.
    #[error("{0}")]
    Broken(String),
    /// Too many calls are on their way.
    #[error("Too many scripts call other servers at this time; try again.")]
    Busy,
}

impl Failure {
    /// The HTTP status that says so.
    pub fn status(&self) -> u16 {
        match self {
            Failure::Invalid(_) => 400,
            Failure::Refused(_) => 403,
            Failure::Broken(_) => 502,
            Failure::Busy => 503,
            Failure::Late(_) => 504,
        }
    }
}
