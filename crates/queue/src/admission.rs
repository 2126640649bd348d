//! What may be taken in or changed, alike on every store.

use crate::{Edit, JobId, NewJob, QueueError, QueueResult};
use antiphon_model::Limits;

/// Refuses all of them when one is larger than the limits, or could never run.
pub(crate) fn check(jobs: &[NewJob], limits: &Limits) -> QueueResult<()> {
    jobs.iter().try_for_each(|new| check_one(new, limits))
}

/// Refuses a change that would make a job larger than the limits, or such that it could never run.
pub(crate) fn check_edit(id: &JobId, edit: &Edit, limits: &Limits) -> QueueResult<()> {
    check_payload(id, edit.payload.as_ref().map_or(0, bytes::Bytes::len), limits)?;
    check_names(id, edit.queue.as_ref(), limits)?;
    check_texts(id, edit.queue.as_ref())?;
    check_delay(id, edit.delay_ms, limits)?;
    if edit.tries == Some(0) {
        return refused(id, "could never run: its tries are at least 1");
    }
    Ok(())
}

fn check_one(new: &NewJob, limits: &Limits) -> QueueResult<()> {
    let job = &new.job;
    check_payload(&job.id, new.payload.len(), limits)?;
    let names = [Some(&job.queue), job.order_key.as_ref(), job.dedup_key.as_ref()];
    check_names(&job.id, names.into_iter().flatten(), limits)?;
    check_texts(&job.id, names.into_iter().flatten().chain([&job.script, &job.event]))?;
    check_delay(&job.id, job.delay_ms, limits)?;
    if job.tries == 0 || job.concurrency == Some(0) {
        return refused(&job.id, "could never run: its tries and its concurrency are at least 1");
    }
    Ok(())
}

fn check_payload(id: &JobId, bytes: usize, limits: &Limits) -> QueueResult<()> {
    if bytes > limits.job_payload_bytes {
        let most = limits.job_payload_bytes;
        return refused(id, &format!("has more than the {most} bytes of the limit job_payload_bytes"));
    }
    Ok(())
}

fn check_names<'a>(id: &JobId, names: impl IntoIterator<Item = &'a String>, limits: &Limits) -> QueueResult<()> {
    let most = limits.job_key_bytes;
    if names.into_iter().any(|name| name.is_empty() || name.len() > most) {
        let why =
            format!("names a queue or a key that is empty, or longer than the {most} bytes of the limit job_key_bytes");
        return refused(id, &why);
    }
    Ok(())
}

/// One store can't keep that character, so none takes it.
fn check_texts<'a>(id: &JobId, texts: impl IntoIterator<Item = &'a String>) -> QueueResult<()> {
    if texts.into_iter().any(|text| text.contains('\0')) {
        let why = "has the character NUL (U+0000) in its queue, a key, its script or its event: take it out";
        return refused(id, why);
    }
    Ok(())
}

fn check_delay(id: &JobId, delay_ms: u64, limits: &Limits) -> QueueResult<()> {
    if delay_ms > limits.job_delay_ms {
        let most = limits.job_delay_ms;
        return refused(id, &format!("waits longer than the {most} ms of the limit job_delay_ms"));
    }
    Ok(())
}

fn refused(id: &JobId, why: &str) -> QueueResult<()> {
    Err(QueueError::Refused(format!("the job {id} {why}.")))
}
