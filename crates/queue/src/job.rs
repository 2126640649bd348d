//! What a job is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Identifier of a job, in the order of creation for those made by [`JobId::new`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

/// What identifiers of moments are made below, so that they are like no others.
const MOMENTS: uuid::Uuid = uuid::Uuid::from_u128(0x6f0c_7a55_43f1_4d6b_9a61_2f1f_1d1b_90c4);

impl JobId {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "each one is different")]
    pub fn new() -> JobId {
        JobId(uuid::Uuid::now_v7().simple().to_string())
    }

    /// The one for what `name` stands for at that moment: whoever computes it gets the same, so two nodes can't both have a job for it.
    pub fn of_moment(name: &str, at_ms: i64) -> JobId {
        JobId(uuid::Uuid::new_v5(&MOMENTS, format!("{at_ms} {name}").as_bytes()).simple().to_string())
    }

    /// The identifier with that text, which has 32 hexadecimal digits; none when it can't be one.
    pub fn parse(text: &str) -> Option<JobId> {
        uuid::Uuid::try_parse(text).ok().map(|uuid| JobId(uuid.simple().to_string()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A job: when it may run, and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Identifier. Taking in a job whose identifier is known already changes nothing.
    pub id: JobId,
    /// The queue that it stands in; queues can be paused and chosen by workers.
    pub queue: String,
    /// What runs: the name by which `concurrency` counts.
    pub script: String,
    /// What it runs for, for people: the name of an event or service.
    pub event: String,
    /// Higher first; among equals the earlier first.
    pub priority: i16,
    /// How long it waits from being taken in, in milliseconds.
    pub delay_ms: u64,
    /// Jobs of one queue with the same key run one after the other in the order in which they were taken in: the next begins when the one before
    /// has succeeded, was given up or was cancelled.
    pub order_key: Option<String>,
    /// While a job with this key waits or runs, another one of its queue is not taken in.
    pub dedup_key: Option<String>,
    /// Jobs of the same `script` that may run at one time on all nodes together; no limit by default. The limit of the job that is to be
    /// claimed counts.
    pub concurrency: Option<u32>,
    /// Attempts before it is given up, at least one.
    pub tries: u32,
    /// How long it waits before the second attempt, in milliseconds; doubles with each further one.
    pub backoff_ms: u64,
    /// Longest such wait.
    pub backoff_max_ms: u64,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: i64,
}

/// A job to be taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The envelope.
    pub job: Job,
    /// What only its owner understands.
    pub payload: Bytes,
}

/// What came of taking in a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It is stored.
    Stored,
    /// Its identifier is known: it was taken in before, and perhaps has ended.
    Known,
    /// A job with its `dedup_key` waits or runs.
    Duplicate(JobId),
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// It may run now or later, for the first time or again.
    Waiting,
    /// A worker holds it.
    Running,
    /// It ended well.
    Succeeded,
    /// Its tries are used up, or it can't succeed: a dead letter.
    Dead,
    /// Somebody took it out.
    Cancelled,
}

impl JobStatus {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Waiting => "waiting",
            JobStatus::Running => "running",
            JobStatus::Succeeded => "succeeded",
            JobStatus::Dead => "dead",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<JobStatus> {
        use JobStatus::{Cancelled, Dead, Running, Succeeded, Waiting};
        [Waiting, Running, Succeeded, Dead, Cancelled].into_iter().find(|status| status.as_str() == name)
    }
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The envelope.
    pub job: Job,
    /// What it is for.
    pub payload: Bytes,
    /// What the worker must show to end it.
    pub held: Held,
    /// How often it was tried before since it was taken in or redriven; below `tries` plus what rescues added.
    pub failed: u32,
}

impl Claimed {
    /// Whether the job is given up when this attempt fails, or its worker is lost.
    pub(crate) fn is_last_try(&self) -> bool {
        self.failed.saturating_add(1) >= self.job.tries
    }
}

/// The right to end one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Held {
    /// The job.
    pub id: JobId,
    /// Number of the attempt, counted from 1 over the job's whole life; grows with every claim and never comes back.
    pub attempt: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The job is done.
    Succeeded,
    /// It is to be tried again after that many milliseconds.
    Retry {
        /// From now on.
        delay_ms: u64,
    },
    /// It is given up.
    Dead,
    /// It was never begun: the worker gives it back, and the attempt does not count as failed.
    Released,
    /// There is nothing to do any more, such as when its script was deleted.
    Cancelled,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Which one.
    pub held: Held,
    /// How.
    pub outcome: Outcome,
    /// What is kept of it; nothing for released ones.
    pub record: Option<Attempt>,
}

/// What is kept of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number.
    pub attempt: u32,
    /// Which worker made it.
    pub worker: String,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it printed, bounded by whoever wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// Which version of the script ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_version: Option<u64>,
}

/// How an attempt ended, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// Well.
    Succeeded,
    /// With an error.
    Failed,
    /// Its worker was lost; somebody else noticed.
    Lost,
    /// There was nothing to do.
    Skipped,
}

/// What is told of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// The envelope.
    pub job: Job,
    /// Where it stands.
    pub status: JobStatus,
    /// Attempts begun, over its whole life.
    pub attempts: u32,
    /// Failed attempts that count towards `tries`: since it was taken in or redriven.
    pub failed: u32,
    /// When it may run, in milliseconds since 1970; none when it may at once or no longer waits.
    pub run_at_ms: Option<i64>,
    /// When the last attempt began.
    pub started_ms: Option<i64>,
    /// When it ended for good.
    pub ended_ms: Option<i64>,
    /// The worker that holds it.
    pub worker: Option<String>,
    /// The last error.
    pub last_error: Option<String>,
}

impl JobRecord {
    /// As lists tell it: with at most that many bytes of its last error.
    pub(crate) fn for_list(mut self, most: usize) -> JobRecord {
        if let Some(error) = self.last_error.as_mut().filter(|error| error.len() > most) {
            error.truncate(error.floor_char_boundary(most));
            error.shrink_to_fit();
        }
        self
    }
}

/// Everything about one job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDetail {
    /// What lists tell.
    pub record: JobRecord,
    /// Its payload; none when it ended well and the payload was let go.
    pub payload: Option<Bytes>,
    /// Its attempts, oldest first; at most the `job_attempts` latest.
    pub attempts: Vec<Attempt>,
}

/// A change of a job that does not run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edit {
    /// Another payload.
    pub payload: Option<Bytes>,
    /// Another priority.
    pub priority: Option<i16>,
    /// Another queue.
    pub queue: Option<String>,
    /// Tries from now on.
    pub tries: Option<u32>,
    /// How long it waits from now on; at once when not given.
    pub delay_ms: u64,
}
