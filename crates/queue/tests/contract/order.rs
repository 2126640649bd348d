//! In which order jobs are handed out, and how many at a time.

use crate::*;
use antiphon_queue::{Claimed, NewJob, Outcome, Store};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

pub async fn higher_priorities_come_first_then_earlier_jobs(world: &World) {
    let store = world.open().await;
    let of = |script: &str, priority: i16| job_with(script, |job| job.priority = priority);
    store.enqueue(vec![of("d", 0), of("f", -5), of("b", 7)]).await.unwrap();
    store.enqueue(vec![of("e", 0), of("a", i16::MAX), of("c", 7), of("g", i16::MIN)]).await.unwrap();
    let mut claimed = claim(&*store, 3).await;
    claimed.extend(claim(&*store, 4).await);
    assert_eq!(scripts(&claimed), ["a", "b", "c", "d", "e", "f", "g"]);
}

fn keyed(script: &str, key: &str) -> NewJob {
    job_with(script, |job| job.order_key = Some(key.to_owned()))
}

pub async fn a_key_keeps_its_order_through_a_retry(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    store.enqueue(vec![keyed("x1", "x"), keyed("x2", "x"), keyed("y1", "y"), keyed("y2", "y")]).await.unwrap();
    let elsewhere = job_with("elsewhere", |job| {
        job.queue = "another".to_owned();
        job.order_key = Some("x".to_owned());
    });
    put(&*store, elsewhere).await;
    let urgent = job_with("x3", |job| {
        job.order_key = Some("x".to_owned());
        job.priority = 100;
    });
    put(&*store, urgent).await;
    let first = claim(&*store, 3).await;
    assert_eq!(scripts(&first), ["x1", "y1", "elsewhere"]);
    claim_nothing(&*other).await;
    assert!(finish(&*store, &first[0], Outcome::Retry { delay_ms: 3_600_000 }).await);
    assert!(finish(&*store, &first[1], Outcome::Succeeded).await);
    assert_eq!(scripts(&claim(&*other, 1).await), ["y2"]);
    claim_nothing(&*store).await;
    world.clock.jump(HOUR_MS + 1);
    let again = claim_one(&*other).await;
    assert_eq!((again.job.script.as_str(), again.held.attempt, again.failed), ("x1", 2, 1));
    claim_nothing(&*store).await;
    assert!(finish(&*other, &again, Outcome::Succeeded).await);
    assert_eq!(scripts(&claim(&*store, 1).await), ["x2"]);
}

pub async fn every_end_lets_the_next_of_the_key_begin(world: &World) {
    let store = world.open().await;
    let jobs: Vec<NewJob> = (0..6).map(|number| keyed(&number.to_string(), "x")).collect();
    let ids: Vec<_> = jobs.iter().map(|new| new.job.id.clone()).collect();
    store.enqueue(jobs).await.unwrap();
    for outcome in [Outcome::Succeeded, Outcome::Dead, Outcome::Cancelled] {
        let claimed = claim_one(&*store).await;
        claim_nothing(&*store).await;
        assert!(finish(&*store, &claimed, outcome).await);
    }
    let running = claim_one(&*store).await;
    assert_eq!(running.job.script, "3");
    assert!(store.cancel(&ids[4]).await.unwrap(), "one that waits for its turn");
    claim_nothing(&*store).await;
    assert!(store.cancel(&ids[3]).await.unwrap(), "the one that runs");
    let last = claim_one(&*store).await;
    assert_eq!(last.job.script, "5");
    assert!(finish(&*store, &last, Outcome::Released).await);
    assert_eq!(claim_one(&*store).await.job.script, "5");
}

/// Claims and ends jobs until as many as there are have ended; tells each begin and end to `during`.
async fn work(store: Arc<dyn Store>, ended: Arc<AtomicUsize>, all: usize, during: impl AsyncFn(&Claimed, bool)) {
    while ended.load(Ordering::SeqCst) < all {
        let claimed = store.claim(&request(3)).await.unwrap();
        if claimed.is_empty() {
            store.wait(Duration::from_millis(20)).await;
        }
        for one in &claimed {
            during(one, true).await;
        }
        tokio::task::yield_now().await;
        for one in &claimed {
            // What is told before the end can't come after the begin of the next.
            during(one, false).await;
            let has_failed = one.held.attempt == 1 && one.job.script.ends_with('3');
            let outcome = if has_failed { Outcome::Retry { delay_ms: 0 } } else { Outcome::Succeeded };
            assert!(finish(&*store, one, outcome).await);
            ended.fetch_add(usize::from(!has_failed), Ordering::SeqCst);
        }
    }
}

pub async fn concurrent_claimers_run_one_job_of_a_key_at_a_time(world: &World) {
    const KEYS: usize = 3;
    const OF_EACH: usize = 15;
    let store = world.open().await;
    let all = (0..KEYS * OF_EACH).map(|number| keyed(&format!("{:03}", number / KEYS), &(number % KEYS).to_string()));
    store.enqueue(all.collect()).await.unwrap();
    let running: Arc<Mutex<HashMap<String, Option<String>>>> = Arc::default();
    let order: Arc<Mutex<HashMap<String, Vec<String>>>> = Arc::default();
    let ended = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for handle in [store, world.open().await] {
        for _worker in 0..2 {
            let (handle, ended) = (Arc::clone(&handle), Arc::clone(&ended));
            let (running, order) = (Arc::clone(&running), Arc::clone(&order));
            workers.push(tokio::spawn(work(handle, ended, KEYS * OF_EACH, async move |claimed, begins| {
                let key = claimed.job.order_key.clone().unwrap();
                if !begins {
                    running.lock().await.insert(key, None);
                    return;
                }
                let others = running.lock().await.insert(key.clone(), Some(claimed.job.script.clone())).flatten();
                assert_eq!(others, None, "{} runs beside it", claimed.job.script);
                order.lock().await.entry(key).or_default().push(claimed.job.script.clone());
            })));
        }
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let order = order.lock().await;
    assert_eq!(order.len(), KEYS);
    for scripts in order.values() {
        assert!(scripts.is_sorted(), "out of order: {scripts:?}");
    }
}

pub async fn the_limit_of_a_script_holds_for_all_claimers_together(world: &World) {
    const JOBS: usize = 40;
    let store = world.open().await;
    let limited = (0..JOBS).map(|number| {
        job_with("limited", |job| {
            job.concurrency = Some(2);
            job.queue = format!("queue {}", number % 2);
        })
    });
    store.enqueue(limited.collect()).await.unwrap();
    let ended = Arc::new(AtomicUsize::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for handle in [store, world.open().await] {
        for _worker in 0..2 {
            let (handle, ended, running) = (Arc::clone(&handle), Arc::clone(&ended), Arc::clone(&running));
            workers.push(tokio::spawn(work(handle, ended, JOBS, async move |_claimed, begins| {
                if begins {
                    assert!(running.fetch_add(1, Ordering::SeqCst) < 2, "a third one runs");
                } else {
                    running.fetch_sub(1, Ordering::SeqCst);
                }
            })));
        }
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

pub async fn the_limit_of_the_job_to_be_claimed_counts(world: &World) {
    let store = world.open().await;
    let limited = |limit: Option<u32>| job_with("s", |job| job.concurrency = limit);
    let (one, two, none) = (limited(Some(1)), limited(Some(2)), limited(None));
    let first = limited(Some(1));
    put(&*store, first).await;
    let first = claim_one(&*store).await;
    store.enqueue(vec![one.clone(), two.clone(), none.clone()]).await.unwrap();
    let more = claim(&*store, 2).await;
    assert_eq!((&more[0].held.id, &more[1].held.id), (&two.job.id, &none.job.id));
    claim_nothing(&*store).await;
    assert!(finish(&*store, &first, Outcome::Succeeded).await);
    claim_nothing(&*store).await;
    for claimed in &more {
        assert!(finish(&*store, claimed, Outcome::Succeeded).await);
    }
    assert_eq!(claim_one(&*store).await.held.id, one.job.id);
}

pub async fn jobs_without_a_limit_count_for_those_with_one(world: &World) {
    let store = world.open().await;
    let limited = job_with("s", |job| job.concurrency = Some(2));
    store.enqueue(vec![limited.clone(), job("s"), job("s"), job("other")]).await.unwrap();
    let claimed = claim(&*store, 4).await;
    assert_eq!(scripts(&claimed), ["s", "s", "s", "other"]);
    assert!(finish(&*store, &claimed[0], Outcome::Succeeded).await);
    for one in &claimed[1..3] {
        assert!(finish(&*store, one, Outcome::Retry { delay_ms: 0 }).await);
    }
    put(&*store, job_with("s", |job| job.concurrency = Some(2))).await;
    assert_eq!(scripts(&claim(&*store, 2).await), ["s", "s"], "in one look, with those without a limit first");
    claim_nothing(&*store).await;
}

pub async fn every_end_makes_room_for_its_script(world: &World) {
    let store = world.open().await;
    let limited = || job_with("s", |job| job.concurrency = Some(1));
    store.enqueue((0..7).map(|_| limited()).collect()).await.unwrap();
    for outcome in [Outcome::Succeeded, Outcome::Dead, Outcome::Cancelled, Outcome::Retry { delay_ms: 3_600_000 }] {
        let claimed = claim_one(&*store).await;
        claim_nothing(&*store).await;
        assert!(finish(&*store, &claimed, outcome).await);
    }
    let released = claim_one(&*store).await;
    assert!(finish(&*store, &released, Outcome::Released).await);
    let cancelled = claim_one(&*store).await;
    assert_eq!(cancelled.held.id, released.held.id, "it is still the earliest");
    claim_nothing(&*store).await;
    assert!(store.cancel(&cancelled.held.id).await.unwrap());
    let last = claim(&*store, 1).await;
    assert_ne!(last[0].held.id, cancelled.held.id);
    claim_nothing(&*store).await;
}

pub async fn a_full_script_does_not_hold_others_up(world: &World) {
    let store = world.open().await;
    let mut jobs: Vec<NewJob> = (0..300)
        .map(|_| {
            job_with("limited", |job| {
                job.concurrency = Some(1);
                job.priority = 5;
            })
        })
        .collect();
    jobs.extend((0..300).map(|_| job_with("in line", |job| job.order_key = Some("x".to_owned()))));
    jobs.push(job("free"));
    store.enqueue(jobs).await.unwrap();
    assert_eq!(scripts(&claim(&*store, 3).await), ["limited", "in line", "free"]);
    claim_nothing(&*store).await;
}
