//! Leases are kept, lost, and taken over.

use crate::support::{Fragile, Gate, Place, eventually, runner, succeeds};
use antiphon_model::Limits;
use antiphon_queue::{End, JobFilter, JobId, JobStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Renewals that take longer than a lease.
const RENEWALS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_longer_than_its_lease_keeps_it() {
    let place = Place::new(Limits { job_lease_ms: 3_000, ..Limits::default() });
    let (store, observer, gate) = (Fragile::over(place.another()), place.another(), Gate::default());
    let workers = place.workers_on(Arc::clone(&store) as _, gate.runner());
    let id = place.put("slow", 1).await.remove(0);
    gate.begun(1).await;
    eventually("the lease is renewed", async || {
        assert_eq!(observer.maintain().await.unwrap(), 0, "it is taken for lost");
        (store.renewals.load(Ordering::SeqCst) >= RENEWALS).then_some(())
    })
    .await;
    gate.open();
    assert_eq!(place.reaches(&id, JobStatus::Succeeded).await.record.attempts, 1);
    assert!(workers.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_workers_that_vanish_are_run_by_others() {
    let place = Place::new(Limits { job_lease_ms: 300, ..Limits::default() });
    let gate = Gate::default();
    let first = place.workers(gate.runner());
    let id = place.put("slow", 1).await.remove(0);
    gate.begun(1).await;
    drop(first);
    let second = place.workers(succeeds());
    let detail = place.reaches(&id, JobStatus::Succeeded).await;
    assert!(detail.record.attempts >= 2, "{detail:?}");
    assert_eq!(detail.attempts.last().unwrap().worker, second.status().worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_a_vanished_worker_had_not_begun_lose_no_last_try() {
    const PLACES: usize = 2;
    let place = Place::new(Limits { job_lease_ms: 300, job_concurrency: PLACES, ..Limits::default() });
    let gate = Gate::default();
    let first = place.workers(gate.runner());
    // Quick jobs, after which many are held ready.
    let quick = place.put("quick", 200).await;
    place.all_reach(&quick, JobStatus::Succeeded).await;
    let ids = place.put_with("slow", 50, |job| job.tries = 1).await;
    gate.begun(PLACES).await;
    let running = JobFilter { statuses: vec![JobStatus::Running], most: 100, ..JobFilter::default() };
    eventually("only what has begun is held", async || {
        (place.store.list(&running).await.unwrap().len() == PLACES).then_some(())
    })
    .await;
    let begun: Vec<JobId> = place.store.list(&running).await.unwrap().into_iter().map(|record| record.job.id).collect();
    drop(first);
    let _second = place.workers(succeeds());
    for id in &ids {
        let status = if begun.contains(id) { JobStatus::Dead } else { JobStatus::Succeeded };
        place.reaches(id, status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_on_their_last_try_are_claimed_when_there_is_a_place_for_them() {
    let place = Place::new(Limits { job_concurrency: 2, ..Limits::default() });
    // Long enough that jobs behind them would be held ready.
    let _workers = place.workers(runner(|_| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        End::Succeeded
    }));
    let ids = place.put_with("quick", 300, |job| job.tries = 1).await;
    place.all_reach(&ids, JobStatus::Succeeded).await;
    let mut again = 0;
    for id in &ids {
        again += place.detail(id).await.record.attempts - 1;
    }
    // What the first claims held too many of was given back, and no more.
    assert!(again <= 64, "{again} claims for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_job_that_was_cancelled_meanwhile_is_refused() {
    let place = Place::new(Limits { job_lease_ms: 600, ..Limits::default() });
    let gate = Gate::default();
    let workers = place.workers(gate.runner());
    let id = place.put("slow", 1).await.remove(0);
    gate.begun(1).await;
    assert!(place.store.cancel(&id).await.unwrap());
    eventually("the worker notices", async || (workers.status().connections[0].lost == 1).then_some(())).await;
    gate.open();
    eventually("the end is refused", async || (workers.status().connections[0].refused == 1).then_some(())).await;
    assert_eq!(place.detail(&id).await.record.status, JobStatus::Cancelled);
    assert_eq!(workers.status().connections[0].ended, 0);
}
