//! Lost workers, clocks that were set back, and what may be forgotten.

use super::connections::Connections;
use super::finish::{Ending, Guarded};
use super::row::{id_at, status_number, stored, unsigned, value};
use crate::silences::Beat;
use crate::{Attempt, AttemptOutcome, Finish, Held, JobStatus, Outcome, QueueResult};
use antiphon_model::Limits;
use std::collections::HashSet;

/// Jobs that one statement forgets, so that none takes long.
const FORGOTTEN: i64 = 500;

/// Every attempt that runs.
pub(super) async fn running(connections: &Connections) -> QueueResult<Vec<Beat>> {
    let sql = "SELECT id::text, attempt, beat FROM antiphon_queue.job WHERE status = 1";
    let rows = connections.rows(sql, &[]).await?;
    rows.iter().map(|row| Ok((Held { id: id_at(row, 0)?, attempt: unsigned(row, 1)? }, value(row, 2)?))).collect()
}

/// Takes jobs back whose attempts have had these beats for too long; those that have another one by now stay. Tells how many.
pub(super) async fn take_back(ending: &Ending<'_>, lost: &[Beat]) -> QueueResult<usize> {
    let lost_beats: HashSet<&Beat> = lost.iter().collect();
    let ids: Vec<&str> = lost.iter().map(|(held, _beat)| held.id.as_str()).collect();
    let sql = "SELECT id::text, attempt, beat, failed + 1 < tries, coalesce(worker, ''), started_ms, \
        antiphon_queue.now_ms($2) FROM antiphon_queue.job WHERE status + 0 = 1 AND id = ANY ($1::text[]::uuid[])";
    let mut ends = Vec::new();
    for row in ending.connections.rows(sql, &[&ids, &ending.shift_ms]).await? {
        let held = Held { id: id_at(&row, 0)?, attempt: unsigned(&row, 1)? };
        let beat = (held.clone(), value(&row, 2)?);
        if !lost_beats.contains(&beat) {
            continue;
        }
        let now_ms = value(&row, 6)?;
        let record = Attempt {
            attempt: held.attempt,
            worker: value(&row, 4)?,
            started_ms: value::<Option<i64>>(&row, 5)?.unwrap_or(now_ms),
            ended_ms: now_ms,
            outcome: AttemptOutcome::Lost,
            error: Some("Its worker was lost: it no longer renewed its lease.".to_owned()),
            output: String::new(),
            script_version: None,
        };
        let outcome = if value(&row, 3)? { Outcome::Retry { delay_ms: 0 } } else { Outcome::Dead };
        ends.push(Guarded { finish: Finish { held, outcome, record: Some(record) }, beat: Some(beat.1) });
    }
    if ends.is_empty() {
        return Ok(0);
    }
    Ok(ending.end(&ends).await?.into_iter().filter(|is_ended| *is_ended).count())
}

/// Waits that begin in the future, since the clock was set back, begin now and are as long as before.
pub(super) async fn correct_waits(connections: &Connections, shift_ms: i64) -> QueueResult<()> {
    connections.rows("SELECT antiphon_queue.correct_waits($1)", &[&shift_ms]).await.map(drop)
}

/// Forgets what is kept long enough.
pub(super) async fn forget(connections: &Connections, limits: &Limits, shift_ms: i64) -> QueueResult<()> {
    let row = connections.row("SELECT antiphon_queue.now_ms($1)", &[&shift_ms]).await?;
    let now_ms: i64 = value(&row, 0)?;
    let known_before_ms = now_ms.saturating_sub(stored(limits.job_memory_ms));
    let kept = [
        (status_number(JobStatus::Succeeded), limits.job_keep_ended_ms),
        (status_number(JobStatus::Cancelled), limits.job_keep_ended_ms),
        (status_number(JobStatus::Dead), limits.job_keep_dead_ms),
        (super::row::FORGOTTEN, limits.job_memory_ms),
    ];
    for (status, keep_ms) in kept {
        let ended_before_ms = now_ms.saturating_sub(stored(keep_ms));
        loop {
            let sql = "SELECT antiphon_queue.forget($1, $2, $3, $4)";
            let row = connections.row(sql, &[&status, &ended_before_ms, &known_before_ms, &FORGOTTEN]).await?;
            if value::<i64>(&row, 0)? < FORGOTTEN {
                break;
            }
        }
    }
    Ok(())
}
