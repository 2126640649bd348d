//! Taking jobs in.

use super::connections::Connections;
use super::row::{id_at, index_at, stored, value};
use crate::{Enqueued, NewJob, QueueError, QueueResult};

const ENQUEUE: &str = "SELECT place, outcome, other::text FROM antiphon_queue.enqueue( \
    $1::text[]::uuid[], $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

/// Takes them in, in that order, with one statement for all.
pub(super) async fn enqueue(connections: &Connections, jobs: &[NewJob], shift_ms: i64) -> QueueResult<Vec<Enqueued>> {
    let rows = connections
        .rows(
            ENQUEUE,
            &[
                &column(jobs, |new| new.job.id.as_str()),
                &column(jobs, |new| new.job.queue.as_str()),
                &column(jobs, |new| new.job.script.as_str()),
                &column(jobs, |new| new.job.event.as_str()),
                &column(jobs, |new| new.job.priority),
                &column(jobs, |new| stored(new.job.delay_ms)),
                &column(jobs, |new| new.job.order_key.as_deref()),
                &column(jobs, |new| new.job.dedup_key.as_deref()),
                &column(jobs, |new| new.job.concurrency.map(i64::from)),
                &column(jobs, |new| i64::from(new.job.tries)),
                &column(jobs, |new| stored(new.job.backoff_ms)),
                &column(jobs, |new| stored(new.job.backoff_max_ms)),
                &column(jobs, |new| new.job.created_ms),
                &column(jobs, |new| &new.payload[..]),
                &shift_ms,
            ],
        )
        .await?;
    let mut enqueued: Vec<Option<Enqueued>> = vec![None; jobs.len()];
    for row in &rows {
        let outcome = match value::<i32>(row, 1)? {
            0 => Enqueued::Stored,
            1 => Enqueued::Known,
            _ => Enqueued::Duplicate(id_at(row, 2)?),
        };
        if let Some(place) = enqueued.get_mut(index_at(row, 0)?) {
            *place = Some(outcome);
        }
    }
    let all: Option<Vec<Enqueued>> = enqueued.into_iter().collect();
    all.ok_or_else(|| QueueError::Refused("PostgreSQL did not tell of every job what came of it".to_owned()))
}

/// One value of each job.
fn column<'a, T>(jobs: &'a [NewJob], value: impl Fn(&'a NewJob) -> T) -> Vec<T> {
    jobs.iter().map(value).collect()
}
