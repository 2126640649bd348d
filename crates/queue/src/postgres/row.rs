//! Rows of the table of jobs as jobs.

use crate::{Job, JobId, JobRecord, JobStatus, QueueError, QueueResult};
use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;

/// All that lists tell, in the order in which [`record_of`] reads it.
macro_rules! record_columns {
    () => {
        "id::text, queue, script, event, priority, delay_ms, order_key, dedup_key, concurrency, tries, backoff_ms, \
         backoff_max_ms, created_ms, status, attempt, failed, run_at_ms, started_ms, ended_ms, worker, last_error"
    };
}
pub(super) use record_columns;

/// How many those are: the index of whatever a query adds to them.
pub(super) const RECORD_COLUMNS: usize = 21;

/// PostgreSQL's integers have a sign; what does not fit is as good as forever.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of a status in the tables.
pub(super) fn status_number(status: JobStatus) -> i16 {
    match status {
        JobStatus::Waiting => 0,
        JobStatus::Running => 1,
        JobStatus::Succeeded => 2,
        JobStatus::Dead => 3,
        JobStatus::Cancelled => 4,
    }
}

/// The number of jobs of which only the identifier is known.
pub(super) const FORGOTTEN: i16 = 5;

/// The record in a row that begins with [`record_columns`].
pub(super) fn record_of(row: &Row) -> QueueResult<JobRecord> {
    use JobStatus::{Cancelled, Dead, Running, Succeeded, Waiting};
    let number: i16 = value(row, 13)?;
    let status =
        [Waiting, Running, Succeeded, Dead, Cancelled].into_iter().find(|status| status_number(*status) == number);
    let job = Job {
        id: id_at(row, 0)?,
        queue: value(row, 1)?,
        script: value(row, 2)?,
        event: value(row, 3)?,
        priority: value(row, 4)?,
        delay_ms: unsigned(row, 5)?,
        order_key: value(row, 6)?,
        dedup_key: value(row, 7)?,
        concurrency: value::<Option<i64>>(row, 8)?.map(narrow).transpose()?,
        tries: unsigned(row, 9)?,
        backoff_ms: unsigned(row, 10)?,
        backoff_max_ms: unsigned(row, 11)?,
        created_ms: value(row, 12)?,
    };
    Ok(JobRecord {
        job,
        status: status.ok_or_else(|| foreign("a status"))?,
        attempts: unsigned(row, 14)?,
        failed: unsigned(row, 15)?,
        run_at_ms: value(row, 16)?,
        started_ms: value(row, 17)?,
        ended_ms: value(row, 18)?,
        worker: value(row, 19)?,
        last_error: value(row, 20)?,
    })
}

/// The identifier in that column, read as text.
pub(super) fn id_at(row: &Row, column: usize) -> QueueResult<JobId> {
    JobId::parse(&value::<String>(row, column)?).ok_or_else(|| foreign("an identifier"))
}

/// What is in that column.
pub(super) fn value<T: FromSqlOwned>(row: &Row, column: usize) -> QueueResult<T> {
    row.try_get(column).map_err(|error| QueueError::Refused(format!("what PostgreSQL gave can't be read: {error}")))
}

/// The number in that column, which is never negative.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &Row, column: usize) -> QueueResult<T> {
    narrow(value(row, column)?)
}

/// The index that a place stands for; places count from 1.
pub(super) fn index_at(row: &Row, column: usize) -> QueueResult<usize> {
    unsigned::<usize>(row, column)?.checked_sub(1).ok_or_else(|| foreign("a place"))
}

fn narrow<T: TryFrom<i64>>(number: i64) -> QueueResult<T> {
    T::try_from(number).map_err(|_| foreign("a number"))
}

fn foreign(what: &str) -> QueueError {
    QueueError::Refused(format!("the queue's tables in PostgreSQL hold {what} that this version can't have written"))
}
