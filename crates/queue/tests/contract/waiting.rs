//! Waiting for something to do.

use crate::*;
use antiphon_queue::{Edit, Outcome, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Much longer than any test may take: who waits that long missed something.
const VERY_LONG: Duration = Duration::from_secs(600);

/// A worker that waits until it gets one job.
fn one_job(store: &Arc<dyn Store>) -> tokio::task::JoinHandle<String> {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        loop {
            if let Some(claimed) = store.claim(&request(1)).await.unwrap().pop() {
                return claimed.job.script;
            }
            store.wait(VERY_LONG).await;
        }
    })
}

async fn ends(worker: tokio::task::JoinHandle<String>) -> String {
    tokio::time::timeout(Duration::from_secs(60), worker).await.expect("it missed the job").unwrap()
}

/// Lets waits begin; nothing depends on whether they have.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

pub async fn who_waits_hears_of_jobs_of_its_own_process(world: &World) {
    let store = world.open().await;
    for number in 0..20 {
        let worker = one_job(&store);
        if number % 2 == 0 {
            pause().await;
        }
        put(&*store, job(&number.to_string())).await;
        assert_eq!(ends(worker).await, number.to_string());
    }
}

pub async fn who_waits_hears_of_jobs_of_other_processes(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    for number in 0..10 {
        let worker = one_job(&store);
        if number % 2 == 0 {
            pause().await;
        }
        put(&*other, job(&number.to_string())).await;
        assert_eq!(ends(worker).await, number.to_string());
    }
}

pub async fn who_waits_hears_of_all_that_makes_jobs_ready(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let worker = one_job(&store);
    pause().await;
    put(&*other, job_with("delayed", |job| job.delay_ms = 50)).await;
    assert_eq!(ends(worker).await, "delayed");

    other.pause("held", true).await.unwrap();
    put(&*store, job_with("held", |job| job.queue = "held".to_owned())).await;
    let worker = one_job(&store);
    pause().await;
    other.pause("held", false).await.unwrap();
    assert_eq!(ends(worker).await, "held");

    let keyed = |script: &str| job_with(script, |job| job.order_key = Some("x".to_owned()));
    put(&*store, keyed("first")).await;
    let first = claim_one(&*store).await;
    put(&*store, keyed("second")).await;
    let worker = one_job(&store);
    pause().await;
    assert!(finish(&*other, &first, Outcome::Dead).await);
    assert_eq!(ends(worker).await, "second");

    let worker = one_job(&store);
    pause().await;
    assert!(other.redrive(&first.held.id, Edit { queue: Some("moved".to_owned()), ..Edit::default() }).await.unwrap());
    assert_eq!(ends(worker).await, "first");
}

pub async fn a_wait_ends_in_its_time(world: &World) {
    let store = world.open().await;
    let begin = Instant::now();
    let mut waits = 0;
    while begin.elapsed() < Duration::from_millis(300) {
        store.wait(Duration::from_millis(50)).await;
        waits += 1;
    }
    // It may come back early now and then, but it is no busy loop.
    assert!(waits < 100, "{waits} waits in 300 ms");
}
