//! Lost workers, clocks that were set back, and what may be forgotten.

use super::error::QueueErrorExt as _;
use super::row::{count, stored};
use super::schema::status_number;
use super::{change, lane};
use crate::silences::Beat;
use crate::{Held, JobId, JobStatus, QueueResult};
use antiphon_model::Limits;
use rusqlite::{Connection, params};

/// Jobs that one transaction forgets.
const FORGOTTEN: usize = 500;

/// Every attempt that runs.
pub(super) fn running(connection: &Connection) -> QueueResult<Vec<Beat>> {
    let mut statement =
        connection.prepare_cached("SELECT id, attempt, beat FROM job WHERE status = 1").or_queue_error()?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)));
    let mut running = Vec::new();
    for row in rows.or_queue_error()? {
        let (id, attempt, beat) = row.or_queue_error()?;
        running.extend(JobId::parse(&id).map(|id| (Held { id, attempt }, beat)));
    }
    Ok(running)
}

/// Waits that begin in the future, since the clock was set back, begin now and are as long as before.
pub(super) fn correct_waits(connection: &Connection, now_ms: i64) -> QueueResult<()> {
    connection
        .prepare_cached(
            "UPDATE job SET run_at_ms = ?1 + (run_at_ms - waits_from_ms), waits_from_ms = ?1 \
             WHERE status = 0 AND run_at_ms IS NOT NULL AND waits_from_ms > ?1",
        )
        .and_then(|mut statement| statement.execute([now_ms]))
        .or_queue_error()
        .map(|_count| ())
}

/// Forgets some of what is kept long enough; tells whether there may be more of it.
pub(super) fn forget(connection: &Connection, limits: &Limits, now_ms: i64) -> QueueResult<bool> {
    let kept = [
        (JobStatus::Succeeded, limits.job_keep_ended_ms),
        (JobStatus::Cancelled, limits.job_keep_ended_ms),
        (JobStatus::Dead, limits.job_keep_dead_ms),
    ];
    let mut may_be_more = false;
    for (status, keep_ms) in kept {
        let ids = ended_before(connection, status, now_ms.saturating_sub(stored(keep_ms)))?;
        may_be_more |= ids.len() == FORGOTTEN;
        for id in ids {
            change::discard(connection, &id, stored(limits.job_memory_ms))?;
        }
    }
    let unknown = connection
        .prepare_cached("DELETE FROM known WHERE id IN (SELECT id FROM known WHERE until_ms < ? LIMIT ?)")
        .and_then(|mut statement| statement.execute(params![now_ms, count(FORGOTTEN)]))
        .or_queue_error()?;
    lane::forget_empty(connection)?;
    Ok(may_be_more || unknown == FORGOTTEN)
}

fn ended_before(connection: &Connection, status: JobStatus, moment_ms: i64) -> QueueResult<Vec<JobId>> {
    let ids: rusqlite::Result<Vec<String>> = connection
        .prepare_cached(
            "SELECT id FROM job WHERE status = ? AND ended_ms IS NOT NULL AND ended_ms < ? ORDER BY ended_ms LIMIT ?",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![status_number(status), moment_ms, count(FORGOTTEN)], |row| row.get(0))?
                .collect()
        });
    Ok(ids.or_queue_error()?.iter().filter_map(|id| JobId::parse(id)).collect())
}
