//! What becomes of jobs.

use crate::support::{Place, eventually, runner};
use antiphon_model::Limits;
use antiphon_queue::{AttemptOutcome, End, JobStatus};

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_job_is_tried_again_until_it_succeeds() {
    let place = Place::new(Limits::default());
    let workers = place.workers(runner(|claimed| async move {
        match claimed.held.attempt {
            3 => End::Succeeded,
            attempt => End::Failed(format!("not at attempt {attempt}")),
        }
    }));
    let id = place.put("stubborn", 1).await.remove(0);
    let detail = place.reaches(&id, JobStatus::Succeeded).await;
    let told: Vec<_> = detail.attempts.iter().map(|kept| (kept.attempt, kept.outcome, kept.error.as_deref())).collect();
    assert_eq!(
        told,
        [
            (1, AttemptOutcome::Failed, Some("not at attempt 1")),
            (2, AttemptOutcome::Failed, Some("not at attempt 2")),
            (3, AttemptOutcome::Succeeded, None),
        ]
    );
    let status = workers.status();
    assert!(detail.attempts.iter().all(|kept| kept.worker == status.worker && kept.script_version == Some(7)));
    assert_eq!(detail.attempts[2].output, "attempt 3");
    let counts = eventually("the last end is counted", async || {
        Some(workers.status().connections.remove(0)).filter(|connection| connection.ended == 3)
    });
    let counts = counts.await;
    assert_eq!((counts.failed, counts.refused, counts.lost, counts.is_failing), (2, 0, 0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_dead_when_its_tries_are_used_up() {
    let place = Place::new(Limits::default());
    let _workers = place.workers(runner(|_| async { End::Failed("never works".to_owned()) }));
    let id = place.put("hopeful", 1).await.remove(0);
    let detail = place.reaches(&id, JobStatus::Dead).await;
    assert_eq!((detail.record.attempts, detail.record.failed), (3, 3));
    assert_eq!(detail.record.last_error.as_deref(), Some("never works"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_succeed_is_tried_once() {
    let place = Place::new(Limits::default());
    let _workers = place.workers(runner(|claimed| async move {
        match claimed.job.script.as_str() {
            "hopeless" => End::Hopeless("no such thing".to_owned()),
            _ => End::Skipped("its script is gone".to_owned()),
        }
    }));
    let hopeless = place.put("hopeless", 1).await.remove(0);
    let skipped = place.put("skipped", 1).await.remove(0);
    assert_eq!(place.reaches(&hopeless, JobStatus::Dead).await.record.attempts, 1);
    let skipped = place.reaches(&skipped, JobStatus::Cancelled).await;
    assert_eq!(skipped.attempts[0].outcome, AttemptOutcome::Skipped);
    assert_eq!(skipped.attempts[0].error.as_deref(), Some("its script is gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_panics_fails_its_attempt_only() {
    let place = Place::new(Limits::default());
    let _workers = place.workers(runner(|claimed| async move {
        assert!(claimed.held.attempt > 1, "a defect in the runner");
        End::Succeeded
    }));
    let ids = place.put("unlucky", 20).await;
    place.all_reach(&ids, JobStatus::Succeeded).await;
    let detail = place.detail(&ids[0]).await;
    assert!(detail.attempts[0].error.as_deref().unwrap().contains("a defect in the runner"));
}
