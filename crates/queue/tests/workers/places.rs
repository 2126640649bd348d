//! How many jobs run at one time, which ones, and in which order.

use crate::support::{Gate, Place, eventually, runner, succeeds};
use antiphon_model::Limits;
use antiphon_queue::{End, JobStatus, Queues, WorkerPoolSettings, Workers};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_jobs_run_than_may() {
    let place = Place::new(Limits { job_concurrency: 3, ..Limits::default() });
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let _workers = place.workers(runner(move |_| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            End::Succeeded
        }
    }));
    let ids = place.put("busy", 500).await;
    place.all_reach(&ids, JobStatus::Succeeded).await;
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_overtakes_what_waits() {
    let place = Place::new(Limits { job_concurrency: 1, ..Limits::default() });
    let order = Arc::new(Mutex::new(Vec::new()));
    let gate = Gate::default();
    let (log, slow) = (Arc::clone(&order), gate.runner());
    let _workers = place.workers(runner(move |claimed| {
        let (log, slow) = (Arc::clone(&log), Arc::clone(&slow));
        async move {
            log.lock().unwrap().push(claimed.job.script.clone());
            slow.run(&claimed).await.end
        }
    }));
    place.put("slow", 1).await;
    gate.begun(1).await;
    let ids = place.put("patient", 2).await;
    place.put_with("urgent", 1, |job| job.priority = 5).await;
    gate.open();
    place.all_reach(&ids, JobStatus::Succeeded).await;
    assert_eq!(*order.lock().unwrap(), ["slow", "urgent", "patient", "patient"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_queues_that_are_served_are_worked_on() {
    let place = Place::new(Limits::default());
    let settings = WorkerPoolSettings { serve: vec!["mail".to_owned()], ..WorkerPoolSettings::default() };
    let workers = Workers::start(&Queues::over(place.another()), succeeds(), settings);
    let other = place.put("other", 1).await;
    let mail = place.put_with("mail", 30, |job| job.queue = "mail".to_owned()).await;
    place.all_reach(&mail, JobStatus::Succeeded).await;
    assert_eq!(place.detail(&other[0]).await.record.attempts, 0);
    assert_eq!(workers.status().serve, ["mail"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_one_key_run_in_their_order() {
    let place = Place::new(Limits::default());
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&order);
    let _workers = place.workers(runner(move |claimed| {
        let log = Arc::clone(&log);
        async move {
            tokio::task::yield_now().await;
            log.lock().unwrap().push(claimed.job.id);
            End::Succeeded
        }
    }));
    let ids = place.put_with("ordered", 40, |job| job.order_key = Some("k".to_owned())).await;
    place.all_reach(&ids, JobStatus::Succeeded).await;
    assert_eq!(*order.lock().unwrap(), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_jobs_are_not_held_ready() {
    let place = Place::new(Limits { job_concurrency: 1, job_ready_bytes: 1000, ..Limits::default() });
    let gate = Gate::default();
    let workers = place.workers(gate.runner());
    // Quick jobs of a size that only two are held ready of.
    let quick = place.put_holding("quick", 100, 500).await;
    place.all_reach(&quick, JobStatus::Succeeded).await;
    place.put_holding("slow", 1, 500).await;
    gate.begun(1).await;
    let behind = place.put_holding("quick", 10, 500).await;
    eventually("some are held ready", async || (workers.status().connections[0].ready > 0).then_some(())).await;
    assert!(workers.status().connections[0].ready <= 2);
    gate.open();
    place.all_reach(&behind, JobStatus::Succeeded).await;
}
