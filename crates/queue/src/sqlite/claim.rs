//! Handing jobs out.

use super::error::QueueErrorExt as _;
use super::finish::Ending;
use super::row::{JOB_COLUMNS, count, job_columns, job_of};
use crate::{Attempt, AttemptOutcome, ClaimRequest, Claimed, Finish, Held, Outcome, QueueResult};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Most jobs whose time has come that one claim brings in, so that none takes long; with more, the longest due are first.
const PROMOTED: i64 = 5_000;

/// A lane that the request may take from.
struct Lane {
    lane: i64,
    script: String,
    /// 0 when there is no limit.
    concurrency: usize,
}

/// Marks up to `most` jobs as running and gives them. `ending` ends those that hold nothing.
pub(super) fn claim(connection: &Connection, request: &ClaimRequest, ending: &Ending) -> QueueResult<Vec<Claimed>> {
    promote(connection, ending.now_ms)?;
    let chosen = choose(connection, request)?.into_iter();
    chosen.filter_map(|seq| hold(connection, seq, &request.worker, ending).transpose()).collect()
}

/// Jobs whose time has come no longer wait for it, whatever the clock says later.
fn promote(connection: &Connection, now_ms: i64) -> QueueResult<()> {
    connection
        .prepare_cached(
            "UPDATE job SET run_at_ms = NULL, waits_from_ms = NULL WHERE seq IN (SELECT seq FROM job \
             WHERE status = 0 AND run_at_ms IS NOT NULL AND run_at_ms <= ? ORDER BY run_at_ms LIMIT ?)",
        )
        .and_then(|mut statement| statement.execute(params![now_ms, PROMOTED]))
        .or_queue_error()
        .map(|_count| ())
}

/// The first jobs of all lanes together, within the limits of their scripts.
fn choose(connection: &Connection, request: &ClaimRequest) -> QueueResult<Vec<i64>> {
    let lanes = lanes(connection, &request.queues)?;
    let is_limited = lanes.iter().any(|lane| lane.concurrency > 0);
    let mut running = if is_limited { running_by_script(connection)? } else { HashMap::new() };
    let mut heads = Vec::new();
    for lane in &lanes {
        let most = if lane.concurrency == 0 {
            request.most
        } else {
            request.most.min(lane.concurrency.saturating_sub(running.get(&lane.script).copied().unwrap_or(0)))
        };
        for (priority, seq) in head(connection, lane.lane, most)? {
            heads.push((Reverse(priority), seq, lane));
        }
    }
    heads.sort_unstable_by_key(|(priority, seq, _lane)| (*priority, *seq));
    let mut chosen = Vec::new();
    for (_priority, seq, lane) in heads {
        if chosen.len() == request.most {
            break;
        }
        if is_limited {
            // Several lanes may have jobs of one script: in other queues, with other limits, or with none.
            let script = if lane.concurrency > 0 { lane.script.clone() } else { script_of(connection, seq)? };
            let of_script = running.entry(script).or_default();
            if lane.concurrency > 0 && *of_script >= lane.concurrency {
                continue;
            }
            *of_script += 1;
        }
        chosen.push(seq);
    }
    Ok(chosen)
}

fn lanes(connection: &Connection, queues: &[String]) -> QueueResult<Vec<Lane>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT queue, lane, script, concurrency FROM lane WHERE queue NOT IN (SELECT queue FROM paused)",
        )
        .or_queue_error()?;
    let mut rows = statement.query([]).or_queue_error()?;
    let mut lanes = Vec::new();
    while let Some(row) = rows.next().or_queue_error()? {
        let queue = row.get_ref(0).and_then(|text| Ok(text.as_str()?)).or_queue_error()?;
        if !queues.is_empty() && !queues.iter().any(|served| served == queue) {
            continue;
        }
        let (lane, script) = (row.get(1).or_queue_error()?, row.get(2).or_queue_error()?);
        lanes.push(Lane { lane, script, concurrency: row.get(3).map(limit).or_queue_error()? });
    }
    Ok(lanes)
}

fn limit(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn running_by_script(connection: &Connection) -> QueueResult<HashMap<String, usize>> {
    connection
        .prepare_cached("SELECT script, count(*) FROM job WHERE status = 1 GROUP BY script")
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, limit(row.get(1)?))))?.collect())
        .or_queue_error()
}

fn script_of(connection: &Connection, seq: i64) -> QueueResult<String> {
    connection
        .prepare_cached("SELECT script FROM job WHERE seq = ?")
        .and_then(|mut statement| statement.query_row([seq], |row| row.get(0)))
        .or_queue_error()
}

/// The next jobs of one lane: priority and place.
fn head(connection: &Connection, lane: i64, most: usize) -> QueueResult<Vec<(i16, i64)>> {
    if most == 0 {
        return Ok(Vec::new());
    }
    connection
        .prepare_cached(
            "SELECT priority, seq FROM job WHERE lane = ? AND blocked = 0 AND status = 0 AND run_at_ms IS NULL \
             ORDER BY priority DESC, seq LIMIT ?",
        )
        .and_then(|mut statement| {
            statement.query_map(params![lane, count(most)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .or_queue_error()
}

/// A new attempt of that job. One whose payload is missing is given up instead: it can never run, and others must not wait for it.
fn hold(connection: &Connection, seq: i64, worker: &str, ending: &Ending) -> QueueResult<Option<Claimed>> {
    let payload: Option<Vec<u8>> = connection
        .prepare_cached("SELECT bytes FROM payload WHERE seq = ?")
        .and_then(|mut statement| statement.query_row([seq], |row| row.get(0)).optional())
        .or_queue_error()?;
    let (job, held, failed) = connection
        .prepare_cached(concat!(
            "UPDATE job SET status = 1, attempt = attempt + 1, worker = ?2, started_ms = ?3 WHERE seq = ?1 RETURNING ",
            job_columns!(),
            ", attempt, failed"
        ))
        .and_then(|mut statement| {
            statement.query_row(params![seq, worker, ending.now_ms], |row| {
                let job = job_of(row)?;
                let held = Held { id: job.id.clone(), attempt: row.get(JOB_COLUMNS)? };
                Ok((job, held, row.get(JOB_COLUMNS + 1)?))
            })
        })
        .or_queue_error()?;
    match payload {
        Some(payload) => Ok(Some(Claimed { job, payload: Bytes::from(payload), held, failed })),
        None => give_up(connection, held, worker, ending).map(|()| None),
    }
}

fn give_up(connection: &Connection, held: Held, worker: &str, ending: &Ending) -> QueueResult<()> {
    let record = Attempt {
        attempt: held.attempt,
        worker: worker.to_owned(),
        started_ms: ending.now_ms,
        ended_ms: ending.now_ms,
        outcome: AttemptOutcome::Failed,
        error: Some("Its payload is no longer in the queue's file.".to_owned()),
        output: String::new(),
        script_version: None,
    };
    ending.finish(connection, &Finish { held, outcome: Outcome::Dead, record: Some(record) }).map(drop)
}
