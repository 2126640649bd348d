//! Scripts that run later: making their jobs, seeing them into the queue, running them (events-and-scripting 7).
//!
//! A job of a call that wrote to a database is left behind in the transaction of the write (`promise.rs`), so that it is there exactly
//! when the rows are; the relay then takes it on to the queue, off the call's way. Jobs of other calls are in the queue before the call is answered.

mod delivery;
mod moment;
mod options;
mod payload;
mod prepare;
mod promise;
mod relay;
mod runner;

pub use options::{DEFAULT_QUEUE, JobOptions};
pub use payload::{Identity, JobKind, JobPayload, SavedContent, SavedRequest, SavedResponse, SavedScript};
pub use promise::CallFollowup;
pub use runner::GatewayRunner;

pub(crate) use prepare::{Later, PreparedJob};
pub(crate) use promise::{Fate, Promised};

use antiphon_model::{Error, Limits, OutboxEntry, OutboxMessage, Result, Value};
use antiphon_queue::{Enqueued, Job, NewJob, QueueError, Queues};
use parking_lot::Mutex;
use relay::{Errand, Relay};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long calls don't wait for a queue that took nothing.
const REST: Duration = Duration::from_secs(2);

/// Encrypts what jobs hold, so that no store of jobs can tell it or change it.
pub trait Sealer: Send + Sync {
    /// The bytes as they may be stored.
    ///
    /// # Errors
    /// When the system has no random numbers.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>>;

    /// The bytes that were sealed.
    ///
    /// # Errors
    /// When they were sealed with another key, or changed.
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>>;
}

/// Where writes leave jobs behind: one for each database.
pub trait Outbox: Send + Sync {
    /// What makes it another one than the others.
    fn key(&self) -> String;
    /// At most that many messages whose identifiers come after that one, in the order of identifiers.
    ///
    /// # Errors
    /// When the database can't be read.
    fn list(&self, after: &str, most: usize) -> Result<Vec<OutboxEntry>>;
    /// The messages with these identifiers that are there.
    ///
    /// # Errors
    /// When the database can't be read.
    fn messages(&self, ids: &[String]) -> Result<Vec<OutboxMessage>>;
    /// Writes messages, each in place of the one with its identifier.
    ///
    /// # Errors
    /// When the database refuses.
    fn put(&self, messages: &[OutboxMessage]) -> Result<()>;
    /// Removes messages.
    ///
    /// # Errors
    /// When the database refuses.
    fn remove(&self, ids: &[String]) -> Result<()>;
}

/// The process, as the owner of messages that it left behind.
pub trait Owner: Send + Sync {
    /// Its name, which no other process has.
    fn name(&self) -> &str;
    /// Whether the process of that name is, or was, one of this instance: others sealed their jobs with another key.
    fn is_instance(&self, name: &str) -> bool;
    /// Whether the process of that name lives.
    fn is_alive(&self, name: &str) -> bool;
}

/// What the gateway has for jobs.
pub struct Jobs {
    queues: Arc<Queues>,
    sealer: Arc<dyn Sealer>,
    owner: Arc<dyn Owner>,
    limits: Limits,
    /// Connections that took nothing lately, and until when no call waits for them.
    resting: Mutex<BTreeMap<String, Instant>>,
    relay: Relay,
}

/// What is left behind of a job besides what it holds.
#[derive(Serialize, Deserialize)]
struct Envelope {
    /// The connection that its script names.
    connection: Option<String>,
    job: Job,
}

impl Jobs {
    /// Jobs over these queues. `spool` is where jobs are kept that no queue takes. Must be called on a runtime, whose tasks take on what is left
    /// behind.
    pub fn start(
        queues: Arc<Queues>,
        sealer: Arc<dyn Sealer>,
        owner: Arc<dyn Owner>,
        spool: Arc<dyn Outbox>,
        limits: &Limits,
    ) -> Arc<Jobs> {
        let (relay, errands) = Relay::new(spool, limits);
        let jobs = Arc::new(Jobs { queues, sealer, owner, limits: limits.clone(), resting: Mutex::default(), relay });
        relay::start(&jobs, errands);
        jobs
    }

    /// The queues.
    pub fn queues(&self) -> &Arc<Queues> {
        &self.queues
    }

    /// What a job holds.
    ///
    /// # Errors
    /// When it was sealed by another instance, or is damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<JobPayload> {
        JobPayload::from_bytes(&self.sealer.open(sealed)?)
    }

    /// What a job is to hold, as it may be stored.
    ///
    /// # Errors
    /// When it is too large.
    pub fn seal(&self, payload: &JobPayload) -> Result<Vec<u8>> {
        self.seal_bytes(&payload.to_bytes(None)?)
    }

    fn seal_bytes(&self, plain: &[u8]) -> Result<Vec<u8>> {
        // As the queue measures it, which gets it sealed.
        let sealed = self.sealer.seal(plain)?;
        let (bytes, largest) = (sealed.len(), self.limits.job_payload_bytes);
        match bytes > largest {
            true => Err(Error::new(
                413,
                format!("The job holds {bytes} bytes (sealed), more than the limit job_payload_bytes ({largest})."),
            )),
            false => Ok(sealed),
        }
    }

    /// Looks after an outbox from now on, as long as it is there: what a process that died left behind in it is taken on.
    pub fn look_after(&self, outbox: &Arc<dyn Outbox>) {
        self.relay.send(Errand::LookAfter(Arc::downgrade(outbox)));
    }

    /// Waits until everything that was handed over so far is in a queue, at most up to the limit `shutdown_ms`; what is not then is left behind for
    /// the next process.
    pub async fn settle(&self) {
        let most = Duration::from_millis(self.limits.shutdown_ms);
        if tokio::time::timeout(most, self.relay.settle()).await.is_err() {
            tracing::warn!("the queue did not take all jobs in time; they wait where they were left behind");
        }
    }

    /// Puts a job into the queue of its connection, before this returns.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn enqueue(&self, connection: Option<&str>, job: Job, payload: &JobPayload) -> Result<Enqueued> {
        let prepared = PreparedJob { connection: connection.map(str::to_owned), job, payload: payload.to_bytes(None)? };
        self.enqueue_prepared(prepared).await
    }

    async fn enqueue_prepared(&self, prepared: PreparedJob) -> Result<Enqueued> {
        let PreparedJob { connection, job, payload } = prepared;
        let new = NewJob { job, payload: self.seal_bytes(&payload)?.into() };
        let (_, store) = self.queues.store(connection.as_deref());
        let most = Duration::from_millis(self.limits.job_enqueue_ms);
        let enqueued = match tokio::time::timeout(most, store.enqueue(vec![new])).await {
            Ok(enqueued) => enqueued.map_err(|error| refused(&error))?,
            Err(_) => return Err(Error::unavailable("The queue does not answer in time.", 5)),
        };
        enqueued.into_iter().next().ok_or_else(|| Error::internal("The queue did not answer.", "no outcome"))
    }

    /// Sees to it that a job is not lost: in the queue, else in the spool for the time when the queue takes jobs again.
    ///
    /// # Errors
    /// When neither takes it.
    pub(crate) async fn entrust(&self, prepared: PreparedJob) -> Result<Enqueued> {
        let connection = self.queues.store(prepared.connection.as_deref()).0.to_owned();
        if !self.is_resting(&connection) {
            match self.enqueue_prepared(prepared.clone()).await {
                Ok(enqueued) => return Ok(enqueued),
                Err(error) if error.status == 413 => return Err(error),
                Err(error) => {
                    tracing::warn!(connection, %error, "the queue takes no jobs; they are kept until it does");
                    self.resting.lock().insert(connection, Instant::now() + REST);
                }
            }
        }
        self.relay.spool(self, &prepared)?;
        Ok(Enqueued::Stored)
    }

    /// Whether calls don't wait for that queue, because it lately took nothing.
    fn is_resting(&self, connection: &str) -> bool {
        self.resting.lock().get(connection).is_some_and(|until| Instant::now() < *until)
    }

    /// The message that a write leaves behind for a job.
    fn message(&self, prepared: &PreparedJob, is_final: bool) -> Result<OutboxMessage> {
        let envelope = Envelope { connection: prepared.connection.clone(), job: prepared.job.clone() };
        let envelope =
            serde_json::to_string(&envelope).map_err(|error| Error::internal("A job can't be written down.", error))?;
        Ok(OutboxMessage {
            id: prepared.job.id.to_string(),
            owner: self.owner.name().to_owned(),
            is_final,
            envelope,
            payload: self.seal_bytes(&prepared.payload)?,
        })
    }

    /// Whether a script's configuration names a connection that there is.
    pub fn mistakes(&self, config: &Value) -> Vec<String> {
        let mut mistakes = JobOptions::mistakes(config, &self.limits);
        if let Some(connection) = JobOptions::of(config, &self.limits).connection
            && !self.queues.knows(&connection)
        {
            mistakes.push(format!("The connection '{connection}' is not configured; jobs go to the default one."));
        }
        mistakes
    }
}

fn refused(error: &QueueError) -> Error {
    Error::unavailable(error.to_string(), 5)
}
