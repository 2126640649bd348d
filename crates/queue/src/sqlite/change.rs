//! What people do to jobs and queues.

use super::error::QueueErrorExt as _;
use super::finish::delete_payload;
use super::lane;
use super::row::stored;
use crate::{Edit, JobId, QueueResult};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Takes a waiting or running job out.
pub(super) fn cancel(connection: &Connection, id: &JobId, now_ms: i64) -> QueueResult<bool> {
    let left: Option<(String, Option<String>, bool)> = connection
        .prepare_cached(
            "UPDATE job SET status = 4, ended_ms = ?2, waits_from_ms = NULL, run_at_ms = NULL, worker = NULL \
             WHERE id = ?1 AND status IN (0, 1) RETURNING queue, order_key, blocked",
        )
        .and_then(|mut statement| {
            let values = params![id.as_str(), now_ms];
            statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
        })
        .or_queue_error()?;
    if let Some((queue, Some(key), false)) = &left {
        lane::pass_turn(connection, queue, key)?;
    }
    Ok(left.is_some())
}

/// A job that does not run and has not succeeded.
struct Redrivable {
    seq: i64,
    is_waiting: bool,
    queue: String,
    script: String,
    concurrency: Option<u32>,
    order_key: Option<String>,
    is_blocked: bool,
}

/// Changes a waiting job, or lets one that is dead or cancelled wait again.
pub(super) fn redrive(connection: &Connection, id: &JobId, edit: &Edit, now_ms: i64) -> QueueResult<bool> {
    let Some(job) = redrivable(connection, id)? else { return Ok(false) };
    let queue = edit.queue.as_deref().unwrap_or(&job.queue);
    let stays_in_line = job.is_waiting && queue == job.queue;
    let lane = lane::of(connection, queue, &job.script, job.concurrency)?;
    let waits_from_ms = (edit.delay_ms > 0).then_some(now_ms);
    let run_at_ms = waits_from_ms.map(|from| from.saturating_add(stored(edit.delay_ms)));
    connection
        .prepare_cached(
            "UPDATE job SET status = 0, lane = ?2, queue = ?3, priority = coalesce(?4, priority), \
             tries = coalesce(?5, tries), waits_from_ms = ?6, run_at_ms = ?7, failed = 0, ended_ms = NULL WHERE seq = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![job.seq, lane, queue, edit.priority, edit.tries, waits_from_ms, run_at_ms])
        })
        .or_queue_error()?;
    if let Some(payload) = &edit.payload {
        connection
            .prepare_cached("INSERT OR REPLACE INTO payload (seq, bytes) VALUES (?, ?)")
            .and_then(|mut statement| statement.execute(params![job.seq, &payload[..]]))
            .or_queue_error()?;
    }
    if let Some(key) = &job.order_key
        && !stays_in_line
    {
        lane::stand_in_line(connection, queue, key, job.seq)?;
        if job.is_waiting && !job.is_blocked {
            lane::pass_turn(connection, &job.queue, key)?;
        }
    }
    Ok(true)
}

fn redrivable(connection: &Connection, id: &JobId) -> QueueResult<Option<Redrivable>> {
    connection
        .prepare_cached(
            "SELECT seq, status = 0, queue, script, concurrency, order_key, blocked FROM job \
             WHERE id = ? AND status IN (0, 3, 4)",
        )
        .and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(Redrivable {
                    seq: row.get(0)?,
                    is_waiting: row.get(1)?,
                    queue: row.get(2)?,
                    script: row.get(3)?,
                    concurrency: row.get(4)?,
                    order_key: row.get(5)?,
                    is_blocked: row.get(6)?,
                })
            };
            statement.query_row([id.as_str()], read).optional()
        })
        .or_queue_error()
}

/// Forgets an ended job but for its identifier, which stays known until `memory_ms` after its end.
pub(super) fn discard(connection: &Connection, id: &JobId, memory_ms: i64) -> QueueResult<bool> {
    let ended: Option<(i64, i64)> = connection
        .prepare_cached("DELETE FROM job WHERE id = ? AND status IN (2, 3, 4) RETURNING seq, ended_ms")
        .and_then(|mut statement| statement.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .or_queue_error()?;
    let Some((seq, ended_ms)) = ended else { return Ok(false) };
    delete_payload(connection, seq)?;
    connection
        .prepare_cached("DELETE FROM attempt WHERE seq = ?")
        .and_then(|mut statement| statement.execute([seq]))
        .or_queue_error()?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO known (id, until_ms) VALUES (?, ?)")
        .and_then(|mut statement| statement.execute(params![id.as_str(), ended_ms.saturating_add(memory_ms)]))
        .or_queue_error()?;
    Ok(true)
}

/// Holds a queue or lets it go on.
pub(super) fn pause(connection: &Connection, queue: &str, is_paused: bool) -> QueueResult<()> {
    let sql = if is_paused {
        "INSERT OR IGNORE INTO paused (queue) VALUES (?)"
    } else {
        "DELETE FROM paused WHERE queue = ?"
    };
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([queue]))
        .or_queue_error()
        .map(|_count| ())
}
