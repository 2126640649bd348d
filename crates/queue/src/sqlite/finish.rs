//! Ending attempts: by their workers, or for them when they were lost.

use super::error::QueueErrorExt as _;
use super::lane;
use super::row::{count, stored};
use super::schema::status_number;
use crate::{Attempt, AttemptOutcome, Finish, Held, JobStatus, Outcome, QueueError, QueueResult};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// What is needed to end an attempt.
pub(super) struct Ending {
    /// The wall clock.
    pub(super) now_ms: i64,
    /// Attempts that are kept of one job.
    pub(super) attempts_kept: usize,
}

/// A job whose attempt was ended just now.
struct Ended {
    seq: i64,
    queue: String,
    order_key: Option<String>,
}

fn ended_of(row: &Row<'_>) -> rusqlite::Result<Ended> {
    Ok(Ended { seq: row.get(0)?, queue: row.get(1)?, order_key: row.get(2)? })
}

impl Ending {
    /// Ends it when it is the job's latest and the job runs; tells whether it did.
    pub(super) fn finish(&self, connection: &Connection, finish: &Finish) -> QueueResult<bool> {
        let error = finish.record.as_ref().and_then(|record| record.error.as_deref());
        let end = |status, failed| self.end(connection, &finish.held, status, failed, error);
        let ended = match finish.outcome {
            Outcome::Succeeded => end(JobStatus::Succeeded, 0)?,
            Outcome::Dead => end(JobStatus::Dead, 1)?,
            Outcome::Cancelled => end(JobStatus::Cancelled, 0)?,
            Outcome::Retry { delay_ms } => self.wait_again(connection, &finish.held, delay_ms, 1, error)?,
            Outcome::Released => self.wait_again(connection, &finish.held, 0, 0, None)?,
        };
        let Some(ended) = ended else { return Ok(false) };
        match (&finish.outcome, &finish.record) {
            (Outcome::Released, _) | (_, None) => {}
            (_, Some(record)) => self.write_down(connection, ended.seq, finish.held.attempt, record)?,
        }
        if finish.outcome == Outcome::Succeeded {
            delete_payload(connection, ended.seq)?;
        }
        Ok(true)
    }

    /// Takes a job back whose attempt has had this beat for too long; nothing when it has another one by now.
    pub(super) fn take_back(&self, connection: &Connection, held: &Held, beat: i64) -> QueueResult<bool> {
        let lost: Option<(bool, Option<String>, Option<i64>)> = connection
            .prepare_cached(
                "SELECT failed + 1 < tries, worker, started_ms FROM job \
                 WHERE id = ? AND attempt = ? AND beat = ? AND status = 1",
            )
            .and_then(|mut statement| {
                let key = params![held.id.as_str(), held.attempt, beat];
                statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
            })
            .or_queue_error()?;
        let Some((may_be_tried, worker, started_ms)) = lost else { return Ok(false) };
        let record = Attempt {
            attempt: held.attempt,
            worker: worker.unwrap_or_default(),
            started_ms: started_ms.unwrap_or(self.now_ms),
            ended_ms: self.now_ms,
            outcome: AttemptOutcome::Lost,
            error: Some("Its worker was lost: it no longer renewed its lease.".to_owned()),
            output: String::new(),
            script_version: None,
        };
        let outcome = if may_be_tried { Outcome::Retry { delay_ms: 0 } } else { Outcome::Dead };
        self.finish(connection, &Finish { held: held.clone(), outcome, record: Some(record) })
    }

    fn end(
        &self,
        connection: &Connection,
        held: &Held,
        status: JobStatus,
        failed: u32,
        error: Option<&str>,
    ) -> QueueResult<Option<Ended>> {
        let ended = connection
            .prepare_cached(
                "UPDATE job SET status = ?3, ended_ms = ?4, worker = NULL, failed = failed + ?5, \
                 last_error = coalesce(?6, last_error) \
                 WHERE id = ?1 AND attempt = ?2 AND status = 1 RETURNING seq, queue, order_key",
            )
            .and_then(|mut statement| {
                let status = status_number(status);
                let values = params![held.id.as_str(), held.attempt, status, self.now_ms, failed, error];
                statement.query_row(values, ended_of).optional()
            })
            .or_queue_error()?;
        if let Some(Ended { queue, order_key: Some(key), .. }) = &ended {
            lane::pass_turn(connection, queue, key)?;
        }
        Ok(ended)
    }

    /// The job keeps its place.
    fn wait_again(
        &self,
        connection: &Connection,
        held: &Held,
        delay_ms: u64,
        failed: u32,
        error: Option<&str>,
    ) -> QueueResult<Option<Ended>> {
        let waits_from_ms = (delay_ms > 0).then_some(self.now_ms);
        let run_at_ms = waits_from_ms.map(|from| from.saturating_add(stored(delay_ms)));
        let ended = connection
            .prepare_cached(
                "UPDATE job SET status = 0, waits_from_ms = ?3, run_at_ms = ?4, worker = NULL, failed = failed + ?5, \
                 last_error = coalesce(?6, last_error) \
                 WHERE id = ?1 AND attempt = ?2 AND status = 1 RETURNING seq, queue, order_key",
            )
            .and_then(|mut statement| {
                let values = params![held.id.as_str(), held.attempt, waits_from_ms, run_at_ms, failed, error];
                statement.query_row(values, ended_of).optional()
            })
            .or_queue_error()?;
        if let Some(Ended { seq, queue, order_key: Some(key) }) = &ended {
            lane::stand_in_line(connection, queue, key, *seq)?;
        }
        Ok(ended)
    }

    fn write_down(&self, connection: &Connection, seq: i64, number: u32, attempt: &Attempt) -> QueueResult<()> {
        let record = serde_json::to_string(attempt).map_err(|error| QueueError::Refused(error.to_string()))?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO attempt (seq, attempt, record) VALUES (?, ?, ?)")
            .and_then(|mut statement| statement.execute(params![seq, number, record]))
            .or_queue_error()?;
        if usize::try_from(number).is_ok_and(|number| number <= self.attempts_kept) {
            return Ok(());
        }
        connection
            .prepare_cached(
                "DELETE FROM attempt WHERE seq = ?1 AND attempt <= \
                 (SELECT attempt FROM attempt WHERE seq = ?1 ORDER BY attempt DESC LIMIT 1 OFFSET ?2)",
            )
            .and_then(|mut statement| statement.execute(params![seq, count(self.attempts_kept)]))
            .or_queue_error()
            .map(|_count| ())
    }
}

/// The payload of a job that needs it no more.
pub(super) fn delete_payload(connection: &Connection, seq: i64) -> QueueResult<()> {
    connection
        .prepare_cached("DELETE FROM payload WHERE seq = ?")
        .and_then(|mut statement| statement.execute([seq]))
        .or_queue_error()
        .map(|_count| ())
}

/// Renews leases; gives those that are lost.
pub(super) fn renew(connection: &Connection, held: &[Held]) -> QueueResult<Vec<Held>> {
    let mut statement = connection
        .prepare_cached("UPDATE job SET beat = beat + 1 WHERE id = ? AND attempt = ? AND status = 1")
        .or_queue_error()?;
    let mut lost = Vec::new();
    for one in held {
        if statement.execute(params![one.id.as_str(), one.attempt]).or_queue_error()? == 0 {
            lost.push(one.clone());
        }
    }
    Ok(lost)
}
