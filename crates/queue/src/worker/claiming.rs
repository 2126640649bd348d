//! Claims jobs of one connection.

use super::backoff::Backoff;
use super::pool::Pool;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Claims jobs while the pool works; gives back at the end what has not begun.
pub(super) async fn claim_jobs(pool: Arc<Pool>, index: usize) {
    let connection = &pool.connections[index];
    let poll = Duration::from_millis(pool.settings.limits.job_poll_ms.max(1));
    let mut backoff = Backoff::default();
    while pool.is_working() {
        let most = pool.room(connection);
        if most == 0 {
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
                connection.hold(claimed, asked);
                pool.begin();
                if found < most {
                    tokio::select! {
                        () = connection.store.wait(poll) => {}
                        () = connection.look.notified() => {}
                        () = pool.stopping() => {}
                    }
                }
            }
            Err(_) => tokio::select! {
                () = tokio::time::sleep(backoff.next()) => {}
                () = pool.stopping() => {}
            },
        }
    }
    connection.release_waiting();
}
