//! How workers fare, for people.

use super::connection::Connection;
use super::pool::Pool;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// How the workers of this process fare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerStatus {
    /// Name by which attempts know this pool.
    pub worker: String,
    /// Jobs that may run at one time.
    pub concurrency: usize,
    /// Jobs that run.
    pub running: usize,
    /// The queues that are served; all when empty.
    pub serve: Vec<String>,
    /// Each connection.
    pub connections: Vec<ConnectionStatus>,
}

/// How the workers fare with one connection. Counts are since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionStatus {
    /// Its name.
    pub name: String,
    /// What keeps its jobs: `sqlite`, `postgres` or `nats`.
    pub kind: &'static str,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that are held to begin as soon as there is room.
    pub ready: usize,
    /// Attempts whose end was taken in.
    pub ended: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Ends that were refused, because somebody else had taken over the job, or it was cancelled. After an outage also those that were
    /// taken in without this process being told.
    pub refused: u64,
    /// Leases that were lost while their job was held.
    pub lost: u64,
    /// Whether it fails now.
    pub is_failing: bool,
    /// The last error since the start.
    pub last_error: Option<String>,
}

impl WorkerStatus {
    pub(super) fn of(pool: &Pool) -> WorkerStatus {
        let connections: Vec<ConnectionStatus> = pool.connections.iter().map(ConnectionStatus::of).collect();
        WorkerStatus {
            worker: pool.worker.clone(),
            concurrency: pool.settings.limits.job_concurrency.max(1),
            running: connections.iter().map(|connection| connection.running).sum(),
            serve: pool.settings.serve.clone(),
            connections,
        }
    }
}

impl ConnectionStatus {
    fn of(connection: &Connection) -> ConnectionStatus {
        let counts = &connection.counts;
        let (is_failing, last_error) = connection.outage.tell();
        ConnectionStatus {
            name: connection.name.clone(),
            kind: connection.store.kind(),
            running: counts.running.load(Ordering::Relaxed),
            ready: connection.holds().1,
            ended: counts.ended.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            refused: counts.refused.load(Ordering::Relaxed),
            lost: counts.lost.load(Ordering::Relaxed),
            is_failing,
            last_error,
        }
    }
}
