//! Lanes and turns: which jobs may go on alike, and which job of an order key may go on at all.

use super::error::QueueErrorExt as _;
use crate::QueueResult;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The lane of such jobs; made when there is none.
pub(super) fn of(connection: &Connection, queue: &str, script: &str, concurrency: Option<u32>) -> QueueResult<i64> {
    let script = concurrency.map_or("", |_limit| script);
    let key = params![queue, script, concurrency.unwrap_or(0)];
    let found = connection
        .prepare_cached("SELECT lane FROM lane WHERE queue = ? AND script = ? AND concurrency = ?")
        .and_then(|mut statement| statement.query_row(key, |row| row.get(0)).optional())
        .or_queue_error()?;
    if let Some(lane) = found {
        return Ok(lane);
    }
    connection
        .prepare_cached("INSERT INTO lane (queue, script, concurrency) VALUES (?, ?, ?)")
        .and_then(|mut statement| statement.insert(key))
        .or_queue_error()
}

/// Lets go of lanes in which nothing waits or runs.
pub(super) fn forget_empty(connection: &Connection) -> QueueResult<()> {
    connection
        .prepare_cached(
            "DELETE FROM lane WHERE \
             NOT EXISTS (SELECT 1 FROM job WHERE job.lane = lane.lane AND status = 0 AND run_at_ms IS NULL) \
             AND lane NOT IN (SELECT lane FROM job WHERE status = 0 AND run_at_ms IS NOT NULL) \
             AND lane NOT IN (SELECT lane FROM job WHERE status = 1)",
        )
        .and_then(|mut statement| statement.execute([]))
        .or_queue_error()
        .map(|_count| ())
}

/// Whether a new job of that key must wait for its turn: it is behind all others.
pub(super) fn is_behind(connection: &Connection, queue: &str, order_key: &str) -> QueueResult<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM job WHERE queue = ? AND order_key = ? AND status IN (0, 1))")
        .and_then(|mut statement| statement.query_row([queue, order_key], |row| row.get(0)))
        .or_queue_error()
}

/// Gives the turn of that key to its earliest job, after the one that had it ended or left.
pub(super) fn pass_turn(connection: &Connection, queue: &str, order_key: &str) -> QueueResult<()> {
    connection
        .prepare_cached(
            "UPDATE job SET blocked = 0 WHERE seq = (SELECT seq FROM job \
             WHERE queue = ? AND order_key = ? AND status IN (0, 1) ORDER BY seq LIMIT 1)",
        )
        .and_then(|mut statement| statement.execute([queue, order_key]))
        .or_queue_error()
        .map(|_count| ())
}

/// Puts the job at `seq`, which waits from now on, into the line of its key: behind whoever runs, otherwise by its place. It may be the
/// first, so that the one that had the turn has to wait.
pub(super) fn stand_in_line(connection: &Connection, queue: &str, order_key: &str, seq: i64) -> QueueResult<()> {
    connection
        .prepare_cached(
            "UPDATE job SET blocked = seq <> (SELECT min(seq) FROM job \
             WHERE queue = ?1 AND order_key = ?2 AND status IN (0, 1)) OR ?4 \
             WHERE seq IN (SELECT seq FROM (SELECT seq FROM job \
             WHERE queue = ?1 AND order_key = ?2 AND status IN (0, 1) ORDER BY seq LIMIT 2) UNION SELECT ?3) \
             AND status = 0",
        )
        .and_then(|mut statement| {
            let is_run = is_run(connection, queue, order_key)?;
            statement.execute(params![queue, order_key, seq, is_run])
        })
        .or_queue_error()
        .map(|_count| ())
}

/// Whether a job of that key runs. Looks at all that run, which are few.
fn is_run(connection: &Connection, queue: &str, order_key: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM job WHERE status = 1 AND +queue = ? AND +order_key = ?)")?
        .query_row([queue, order_key], |row| row.get(0))
}
