//! Tells the store of one connection how attempts ended.

use super::backoff::Backoff;
use super::connection::Connection;
use super::pool::{Phase, Pool};
use crate::{Finish, Outcome, QueueError};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Tells ends until the pool is over: what is there now in one go, while further ones gather.
pub(super) async fn tell_ends(pool: Arc<Pool>, index: usize) {
    let connection = &pool.connections[index];
    let mut backoff = Backoff::default();
    // After a refusal one by one, so that the one that is refused holds up no others.
    let mut most = usize::MAX;
    while pool.phase() != Phase::Over {
        let ends = connection.ends(most);
        if ends.is_empty() {
            most = usize::MAX;
            tokio::select! {
                () = connection.ended.notified() => {}
                () = pool.over() => {}
            }
            continue;
        }
        match connection.ask("finish", connection.store.finish(ends.clone())).await {
            Ok(accepted) => {
                backoff.reset();
                count(connection, &ends, &accepted);
                settle(&pool, connection, &ends);
            }
            Err(QueueError::Refused(_)) if ends.len() > 1 => most = 1,
            Err(QueueError::Refused(reason)) => {
                let end = &ends[0].held;
                tracing::error!(
                    connection = connection.name,
                    job = %end.id,
                    attempt = end.attempt,
                    reason,
                    "an end can't be told; the job will be tried again"
                );
                settle(&pool, connection, &ends);
                // No store says so of an honest end; whatever it is, it must not become a busy loop.
                pool.rest(backoff.next()).await;
            }
            Err(_) => pool.rest(backoff.next()).await,
        }
    }
}

fn count(connection: &Connection, ends: &[Finish], accepted: &[bool]) {
    for (end, is_accepted) in ends.iter().zip(accepted) {
        if *is_accepted && end.outcome != Outcome::Released {
            connection.counts.ended.fetch_add(1, Ordering::Relaxed);
        } else if !*is_accepted {
            connection.counts.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(connection = connection.name, job = %end.held.id, attempt = end.held.attempt, "an end was refused");
        }
    }
}

/// Lets go of jobs whose ends were told. Others may be allowed to run now: those behind them in their order, or of their script.
fn settle(pool: &Pool, connection: &Connection, ends: &[Finish]) {
    connection.told(ends);
    connection.look.notify_one();
    if connection.holds().0 == 0 {
        pool.quiet.notify_waiters();
    }
}
