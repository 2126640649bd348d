//! Lost workers, clocks that were set back, and what may be forgotten.

use super::error::QueueErrorExt as _;
use super::row::{count, stored};
use super::schema::status_number;
use super::{change, lane};
use crate::{Held, JobId, JobStatus, QueueResult};
use antiphon_model::Limits;
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Jobs that one transaction forgets.
const FORGOTTEN: usize = 500;

/// An attempt that runs, with the beat of its last renewal.
pub(super) type Beat = (Held, i64);

/// Since when this process has seen which attempt without a renewal, by its monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Silences {
    since: HashMap<Held, (i64, Instant)>,
}

impl Silences {
    /// Takes note of all attempts that run at `now`; gives those that were silent for `lease`.
    pub(super) fn observe(&mut self, running: Vec<Beat>, now: Instant, lease: Duration) -> Vec<Beat> {
        let mut since = HashMap::with_capacity(running.len());
        let mut lost = Vec::new();
        for (held, beat) in running {
            let first_seen = match self.since.get(&held) {
                Some((known, first_seen)) if *known == beat => *first_seen,
                _ => now,
            };
            if now.duration_since(first_seen) >= lease {
                lost.push((held.clone(), beat));
            }
            since.insert(held, (beat, first_seen));
        }
        self.since = since;
        lost
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn held(attempt: u32) -> Held {
        Held { id: JobId::of_moment("a job", 0), attempt }
    }

    #[test]
    fn silence_counts_from_the_first_look_and_renewals_begin_it_anew() {
        let mut silences = Silences::default();
        let start = Instant::now();
        assert_eq!(silences.observe(vec![(held(1), 0)], start, LEASE), []);
        let later = start + LEASE - Duration::from_millis(1);
        assert_eq!(silences.observe(vec![(held(1), 1)], later, LEASE), [], "renewed");
        assert_eq!(silences.observe(vec![(held(1), 1)], start + LEASE, LEASE), [], "silent for 1 ms");
        assert_eq!(silences.observe(vec![(held(1), 1)], later + LEASE, LEASE), [(held(1), 1)]);
    }

    #[test]
    fn another_attempt_has_a_silence_of_its_own() {
        let mut silences = Silences::default();
        let start = Instant::now();
        silences.observe(vec![(held(1), 0)], start, LEASE);
        assert_eq!(silences.observe(vec![(held(2), 0)], start + LEASE, LEASE), []);
        assert_eq!(silences.observe(Vec::new(), start + LEASE, LEASE), []);
        assert_eq!(silences.observe(vec![(held(2), 0)], start + 2 * LEASE, LEASE), [], "it did not run in between");
    }
}
