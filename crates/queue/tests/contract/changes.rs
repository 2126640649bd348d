//! What people do to jobs: cancel, redrive, discard.

use crate::*;
use antiphon_queue::{Edit, JobId, JobStatus, Outcome, QueueError};
use bytes::Bytes;

pub async fn only_what_waits_or_runs_is_cancelled(world: &World) {
    let store = world.open().await;
    let waiting = put(&*store, job("a")).await;
    assert!(store.cancel(&waiting).await.unwrap());
    assert!(!store.cancel(&waiting).await.unwrap(), "it has ended");
    assert!(!store.cancel(&JobId::new()).await.unwrap(), "it is unknown");
    let record = detail(&*store, &waiting).await.record;
    assert_eq!((record.status, record.run_at_ms, record.worker), (JobStatus::Cancelled, None, None));
    assert!(record.ended_ms.is_some());
    claim_nothing(&*store).await;
    let delayed = put(&*store, job_with("a", |job| job.delay_ms = 1000)).await;
    assert!(store.cancel(&delayed).await.unwrap());
    world.clock.jump(HOUR_MS);
    claim_nothing(&*store).await;
    for outcome in [Outcome::Succeeded, Outcome::Dead] {
        let id = put(&*store, job("a")).await;
        let claimed = claim_one(&*store).await;
        assert!(finish(&*store, &claimed, outcome).await);
        assert!(!store.cancel(&id).await.unwrap());
    }
}

pub async fn a_dead_letter_is_redriven_with_changes(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job_with("a", |job| job.tries = 1)).await;
    let claimed = claim_one(&*store).await;
    assert!(finish(&*store, &claimed, Outcome::Dead).await);
    let edit = Edit {
        payload: Some(Bytes::from_static(b"edited")),
        priority: Some(9),
        queue: Some("another".to_owned()),
        tries: Some(4),
        delay_ms: HOUR_MS as u64,
    };
    assert!(store.redrive(&id, edit).await.unwrap());
    let waiting = detail(&*store, &id).await;
    assert_eq!((waiting.record.status, waiting.record.attempts, waiting.record.failed), (JobStatus::Waiting, 1, 0));
    assert_eq!((waiting.record.job.priority, waiting.record.job.tries), (9, 4));
    assert_eq!(waiting.record.job.queue, "another");
    assert_eq!(waiting.record.ended_ms, None);
    assert!(waiting.record.run_at_ms.is_some());
    assert_eq!(waiting.payload, Some(Bytes::from_static(b"edited")));
    assert_eq!(waiting.attempts.len(), 1, "what was before is still told");
    claim_nothing(&*store).await;
    world.clock.jump(HOUR_MS);
    let again = claim_from(&*store, &["another"], 1).await.remove(0);
    assert_eq!((again.held.attempt, again.failed), (2, 0));
    assert_eq!(again.payload, Bytes::from_static(b"edited"));
    assert_eq!(again.job, waiting.record.job);
}

pub async fn a_redrive_without_changes_keeps_everything(world: &World) {
    let store = world.open().await;
    let new = job_with("a", |job| {
        job.priority = 3;
        job.delay_ms = HOUR_MS as u64;
    });
    let id = put(&*store, new.clone()).await;
    assert!(store.cancel(&id).await.unwrap());
    assert!(store.redrive(&id, Edit::default()).await.unwrap());
    let again = claim_one(&*store).await;
    assert_eq!((again.job, again.payload, again.held.attempt), (new.job, new.payload, 1), "at once");
}

pub async fn a_waiting_job_is_changed(world: &World) {
    let store = world.open().await;
    store.enqueue(vec![job("a"), job("b")]).await.unwrap();
    let delayed = put(&*store, job_with("c", |job| job.delay_ms = HOUR_MS as u64)).await;
    let edit = Edit { priority: Some(1), ..Edit::default() };
    assert!(store.redrive(&delayed, edit).await.unwrap(), "at once, and before the others");
    assert_eq!(scripts(&claim(&*store, 3).await), ["c", "a", "b"]);
}

pub async fn what_runs_or_succeeded_is_not_redriven(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job("a")).await;
    let claimed = claim_one(&*store).await;
    let edit = Edit { payload: Some(Bytes::from_static(b"edited")), ..Edit::default() };
    assert!(!store.redrive(&id, edit.clone()).await.unwrap());
    assert_eq!(detail(&*store, &id).await.payload, Some(claimed.payload.clone()));
    assert!(finish(&*store, &claimed, Outcome::Succeeded).await);
    assert!(!store.redrive(&id, edit).await.unwrap());
    assert!(!store.redrive(&JobId::new(), Edit::default()).await.unwrap());
    claim_nothing(&*store).await;
}

pub async fn a_bad_change_is_refused(world: &World) {
    let store = world.open_with(|limits| limits.job_payload_bytes = 1000).await;
    let id = put(&*store, job("a")).await;
    let before = store.get(&id).await.unwrap();
    let bad = [
        Edit { payload: Some(vec![0; 1001].into()), ..Edit::default() },
        Edit { queue: Some(String::new()), ..Edit::default() },
        Edit { queue: Some("q".repeat(10_000)), ..Edit::default() },
        Edit { queue: Some("a\0b".to_owned()), ..Edit::default() },
        Edit { tries: Some(0), ..Edit::default() },
        Edit { delay_ms: u64::MAX, ..Edit::default() },
    ];
    for edit in bad {
        let refused = store.redrive(&id, edit.clone()).await;
        assert!(matches!(refused, Err(QueueError::Refused(_))), "{edit:?}: {refused:?}");
        assert_eq!(store.get(&id).await.unwrap(), before);
    }
}

pub async fn a_redriven_job_waits_for_its_turn(world: &World) {
    let store = world.open().await;
    let keyed = |script: &str| job_with(script, |job| job.order_key = Some("x".to_owned()));
    let first = put(&*store, keyed("1")).await;
    put(&*store, keyed("2")).await;
    let claimed = claim_one(&*store).await;
    assert!(finish(&*store, &claimed, Outcome::Dead).await);
    let second = claim_one(&*store).await;
    assert!(store.redrive(&first, Edit::default()).await.unwrap());
    claim_nothing(&*store).await;
    assert!(finish(&*store, &second, Outcome::Succeeded).await);
    assert_eq!(claim_one(&*store).await.held.id, first);
}

pub async fn a_job_moved_to_another_queue_leaves_its_line(world: &World) {
    let store = world.open().await;
    let keyed = |script: &str| job_with(script, |job| job.order_key = Some("x".to_owned()));
    let first = put(&*store, keyed("1")).await;
    put(&*store, keyed("2")).await;
    let there = job_with("there", |job| {
        job.queue = "another".to_owned();
        job.order_key = Some("x".to_owned());
    });
    put(&*store, there).await;
    assert!(store.redrive(&first, Edit { queue: Some("another".to_owned()), ..Edit::default() }).await.unwrap());
    let mut claimed = claim_from(&*store, &["default"], 1).await;
    assert_eq!(scripts(&claimed), ["2"]);
    let other = claim_from(&*store, &["another"], 1).await.remove(0);
    claim_nothing(&*store).await;
    assert!(finish(&*store, &other, Outcome::Succeeded).await);
    claimed.extend(claim(&*store, 1).await);
    assert!(claimed.iter().any(|claimed| claimed.job.script == "2"));
    claim_nothing(&*store).await;
}

pub async fn only_what_has_ended_is_discarded(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job("a")).await;
    assert!(!store.discard(&id).await.unwrap(), "it waits");
    let claimed = claim_one(&*store).await;
    assert!(!store.discard(&id).await.unwrap(), "it runs");
    assert!(finish(&*store, &claimed, Outcome::Dead).await);
    assert!(store.discard(&id).await.unwrap());
    assert_eq!(store.get(&id).await.unwrap(), None);
    assert!(!store.discard(&id).await.unwrap(), "it is unknown");
    assert!(!store.redrive(&id, Edit::default()).await.unwrap());
    assert!(!store.cancel(&id).await.unwrap());
    assert!(!finish(&*store, &claimed, Outcome::Succeeded).await);
}
