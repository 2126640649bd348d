//! What may be taken in, alike on every store.

use crate::{NewJob, QueueError, QueueResult};
use antiphon_model::Limits;

/// Refuses all of them when one is larger than the limits, or could never run.
pub(crate) fn check(jobs: &[NewJob], limits: &Limits) -> QueueResult<()> {
    jobs.iter().try_for_each(|new| check_one(new, limits))
}

fn check_one(new: &NewJob, limits: &Limits) -> QueueResult<()> {
    let job = &new.job;
    let refused = |what: String| Err(QueueError::Refused(format!("the job {} {what}.", job.id)));
    if new.payload.len() > limits.job_payload_bytes {
        return refused(format!("has more than the {} bytes of the limit job_payload_bytes", limits.job_payload_bytes));
    }
    let keys = [Some(&job.queue), job.order_key.as_ref(), job.dedup_key.as_ref()];
    if keys.into_iter().flatten().any(|key| key.is_empty() || key.len() > limits.job_key_bytes) {
        return refused(format!(
            "names a queue or a key that is empty, or longer than the {} bytes of the limit job_key_bytes",
            limits.job_key_bytes
        ));
    }
    if job.delay_ms > limits.job_delay_ms {
        return refused(format!("waits longer than the {} ms of the limit job_delay_ms", limits.job_delay_ms));
    }
    if job.tries == 0 || job.concurrency == Some(0) {
        return refused("could never run: its tries and its concurrency are at least 1".to_owned());
    }
    Ok(())
}
