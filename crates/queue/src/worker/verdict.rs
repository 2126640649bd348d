//! What becomes of a job after an attempt.

use super::backoff::full_jitter;
use crate::{Attempt, AttemptOutcome, Claimed, End, Finish, Outcome, Ran};
use antiphon_model::Limits;

/// When an attempt began and ended, in milliseconds since 1970.
pub(super) struct Times {
    pub started_ms: i64,
    pub ended_ms: i64,
}

/// How the attempt is to be ended, and what is kept of it.
pub(super) fn finish_of(claimed: &Claimed, ran: Ran, times: Times, worker: &str, limits: &Limits) -> Finish {
    let job = &claimed.job;
    let (outcome, as_told, error) = match ran.end {
        End::Succeeded => (Outcome::Succeeded, AttemptOutcome::Succeeded, None),
        End::Failed(error) if !claimed.is_last_try() => {
            let delay_ms = full_jitter(job.backoff_ms, job.backoff_max_ms, claimed.failed);
            (Outcome::Retry { delay_ms }, AttemptOutcome::Failed, Some(error))
        }
        End::Failed(error) | End::Hopeless(error) => (Outcome::Dead, AttemptOutcome::Failed, Some(error)),
        End::Skipped(reason) => (Outcome::Cancelled, AttemptOutcome::Skipped, Some(reason)),
    };
    let record = Attempt {
        attempt: claimed.held.attempt,
        worker: worker.to_owned(),
        started_ms: times.started_ms,
        ended_ms: times.ended_ms,
        outcome: as_told,
        error: error.map(|error| cut(error, limits.job_output_bytes)),
        output: cut(ran.output, limits.job_output_bytes),
        script_version: ran.script_version,
    };
    Finish { held: claimed.held.clone(), outcome, record: Some(record) }
}

/// The text up to that many bytes, without half a character at its end.
fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Held, Job, JobId};
    use bytes::Bytes;

    fn claimed(failed: u32) -> Claimed {
        let id = JobId::new();
        let job = Job {
            id: id.clone(),
            queue: "default".into(),
            script: "s".into(),
            event: "e".into(),
            priority: 0,
            delay_ms: 0,
            order_key: None,
            dedup_key: None,
            concurrency: None,
            tries: 3,
            backoff_ms: 1000,
            backoff_max_ms: 1500,
            created_ms: 0,
        };
        Claimed { job, payload: Bytes::new(), held: Held { id, attempt: failed + 1 }, failed }
    }

    fn verdict(failed: u32, end: End, output: &str) -> Finish {
        let ran = Ran { end, output: output.to_owned(), script_version: Some(4) };
        let limits = Limits { job_output_bytes: 5, ..Limits::default() };
        finish_of(&claimed(failed), ran, Times { started_ms: 10, ended_ms: 20 }, "w", &limits)
    }

    #[test]
    fn failures_are_tried_again_until_the_tries_are_used_up() {
        for (failed, longest) in [(0, 1000), (1, 1500)] {
            for _ in 0..200 {
                let Outcome::Retry { delay_ms } = verdict(failed, End::Failed("no".into()), "").outcome else {
                    panic!("tries are left after {failed}");
                };
                assert!(delay_ms <= longest);
            }
        }
        assert_eq!(verdict(2, End::Failed("no".into()), "").outcome, Outcome::Dead);
    }

    #[test]
    fn what_can_never_succeed_is_given_up_at_once() {
        let finish = verdict(0, End::Hopeless("never".into()), "");
        assert_eq!(finish.outcome, Outcome::Dead);
        let skipped = verdict(0, End::Skipped("gone".into()), "");
        assert_eq!(skipped.outcome, Outcome::Cancelled);
        assert_eq!(skipped.record.unwrap().outcome, AttemptOutcome::Skipped);
    }

    #[test]
    fn what_is_kept_is_bounded_and_whole_characters() {
        let record = verdict(0, End::Failed("äöü".into()), "123456789").record.unwrap();
        assert_eq!((record.error.as_deref(), record.output.as_str()), (Some("äö"), "12345"));
        assert_eq!((record.attempt, record.started_ms, record.ended_ms), (1, 10, 20));
        assert_eq!((record.worker.as_str(), record.script_version), ("w", Some(4)));
    }
}
