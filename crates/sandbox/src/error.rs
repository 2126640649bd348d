//! Why a program could not be started in its sandbox.

use std::io;
use std::path::PathBuf;

/// Why a program could not be started in its sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The launcher was called without a plan, or with one that it does not understand.
    #[error("the plan can't be read: {0}")]
    Plan(#[from] serde_json::Error),
    /// The machine lacks something that the plan needs.
    #[error("this machine can't enforce {0}; start with a kernel that can, or accept it in [scripts] accept_missing")]
    Missing(String),
    /// A rule could not be set.
    #[error("{what}: {reason}")]
    Rule {
        /// Which rule.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The program could not be started.
    #[error("{} can't be started: {reason}", program.display())]
    Start {
        /// The program of the plan.
        program: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The server that asked for the program is gone.
    #[error("the server is gone")]
    Orphan,
}

impl SandboxError {
    /// The error of one rule.
    pub(crate) fn rule(what: &'static str, reason: impl ToString) -> SandboxError {
        SandboxError::Rule { what, reason: reason.to_string() }
    }
}
