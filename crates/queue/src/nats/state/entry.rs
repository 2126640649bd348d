//! One job, as all processes know it.

use super::super::blob::Blob;
use super::super::command::{Arriving, Change, Given, lost};
use crate::{Attempt, Finish, Held, Job, JobRecord, JobStatus, Outcome};
use serde::{Deserialize, Serialize};

/// A job and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the order in which jobs were taken in.
    pub arrival: u64,
    /// The envelope.
    pub job: Job,
    /// Where its payload is; none when it was let go.
    pub payload: Option<Blob>,
    /// Where it stands.
    pub status: JobStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// Failed ones since it was taken in or redriven.
    pub failed: u32,
    /// When its wait ends; none when it does not wait for a time.
    pub run_at_ms: Option<i64>,
    /// How long that wait was meant to be.
    pub wait_ms: u64,
    /// When the last attempt began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Who holds it.
    pub worker: Option<String>,
    /// The last error.
    pub last_error: Option<String>,
    /// Signs of life of the attempt that runs.
    pub beat: u64,
    /// Its latest attempts.
    pub history: Vec<Attempt>,
}

impl Entry {
    /// One that was just taken in.
    pub fn new(arrival: u64, now_ms: i64, arriving: Arriving) -> Entry {
        let delay_ms = arriving.job.delay_ms;
        let mut entry = Entry {
            arrival,
            job: arriving.job,
            payload: Some(arriving.payload),
            status: JobStatus::Waiting,
            attempts: 0,
            failed: 0,
            run_at_ms: None,
            wait_ms: 0,
            started_ms: None,
            ended_ms: None,
            worker: None,
            last_error: None,
            beat: 0,
            history: Vec::new(),
        };
        entry.wait(now_ms, delay_ms);
        entry
    }

    /// Whether it waits or runs.
    pub fn is_open(&self) -> bool {
        matches!(self.status, JobStatus::Waiting | JobStatus::Running)
    }

    /// Whether it runs, and this is the attempt.
    pub fn is_held_by(&self, held: &Held) -> bool {
        self.status == JobStatus::Running && self.attempts == held.attempt
    }

    /// Roughly what it takes in memory, with its places in the indexes.
    pub fn bytes(&self) -> usize {
        let job = &self.job;
        let keys = job.order_key.as_ref().map_or(0, String::len) + job.dedup_key.as_ref().map_or(0, String::len);
        let history: usize =
            self.history.iter().map(|one| 150 + one.output.len() + one.error.as_ref().map_or(0, String::len)).sum();
        let error = self.last_error.as_ref().map_or(0, String::len);
        800 + 2 * (job.queue.len() + job.script.len() + keys) + job.event.len() + history + error
    }

    /// Begins the next attempt.
    pub fn begin(&mut self, now_ms: i64, worker: &str) -> Given {
        self.status = JobStatus::Running;
        self.attempts += 1;
        self.beat = 0;
        self.started_ms = Some(now_ms);
        self.worker = Some(worker.to_owned());
        Given {
            job: self.job.clone(),
            payload: self.payload.clone().unwrap_or_default(),
            held: Held { id: self.job.id.clone(), attempt: self.attempts },
            failed: self.failed,
        }
    }

    /// Ends the attempt that runs.
    pub fn finish(&mut self, now_ms: i64, keep: usize, end: Finish) {
        if let Some(record) = end.record {
            self.remember(record, keep);
        }
        match end.outcome {
            Outcome::Succeeded => {
                self.payload = None;
                self.end(JobStatus::Succeeded, now_ms);
            }
            Outcome::Retry { delay_ms } => {
                self.failed += 1;
                self.wait(now_ms, delay_ms);
            }
            Outcome::Dead => {
                self.failed += 1;
                self.end(JobStatus::Dead, now_ms);
            }
            Outcome::Released => self.wait(now_ms, 0),
            Outcome::Cancelled => self.end(JobStatus::Cancelled, now_ms),
        }
    }

    /// Takes it back from a worker that was lost.
    pub fn take_back(&mut self, now_ms: i64, keep: usize) {
        let worker = self.worker.clone().unwrap_or_default();
        self.remember(lost(self.attempts, worker, self.started_ms.unwrap_or(now_ms), now_ms), keep);
        self.failed += 1;
        if self.failed >= self.job.tries {
            self.end(JobStatus::Dead, now_ms);
        } else {
            self.wait(now_ms, 0);
        }
    }

    /// Ends it for good.
    pub fn end(&mut self, status: JobStatus, now_ms: i64) {
        self.status = status;
        self.ended_ms = Some(now_ms);
        self.run_at_ms = None;
        self.worker = None;
    }

    /// Changes it, and lets it wait again when it had ended.
    pub fn change(&mut self, now_ms: i64, change: Change) {
        if let Some(payload) = change.payload {
            self.payload = Some(payload);
        }
        if let Some(priority) = change.priority {
            self.job.priority = priority;
        }
        if let Some(queue) = change.queue {
            self.job.queue = queue;
        }
        if let Some(tries) = change.tries {
            self.job.tries = tries;
        }
        if self.status != JobStatus::Waiting {
            self.failed = 0;
        }
        self.wait(now_ms, change.delay_ms);
    }

    /// What lists tell.
    pub fn record(&self, now_ms: i64) -> JobRecord {
        JobRecord {
            job: self.job.clone(),
            status: self.status,
            attempts: self.attempts,
            failed: self.failed,
            run_at_ms: self.run_at_ms.filter(|at| *at > now_ms),
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            worker: self.worker.clone(),
            last_error: self.last_error.clone(),
        }
    }

    fn wait(&mut self, now_ms: i64, delay_ms: u64) {
        self.status = JobStatus::Waiting;
        self.wait_ms = delay_ms;
        self.run_at_ms = (delay_ms > 0).then(|| now_ms.saturating_add_unsigned(delay_ms));
        self.ended_ms = None;
        self.worker = None;
    }

    fn remember(&mut self, record: Attempt, keep: usize) {
        if record.error.is_some() {
            self.last_error.clone_from(&record.error);
        }
        self.history.push(record);
        let surplus = self.history.len().saturating_sub(keep);
        self.history.drain(..surplus);
    }
}
