//! What is told: lists, queues, and for how long.

use crate::*;
use antiphon_queue::{Enqueued, JobFilter, JobId, JobStatus, Outcome, QueueState, Store};

async fn listed(store: &dyn Store, filter: JobFilter) -> Vec<String> {
    let most = if filter.most == 0 { 100 } else { filter.most };
    let records = store.list(&JobFilter { most, ..filter }).await.unwrap();
    records.into_iter().map(|record| record.job.script).collect()
}

pub async fn lists_tell_what_was_asked_for_latest_first(world: &World) {
    use JobStatus::{Cancelled, Dead, Running, Succeeded, Waiting};
    let store = world.open().await;
    let mut ids: Vec<JobId> = Vec::new();
    // Taken in in another order than created.
    for (script, created_ms) in [
        ("succeeded", 1000),
        ("delayed", 7000),
        ("dead", 2000),
        ("running", 3000),
        ("cancelled", 4000),
        ("waiting", 6000),
    ] {
        let new = job_with(script, |job| {
            job.created_ms = created_ms;
            job.queue = if created_ms < 3000 { "early" } else { "late" }.to_owned();
            job.delay_ms = if script == "delayed" { HOUR_MS as u64 } else { 0 };
        });
        ids.push(put(&*store, new).await);
    }
    assert!(store.cancel(&ids[4]).await.unwrap());
    let claimed = claim(&*store, 3).await;
    assert_eq!(scripts(&claimed), ["succeeded", "dead", "running"]);
    assert!(finish(&*store, &claimed[0], Outcome::Succeeded).await);
    assert!(finish(&*store, &claimed[1], Outcome::Dead).await);

    let all = ["delayed", "waiting", "cancelled", "running", "dead", "succeeded"];
    assert_eq!(listed(&*store, JobFilter::default()).await, all);
    assert_eq!(listed(&*store, JobFilter { most: 2, ..JobFilter::default() }).await, all[..2]);
    let of = async |statuses: &[JobStatus]| {
        listed(&*store, JobFilter { statuses: statuses.to_vec(), ..JobFilter::default() }).await
    };
    assert_eq!(of(&[Waiting]).await, ["delayed", "waiting"]);
    assert_eq!(of(&[Running]).await, ["running"]);
    assert_eq!(of(&[Succeeded, Dead]).await, ["dead", "succeeded"]);
    assert_eq!(of(&[Cancelled, Waiting]).await, ["delayed", "waiting", "cancelled"]);
    assert_eq!(of(&[Waiting, Running, Succeeded, Dead, Cancelled]).await, all);
    let early = JobFilter { queue: Some("early".to_owned()), ..JobFilter::default() };
    assert_eq!(listed(&*store, early.clone()).await, ["dead", "succeeded"]);
    assert_eq!(listed(&*store, JobFilter { statuses: vec![Dead, Running], ..early }).await, ["dead"]);
    let script = |name: &str| JobFilter { script: Some(name.to_owned()), ..JobFilter::default() };
    assert_eq!(listed(&*store, script("dead")).await, ["dead"]);
    assert_eq!(listed(&*store, script("DEAD")).await, Vec::<String>::new());
    let of_ids = JobFilter { ids: vec![ids[5].clone(), ids[0].clone(), JobId::new()], ..JobFilter::default() };
    assert_eq!(listed(&*store, of_ids.clone()).await, ["waiting", "succeeded"]);
    assert_eq!(listed(&*store, JobFilter { statuses: vec![Waiting], ..of_ids }).await, ["waiting"]);
    let after = JobFilter { created_after_ms: Some(3000), ..JobFilter::default() };
    assert_eq!(listed(&*store, after).await, ["delayed", "waiting", "cancelled"]);
}

pub async fn lists_tell_the_beginning_of_errors(world: &World) {
    let store = world.open_with(|limits| limits.job_list_error_bytes = 50).await;
    let error = "ü".repeat(2000);
    let id = put(&*store, job("a")).await;
    let claimed = claim_one(&*store).await;
    let mut failed = end(&claimed, Outcome::Dead);
    failed.record.as_mut().unwrap().error = Some(error.clone());
    assert_eq!(store.finish(vec![failed]).await.unwrap(), [true]);
    let listed = store.list(&JobFilter { most: 10, ..JobFilter::default() }).await.unwrap().remove(0);
    assert_eq!(listed.last_error, Some("ü".repeat(25)));
    let whole = store.get(&id).await.unwrap().unwrap();
    assert_eq!((whole.record.last_error, whole.attempts[0].error.clone()), (Some(error.clone()), Some(error)));
}

pub async fn queues_tell_how_they_stand(world: &World) {
    let store = world.open().await;
    assert_eq!(store.queues().await.unwrap(), []);
    let of = |queue: &str, created_ms: i64, delay_ms: u64| {
        job_with(queue, |job| {
            job.queue = queue.to_owned();
            job.created_ms = created_ms;
            job.delay_ms = delay_ms;
        })
    };
    let jobs = vec![of("b", 5000, 0), of("b", 1000, 0), of("b", 4000, 0), of("b", 500, 1000), of("b", 600, 2000)];
    store.enqueue(jobs).await.unwrap();
    store.enqueue(vec![of("a", 300, 2000), of("d", 1, 0), of("d", 2, 0)]).await.unwrap();
    let claimed = claim_from(&*store, &["d"], 2).await;
    assert!(finish(&*store, &claimed[0], Outcome::Dead).await);
    store.pause("c", true).await.unwrap();
    store.pause("b", true).await.unwrap();
    let state = |name: &str| QueueState { name: name.to_owned(), ..QueueState::default() };
    let mut expected = [
        QueueState { delayed: 1, ..state("a") },
        QueueState { is_paused: true, ready: 3, delayed: 2, oldest_ms: Some(1000), ..state("b") },
        QueueState { is_paused: true, ..state("c") },
        QueueState { running: 1, dead: 1, ..state("d") },
    ];
    assert_eq!(store.queues().await.unwrap(), expected);
    world.clock.jump(1500);
    expected[1] = QueueState { ready: 4, delayed: 1, oldest_ms: Some(500), ..expected[1].clone() };
    assert_eq!(store.queues().await.unwrap(), expected);
}

pub async fn a_paused_queue_hands_nothing_out(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let of = |queue: &str| job_with(queue, |job| job.queue = queue.to_owned());
    store.enqueue(vec![of("held"), of("held"), of("free")]).await.unwrap();
    let running = claim_from(&*store, &["held"], 1).await.remove(0);
    other.pause("held", true).await.unwrap();
    other.pause("held", true).await.unwrap();
    assert_eq!(scripts(&claim(&*store, 1).await), ["free"]);
    claim_nothing(&*store).await;
    put(&*store, of("held")).await;
    claim_nothing(&*store).await;
    assert_eq!(store.renew(std::slice::from_ref(&running.held)).await.unwrap(), []);
    assert!(finish(&*store, &running, Outcome::Succeeded).await, "what runs goes on");
    other.pause("held", false).await.unwrap();
    assert_eq!(scripts(&claim(&*store, 2).await), ["held", "held"]);
    store.pause("never paused", false).await.unwrap();
}

pub async fn workers_choose_their_queues(world: &World) {
    let store = world.open().await;
    let of = |queue: &str, priority: i16| {
        job_with(queue, |job| {
            job.queue = queue.to_owned();
            job.priority = priority;
        })
    };
    store.enqueue(vec![of("a", 0), of("b", 0), of("c", 9), of("b", 1)]).await.unwrap();
    assert_eq!(scripts(&claim_from(&*store, &["b", "a", "none"], 3).await), ["b", "a", "b"]);
    let rest = store.claim(&antiphon_queue::ClaimRequest { queues: vec!["a".to_owned()], ..request(5) }).await.unwrap();
    assert_eq!(rest, []);
    assert_eq!(scripts(&claim(&*store, 1).await), ["c"]);
}

pub async fn ended_jobs_are_told_of_for_their_time(world: &World) {
    let keep = |limits: &mut antiphon_model::Limits| {
        limits.job_keep_ended_ms = HOUR_MS as u64;
        limits.job_keep_dead_ms = 3 * HOUR_MS as u64;
        limits.job_memory_ms = 5 * HOUR_MS as u64;
    };
    let store = world.open_with(keep).await;
    let jobs = ["succeeded", "dead", "cancelled", "running"].map(job).to_vec();
    store.enqueue(jobs.clone()).await.unwrap();
    let claimed = claim(&*store, 4).await;
    for (claimed, outcome) in claimed.iter().zip([Outcome::Succeeded, Outcome::Dead, Outcome::Cancelled]) {
        assert!(finish(&*store, claimed, outcome).await);
    }
    put(&*store, job("waiting")).await;
    let all = async || {
        let mut all = listed(&*store, JobFilter::default()).await;
        all.sort();
        all
    };
    store.maintain().await.unwrap();
    assert_eq!(all().await.len(), 5);
    world.clock.jump(HOUR_MS + 60_000);
    store.maintain().await.unwrap();
    assert_eq!(all().await, ["dead", "running", "waiting"]);
    world.clock.jump(2 * HOUR_MS);
    store.maintain().await.unwrap();
    assert_eq!(all().await, ["running", "waiting"]);
    let ended = jobs[..3].to_vec();
    assert!(store.enqueue(ended).await.unwrap().iter().all(|enqueued| *enqueued == Enqueued::Known));
    assert_eq!(store.get(&jobs[0].job.id).await.unwrap(), None);
}
