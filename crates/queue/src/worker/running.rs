//! Runs jobs.

use super::connection::Connection;
use super::pool::Pool;
use super::verdict::{Times, finish_of};
use crate::{AttemptOutcome, Claimed, End, Ran};
use futures_util::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

impl Pool {
    /// Begins as many of the jobs that are held as there are places.
    pub fn begin(self: &Arc<Pool>) {
        while let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            match self.next() {
                Some((index, claimed)) => {
                    tokio::spawn(Arc::clone(self).run_from(index, claimed, slot));
                }
                None => {
                    drop(slot);
                    // What came in while this place was held found none free.
                    if self.connections.iter().all(|connection| connection.holds().1 == 0) || !self.is_working() {
                        return;
                    }
                }
            }
        }
    }

    /// Begins jobs of that connection in these places, which were kept for them, and whatever else there is a place for.
    pub fn begin_in(self: &Arc<Pool>, index: usize, places: Vec<OwnedSemaphorePermit>) {
        for place in places {
            if self.is_working()
                && let Some(claimed) = self.connections[index].next()
            {
                tokio::spawn(Arc::clone(self).run_from(index, claimed, place));
            }
        }
        self.begin();
    }

    /// Runs this job, and in its place one after the other what else is held.
    async fn run_from(self: Arc<Pool>, index: usize, claimed: Claimed, slot: OwnedSemaphorePermit) {
        let mut next = Some((index, claimed));
        while let Some((index, claimed)) = next {
            let connection = &self.connections[index];
            self.run(connection, &claimed).await;
            connection.look.notify_one();
            // A connection that holds nothing ready would never get a place from one that always does.
            next = if self.in_line.load(Ordering::SeqCst) > 0 { None } else { self.next() };
        }
        drop(slot);
        self.begin();
        self.connections.iter().for_each(|connection| connection.look.notify_one());
    }

    async fn run(&self, connection: &Connection, claimed: &Claimed) {
        let counts = &connection.counts;
        counts.running.fetch_add(1, Ordering::Relaxed);
        let started_ms = self.settings.clock.now_ms();
        let started = Instant::now();
        let ran = AssertUnwindSafe(self.runner.run(claimed)).catch_unwind().await;
        let ran = ran.unwrap_or_else(|panic| panicked(panic.as_ref()));
        self.took(started.elapsed());
        let times = Times { started_ms, ended_ms: self.settings.clock.now_ms() };
        let finish = finish_of(claimed, ran, times, &self.worker, &self.settings.limits);
        if finish.record.as_ref().is_some_and(|record| record.outcome == AttemptOutcome::Failed) {
            counts.failed.fetch_add(1, Ordering::Relaxed);
        }
        connection.end(finish);
        counts.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A runner that panics has a defect; the job may do better next time.
fn panicked(panic: &(dyn Any + Send)) -> Ran {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    let error = format!("The server has a defect: running the job panicked: {text}");
    Ran { end: End::Failed(error), output: String::new(), script_version: None }
}
