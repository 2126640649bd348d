//! What holds for jobs in NATS JetStream beyond what every store does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[allow(dead_code, reason = "not all words are needed here")]
#[path = "contract/world.rs"]
mod world;

use antiphon_model::Limits;
use antiphon_queue::{
    Enqueued, Finish, Held, JobFilter, JobId, JobStatus, NatsStore, NewJob, Outcome, QueueError, Store, StoreSettings,
};
use antiphon_test_servers::NatsServer;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Config, RetentionPolicy, State};
use async_nats::jetstream::{self, AckKind};
use futures_util::StreamExt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use world::{claim, claim_one, detail, end, eventually, finish, job, job_with, put, request, status};

fn open(url: &str, prefix: &str, change: impl FnOnce(&mut Limits)) -> Arc<NatsStore> {
    let mut settings = StoreSettings::default();
    change(&mut settings.limits);
    Arc::new(NatsStore::open(url, prefix, settings).unwrap())
}

fn shared(prefix: &str) -> Arc<NatsStore> {
    open(&NatsServer::shared().unwrap().url(), prefix, |_| ())
}

fn jobs(count: usize) -> Vec<NewJob> {
    (0..count).map(|number| job(&format!("script{}", number % 7))).collect()
}

async fn bare(url: &str) -> jetstream::Context {
    jetstream::new(async_nats::connect(url).await.unwrap())
}

async fn stream_state(url: &str, name: &str) -> State {
    bare(url).await.get_stream(name).await.unwrap().get_info().await.unwrap().state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_worker_ends_nothing_though_jetstream_would_take_its_word() {
    let url = NatsServer::shared().unwrap().url();
    let context = bare(&url).await;
    let retention = RetentionPolicy::WorkQueue;
    let stream =
        context.create_stream(Config { name: "bare".to_owned(), retention, ..Config::default() }).await.unwrap();
    context.publish("bare", "a job".into()).await.unwrap().await.unwrap();
    let consumer =
        stream.create_consumer(pull::Config { durable_name: Some("workers".to_owned()), ..pull::Config::default() });
    let consumer = consumer.await.unwrap();
    let first = consumer
        .batch()
        .max_messages(1)
        .expires(Duration::from_secs(20))
        .messages()
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    first.ack_with(AckKind::Nak(None)).await.unwrap();
    let second = consumer
        .batch()
        .max_messages(1)
        .expires(Duration::from_secs(20))
        .messages()
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second.info().unwrap().delivered, 2);
    first.double_ack().await.unwrap();
    assert_eq!(
        stream.get_info().await.unwrap().state.messages,
        0,
        "the job of the second worker was ended by the first"
    );

    let prefix = NatsServer::prefix();
    let (store, other) = (shared(&prefix), open(&url, &prefix, |limits| limits.job_lease_ms = 50));
    let id = put(&*store, job("a")).await;
    let stale = claim_one(&*store).await;
    eventually("it is taken back", async || (other.maintain().await.unwrap() == 1).then_some(())).await;
    let current = claim_one(&*other).await;
    assert!(!finish(&*store, &stale, Outcome::Succeeded).await);
    assert_eq!(status(&*other, &id).await, JobStatus::Running);
    assert!(finish(&*other, &current, Outcome::Succeeded).await);
}

/// Tries an operation again until the server is there.
async fn insist<T, Attempt: Future<Output = Result<T, QueueError>>>(mut attempt: impl FnMut() -> Attempt) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(QueueError::Unreachable(why)) => assert!(Instant::now() < end, "{why}"),
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn work(store: Arc<NatsStore>, is_over: Arc<AtomicBool>) -> HashMap<JobId, u32> {
    let mut ended = HashMap::new();
    let request = request(20);
    while !is_over.load(Ordering::Relaxed) {
        let claimed = insist(|| store.claim(&request)).await;
        if claimed.is_empty() {
            insist(|| store.maintain()).await;
            store.wait(Duration::from_millis(20)).await;
        }
        let ends: Vec<Finish> = claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect();
        let counted = insist(|| store.finish(ends.clone())).await;
        for (claimed, _) in claimed.iter().zip(counted).filter(|(_, counted)| *counted) {
            *ended.entry(claimed.held.id.clone()).or_default() += 1;
        }
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_and_killed_loses_nothing() {
    let mut server = NatsServer::start().unwrap();
    let short = |limits: &mut Limits| limits.job_lease_ms = 500;
    let is_over = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> =
        (0..2).map(|_| tokio::spawn(work(open(&server.url(), "jobs", short), is_over.clone()))).collect();
    let store = open(&server.url(), "jobs", short);
    let all = jobs(2000);
    for (round, batch) in all.chunks(100).enumerate() {
        match round {
            5 | 15 => server.kill().unwrap(),
            10 => server.restart().unwrap(),
            _ => {}
        }
        for few in batch.chunks(10) {
            let each = insist(|| store.enqueue(few.to_vec())).await;
            assert!(each.iter().all(|one| matches!(one, Enqueued::Stored | Enqueued::Known)));
        }
    }
    let succeeded = JobFilter { statuses: vec![JobStatus::Succeeded], most: 5000, ..JobFilter::default() };
    eventually("all succeeded", async || {
        let ended = insist(|| store.list(&succeeded)).await;
        (ended.len() == all.len()).then_some(())
    })
    .await;
    is_over.store(true, Ordering::Relaxed);
    let mut ended: HashMap<JobId, u32> = HashMap::new();
    for worker in workers {
        for (id, count) in worker.await.unwrap() {
            *ended.entry(id).or_default() += count;
        }
    }
    // An end whose answer was lost may be told to nobody, but never twice.
    assert!(ended.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_job_is_given_to_one_of_two_processes() {
    let prefix = NatsServer::prefix();
    let stores = [shared(&prefix), shared(&prefix)];
    for batch in jobs(4000).chunks(500) {
        stores[0].enqueue(batch.to_vec()).await.unwrap();
    }
    let drains = stores.map(|store| {
        tokio::spawn(async move {
            let mut held: Vec<Held> = Vec::new();
            loop {
                let claimed = store.claim(&request(50)).await.unwrap();
                if claimed.is_empty() {
                    return held;
                }
                let ends = claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect();
                assert!(store.finish(ends).await.unwrap().iter().all(|counted| *counted));
                held.extend(claimed.into_iter().map(|claimed| claimed.held));
            }
        })
    });
    let mut held = Vec::new();
    for drain in drains {
        held.extend(drain.await.unwrap());
    }
    let ids: HashSet<&JobId> = held.iter().map(|held| &held.id).collect();
    assert_eq!((held.len(), ids.len()), (4000, 4000));
    assert!(held.iter().all(|held| held.attempt == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_a_message_goes_in_several() {
    let prefix = NatsServer::prefix();
    let (store, other) = (shared(&prefix), shared(&prefix));
    let mut large = job("large");
    large.payload = (0..12_000_000_u32).map(|at| (at % 253) as u8).collect::<Vec<u8>>().into();
    let id = put(&*store, large.clone()).await;
    assert!(claim_one(&*other).await.payload == large.payload);
    assert!(detail(&*store, &id).await.payload == Some(large.payload));
    let many: Vec<NewJob> = (0..4000)
        .map(|number| job_with(&"s".repeat(200), |job| job.dedup_key = Some(format!("{number} {}", "\"".repeat(100)))))
        .collect();
    let each = store.enqueue(many).await.unwrap();
    assert!(each.len() == 4000 && each.iter().all(|one| *one == Enqueued::Stored));
    assert_eq!(other.queues().await.unwrap()[0].ready, 4000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_summed_up_and_cut_off() {
    let url = NatsServer::shared().unwrap().url();
    let prefix = NatsServer::prefix();
    let store = open(&url, &prefix, |limits| limits.job_log_bytes = 1000);
    let idle = shared(&prefix);
    let id = put(&*store, job_with("paused", |job| job.queue = "held".to_owned())).await;
    store.pause("held", true).await.unwrap();
    assert_eq!(idle.queues().await.unwrap().len(), 1);
    let log = format!("{prefix}_log");
    eventually("the log was cut off", async || {
        store.enqueue(jobs(20)).await.unwrap();
        let claimed = claim(&*store, 20).await;
        store.finish(claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect()).await.unwrap();
        store.maintain().await.unwrap();
        (stream_state(&url, &log).await.first_sequence > 1).then_some(())
    })
    .await;
    let late = shared(&prefix);
    for store in [&late, &idle, &store] {
        let queues = store.queues().await.unwrap();
        assert!(queues.iter().any(|queue| queue.name == "held" && queue.is_paused && queue.ready == 1));
        assert_eq!(status(&**store, &id).await, JobStatus::Waiting);
    }
    let known = late.list(&JobFilter { most: 1, ..JobFilter::default() }).await.unwrap();
    let again = NewJob { job: known[0].job.clone(), payload: "x".into() };
    assert_eq!(late.enqueue(vec![again]).await.unwrap(), [Enqueued::Known]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_go_with_their_jobs_and_those_that_are_needed_stay() {
    let url = NatsServer::shared().unwrap().url();
    let prefix = NatsServer::prefix();
    let store = open(&url, &prefix, |limits| limits.job_log_bytes = 100_000);
    let lasting = put(&*store, job_with("lasting", |job| job.delay_ms = 1_000_000)).await;
    let data = format!("{prefix}_data");
    eventually("what is not needed has gone", async || {
        let mut new = job("passing");
        new.payload = vec![7; 50_000].into();
        put(&*store, new).await;
        let claimed = claim_one(&*store).await;
        assert!(finish(&*store, &claimed, Outcome::Succeeded).await);
        store.maintain().await.unwrap();
        let state = stream_state(&url, &data).await;
        (state.first_sequence > 1 && state.bytes < 200_000).then_some(())
    })
    .await;
    let late = shared(&prefix);
    assert_eq!(detail(&*late, &lasting).await.payload.as_deref(), Some(&b"for lasting"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_all_processes_cut_off_the_log_at_once() {
    let url = NatsServer::shared().unwrap().url();
    let prefix = NatsServer::prefix();
    let tight = |limits: &mut Limits| (limits.job_log_bytes, limits.job_keep_ended_ms) = (1, 0);
    let lasting = put(&*open(&url, &prefix, tight), job_with("lasting", |job| job.delay_ms = 1_000_000)).await;
    let processes = (0..4).map(|number| {
        let (url, prefix) = (url.clone(), prefix.clone());
        tokio::spawn(async move {
            let mut ended: Vec<JobId> = Vec::new();
            let mut taken_in: Vec<JobId> = Vec::new();
            for _ in 0..8 {
                // Each round another process, which starts from what the others left.
                let store = open(&url, &prefix, tight);
                let mut batch = jobs(10);
                batch.iter_mut().for_each(|new| new.payload = vec![number; 5000].into());
                taken_in.extend(batch.iter().map(|new| new.job.id.clone()));
                insist(|| store.enqueue(batch.clone())).await;
                let request = request(10);
                let claimed = insist(|| store.claim(&request)).await;
                assert!(claimed.iter().all(|claimed| claimed.payload.len() == 5000));
                let ends: Vec<Finish> = claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect();
                assert!(insist(|| store.finish(ends.clone())).await.iter().all(|counted| *counted));
                ended.extend(claimed.into_iter().map(|claimed| claimed.held.id));
                for _ in 0..3 {
                    insist(|| store.maintain()).await;
                }
            }
            (taken_in, ended)
        })
    });
    let (mut taken_in, mut ended) = (HashSet::new(), Vec::new());
    for process in processes.collect::<Vec<_>>() {
        let (more, done) = process.await.unwrap();
        taken_in.extend(more);
        ended.extend(done);
    }
    let late = shared(&prefix);
    ended.extend(claim(&*late, taken_in.len() - ended.len()).await.into_iter().map(|claimed| claimed.held.id));
    assert_eq!(ended.len(), taken_in.len());
    assert_eq!(ended.into_iter().collect::<HashSet<_>>(), taken_in);
    assert_eq!(detail(&*late, &lasting).await.payload.as_deref(), Some(&b"for lasting"[..]));
    assert!(stream_state(&url, &format!("{prefix}_log")).await.first_sequence > 1);
    assert!(stream_state(&url, &format!("{prefix}_data")).await.first_sequence > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_says_so_and_keeps_what_it_took_in() {
    let server = NatsServer::start_with_storage(12 << 20).unwrap();
    let store = open(&server.url(), "jobs", |_| ());
    store.maintain().await.unwrap();
    let mut stored = HashSet::new();
    let error = loop {
        let mut new = job("a");
        new.payload = vec![1; 200_000].into();
        let id = new.job.id.clone();
        match store.enqueue(vec![new]).await {
            Ok(each) => assert_eq!(each, [Enqueued::Stored]),
            Err(error) => break error,
        }
        stored.insert(id);
        assert!(stored.len() < 100, "12 MiB hold no 100 of these");
    };
    assert!(matches!(error, QueueError::Full(_)), "{error}");
    assert!(stored.len() > 10);
    let late = open(&server.url(), "jobs", |_| ());
    let told = late.list(&JobFilter { most: 1000, ..JobFilter::default() }).await.unwrap();
    assert_eq!(told.into_iter().map(|record| record.job.id).collect::<HashSet<_>>(), stored);
    for id in &stored {
        assert_eq!(detail(&*late, id).await.payload.map(|payload| payload.len()), Some(200_000));
    }
    let refused = late.enqueue(jobs(1)).await;
    assert!(matches!(refused, Err(QueueError::Full(_))), "{refused:?}");
    // Workers go on, and that makes room.
    for claimed in claim(&*late, stored.len()).await {
        assert!(finish(&*late, &claimed, Outcome::Succeeded).await);
    }
    eventually("there is room again", async || {
        store.maintain().await.unwrap();
        store.enqueue(jobs(1)).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_by_forgetting_what_ended_then_by_refusing() {
    let url = NatsServer::shared().unwrap().url();
    let prefix = NatsServer::prefix();
    let store = open(&url, &prefix, |limits| limits.job_view_bytes = 100_000);
    for _ in 0..10 {
        store.enqueue(jobs(50)).await.unwrap();
        let claimed = claim(&*store, 50).await;
        store.finish(claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect()).await.unwrap();
    }
    store.maintain().await.unwrap();
    assert!(store.list(&JobFilter { most: 1000, ..JobFilter::default() }).await.unwrap().len() < 200);
    let error = loop {
        match store.enqueue(jobs(20)).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, QueueError::Full(why) if why.contains("job_view_bytes")), "{error}");
    let ready = usize::try_from(store.queues().await.unwrap()[0].ready).unwrap();
    assert!(ready > 50);
    let claimed = claim(&*store, ready).await;
    store.finish(claimed.iter().map(|claimed| end(claimed, Outcome::Succeeded)).collect()).await.unwrap();
    store.enqueue(jobs(20)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_told_without_its_password() {
    let mut server = NatsServer::start().unwrap();
    server.stop("TERM");
    let url = server.url().replace("nats://", "nats://anna:secret@");
    let store = open(&url, "jobs", |_| ());
    let error = store.enqueue(jobs(1)).await.unwrap_err();
    assert!(matches!(error, QueueError::Unreachable(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    server.run().unwrap();
    insist(|| store.enqueue(jobs(1))).await;
}
