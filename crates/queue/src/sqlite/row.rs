//! Rows of the table of jobs as jobs.

use super::schema::status_of;
use crate::{Job, JobId, JobRecord};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

/// The columns of a job's envelope, in the order in which [`job_of`] reads them.
macro_rules! job_columns {
    () => {
        "id, queue, script, event, priority, delay_ms, order_key, dedup_key, concurrency, tries, backoff_ms, \
         backoff_max_ms, created_ms"
    };
}
pub(super) use job_columns;

/// How many those are: the index of whatever a query adds to them.
pub(super) const JOB_COLUMNS: usize = 13;

/// All that lists tell: the envelope, and what [`record_of`] reads behind it.
macro_rules! record_columns {
    () => {
        concat!(job_columns!(), ", status, attempt, failed, run_at_ms, started_ms, ended_ms, worker, last_error, seq")
    };
}
pub(super) use record_columns;

/// Where a query for records has the job's place.
pub(super) const SEQ_COLUMN: usize = JOB_COLUMNS + 8;

/// SQLite's integers have a sign; what does not fit is as good as forever.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that was stored by [`stored`], or a count.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_negative| Error::IntegralValueOutOfRange(column, number))
}

/// A number of things in memory as SQLite's.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The envelope in a row that begins with [`job_columns`].
pub(super) fn job_of(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: JobId::parse(row.get_ref(0)?.as_str()?).ok_or_else(|| foreign(0, Type::Text, "no identifier of a job"))?,
        queue: row.get(1)?,
        script: row.get(2)?,
        event: row.get(3)?,
        priority: row.get(4)?,
        delay_ms: unsigned(row, 5)?,
        order_key: row.get(6)?,
        dedup_key: row.get(7)?,
        concurrency: row.get(8)?,
        tries: row.get(9)?,
        backoff_ms: unsigned(row, 10)?,
        backoff_max_ms: unsigned(row, 11)?,
        created_ms: row.get(12)?,
    })
}

/// The record in a row of [`record_columns`].
pub(super) fn record_of(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    let status = row.get(JOB_COLUMNS)?;
    Ok(JobRecord {
        job: job_of(row)?,
        status: status_of(status).ok_or_else(|| foreign(JOB_COLUMNS, Type::Integer, "no status of a job"))?,
        attempts: row.get(JOB_COLUMNS + 1)?,
        failed: row.get(JOB_COLUMNS + 2)?,
        run_at_ms: row.get(JOB_COLUMNS + 3)?,
        started_ms: row.get(JOB_COLUMNS + 4)?,
        ended_ms: row.get(JOB_COLUMNS + 5)?,
        worker: row.get(JOB_COLUMNS + 6)?,
        last_error: row.get(JOB_COLUMNS + 7)?,
    })
}

fn foreign(column: usize, kind: Type, what: &'static str) -> Error {
    Error::FromSqlConversionFailure(column, kind, what.into())
}
