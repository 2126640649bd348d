//! What runs jobs.

use crate::Claimed;
use async_trait::async_trait;

/// Runs one attempt of a job. Implemented by whoever knows what jobs mean.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Runs it to its end. May take as long as it bounds itself; the lease is renewed meanwhile.
    async fn run(&self, claimed: &Claimed) -> Ran;
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// What it printed.
    pub output: String,
    /// Which version of the script ran.
    pub script_version: Option<u64>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The job is done.
    Succeeded,
    /// It failed for this reason; to be tried again while it has tries.
    Failed(String),
    /// It failed for this reason, and every further try would: a dead letter at once.
    Hopeless(String),
    /// There is nothing to do any more, for this reason.
    Skipped(String),
}
