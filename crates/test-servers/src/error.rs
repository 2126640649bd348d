//! Why a server is not there.

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such program.
    #[error("{server} is not installed: install the package \"{package}\" to run these tests")]
    NotInstalled {
        /// What is missing.
        server: &'static str,
        /// What brings it, in Debian's words.
        package: &'static str,
    },
    /// It was started, but does not answer, or could not be started.
    #[error("{server} did not start: {reason}")]
    Failed {
        /// Which one.
        server: &'static str,
        /// What it said.
        reason: String,
    },
    /// The system refused what a start needs.
    #[error("a server for tests did not start: {0}")]
    System(#[from] std::io::Error),
}
