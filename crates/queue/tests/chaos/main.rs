//! Workers over a real PostgreSQL server to which bad things happen: whatever does, every job ends once in the books, and afterwards work
//! goes on as before.
//!
//! The rates before and after are printed by
//! `cargo test --release -p antiphon-queue --test chaos -- --ignored --nocapture --test-threads 1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod faults;
mod rates;
mod site;

use faults::Fault;
use site::Site;
use std::time::Duration;

/// Jobs before a fault, and after it.
const JOBS: usize = 600;

async fn survives(fault: Fault) {
    let mut site = Site::start(Duration::from_secs(2)).await;
    let before = site.put(JOBS).await;
    site.all_end(&before).await;

    let during = site.put_during(async |site| fault.happen(site).await).await;
    site.all_end(&during).await;

    let after = site.put(JOBS).await;
    site.all_end(&after).await;

    for jobs in [before, during, after] {
        site.each_ended_once(&jobs).await;
    }
    site.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database() {
    survives(Fault::Restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_killed() {
    survives(Fault::KillConnections).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_takes_all_connections() {
    survives(Fault::TakeConnections).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_die_with_their_jobs() {
    survives(Fault::CrashWorkers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_again_and_again() {
    survives(Fault::KillRepeatedly).await;
}
