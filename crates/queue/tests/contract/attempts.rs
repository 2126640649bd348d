//! Who may end an attempt, and what is kept of it.

use crate::*;
use antiphon_queue::{AttemptOutcome, Claimed, Edit, Held, JobStatus, NewJob, Outcome};
use std::collections::HashSet;
use std::sync::Arc;

pub async fn two_handles_never_get_one_job(world: &World) {
    const JOBS: usize = 200;
    let store = world.open().await;
    store.enqueue((0..JOBS).map(|_| job("a")).collect()).await.unwrap();
    let mut claimers = Vec::new();
    for handle in [Arc::clone(&store), store, world.open().await, world.open().await] {
        claimers.push(tokio::spawn(async move {
            let mut held: Vec<Held> = Vec::new();
            loop {
                let claimed = handle.claim(&request(7)).await.unwrap();
                if claimed.is_empty() {
                    return held;
                }
                held.extend(claimed.into_iter().map(|claimed| claimed.held));
            }
        }));
    }
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    // Who found nothing may have looked while others held the last ones, not while some were left to nobody.
    let rest = world.open().await.claim(&request(JOBS)).await.unwrap();
    all.extend(rest.into_iter().map(|claimed| claimed.held));
    assert_eq!(all.len(), JOBS);
    assert!(all.iter().all(|held| held.attempt == 1));
    assert_eq!(all.iter().map(|held| &held.id).collect::<HashSet<_>>().len(), JOBS);
}

pub async fn an_attempt_ends_once(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let id = put(&*store, job("a")).await;
    let claimed = claim_one(&*store).await;
    let both = tokio::join!(finish(&*store, &claimed, Outcome::Succeeded), finish(&*other, &claimed, Outcome::Dead));
    assert!(both.0 != both.1, "{both:?}");
    let expected = if both.0 { JobStatus::Succeeded } else { JobStatus::Dead };
    assert_eq!(status(&*store, &id).await, expected);
    assert_eq!(detail(&*store, &id).await.attempts.len(), 1);
    let unknown = Claimed { held: Held { id: antiphon_queue::JobId::new(), attempt: 1 }, ..claimed.clone() };
    assert!(!finish(&*store, &unknown, Outcome::Succeeded).await);
    assert_eq!(other.renew(std::slice::from_ref(&claimed.held)).await.unwrap(), [claimed.held]);
}

pub async fn ends_of_one_batch_stand_for_themselves(world: &World) {
    let store = world.open().await;
    store.enqueue(["a", "b", "c"].map(job).to_vec()).await.unwrap();
    let claimed = claim(&*store, 3).await;
    assert!(finish(&*store, &claimed[1], Outcome::Succeeded).await);
    let ends = claimed.iter().map(|claimed| end(claimed, Outcome::Dead)).collect();
    assert_eq!(store.finish(ends).await.unwrap(), [true, false, true]);
    assert_eq!(status(&*store, &claimed[0].held.id).await, JobStatus::Dead);
    assert_eq!(status(&*store, &claimed[1].held.id).await, JobStatus::Succeeded);
}

pub async fn a_stale_worker_ends_nothing_after_a_release(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job("a")).await;
    let stale = claim_one(&*store).await;
    assert!(finish(&*store, &stale, Outcome::Released).await);
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await, "it waits");
    let current = claim_one(&*store).await;
    assert_eq!(current.held.attempt, 2);
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await, "another attempt runs");
    let lost = store.renew(&[stale.held.clone(), current.held.clone()]).await.unwrap();
    assert_eq!(lost, std::slice::from_ref(&stale.held));
    assert_eq!(status(&*store, &id).await, JobStatus::Running);
    assert!(finish(&*store, &current, Outcome::Succeeded).await);
}

pub async fn a_cancelled_job_is_not_ended_by_its_worker(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let id = put(&*store, job("a")).await;
    let stale = claim_one(&*store).await;
    assert!(other.cancel(&id).await.unwrap());
    assert_eq!(store.renew(std::slice::from_ref(&stale.held)).await.unwrap(), std::slice::from_ref(&stale.held));
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await);
    assert!(!finish(&*store, &stale, Outcome::Retry { delay_ms: 0 }).await);
    assert_eq!(status(&*store, &id).await, JobStatus::Cancelled);
    assert!(store.redrive(&id, Edit::default()).await.unwrap());
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await, "redriven, it waits");
    let current = claim_one(&*other).await;
    assert_eq!(current.held.attempt, 2);
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await, "redriven, it runs");
    assert!(finish(&*store, &current, Outcome::Succeeded).await);
}

pub async fn a_release_is_no_failure(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job_with("a", |job| job.tries = 1)).await;
    for attempt in 1..=4 {
        let claimed = claim_one(&*store).await;
        assert_eq!((claimed.held.attempt, claimed.failed), (attempt, 0));
        assert!(finish(&*store, &claimed, Outcome::Released).await);
    }
    let detail = detail(&*store, &id).await;
    assert_eq!((detail.record.status, detail.record.attempts, detail.record.failed), (JobStatus::Waiting, 4, 0));
    assert_eq!(detail.record.worker, None);
    assert_eq!(detail.attempts, []);
    assert_eq!(detail.payload, Some("for a".into()));
}

pub async fn a_failed_attempt_waits_and_is_counted(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job("a")).await;
    let before = world.now_ms();
    let first = claim_one(&*store).await;
    assert!(finish(&*store, &first, Outcome::Retry { delay_ms: HOUR_MS as u64 }).await);
    let waiting = detail(&*store, &id).await.record;
    assert_eq!((waiting.status, waiting.attempts, waiting.failed), (JobStatus::Waiting, 1, 1));
    assert_eq!(waiting.last_error.as_deref(), Some("attempt 1 failed"));
    assert!(waiting.run_at_ms.unwrap() >= before + HOUR_MS);
    assert_eq!((waiting.ended_ms, waiting.worker), (None, None));
    claim_nothing(&*store).await;
    world.clock.jump(HOUR_MS);
    let second = claim_one(&*store).await;
    assert_eq!((second.held.attempt, second.failed), (2, 1));
    assert_eq!(second.payload, first.payload);
    assert!(finish(&*store, &second, Outcome::Retry { delay_ms: 0 }).await);
    assert_eq!(detail(&*store, &id).await.record.run_at_ms, None);
    let third = claim_one(&*store).await;
    assert_eq!((third.held.attempt, third.failed), (3, 2));
    assert!(finish(&*store, &third, Outcome::Dead).await);
    let dead = detail(&*store, &id).await;
    assert_eq!((dead.record.status, dead.record.attempts, dead.record.failed), (JobStatus::Dead, 3, 3));
    assert_eq!(dead.record.last_error.as_deref(), Some("attempt 3 failed"));
    assert!(dead.record.ended_ms.unwrap() >= before + HOUR_MS);
    assert_eq!(dead.payload, Some(first.payload), "dead letters can be looked at and redriven");
    let numbers: Vec<u32> = dead.attempts.iter().map(|attempt| attempt.attempt).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

pub async fn what_is_kept_of_an_attempt_is_told(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job("a")).await;
    let claimed = claim_one(&*store).await;
    let mut ended = end(&claimed, Outcome::Dead);
    let record = ended.record.as_mut().unwrap();
    record.worker = "wörker".to_owned();
    record.error = Some("line 1\nline 2 \u{1f600}".to_owned());
    record.output = "out".repeat(2000);
    record.script_version = None;
    let expected = record.clone();
    assert_eq!(store.finish(vec![ended]).await.unwrap(), [true]);
    let dead = detail(&*store, &id).await;
    assert_eq!(dead.attempts, std::slice::from_ref(&expected));
    assert_eq!(dead.record.last_error, expected.error);
}

pub async fn only_the_latest_attempts_are_kept(world: &World) {
    let store = world.open_with(|limits| limits.job_attempts = 3).await;
    let id = put(&*store, job_with("a", |job| job.tries = 100)).await;
    for _attempt in 1..=7 {
        let claimed = claim_one(&*store).await;
        assert!(finish(&*store, &claimed, Outcome::Retry { delay_ms: 0 }).await);
    }
    let detail = detail(&*store, &id).await;
    assert_eq!((detail.record.attempts, detail.record.failed), (7, 7));
    let numbers: Vec<u32> = detail.attempts.iter().map(|attempt| attempt.attempt).collect();
    assert_eq!(numbers, [5, 6, 7]);
    assert!(detail.attempts.iter().all(|attempt| attempt.outcome == AttemptOutcome::Failed));
}

pub async fn a_job_that_ended_well_lets_its_payload_go(world: &World) {
    let store = world.open().await;
    let jobs: Vec<NewJob> = ["succeeds", "skipped"].map(job).to_vec();
    let ids: Vec<_> = jobs.iter().map(|new| new.job.id.clone()).collect();
    store.enqueue(jobs).await.unwrap();
    let claimed = claim(&*store, 2).await;
    assert!(finish(&*store, &claimed[0], Outcome::Succeeded).await);
    assert!(finish(&*store, &claimed[1], Outcome::Cancelled).await);
    let succeeded = detail(&*store, &ids[0]).await;
    assert_eq!((succeeded.record.status, succeeded.payload), (JobStatus::Succeeded, None));
    assert_eq!((succeeded.record.failed, succeeded.record.worker), (0, None));
    assert!(succeeded.record.ended_ms.is_some());
    assert_eq!(succeeded.attempts[0].outcome, AttemptOutcome::Succeeded);
    let skipped = detail(&*store, &ids[1]).await;
    assert_eq!(skipped.record.status, JobStatus::Cancelled);
    assert_eq!(skipped.attempts[0].outcome, AttemptOutcome::Skipped);
}
