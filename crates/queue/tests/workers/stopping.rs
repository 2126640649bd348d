//! What a stop leaves behind.

use crate::support::{Fragile, Gate, Place, eventually};
use antiphon_model::Limits;
use antiphon_queue::JobStatus;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_jobs_end_and_gives_back_what_has_not_begun() {
    let place = Place::new(Limits { job_concurrency: 1, ..Limits::default() });
    let gate = Gate::default();
    let workers = place.workers(gate.runner());
    // Quick jobs make the pool hold some ready.
    let quick = place.put("quick", 200).await;
    place.all_reach(&quick, JobStatus::Succeeded).await;
    let slow = place.put("slow", 1).await.remove(0);
    gate.begun(1).await;
    let behind = place.put("quick", 5).await;
    eventually("jobs are held ready", async || (workers.status().connections[0].ready == 5).then_some(())).await;
    let stop = tokio::spawn(workers.stop());
    place.all_reach(&behind, JobStatus::Waiting).await;
    assert_eq!(place.detail(&slow).await.record.status, JobStatus::Running);
    gate.open();
    assert!(stop.await.unwrap());
    assert_eq!(place.detail(&slow).await.record.status, JobStatus::Succeeded);
    for id in &behind {
        let record = place.detail(id).await.record;
        assert_eq!((record.status, record.failed), (JobStatus::Waiting, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_ever() {
    let place = Place::new(Limits { shutdown_ms: 50, ..Limits::default() });
    let gate = Gate::default();
    let workers = place.workers(gate.runner());
    place.put("slow", 1).await;
    gate.begun(1).await;
    assert!(!workers.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_ends_that_could_not_be_told() {
    let place = Place::new(Limits::default());
    let (store, gate) = (Fragile::over(place.another()), Gate::default());
    let workers = place.workers_on(Arc::clone(&store) as _, gate.runner());
    let id = place.put("slow", 1).await.remove(0);
    gate.begun(1).await;
    store.set_away(true);
    gate.open();
    eventually("the workers notice", async || workers.status().connections[0].is_failing.then_some(())).await;
    let stop = tokio::spawn(workers.stop());
    store.set_away(false);
    assert!(stop.await.unwrap());
    assert_eq!(place.detail(&id).await.record.status, JobStatus::Succeeded);
}
