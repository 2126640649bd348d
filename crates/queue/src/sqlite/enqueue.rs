//! Taking jobs in.

use super::error::QueueErrorExt as _;
use super::lane;
use super::row::stored;
use crate::{Enqueued, JobId, NewJob, QueueResult};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Takes them in, in that order.
pub(super) fn enqueue(connection: &Connection, jobs: &[NewJob], now_ms: i64) -> QueueResult<Vec<Enqueued>> {
    jobs.iter().map(|new| enqueue_one(connection, new, now_ms)).collect()
}

fn enqueue_one(connection: &Connection, new: &NewJob, now_ms: i64) -> QueueResult<Enqueued> {
    if is_known(connection, &new.job.id)? {
        return Ok(Enqueued::Known);
    }
    if let Some(other) = duplicate(connection, new)? {
        return Ok(Enqueued::Duplicate(other));
    }
    insert(connection, new, now_ms)?;
    Ok(Enqueued::Stored)
}

fn is_known(connection: &Connection, id: &JobId) -> QueueResult<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM job WHERE id = ?1) OR EXISTS (SELECT 1 FROM known WHERE id = ?1)")
        .and_then(|mut statement| statement.query_row([id.as_str()], |row| row.get(0)))
        .or_queue_error()
}

fn duplicate(connection: &Connection, new: &NewJob) -> QueueResult<Option<JobId>> {
    let Some(key) = &new.job.dedup_key else { return Ok(None) };
    let other: Option<String> = connection
        .prepare_cached("SELECT id FROM job WHERE queue = ?1 AND dedup_key = ?2 AND status IN (0, 1) LIMIT 1")
        .and_then(|mut statement| statement.query_row([&new.job.queue, key], |row| row.get(0)).optional())
        .or_queue_error()?;
    Ok(other.and_then(|id| JobId::parse(&id)))
}

fn insert(connection: &Connection, new: &NewJob, now_ms: i64) -> QueueResult<()> {
    let job = &new.job;
    let lane = lane::of(connection, &job.queue, &job.script, job.concurrency)?;
    let is_blocked = match &job.order_key {
        Some(key) => lane::is_behind(connection, &job.queue, key)?,
        None => false,
    };
    let delay_ms = stored(job.delay_ms);
    let waits_from_ms = (delay_ms > 0).then_some(now_ms);
    let run_at_ms = waits_from_ms.map(|from| from.saturating_add(delay_ms));
    connection
        .prepare_cached(
            "INSERT INTO job (id, status, lane, queue, script, event, priority, delay_ms, order_key, blocked, \
             dedup_key, concurrency, tries, backoff_ms, backoff_max_ms, created_ms, attempt, failed, beat, \
             waits_from_ms, run_at_ms) \
             VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                job.id.as_str(),
                lane,
                job.queue,
                job.script,
                job.event,
                job.priority,
                delay_ms,
                job.order_key,
                is_blocked,
                job.dedup_key,
                job.concurrency,
                job.tries,
                stored(job.backoff_ms),
                stored(job.backoff_max_ms),
                job.created_ms,
                waits_from_ms,
                run_at_ms,
            ])
        })
        .or_queue_error()?;
    connection
        .prepare_cached("INSERT INTO payload (seq, bytes) VALUES (?, ?)")
        .and_then(|mut statement| statement.execute(params![connection.last_insert_rowid(), &new.payload[..]]))
        .or_queue_error()
        .map(|_one| ())
}
