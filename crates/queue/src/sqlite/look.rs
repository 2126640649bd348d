//! What is told of jobs and queues.

use super::error::QueueErrorExt as _;
use super::row::{SEQ_COLUMN, count, job_columns, record_columns, record_of, unsigned};
use super::schema::status_number;
use crate::{Attempt, JobDetail, JobFilter, JobId, JobRecord, JobStatus, QueueError, QueueResult, QueueState};
use bytes::Bytes;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Jobs for which the filter holds, at most `most`, with at most `error_bytes` of their last errors.
pub(super) fn list(
    connection: &Connection,
    filter: &JobFilter,
    most: usize,
    error_bytes: usize,
) -> QueueResult<Vec<JobRecord>> {
    let mut records = Vec::new();
    for part in parts(filter) {
        records.extend(list_part(connection, filter, &part, (most, error_bytes))?);
    }
    records.sort_by_key(|(seq, record)| Reverse((record.job.created_ms, *seq)));
    Ok(records.into_iter().take(most).map(|(_seq, record)| record).collect())
}

/// Jobs that one index leads to.
struct Part {
    condition: &'static str,
    /// How the latest come first: by the index of all jobs, or sorted after another index has found the few.
    order: &'static str,
}

const BY_CREATION: &str = "created_ms DESC, seq DESC";
const SORTED: &str = "+created_ms DESC, seq DESC";

/// Parts that together have the wanted statuses: a few dead letters are found without a look at the many jobs that ended well.
fn parts(filter: &JobFilter) -> Vec<Part> {
    let sorted = |condition| Part { condition, order: SORTED };
    let by_creation = |condition| Part { condition, order: BY_CREATION };
    if !filter.ids.is_empty() {
        return vec![sorted("id IN (SELECT value FROM json_each(:ids))")];
    }
    if filter.statuses.is_empty() {
        return vec![by_creation("TRUE")];
    }
    let of_status = |status: &JobStatus| match status {
        JobStatus::Waiting => {
            vec![sorted("status = 0 AND run_at_ms IS NULL"), sorted("status = 0 AND run_at_ms IS NOT NULL")]
        }
        JobStatus::Running => vec![sorted("status = 1")],
        JobStatus::Succeeded => vec![by_creation("+status = 2")],
        JobStatus::Dead => vec![sorted("status = 3 AND ended_ms IS NOT NULL")],
        JobStatus::Cancelled => vec![sorted("status = 4 AND ended_ms IS NOT NULL")],
    };
    filter.statuses.iter().flat_map(of_status).collect()
}

fn list_part(
    connection: &Connection,
    filter: &JobFilter,
    part: &Part,
    (most, error_bytes): (usize, usize),
) -> QueueResult<Vec<(i64, JobRecord)>> {
    let ids: Vec<&str> = filter.ids.iter().map(JobId::as_str).collect();
    let statuses: Vec<i64> = filter.statuses.iter().map(|status| status_number(*status)).collect();
    let (ids, statuses, most) = (json(&ids)?, json(&statuses)?, count(most));
    let mut sql = format!("SELECT {} FROM job WHERE {}", record_columns!(), part.condition);
    let mut values: Vec<(&str, &dyn ToSql)> = vec![(":most", &most)];
    if !filter.ids.is_empty() {
        values.push((":ids", &ids));
        if !filter.statuses.is_empty() {
            sql.push_str(" AND +status IN (SELECT value FROM json_each(:statuses))");
            values.push((":statuses", &statuses));
        }
    }
    if let Some(queue) = &filter.queue {
        sql.push_str(" AND +queue = :queue");
        values.push((":queue", queue));
    }
    if let Some(script) = &filter.script {
        sql.push_str(" AND +script = :script");
        values.push((":script", script));
    }
    if let Some(created_after_ms) = &filter.created_after_ms {
        let is_after = if part.order == SORTED { " AND +created_ms" } else { " AND created_ms" };
        sql.push_str(is_after);
        sql.push_str(" > :created_after_ms");
        values.push((":created_after_ms", created_after_ms));
    }
    sql.push_str(" ORDER BY ");
    sql.push_str(part.order);
    sql.push_str(" LIMIT :most");
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| Ok((row.get(SEQ_COLUMN)?, record_of(row)?.for_list(error_bytes)));
            statement.query_map(&values[..], read)?.collect()
        })
        .or_queue_error()
}

fn json(list: &impl serde::Serialize) -> QueueResult<String> {
    serde_json::to_string(list).map_err(|error| QueueError::Refused(error.to_string()))
}

/// Everything about one job.
pub(super) fn get(connection: &Connection, id: &JobId) -> QueueResult<Option<JobDetail>> {
    let found: Option<(i64, JobRecord, Option<Vec<u8>>)> = connection
        .prepare_cached(concat!(
            "SELECT ",
            record_columns!(),
            ", (SELECT bytes FROM payload WHERE payload.seq = job.seq) FROM job WHERE id = ?"
        ))
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| Ok((row.get(SEQ_COLUMN)?, record_of(row)?, row.get(SEQ_COLUMN + 1)?));
            statement.query_row([id.as_str()], read).optional()
        })
        .or_queue_error()?;
    let Some((seq, record, payload)) = found else { return Ok(None) };
    let kept: Vec<String> = connection
        .prepare_cached("SELECT record FROM attempt WHERE seq = ? ORDER BY attempt")
        .and_then(|mut statement| statement.query_map([seq], |row| row.get(0))?.collect())
        .or_queue_error()?;
    let attempts: Result<Vec<Attempt>, _> = kept.iter().map(|text| serde_json::from_str(text)).collect();
    let attempts =
        attempts.map_err(|error| QueueError::Refused(format!("an attempt of {id} is not readable: {error}")))?;
    Ok(Some(JobDetail { record, payload: payload.map(Bytes::from), attempts }))
}

/// Every queue in which something waits, runs or is dead, or that is paused.
pub(super) fn queues(connection: &Connection, now_ms: i64) -> QueueResult<Vec<QueueState>> {
    let mut queues = Queues::default();
    queues.read(
        connection,
        "SELECT lane.queue, count(*), min(created_ms) FROM lane JOIN job ON job.lane = lane.lane \
         WHERE status = 0 AND run_at_ms IS NULL AND :now_ms IS NOT NULL GROUP BY lane.queue",
        now_ms,
        |state, row| {
            state.ready += unsigned(row, 1)?;
            state.oldest_ms = row.get(2)?;
            Ok(())
        },
    )?;
    queues.read(
        connection,
        "SELECT queue, count(*) FILTER (WHERE run_at_ms <= :now_ms), count(*) FILTER (WHERE run_at_ms > :now_ms), \
         min(created_ms) FILTER (WHERE run_at_ms <= :now_ms) \
         FROM job WHERE status = 0 AND run_at_ms IS NOT NULL GROUP BY queue",
        now_ms,
        |state, row| {
            state.ready += unsigned(row, 1)?;
            state.delayed = unsigned(row, 2)?;
            state.oldest_ms = state.oldest_ms.into_iter().chain(row.get::<_, Option<i64>>(3)?).min();
            Ok(())
        },
    )?;
    queues.read(
        connection,
        "SELECT queue, count(*) FROM job WHERE status = 1 AND :now_ms IS NOT NULL GROUP BY queue",
        now_ms,
        |state, row| unsigned(row, 1).map(|count| state.running = count),
    )?;
    queues.read(
        connection,
        "SELECT queue, count(*) FROM job WHERE status = 3 AND ended_ms IS NOT NULL AND :now_ms IS NOT NULL GROUP BY queue",
        now_ms,
        |state, row| unsigned(row, 1).map(|count| state.dead = count),
    )?;
    queues.read(connection, "SELECT queue FROM paused WHERE :now_ms IS NOT NULL", now_ms, |state, _row| {
        state.is_paused = true;
        Ok(())
    })?;
    Ok(queues.by_name.into_values().collect())
}

#[derive(Default)]
struct Queues {
    by_name: BTreeMap<String, QueueState>,
}

impl Queues {
    /// Lets `take` take over each row into the queue that its first column names.
    fn read(
        &mut self,
        connection: &Connection,
        sql: &str,
        now_ms: i64,
        take: impl Fn(&mut QueueState, &Row<'_>) -> rusqlite::Result<()>,
    ) -> QueueResult<()> {
        let mut statement = connection.prepare_cached(sql).or_queue_error()?;
        let mut rows = statement.query(named_params! { ":now_ms": now_ms }).or_queue_error()?;
        while let Some(row) = rows.next().or_queue_error()? {
            let name: String = row.get(0).or_queue_error()?;
            let state = self.by_name.entry(name.clone()).or_insert_with(|| QueueState { name, ..Default::default() });
            take(state, row).or_queue_error()?;
        }
        Ok(())
    }
}
