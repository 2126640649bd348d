//! What is told of jobs and queues.

use super::connections::Connections;
use super::row::{RECORD_COLUMNS, record_columns, record_of, status_number, unsigned, value};
use crate::{Attempt, JobDetail, JobFilter, JobId, JobRecord, JobStatus, QueueError, QueueResult, QueueState};
use bytes::Bytes;
use tokio_postgres::types::ToSql;

/// Jobs, latest created first. Only what the filter names is in the statement, so that it is planned for that.
pub(super) async fn list(
    connections: &Connections,
    filter: &JobFilter,
    most: usize,
    error_bytes: usize,
) -> QueueResult<Vec<JobRecord>> {
    let ids: Vec<&str> = filter.ids.iter().map(JobId::as_str).collect();
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut conditions = String::new();
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&most];
    let mut also = |text: &str, value| {
        values.push(value);
        conditions.push_str(&text.replace('?', &format!("${}", values.len())));
    };
    if !ids.is_empty() {
        also(" AND id = ANY (?::text[]::uuid[])", &ids);
    }
    if let Some(queue) = &filter.queue {
        also(" AND queue = ?", queue);
    }
    if let Some(script) = &filter.script {
        also(" AND script = ?", script);
    }
    if let Some(created_after_ms) = &filter.created_after_ms {
        also(" AND created_ms > ?", created_after_ms);
    }
    let latest = "ORDER BY created_ms DESC, seq DESC LIMIT $1";
    // Each status has its index in that order, so none reads more than it gives.
    let parts: Vec<String> = statuses(filter)
        .map(|status| format!("(SELECT * FROM antiphon_queue.job WHERE status = {status}{conditions} {latest})"))
        .collect();
    // All rows are in memory at one time, so no more of the errors comes over than about what is told.
    let columns = record_columns!().replace("last_error", &format!("left(last_error, {error_bytes})"));
    let sql = format!("SELECT {columns} FROM ({}) AS job {latest}", parts.join(" UNION ALL "));
    let rows = connections.rows(&sql, &values).await?;
    rows.iter().map(|row| Ok(record_of(row)?.for_list(error_bytes))).collect()
}

/// The numbers of the statuses that the filter asks for.
fn statuses(filter: &JobFilter) -> impl Iterator<Item = i16> {
    use JobStatus::{Cancelled, Dead, Running, Succeeded, Waiting};
    [Waiting, Running, Succeeded, Dead, Cancelled]
        .into_iter()
        .filter(|status| filter.statuses.is_empty() || filter.statuses.contains(status))
        .map(status_number)
}

/// Everything about one job.
pub(super) async fn get(connections: &Connections, id: &JobId) -> QueueResult<Option<JobDetail>> {
    let sql = concat!(
        "SELECT ",
        record_columns!(),
        ", payload, attempts FROM antiphon_queue.job WHERE id = $1::text::uuid AND status <> 5"
    );
    let rows = connections.rows(sql, &[&id.as_str()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let payload: Option<Vec<u8>> = value(row, RECORD_COLUMNS)?;
    let kept: Vec<String> = value(row, RECORD_COLUMNS + 1)?;
    let attempts: Result<Vec<Attempt>, _> = kept.iter().map(|text| serde_json::from_str(text)).collect();
    let attempts =
        attempts.map_err(|error| QueueError::Refused(format!("an attempt of {id} is not readable: {error}")))?;
    Ok(Some(JobDetail { record: record_of(row)?, payload: payload.map(Bytes::from), attempts }))
}

/// Every queue in which something waits, runs or is dead, or that is paused.
pub(super) async fn queues(connections: &Connections, shift_ms: i64) -> QueueResult<Vec<QueueState>> {
    let rows = connections.rows("SELECT * FROM antiphon_queue.queues($1)", &[&shift_ms]).await?;
    rows.iter()
        .map(|row| {
            Ok(QueueState {
                name: value(row, 0)?,
                is_paused: value(row, 1)?,
                ready: unsigned(row, 2)?,
                delayed: unsigned(row, 3)?,
                running: unsigned(row, 4)?,
                dead: unsigned(row, 5)?,
                oldest_ms: value(row, 6)?,
            })
        })
        .collect()
}
