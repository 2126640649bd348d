//! Workers that are lost, told by silence and never by the wall clock.

use crate::*;
use antiphon_queue::{AttemptOutcome, JobStatus, Outcome, Store};

/// Long enough for a look and a renewal on a busy machine, short enough to wait for.
const SHORT_LEASE_MS: u64 = 100;

async fn taken_back(observer: &dyn Store) -> usize {
    eventually("a job was taken back", async || {
        let count = observer.maintain().await.unwrap();
        (count > 0).then_some(count)
    })
    .await
}

pub async fn a_silent_worker_loses_its_job_to_another(world: &World) {
    let store = world.open().await;
    let observer = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    let id = put(&*store, job("a")).await;
    let stale = claim_one(&*store).await;
    assert_eq!(taken_back(&*observer).await, 1);
    let waiting = detail(&*store, &id).await;
    assert_eq!((waiting.record.status, waiting.record.attempts), (JobStatus::Waiting, 1));
    assert_eq!((waiting.record.failed, waiting.record.worker), (1, None));
    assert_eq!(waiting.record.run_at_ms, None, "at once");
    assert_eq!(waiting.attempts.len(), 1);
    assert_eq!((waiting.attempts[0].attempt, waiting.attempts[0].outcome), (1, AttemptOutcome::Lost));
    assert_eq!(waiting.attempts[0].worker, "a worker");
    assert_eq!(waiting.attempts[0].error, waiting.record.last_error);
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await, "it waits");
    let current = claim_one(&*observer).await;
    assert_eq!((current.held.attempt, current.failed), (2, 1));
    assert_eq!(current.payload, stale.payload);
    for outcome in [Outcome::Succeeded, Outcome::Dead, Outcome::Retry { delay_ms: 0 }, Outcome::Released] {
        assert!(!finish(&*store, &stale, outcome).await, "another attempt runs");
    }
    assert_eq!(store.renew(std::slice::from_ref(&stale.held)).await.unwrap(), [stale.held]);
    assert!(finish(&*observer, &current, Outcome::Succeeded).await);
}

pub async fn a_renewed_lease_holds_while_others_are_lost(world: &World) {
    let store = world.open().await;
    let observer = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    store.enqueue(vec![job("renewed"), job("silent")]).await.unwrap();
    let claimed = claim(&*store, 2).await;
    let renewed = std::slice::from_ref(&claimed[0].held);
    eventually("the silent worker was noticed", async || {
        // Renewed before each look, it is never seen twice alike, however slow this machine is.
        assert_eq!(store.renew(renewed).await.unwrap(), []);
        observer.maintain().await.unwrap();
        (status(&*store, &claimed[1].held.id).await == JobStatus::Waiting).then_some(())
    })
    .await;
    assert!(finish(&*store, &claimed[0], Outcome::Succeeded).await);
    assert!(!finish(&*store, &claimed[1], Outcome::Succeeded).await);
}

pub async fn jumps_of_the_clock_end_no_lease(world: &World) {
    let store = world.open_with(|limits| limits.job_lease_ms = 300_000).await;
    let observer = world.open_with(|limits| limits.job_lease_ms = 300_000).await;
    let id = put(&*store, job("a")).await;
    let claimed = claim_one(&*store).await;
    for hours in [10, -24, 30, -16] {
        world.clock.jump(hours * HOUR_MS);
        for handle in [&store, &observer] {
            assert_eq!(handle.maintain().await.unwrap(), 0, "after {hours} hours");
        }
        assert_eq!(status(&*store, &id).await, JobStatus::Running);
        assert_eq!(store.renew(std::slice::from_ref(&claimed.held)).await.unwrap(), []);
    }
    assert!(finish(&*store, &claimed, Outcome::Succeeded).await);
}

pub async fn a_clock_set_back_does_not_keep_lost_workers(world: &World) {
    let store = world.open().await;
    let observer = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    let id = put(&*store, job("a")).await;
    claim_one(&*store).await;
    observer.maintain().await.unwrap();
    world.clock.jump(-10 * HOUR_MS);
    taken_back(&*observer).await;
    assert_eq!(claim_one(&*store).await.held.id, id);
}

pub async fn two_observers_take_a_job_back_once(world: &World) {
    let store = world.open().await;
    let first = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    let second = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    let id = put(&*store, job("a")).await;
    claim_one(&*store).await;
    let count = eventually("the job was taken back", async || {
        let (one, other) = tokio::join!(first.maintain(), second.maintain());
        Some(one.unwrap() + other.unwrap()).filter(|count| *count > 0)
    })
    .await;
    assert_eq!(count, 1);
    let waiting = detail(&*store, &id).await;
    assert_eq!((waiting.record.failed, waiting.attempts.len()), (1, 1));
}

pub async fn lost_workers_use_tries_up(world: &World) {
    let store = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    let id = put(&*store, job_with("a", |job| job.tries = 2)).await;
    for attempt in 1..=2 {
        assert_eq!(claim_one(&*store).await.held.attempt, attempt);
        taken_back(&*store).await;
    }
    let dead = detail(&*store, &id).await;
    assert_eq!((dead.record.status, dead.record.attempts, dead.record.failed), (JobStatus::Dead, 2, 2));
    assert!(dead.record.ended_ms.is_some());
    assert!(dead.attempts.iter().all(|attempt| attempt.outcome == AttemptOutcome::Lost));
    assert_eq!(dead.attempts.len(), 2);
    assert_eq!(dead.payload, Some("for a".into()));
    claim_nothing(&*store).await;
}

pub async fn a_lost_worker_passes_key_and_room_on(world: &World) {
    let store = world.open_with(|limits| limits.job_lease_ms = SHORT_LEASE_MS).await;
    let keyed = |script: &str| {
        job_with(script, |job| {
            job.order_key = Some("x".to_owned());
            job.concurrency = Some(1);
            job.tries = 1;
        })
    };
    store.enqueue(vec![keyed("s"), keyed("s")]).await.unwrap();
    let first = claim_one(&*store).await;
    taken_back(&*store).await;
    assert_eq!(status(&*store, &first.held.id).await, JobStatus::Dead);
    let second = claim_one(&*store).await;
    assert_ne!(first.held.id, second.held.id);
}
