//! Taking jobs in.

use crate::*;
use antiphon_queue::{
    Edit, Enqueued, Held, Job, JobDetail, JobFilter, JobId, JobRecord, JobStatus, NewJob, Outcome, QueueError,
};
use bytes::Bytes;

pub async fn a_job_comes_out_as_it_was_put_in(world: &World) {
    let store = world.open().await;
    let mut new = job_with("db._table.todo.post.post_process", |job| {
        job.queue = "über, \"quoted\"".to_owned();
        job.event = "db._table.todo.post".to_owned();
        job.priority = -3;
        job.order_key = Some("customer 7*>.".to_owned());
        job.dedup_key = Some("order/8".to_owned());
        job.concurrency = Some(2);
        job.tries = 5;
        job.backoff_ms = 17;
        job.backoff_max_ms = 1 << 40;
        job.created_ms = 1_700_000_000_123;
    });
    new.payload = (0..=255).collect::<Vec<u8>>().into();
    let id = put(&*store, new.clone()).await;
    let waiting = JobRecord {
        job: new.job.clone(),
        status: JobStatus::Waiting,
        attempts: 0,
        failed: 0,
        run_at_ms: None,
        started_ms: None,
        ended_ms: None,
        worker: None,
        last_error: None,
    };
    let expected = JobDetail { record: waiting.clone(), payload: Some(new.payload.clone()), attempts: Vec::new() };
    assert_eq!(store.get(&id).await.unwrap(), Some(expected));
    assert_eq!(store.list(&JobFilter { most: 10, ..JobFilter::default() }).await.unwrap(), [waiting]);
    let claimed = claim_one(&*store).await;
    assert_eq!(claimed.job, new.job);
    assert_eq!(claimed.payload, new.payload);
    assert_eq!(claimed.held, Held { id: id.clone(), attempt: 1 });
    assert_eq!(claimed.failed, 0);
    let running = detail(&*store, &id).await.record;
    assert_eq!((running.status, running.attempts), (JobStatus::Running, 1));
    assert_eq!(running.worker.as_deref(), Some("a worker"));
    assert!(running.started_ms.is_some());
    assert_eq!(store.get(&JobId::new()).await.unwrap(), None);
}

pub async fn payloads_may_be_empty_or_large(world: &World) {
    let store = world.open().await;
    let mut empty = job("empty");
    empty.payload = Bytes::new();
    let mut large = job("large");
    large.payload = (0..3_000_000u32).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into();
    let expected = large.payload.clone();
    put(&*store, empty).await;
    let id = put(&*store, large).await;
    let claimed = claim(&*store, 2).await;
    assert_eq!(scripts(&claimed), ["empty", "large"]);
    assert_eq!(claimed[0].payload, Bytes::new());
    assert!(claimed[1].payload == expected, "the large payload came out changed");
    assert!(detail(&*store, &id).await.payload == Some(expected), "the large payload is told changed");
}

pub async fn a_batch_may_be_large(world: &World) {
    const JOBS: usize = 2000;
    let store = world.open().await;
    let jobs: Vec<NewJob> = (0..JOBS)
        .map(|number| NewJob { payload: vec![number as u8; 1000].into(), ..job(&format!("{number:04}")) })
        .collect();
    let enqueued = store.enqueue(jobs.clone()).await.unwrap();
    assert_eq!(enqueued, vec![Enqueued::Stored; JOBS]);
    let claimed = claim(&*store, JOBS).await;
    let came_out = claimed.iter().map(|claimed| (&claimed.job, &claimed.payload));
    assert!(came_out.eq(jobs.iter().map(|new| (&new.job, &new.payload))), "another order, or other jobs");
    let ends = claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect();
    assert_eq!(store.finish(ends).await.unwrap(), vec![true; JOBS]);
    assert_eq!(store.enqueue(jobs).await.unwrap(), vec![Enqueued::Known; JOBS]);
    claim_nothing(&*store).await;
}

pub async fn what_was_taken_in_is_there_for_those_who_come_later(world: &World) {
    let first = world.open().await;
    let id = put(&*first, job("a")).await;
    drop(first);
    let second = world.open().await;
    assert_eq!(claim_one(&*second).await.held, Held { id, attempt: 1 });
}

pub async fn an_identifier_is_taken_in_once_wherever_its_job_stands(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let new = job("a");
    put(&*store, new.clone()).await;
    let again = async || {
        for handle in [&store, &other] {
            assert_eq!(handle.enqueue(vec![new.clone()]).await.unwrap(), [Enqueued::Known]);
        }
    };
    again().await;
    let claimed = claim_one(&*store).await;
    again().await;
    assert!(finish(&*store, &claimed, Outcome::Dead).await);
    again().await;
    assert!(store.redrive(&new.job.id, Edit::default()).await.unwrap());
    again().await;
    assert!(store.cancel(&new.job.id).await.unwrap());
    again().await;
    assert!(store.redrive(&new.job.id, Edit::default()).await.unwrap());
    let claimed = claim_one(&*other).await;
    assert_eq!(claimed.held.attempt, 2);
    assert!(finish(&*store, &claimed, Outcome::Succeeded).await);
    again().await;
    claim_nothing(&*store).await;
}

pub async fn an_identifier_is_known_after_its_job_was_discarded(world: &World) {
    let store = world.open().await;
    let new = job("a");
    put(&*store, new.clone()).await;
    let claimed = claim_one(&*store).await;
    assert!(finish(&*store, &claimed, Outcome::Succeeded).await);
    assert!(store.discard(&new.job.id).await.unwrap());
    assert_eq!(store.get(&new.job.id).await.unwrap(), None);
    assert_eq!(store.enqueue(vec![new]).await.unwrap(), [Enqueued::Known]);
    claim_nothing(&*store).await;
}

pub async fn an_identifier_twice_in_one_batch_is_one_job(world: &World) {
    let store = world.open().await;
    let new = job("a");
    let enqueued = store.enqueue(vec![new.clone(), job("b"), new]).await.unwrap();
    assert_eq!(enqueued, [Enqueued::Stored, Enqueued::Stored, Enqueued::Known]);
    assert_eq!(scripts(&claim(&*store, 2).await), ["a", "b"]);
    claim_nothing(&*store).await;
}

pub async fn one_bad_job_keeps_the_others_out(world: &World) {
    let store = world.open_with(|limits| limits.job_payload_bytes = 1000).await;
    let mut too_large = job("too large");
    too_large.payload = vec![0; 1001].into();
    let never = job_with("never", |job| job.tries = 0);
    let nameless = job_with("nameless", |job| job.queue = String::new());
    let long_key = job_with("long key", |job| job.order_key = Some("k".repeat(10_000)));
    let nul = |put: fn(&mut Job, String)| job_with("nul", |job| put(job, "a\0b".to_owned()));
    let with_nul = [
        nul(|job, text| job.queue = text),
        nul(|job, text| job.order_key = Some(text)),
        nul(|job, text| job.dedup_key = Some(text)),
        nul(|job, text| job.script = text),
        nul(|job, text| job.event = text),
    ];
    for bad in [too_large, never, nameless, long_key].into_iter().chain(with_nul) {
        let (before, after) = (job("before"), job("after"));
        let refused = store.enqueue(vec![before.clone(), bad.clone(), after.clone()]).await;
        assert!(matches!(refused, Err(QueueError::Refused(_))), "{}: {refused:?}", bad.job.script);
        for id in [&before.job.id, &bad.job.id, &after.job.id] {
            assert_eq!(store.get(id).await.unwrap(), None);
        }
    }
    claim_nothing(&*store).await;
}

pub async fn a_duplicate_is_named_while_the_first_lives(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let with_key = |queue: &str| {
        job_with("a", |job| {
            job.queue = queue.to_owned();
            job.dedup_key = Some("the key".to_owned());
        })
    };
    let first = put(&*store, with_key("default")).await;
    let refused = with_key("default");
    let enqueued = other.enqueue(vec![refused.clone(), with_key("elsewhere"), job("without")]).await.unwrap();
    assert_eq!(enqueued, [Enqueued::Duplicate(first.clone()), Enqueued::Stored, Enqueued::Stored]);
    assert_eq!(store.get(&refused.job.id).await.unwrap(), None);
    let claimed = claim_from(&*store, &["default"], 2).await.remove(0);
    assert_eq!(claimed.held.id, first);
    assert_eq!(other.enqueue(vec![with_key("default")]).await.unwrap(), [Enqueued::Duplicate(first.clone())]);
    assert!(finish(&*store, &claimed, Outcome::Retry { delay_ms: 60_000 }).await);
    assert_eq!(other.enqueue(vec![with_key("default")]).await.unwrap(), [Enqueued::Duplicate(first)]);
}

pub async fn every_end_frees_the_key_against_duplicates(world: &World) {
    let store = world.open().await;
    let with_key = || job_with("a", |job| job.dedup_key = Some("the key".to_owned()));
    for outcome in [Outcome::Succeeded, Outcome::Dead, Outcome::Cancelled] {
        put(&*store, with_key()).await;
        let claimed = claim_one(&*store).await;
        assert!(finish(&*store, &claimed, outcome).await);
    }
    let waiting = put(&*store, with_key()).await;
    assert!(store.cancel(&waiting).await.unwrap());
    put(&*store, with_key()).await;
}
