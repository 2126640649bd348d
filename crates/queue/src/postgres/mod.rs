//! Jobs in a PostgreSQL database, shared by any number of machines.
//!
//! Each operation is one statement, most of them a call of a function in the schema `antiphon_queue` ([`schema`]), so it is one round trip,
//! takes place as a whole or not at all, and may be repeated when its answer is lost.
//!
//! Waits are told by the database's clock, which is the same for all nodes however theirs are set; the clock of the settings only tells by
//! how much tests move it. Leases are told by no wall clock at all ([`crate::silences`]).

mod address;
mod change;
mod claim;
mod connections;
mod enqueue;
mod error;
mod finish;
mod listen;
mod look;
mod maintain;
mod row;
mod schema;
mod sweep;

use crate::silences::Silences;
use crate::{
    ClaimRequest, Claimed, Edit, Enqueued, Finish, Held, JobDetail, JobFilter, JobId, JobRecord, NewJob, QueueResult,
    QueueState, Store, StoreSettings, admission,
};
use address::Address;
use async_trait::async_trait;
use connections::Connections;
use finish::{Ending, Guarded};
use listen::News;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sweep::Sweep;

/// Jobs in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresStore {
    settings: StoreSettings,
    connections: Arc<Connections>,
    sweep: Sweep,
    news: News,
    silences: Mutex<Silences>,
}

impl PostgresStore {
    /// The queue in the database at that URL, such as `postgres://user:password@host:5432/database?sslmode=require`. Connects when it is
    /// first used, and then makes its tables when they are missing.
    ///
    /// With `sslmode` at `require`, `verify-ca` or `verify-full` connections are encrypted and the server's certificate is checked, against the
    /// authorities that browsers trust or those in the file `sslrootcert`; else they are not encrypted.
    ///
    /// # Errors
    /// `Refused` when the URL, or the file that it names, can't be used.
    pub fn open(url: &str, settings: StoreSettings) -> QueueResult<PostgresStore> {
        let address = Address::parse(url, &settings.limits)?;
        let connections = Arc::new(Connections::new(address.clone(), &settings.limits)?);
        let sweep = Sweep::new(Arc::clone(&connections));
        let news = News::new(address, Duration::from_millis(settings.limits.job_poll_ms));
        Ok(PostgresStore { settings, connections, sweep, news, silences: Mutex::default() })
    }

    fn shift_ms(&self) -> i64 {
        self.settings.clock.shift_ms()
    }

    fn ending(&self) -> Ending<'_> {
        Ending { connections: &self.connections, shift_ms: self.shift_ms(), kept: self.settings.limits.job_attempts }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> QueueResult<Vec<Enqueued>> {
        admission::check(&jobs, &self.settings.limits)?;
        let enqueued = enqueue::enqueue(&self.connections, &jobs, self.shift_ms()).await?;
        self.news.wake();
        Ok(enqueued)
    }

    async fn claim(&self, request: &ClaimRequest) -> QueueResult<Vec<Claimed>> {
        claim::claim(&self.connections, request, self.shift_ms()).await
    }

    async fn renew(&self, held: &[Held]) -> QueueResult<Vec<Held>> {
        claim::renew(&self.connections, held).await
    }

    async fn finish(&self, ends: Vec<Finish>) -> QueueResult<Vec<bool>> {
        let ends: Vec<Guarded> = ends.into_iter().map(|finish| Guarded { finish, beat: None }).collect();
        let ended = self.ending().end(&ends).await?;
        // Those that waited for their turn or for room in their limit may go on, and those that failed may be tried again.
        self.news.wake();
        Ok(ended)
    }

    async fn maintain(&self) -> QueueResult<usize> {
        let running = maintain::running(&self.connections).await?;
        let lease = Duration::from_millis(self.settings.limits.job_lease_ms);
        let lost = self.silences.lock().observe(running, Instant::now(), lease);
        let taken_back = if lost.is_empty() { 0 } else { maintain::take_back(&self.ending(), &lost).await? };
        if taken_back > 0 {
            self.news.wake();
        }
        maintain::correct_waits(&self.connections, self.shift_ms()).await?;
        maintain::forget(&self.connections, &self.settings.limits, self.shift_ms()).await?;
        self.sweep.when_due().await?;
        Ok(taken_back)
    }

    async fn wait(&self, most: Duration) {
        self.news.wait(most).await;
    }

    async fn list(&self, filter: &JobFilter) -> QueueResult<Vec<JobRecord>> {
        let limits = &self.settings.limits;
        look::list(&self.connections, filter, filter.most.min(limits.job_list), limits.job_list_error_bytes).await
    }

    async fn get(&self, id: &JobId) -> QueueResult<Option<JobDetail>> {
        look::get(&self.connections, id).await
    }

    async fn cancel(&self, id: &JobId) -> QueueResult<bool> {
        let is_cancelled = change::cancel(&self.connections, id, self.shift_ms()).await?;
        self.news.wake();
        Ok(is_cancelled)
    }

    async fn redrive(&self, id: &JobId, edit: Edit) -> QueueResult<bool> {
        admission::check_edit(id, &edit, &self.settings.limits)?;
        let is_redriven = change::redrive(&self.connections, id, &edit, self.shift_ms()).await?;
        self.news.wake();
        Ok(is_redriven)
    }

    async fn discard(&self, id: &JobId) -> QueueResult<bool> {
        change::discard(&self.connections, id).await
    }

    async fn queues(&self) -> QueueResult<Vec<QueueState>> {
        look::queues(&self.connections, self.shift_ms()).await
    }

    async fn pause(&self, queue: &str, is_paused: bool) -> QueueResult<()> {
        change::pause(&self.connections, queue, is_paused).await?;
        self.news.wake();
        Ok(())
    }
}
