//! Stores that fail for a while.

use crate::support::{Fragile, Gate, Place, eventually, succeeds};
use antiphon_model::Limits;
use antiphon_queue::JobStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_kept_until_the_store_is_back() {
    let place = Place::new(Limits { job_concurrency: 4, ..Limits::default() });
    let (store, gate) = (Fragile::over(place.another()), Gate::default());
    let workers = place.workers_on(Arc::clone(&store) as _, gate.runner());
    let ids = place.put("slow", 4).await;
    gate.begun(4).await;
    store.set_away(true);
    (0..4).for_each(|_| gate.open());
    eventually("the workers notice", async || {
        let status = workers.status().connections.remove(0);
        (status.running == 0 && status.is_failing).then_some(())
    })
    .await;
    assert_eq!(place.detail(&ids[0]).await.record.status, JobStatus::Running);
    let more = place.put("quick", 10).await;
    store.set_away(false);
    place.all_reach(&ids, JobStatus::Succeeded).await;
    place.all_reach(&more, JobStatus::Succeeded).await;
    for id in ids.iter().chain(&more) {
        assert_eq!(place.detail(id).await.record.attempts, 1);
    }
    let status = eventually("everything works again", async || {
        Some(workers.status().connections.remove(0)).filter(|status| !status.is_failing)
    })
    .await;
    assert!(status.last_error.unwrap().contains("the cable is out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_start_while_their_store_is_away() {
    let place = Place::new(Limits::default());
    let store = Fragile::over(place.another());
    store.set_away(true);
    let workers = place.workers_on(Arc::clone(&store) as _, succeeds());
    let ids = place.put("patient", 3).await;
    eventually("the workers notice", async || workers.status().connections[0].is_failing.then_some(())).await;
    store.set_away(false);
    place.all_reach(&ids, JobStatus::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_panics_does_not_end_the_workers() {
    let place = Place::new(Limits::default());
    let store = Fragile::over(place.another());
    store.panics.store(3, Ordering::SeqCst);
    let _workers = place.workers_on(Arc::clone(&store) as _, succeeds());
    let ids = place.put("patient", 3).await;
    place.all_reach(&ids, JobStatus::Succeeded).await;
    assert_eq!(store.panics.load(Ordering::SeqCst), 0);
}
