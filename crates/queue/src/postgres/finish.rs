//! Ending attempts: by their workers, or for them when they were lost.

use super::connections::Connections;
use super::row::{index_at, status_number, stored};
use crate::{Finish, JobStatus, Outcome, QueueError, QueueResult};
use std::collections::HashSet;

const FINISH: &str = "SELECT antiphon_queue.finish($1::text[]::uuid[], $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// What is needed to end attempts.
pub(super) struct Ending<'a> {
    pub(super) connections: &'a Connections,
    /// How far tests have moved the clock.
    pub(super) shift_ms: i64,
    /// Attempts that are kept of one job.
    pub(super) kept: usize,
}

/// The end of an attempt, and the beat that it must still have if one is given.
pub(super) struct Guarded {
    pub(super) finish: Finish,
    pub(super) beat: Option<i64>,
}

/// One attempt as the function takes it.
struct Entry<'a> {
    /// Its index in what was asked.
    index: usize,
    guarded: &'a Guarded,
    status: JobStatus,
    delay_ms: u64,
    failed: i64,
    error: Option<String>,
    record: Option<String>,
}

impl Ending<'_> {
    /// Ends all that are the latest attempt of a running job, with one statement; tells which.
    pub(super) async fn end(&self, ends: &[Guarded]) -> QueueResult<Vec<bool>> {
        let mut entries = entries(ends)?;
        // Rows are locked in this order by everybody, so that nobody waits for each other.
        entries.sort_by(|one, other| one.guarded.finish.held.id.cmp(&other.guarded.finish.held.id));
        let kept = i32::try_from(self.kept).unwrap_or(i32::MAX);
        let done = self
            .connections
            .rows(
                FINISH,
                &[
                    &column(&entries, |entry| entry.guarded.finish.held.id.as_str()),
                    &column(&entries, |entry| i64::from(entry.guarded.finish.held.attempt)),
                    &column(&entries, |entry| entry.guarded.beat),
                    &column(&entries, |entry| status_number(entry.status)),
                    &column(&entries, |entry| stored(entry.delay_ms)),
                    &column(&entries, |entry| entry.failed),
                    &column(&entries, |entry| entry.error.as_deref()),
                    &column(&entries, |entry| entry.record.as_deref()),
                    &kept,
                    &self.shift_ms,
                ],
            )
            .await?;
        let mut ended = vec![false; ends.len()];
        for row in &done {
            let entry = entries.get(index_at(row, 0)?);
            if let Some(place) = entry.and_then(|entry| ended.get_mut(entry.index)) {
                *place = true;
            }
        }
        Ok(ended)
    }
}

/// The entries of a call, the first one of each attempt only.
fn entries(ends: &[Guarded]) -> QueueResult<Vec<Entry<'_>>> {
    let mut seen = HashSet::new();
    ends.iter()
        .enumerate()
        .filter(|(_index, guarded)| seen.insert(&guarded.finish.held))
        .map(|(index, guarded)| entry(index, guarded))
        .collect()
}

fn entry(index: usize, guarded: &Guarded) -> QueueResult<Entry<'_>> {
    let finish = &guarded.finish;
    let (status, delay_ms, failed) = match finish.outcome {
        Outcome::Succeeded => (JobStatus::Succeeded, 0, 0),
        Outcome::Dead => (JobStatus::Dead, 0, 1),
        Outcome::Cancelled => (JobStatus::Cancelled, 0, 0),
        Outcome::Retry { delay_ms } => (JobStatus::Waiting, delay_ms, 1),
        Outcome::Released => (JobStatus::Waiting, 0, 0),
    };
    let record = finish.record.as_ref().filter(|_record| finish.outcome != Outcome::Released);
    let text = record.map(serde_json::to_string).transpose();
    Ok(Entry {
        index,
        guarded,
        status,
        delay_ms,
        failed,
        // The one character that PostgreSQL can't store; the record has it escaped.
        error: record.and_then(|record| record.error.as_ref()).map(|error| error.replace('\0', "\u{fffd}")),
        record: text
            .map_err(|error| QueueError::Refused(format!("the record of an attempt can't be written: {error}")))?,
    })
}

/// One value of each entry.
fn column<'a, T>(entries: &'a [Entry<'a>], value: impl Fn(&'a Entry<'a>) -> T) -> Vec<T> {
    entries.iter().map(value).collect()
}
