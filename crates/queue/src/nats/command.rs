//! What stands in the log: commands, which every process applies in the same order to the same state, and what comes of them.

use super::blob::Blob;
use crate::{Attempt, Enqueued, Finish, Held, Job, JobId};
use serde::{Deserialize, Serialize};

/// The form of the log. A process that meets a higher one was left behind by an upgrade and must not go on.
pub const VERSION: u32 = 1;

/// Commands of one process that were written together.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Its form.
    pub version: u32,
    /// The process, by a name made for this run.
    pub by: String,
    /// The commands, each with the number that its process gave it.
    pub commands: Vec<(u64, Command)>,
}

impl Message {
    /// The bytes of a message with these commands, which are written already.
    pub fn bytes(by: &str, commands: &[(u64, String)]) -> Vec<u8> {
        let mut text = format!("{{\"version\":{VERSION},\"by\":\"{by}\",\"commands\":[");
        for (place, (number, command)) in commands.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            text.push_str(&format!("{comma}[{number},{command}]"));
        }
        text.push_str("]}");
        text.into_bytes()
    }
}

/// One change. Whatever depends on clocks or limits is decided by whoever proposes it and stands in the command, so that all processes
/// come to the same state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Command {
    /// Takes jobs in.
    Enqueue { now_ms: i64, jobs: Vec<Arriving> },
    /// Hands jobs out.
    Claim { now_ms: i64, worker: String, queues: Vec<String>, most: usize },
    /// Tells that these are still worked on.
    Renew { held: Vec<Held> },
    /// Ends attempts.
    Finish { now_ms: i64, keep: usize, ends: Vec<Finish> },
    /// Takes jobs back from lost workers.
    TakeBack { now_ms: i64, keep: usize, silent: Vec<Silent> },
    /// Takes a job out.
    Cancel { now_ms: i64, id: JobId },
    /// Changes a job or lets it run again.
    Redrive { now_ms: i64, id: JobId, change: Change },
    /// Forgets an ended job.
    Discard { id: JobId },
    /// Holds a queue or lets it go on.
    Pause { queue: String, is_paused: bool },
    /// Forgets those of these ended jobs, told by arrival, that have ended by `until_ms`, and the identifiers of what ended before.
    Forget { jobs: Vec<(u64, i64)>, identifiers_until_ms: i64 },
    /// Shortens waits to what they were meant to be.
    Correct { now_ms: i64, jobs: Vec<u64> },
    /// From now on nothing refers to data below that sequence.
    Floor { sequence: u64 },
    /// Data was written again elsewhere.
    Move { moves: Vec<Moved> },
    /// Space is set aside for the log when nothing else fits, or was used up.
    Reserve { is_there: bool },
    /// The log up to here is summed up elsewhere, in so many bytes.
    Saved { bytes: usize },
    /// A piece of a command that is too large for one message; the last one to arrive brings it about, as the command `number`.
    Part { number: u64, index: usize, total: usize, text: String },
}

/// A job to be taken in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arriving {
    /// The envelope.
    pub job: Job,
    /// Where its payload is.
    pub payload: Blob,
}

/// An attempt of which nothing was heard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Silent {
    /// The attempt.
    pub held: Held,
    /// The last sign of life that was seen.
    pub beat: u64,
}

/// See [`crate::Edit`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    pub payload: Option<Blob>,
    pub priority: Option<i16>,
    pub queue: Option<String>,
    pub tries: Option<u32>,
    pub delay_ms: u64,
}

/// Data of a job that was written again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Moved {
    /// The job, by its arrival.
    pub arrival: u64,
    /// Where its payload was.
    pub from: Blob,
    /// Where it is, too.
    pub to: Blob,
}

/// What came of a command.
#[derive(Debug, Clone)]
pub enum Reply {
    /// What came of each job.
    Enqueued(Vec<Enqueued>),
    /// The jobs given, by arrival.
    Claimed(Vec<Given>),
    /// Attempts that are no longer the latest.
    Lost(Vec<Held>),
    /// Whether each attempt was ended.
    Finished(Vec<bool>),
    /// Whether it was done.
    Done(bool),
    /// How many were concerned.
    Count(usize),
    /// It refers to data that may have gone: to be done again with new data.
    Again,
}

/// A job that was handed out.
#[derive(Debug, Clone)]
pub struct Given {
    /// The envelope.
    pub job: Job,
    /// Where its payload is.
    pub payload: Blob,
    /// The attempt.
    pub held: Held,
    /// How often it had failed before.
    pub failed: u32,
}

/// An attempt whose worker was lost.
pub fn lost(attempt: u32, worker: String, started_ms: i64, ended_ms: i64) -> Attempt {
    Attempt {
        attempt,
        worker,
        started_ms,
        ended_ms,
        outcome: crate::AttemptOutcome::Lost,
        error: Some("The worker that ran this was not heard of for longer than its lease.".to_owned()),
        output: String::new(),
        script_version: None,
    }
}
