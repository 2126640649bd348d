//! Handing jobs out, and keeping them.

use super::connections::Connections;
use super::row::{RECORD_COLUMNS, index_at, record_columns, record_of, value};
use crate::{ClaimRequest, Claimed, Held, QueueResult};
use bytes::Bytes;

const CLAIM: &str = concat!(
    "SELECT ",
    record_columns!(),
    ", payload FROM antiphon_queue.claim($1, $2, $3, $4) ORDER BY priority DESC, seq"
);

/// Marks up to `most` jobs as running and gives them.
pub(super) async fn claim(
    connections: &Connections,
    request: &ClaimRequest,
    shift_ms: i64,
) -> QueueResult<Vec<Claimed>> {
    let most = i64::try_from(request.most).unwrap_or(i64::MAX);
    let rows = connections.rows(CLAIM, &[&request.worker, &request.queues, &most, &shift_ms]).await?;
    rows.iter()
        .map(|row| {
            let record = record_of(row)?;
            let payload: Option<Vec<u8>> = value(row, RECORD_COLUMNS)?;
            Ok(Claimed {
                held: Held { id: record.job.id.clone(), attempt: record.attempts },
                failed: record.failed,
                job: record.job,
                payload: Bytes::from(payload.unwrap_or_default()),
            })
        })
        .collect()
}

/// Renews leases and tells which are lost.
pub(super) async fn renew(connections: &Connections, held: &[Held]) -> QueueResult<Vec<Held>> {
    let ids: Vec<&str> = held.iter().map(|held| held.id.as_str()).collect();
    let attempts: Vec<i64> = held.iter().map(|held| i64::from(held.attempt)).collect();
    let lost = connections.rows("SELECT antiphon_queue.renew($1::text[]::uuid[], $2)", &[&ids, &attempts]).await?;
    let lost: QueueResult<Vec<usize>> = lost.iter().map(|row| index_at(row, 0)).collect();
    Ok(lost?.into_iter().filter_map(|index| held.get(index).cloned()).collect())
}
