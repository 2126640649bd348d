//! Claims jobs of one connection.

use super::backoff::Backoff;
use super::pool::Pool;
use crate::Claimed;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Claims jobs while the pool works; gives back at the end what has not begun.
pub(super) async fn claim_jobs(pool: Arc<Pool>, index: usize) {
    let connection = &pool.connections[index];
    let poll = Duration::from_millis(pool.settings.limits.job_poll_ms.max(1));
    let mut backoff = Backoff::default();
    // For how many more jobs none is held ready, because some that came lately are on their last try.
    let mut careful = 0usize;
    while pool.is_working() {
        let places = if careful > 0 { pool.places(connection).await } else { Vec::new() };
        let most = if careful > 0 { places.len().saturating_sub(connection.holds().1) } else { pool.room(connection) };
        if most == 0 {
            pool.begin_in(index, places);
            tokio::select! {
                () = connection.look.notified() => {}
                () = tokio::time::sleep(poll) => {}
                () = pool.stopping() => {}
            }
            continue;
        }
        let asked = Instant::now();
        // Never given up half-way when the pool stops: what was claimed must be known.
        match connection.ask("claim", connection.store.claim(&pool.request(most))).await {
            Ok(claimed) => {
                backoff.reset();
                let found = claimed.len();
                pool.weigh(&claimed);
                let has_last_try = claimed.iter().any(Claimed::is_last_try);
                careful =
                    if has_last_try { pool.settings.limits.job_claim } else { careful.saturating_sub(found.max(1)) };
                connection.hold(claimed, asked);
                pool.begin_in(index, places);
                connection.release_last_tries();
                if found < most {
                    tokio::select! {
                        () = connection.store.wait(poll) => {}
                        () = connection.look.notified() => {}
                        () = pool.stopping() => {}
                    }
                }
            }
            Err(_) => {
                pool.begin_in(index, places);
                tokio::select! {
                    () = tokio::time::sleep(backoff.next()) => {}
                    () = pool.stopping() => {}
                }
            }
        }
    }
    connection.release_waiting();
}
