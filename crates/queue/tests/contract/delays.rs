//! Jobs that wait for their time, whatever happens to the clock.

use crate::*;
use antiphon_queue::{Edit, JobStatus, Outcome};
use std::time::Duration;

pub async fn a_delayed_job_comes_in_its_time(world: &World) {
    let store = world.open().await;
    let before = world.now_ms();
    let id = put(&*store, job_with("later", |job| job.delay_ms = HOUR_MS as u64)).await;
    put(&*store, job("now")).await;
    let run_at_ms = detail(&*store, &id).await.record.run_at_ms.unwrap();
    assert!((before + HOUR_MS..=world.now_ms() + HOUR_MS).contains(&run_at_ms));
    assert_eq!(scripts(&claim(&*store, 1).await), ["now"]);
    claim_nothing(&*store).await;
    world.clock.jump(HOUR_MS);
    assert_eq!(scripts(&claim(&*store, 1).await), ["later"]);
    assert_eq!(detail(&*store, &id).await.record.run_at_ms, None);
}

pub async fn jobs_whose_time_has_come_go_by_priority(world: &World) {
    let store = world.open().await;
    let delayed = |script: &str, delay_ms: u64, priority: i16| {
        job_with(script, |job| {
            job.delay_ms = delay_ms;
            job.priority = priority;
        })
    };
    let jobs = vec![delayed("c", 1000, 0), delayed("a", 3000, 5), delayed("b", 0, 1), delayed("d", 2000, -1)];
    store.enqueue(jobs).await.unwrap();
    world.clock.jump(4000);
    assert_eq!(scripts(&claim(&*store, 4).await), ["a", "b", "c", "d"]);
}

pub async fn jobs_without_delay_wait_for_no_clock(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    put(&*store, job("a")).await;
    world.clock.jump(-30 * HOUR_MS);
    let claimed = claim_one(&*other).await;
    assert!(finish(&*store, &claimed, Outcome::Retry { delay_ms: 0 }).await);
    world.clock.jump(-30 * HOUR_MS);
    claim_one(&*other).await;
}

pub async fn a_clock_set_back_makes_no_wait_longer(world: &World) {
    let (store, other) = (world.open().await, world.open().await);
    let first = put(&*store, job_with("delayed", |job| job.delay_ms = 2 * HOUR_MS as u64)).await;
    let failed = put(&*store, job("failed")).await;
    let claimed = claim_one(&*store).await;
    assert_eq!(claimed.held.id, failed);
    assert!(finish(&*store, &claimed, Outcome::Retry { delay_ms: HOUR_MS as u64 }).await);
    world.clock.jump(-1000 * HOUR_MS);
    other.maintain().await.unwrap();
    claim_nothing(&*store).await;
    for (id, length) in [(&first, 2 * HOUR_MS), (&failed, HOUR_MS)] {
        assert!(detail(&*store, id).await.record.run_at_ms.unwrap() <= world.now_ms() + length);
    }
    world.clock.jump(HOUR_MS);
    assert_eq!(scripts(&claim(&*store, 1).await), ["failed"]);
    world.clock.jump(HOUR_MS);
    assert_eq!(scripts(&claim(&*store, 1).await), ["delayed"]);
}

pub async fn what_may_run_stays_so_when_the_clock_is_set_back(world: &World) {
    let store = world.open().await;
    store.enqueue(["a", "b"].map(|script| job_with(script, |job| job.delay_ms = 1000)).to_vec()).await.unwrap();
    world.clock.jump(2000);
    assert_eq!(claim_one(&*store).await.job.script, "a");
    world.clock.jump(-HOUR_MS);
    store.maintain().await.unwrap();
    world.clock.jump(1000);
    assert_eq!(claim_one(&*store).await.job.script, "b");
}

pub async fn waits_end_by_themselves(world: &World) {
    let store = world.open().await;
    let id = put(&*store, job_with("a", |job| job.delay_ms = 30)).await;
    let claimed = eventually("the job's time came", async || {
        store.wait(Duration::from_secs(5)).await;
        store.claim(&request(1)).await.unwrap().pop()
    })
    .await;
    assert_eq!(claimed.held.id, id);
    assert!(finish(&*store, &claimed, Outcome::Dead).await);
    assert!(store.redrive(&id, Edit { delay_ms: 30, ..Edit::default() }).await.unwrap());
    assert_eq!(claim_one(&*store).await.held.attempt, 2);
    assert_eq!(status(&*store, &id).await, JobStatus::Running);
}
