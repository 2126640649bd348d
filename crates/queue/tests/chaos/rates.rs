//! How fast work goes before a fault and after it.

use crate::faults::Fault;
use crate::site::Site;
use std::time::{Duration, Instant};

/// Jobs whose ends are timed, once before the fault and once after it, in each round.
const TIMED: usize = 20_000;

/// Rounds of each fault; the middle one is told.
const ROUNDS: usize = 5;

/// Jobs ended in a second, and how long after the fault it took until all of its time had ended.
struct Measured {
    before: f64,
    after: f64,
    recovery: Duration,
}

async fn measure(fault: Fault) -> Measured {
    // Leases as by default would make crashed workers' jobs wait half a minute, which is no matter of the rate.
    let mut site = Site::start(Duration::from_secs(5)).await;
    rate(&site).await;
    let before = rate(&site).await;
    let mut end = Instant::now();
    let during = site
        .put_during(async |site| {
            fault.happen(site).await;
            end = Instant::now();
        })
        .await;
    site.all_end(&during).await;
    let recovery = end.elapsed();
    let after = rate(&site).await;
    Measured { before, after, recovery }
}

/// Jobs ended in a second while that many are worked on.
async fn rate(site: &Site) -> f64 {
    let begin = Instant::now();
    let jobs = site.put(TIMED).await;
    site.all_end(&jobs).await;
    TIMED as f64 / begin.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, and takes minutes on a quiet machine"]
async fn rates_before_and_after_each_fault() {
    println!("PostgreSQL, {TIMED} jobs that do nothing, put in and worked on; middle of {ROUNDS} rounds");
    println!("| fault | jobs/s before | jobs/s after | after / before | from its end until all jobs had ended, s |");
    println!("|---|--:|--:|--:|--:|");
    for fault in Fault::ALL {
        let mut rounds = Vec::new();
        for _round in 0..ROUNDS {
            rounds.push(measure(fault).await);
        }
        rounds.sort_by(|one, other| (one.after / one.before).total_cmp(&(other.after / other.before)));
        let Measured { before, after, recovery } = &rounds[ROUNDS / 2];
        let share = 100.0 * after / before;
        println!("| {fault:?} | {before:.0} | {after:.0} | {share:.1} % | {:.1} |", recovery.as_secs_f64());
    }
}
