//! The worker pool: claims jobs from every connection, runs them, keeps its leases alive, and tells how they ended.
//!
//! Each connection has four loops (`claiming`, `telling`, and two in `keeping`), so that none waits for another; all connections share the
//! places in which jobs run (`running`). What a store can't do now is tried again for as long as it takes.

mod backoff;
mod claiming;
mod connection;
mod keeping;
mod outage;
mod pool;
mod running;
mod status;
mod telling;
mod verdict;

pub use status::{ConnectionStatus, WorkerStatus};

use crate::{Clock, Queues, Runner};
use antiphon_model::Limits;
use backoff::Backoff;
use futures_util::FutureExt;
use pool::{Phase, Pool};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// How workers behave.
#[derive(Debug, Clone, Default)]
pub struct WorkerPoolSettings {
    /// How many jobs run at one time, leases, how long a stop waits.
    pub limits: Limits,
    /// The clock of what is written down about attempts.
    pub clock: Clock,
    /// The queues that are served; all when empty.
    pub serve: Vec<String>,
}

/// Workers that run. When they are dropped instead of stopped, they end like those of a process that is killed: other workers take over
/// their jobs when the leases run out.
pub struct Workers {
    pool: Arc<Pool>,
    phase: watch::Sender<Phase>,
    claiming: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts workers on every connection. To be called within a tokio runtime.
    pub fn start(queues: &Queues, runner: Arc<dyn Runner>, settings: WorkerPoolSettings) -> Workers {
        let (phase, receiver) = watch::channel(Phase::Working);
        let pool = Arc::new(Pool::new(queues, runner, settings, receiver));
        let mut claiming = Vec::new();
        for index in 0..pool.connections.len() {
            claiming.push(supervise("claims jobs", &pool, index, claiming::claim_jobs));
            supervise("tells how jobs ended", &pool, index, telling::tell_ends);
            supervise("renews leases", &pool, index, keeping::renew_leases);
            supervise("looks for lost jobs", &pool, index, keeping::maintain);
        }
        Workers { pool, phase, claiming }
    }

    /// How they fare.
    pub fn status(&self) -> WorkerStatus {
        WorkerStatus::of(&self.pool)
    }

    /// Claims nothing more, gives back what has not begun, and waits for what runs, at most `shutdown_ms`. False when something
    /// still ran or could not be told then: such jobs are tried again when their leases have run out.
    pub async fn stop(self) -> bool {
        let deadline = Instant::now() + Duration::from_millis(self.pool.settings.limits.shutdown_ms);
        self.phase.send_replace(Phase::Stopping);
        let all_ended = async {
            for claiming in self.claiming {
                // It ends by itself; a panic was caught within.
                let _ = claiming.await;
            }
            self.pool.idle().await;
        };
        let is_idle = timeout_at(deadline, all_ended).await.is_ok();
        self.phase.send_replace(Phase::Over);
        is_idle
    }
}

/// Starts a loop, and again after a panic: a defect in one place must not leave jobs lying.
fn supervise<F>(
    what: &'static str,
    pool: &Arc<Pool>,
    index: usize,
    work: impl Fn(Arc<Pool>, usize) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        let mut backoff = Backoff::default();
        while AssertUnwindSafe(work(Arc::clone(&pool), index)).catch_unwind().await.is_err() {
            let connection = &pool.connections[index].name;
            tracing::error!(connection, "a defect: the task that {what} panicked; it begins again");
            pool.rest(backoff.next()).await;
        }
    })
}
