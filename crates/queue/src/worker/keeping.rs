//! Keeps the leases of what is held alive, and looks for what others have lost.

use super::backoff::{Backoff, full_jitter};
use super::pool::{Phase, Pool};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Renews every lease of one connection three times as often as needed, until the pool is over.
pub(super) async fn renew_leases(pool: Arc<Pool>, index: usize) {
    let connection = &pool.connections[index];
    let heartbeat = pool.heartbeat();
    let mut backoff = Backoff::default();
    let mut wait = heartbeat;
    loop {
        pool.rest(wait).await;
        if pool.phase() == Phase::Over {
            return;
        }
        wait = heartbeat;
        let held = connection.leases();
        if held.is_empty() {
            continue;
        }
        let asked = Instant::now();
        match connection.ask("renew", connection.store.renew(&held)).await {
            Ok(lost) => {
                backoff.reset();
                connection.renewed(&held, &lost, asked);
            }
            Err(_) => wait = heartbeat.min(backoff.next()),
        }
    }
}

/// Looks after the store of one connection until the pool is over: takes back what workers lost.
pub(super) async fn maintain(pool: Arc<Pool>, index: usize) {
    let connection = &pool.connections[index];
    let heartbeat_ms = u64::try_from(pool.heartbeat().as_millis()).unwrap_or(u64::MAX);
    let mut backoff = Backoff::default();
    loop {
        let wait = match connection.ask("maintain", connection.store.maintain()).await {
            Ok(taken_back) => {
                backoff.reset();
                if taken_back > 0 {
                    tracing::warn!(connection = connection.name, taken_back, "jobs of lost workers were taken back");
                    connection.look.notify_one();
                }
                // Spread, so that many processes don't come at once.
                Duration::from_millis(heartbeat_ms - full_jitter(heartbeat_ms / 4, heartbeat_ms / 4, 0))
            }
            Err(_) => backoff.next(),
        };
        pool.rest(wait).await;
        if pool.phase() == Phase::Over {
            return;
        }
    }
}
