//! Jobs in one SQLite file, shared by any number of processes of one machine.
//!
//! Everything that writes goes through one thread for each process ([`writer`]) in transactions that take the lock of the file at
//! their beginning, so each operation sees all that was committed before and nothing changes under it. What reads has connections of its own.

mod change;
mod claim;
mod enqueue;
mod error;
mod finish;
mod lane;
mod look;
mod maintain;
mod row;
mod schema;
mod watch;
mod writer;

use crate::silences::Silences;
use crate::{
    ClaimRequest, Claimed, Edit, Enqueued, Finish, Held, JobDetail, JobFilter, JobId, JobRecord, NewJob, QueueError,
    QueueResult, QueueState, Store, StoreSettings, admission,
};
use async_trait::async_trait;
use finish::Ending;
use parking_lot::Mutex;
use row::stored;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watch::Watch;
use writer::Writer;

/// Jobs in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    settings: StoreSettings,
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    watch: Watch,
    silences: Mutex<Silences>,
}

impl SqliteStore {
    /// Opens the file, which is made when there is none; its folder must be there. Waits for other processes that open it at the
    /// same time. `Refused` when it is damaged or of a newer version, `Full` when there is no room to make it.
    pub fn open(path: &Path, settings: StoreSettings) -> QueueResult<SqliteStore> {
        let writing = schema::open_for_writing(path)?;
        let reader = schema::open_for_reading(path)?;
        let watch = Watch::new(schema::open_for_reading(path)?);
        let writer = Writer::start(writing, settings.limits.job_backlog)?;
        Ok(SqliteStore {
            settings,
            writer,
            reader: Arc::new(Mutex::new(reader)),
            watch,
            silences: Mutex::new(Silences::default()),
        })
    }

    fn now_ms(&self) -> i64 {
        self.settings.clock.now_ms()
    }

    /// What `look` reads, away from the threads that serve calls.
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> QueueResult<T> + Send + 'static,
    ) -> QueueResult<T> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || look(&reader.lock()))
            .await
            .map_err(|error| QueueError::Unreachable(format!("its file was not read: {error}")))?
    }

    fn ending(&self) -> Ending {
        Ending { now_ms: self.now_ms(), attempts_kept: self.settings.limits.job_attempts }
    }

    async fn take_back_lost(&self) -> QueueResult<usize> {
        let running = self.read(maintain::running).await?;
        let lease = Duration::from_millis(self.settings.limits.job_lease_ms);
        let lost = self.silences.lock().observe(running, Instant::now(), lease);
        if lost.is_empty() {
            return Ok(0);
        }
        let ending = self.ending();
        let take_back = move |connection: &Connection| {
            let mut taken_back = 0;
            for (held, beat) in &lost {
                taken_back += usize::from(ending.take_back(connection, held, *beat)?);
            }
            Ok(taken_back)
        };
        self.writer.write(take_back).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> QueueResult<Vec<Enqueued>> {
        admission::check(&jobs, &self.settings.limits)?;
        let now_ms = self.now_ms();
        let enqueued = self.writer.write(move |connection| enqueue::enqueue(connection, &jobs, now_ms)).await?;
        if enqueued.contains(&Enqueued::Stored) {
            self.watch.wake();
        }
        Ok(enqueued)
    }

    async fn claim(&self, request: &ClaimRequest) -> QueueResult<Vec<Claimed>> {
        let (request, ending) = (request.clone(), self.ending());
        self.writer.write(move |connection| claim::claim(connection, &request, &ending)).await
    }

    async fn renew(&self, held: &[Held]) -> QueueResult<Vec<Held>> {
        let held = held.to_vec();
        self.writer.write(move |connection| finish::renew(connection, &held)).await
    }

    async fn finish(&self, ends: Vec<Finish>) -> QueueResult<Vec<bool>> {
        let ending = self.ending();
        let finish = move |connection: &Connection| {
            ends.iter().map(|end| ending.finish(connection, end)).collect::<QueueResult<Vec<bool>>>()
        };
        let ended = self.writer.write(finish).await?;
        // Those that waited for their turn or for room in their limit may go on, and those that failed may be tried again.
        self.watch.wake();
        Ok(ended)
    }

    async fn maintain(&self) -> QueueResult<usize> {
        let taken_back = self.take_back_lost().await?;
        let now_ms = self.now_ms();
        self.writer.write(move |connection| maintain::correct_waits(connection, now_ms)).await?;
        let limits = Arc::new(self.settings.limits.clone());
        loop {
            let limits = Arc::clone(&limits);
            // Each round is a transaction of its own, so that calls pass in between.
            if !self.writer.write(move |connection| maintain::forget(connection, &limits, now_ms)).await? {
                break;
            }
        }
        if taken_back > 0 {
            self.watch.wake();
        }
        Ok(taken_back)
    }

    async fn wait(&self, most: Duration) {
        let longest_pause = Duration::from_millis(self.settings.limits.job_poll_ms);
        self.watch.wait(most, longest_pause, &self.settings.clock).await;
    }

    async fn list(&self, filter: &JobFilter) -> QueueResult<Vec<JobRecord>> {
        let filter = filter.clone();
        let limits = &self.settings.limits;
        let (most, error_bytes) = (filter.most.min(limits.job_list), limits.job_list_error_bytes);
        self.read(move |connection| look::list(connection, &filter, most, error_bytes)).await
    }

    async fn get(&self, id: &JobId) -> QueueResult<Option<JobDetail>> {
        let id = id.clone();
        self.read(move |connection| look::get(connection, &id)).await
    }

    async fn cancel(&self, id: &JobId) -> QueueResult<bool> {
        let (id, now_ms) = (id.clone(), self.now_ms());
        let is_cancelled = self.writer.write(move |connection| change::cancel(connection, &id, now_ms)).await?;
        self.watch.wake();
        Ok(is_cancelled)
    }

    async fn redrive(&self, id: &JobId, edit: Edit) -> QueueResult<bool> {
        admission::check_edit(id, &edit, &self.settings.limits)?;
        let (id, now_ms) = (id.clone(), self.now_ms());
        let redrive = move |connection: &Connection| change::redrive(connection, &id, &edit, now_ms);
        let is_redriven = self.writer.write(redrive).await?;
        self.watch.wake();
        Ok(is_redriven)
    }

    async fn discard(&self, id: &JobId) -> QueueResult<bool> {
        let (id, memory_ms) = (id.clone(), stored(self.settings.limits.job_memory_ms));
        self.writer.write(move |connection| change::discard(connection, &id, memory_ms)).await
    }

    async fn queues(&self) -> QueueResult<Vec<QueueState>> {
        let now_ms = self.now_ms();
        self.read(move |connection| look::queues(connection, now_ms)).await
    }

    async fn pause(&self, queue: &str, is_paused: bool) -> QueueResult<()> {
        let queue = queue.to_owned();
        self.writer.write(move |connection| change::pause(connection, &queue, is_paused)).await?;
        self.watch.wake();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
