//! What the loops of all connections share.

use super::WorkerPoolSettings;
use super::connection::Connection;
use crate::{ClaimRequest, Claimed, Queues, Runner};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// Where the host's name is told.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Where the pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Jobs are claimed and run.
    Working,
    /// What runs may end; nothing begins.
    Stopping,
    /// Nothing more is told.
    Over,
}

/// The pool.
pub(super) struct Pool {
    pub settings: WorkerPoolSettings,
    pub connections: Vec<Connection>,
    pub runner: Arc<dyn Runner>,
    /// The places in which jobs run.
    pub slots: Arc<Semaphore>,
    /// Connections that wait for a place before they claim: the next one that gets free is theirs.
    pub in_line: AtomicUsize,
    /// Name of this pool, for people.
    pub worker: String,
    phase: watch::Receiver<Phase>,
    /// The connection whose turn it is.
    turn: AtomicUsize,
    /// How long a run takes, in microseconds.
    pace_us: Average,
    /// What a job holds, in bytes.
    size: Average,
    /// Told when the last job that was held has gone.
    pub quiet: Notify,
}

impl Pool {
    pub fn new(
        queues: &Queues,
        runner: Arc<dyn Runner>,
        settings: WorkerPoolSettings,
        phase: watch::Receiver<Phase>,
    ) -> Pool {
        let lease = Duration::from_millis(settings.limits.job_lease_ms);
        let connections =
            queues.stores().map(|(name, store)| Connection::new(name, Arc::clone(store), lease)).collect();
        Pool {
            slots: Arc::new(Semaphore::new(settings.limits.job_concurrency.max(1))),
            in_line: AtomicUsize::new(0),
            worker: worker_name(),
            settings,
            connections,
            runner,
            phase,
            turn: AtomicUsize::new(0),
            pace_us: Average::default(),
            size: Average::default(),
            quiet: Notify::new(),
        }
    }

    /// Where the pool stands; over when its owner dropped it.
    pub fn phase(&self) -> Phase {
        if self.phase.has_changed().is_err() { Phase::Over } else { *self.phase.borrow() }
    }

    /// Whether jobs may begin.
    pub fn is_working(&self) -> bool {
        self.phase() == Phase::Working
    }

    /// Returns when the pool no longer works.
    pub async fn stopping(&self) {
        let mut phase = self.phase.clone();
        // An error means that the owner is gone.
        let _ = phase.wait_for(|phase| *phase != Phase::Working).await;
    }

    /// Returns when nothing more is to be told.
    pub async fn over(&self) {
        let mut phase = self.phase.clone();
        let _ = phase.wait_for(|phase| *phase == Phase::Over).await;
    }

    /// Waits that long, or until the pool is over.
    pub async fn rest(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.over() => {}
        }
    }

    /// Returns when no job is held on any connection.
    pub async fn idle(&self) {
        loop {
            let quiet = self.quiet.notified();
            if self.connections.iter().all(|connection| connection.holds().0 == 0) {
                return;
            }
            quiet.await;
        }
    }

    /// The next job to begin: of each connection in turn, none when the pool stops.
    pub fn next(&self) -> Option<(usize, Claimed)> {
        if !self.is_working() {
            return None;
        }
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.connections.len();
        (0..count)
            .map(|step| first.wrapping_add(step) % count)
            .find_map(|index| Some((index, self.connections[index].next()?)))
    }

    /// How many jobs this connection should be asked for now; 0 when it has enough. Jobs are held ready only as far as they will
    /// begin within about `job_poll_ms`: what is held can't be overtaken by more urgent jobs, nor run by idle workers elsewhere.
    pub fn room(&self, connection: &Connection) -> usize {
        let limits = &self.settings.limits;
        let (held, waiting) = connection.holds();
        let free = self.slots.available_permits();
        let ready = limits.job_claim.min(limits.job_ready_bytes / self.size.get().max(1)).min(self.soon());
        if waiting > free + ready / 2 {
            return 0;
        }
        (free + ready).saturating_sub(waiting).min(limits.job_claim.saturating_sub(held))
    }

    /// Places for jobs that must begin as soon as they are claimed: waits for the first, and takes what else is free. None when the pool
    /// stops, or the connection holds enough.
    pub async fn places(&self, connection: &Connection) -> Vec<OwnedSemaphorePermit> {
        let most = self.settings.limits.job_claim.saturating_sub(connection.holds().0);
        if most == 0 {
            return Vec::new();
        }
        self.in_line.fetch_add(1, Ordering::SeqCst);
        let first = tokio::select! {
            place = Arc::clone(&self.slots).acquire_owned() => place.ok(),
            () = self.stopping() => None,
        };
        self.in_line.fetch_sub(1, Ordering::SeqCst);
        let Some(first) = first else { return Vec::new() };
        let others = std::iter::from_fn(|| Arc::clone(&self.slots).try_acquire_owned().ok());
        std::iter::once(first).chain(others).take(most).collect()
    }

    /// How many jobs begin within about `job_poll_ms`; none before the first was run.
    fn soon(&self) -> usize {
        let limits = &self.settings.limits;
        let poll_us = usize::try_from(limits.job_poll_ms).unwrap_or(usize::MAX).saturating_mul(1000);
        match self.pace_us.get() {
            0 => 0,
            pace => limits.job_concurrency.saturating_mul(poll_us) / pace,
        }
    }

    /// What to ask for.
    pub fn request(&self, most: usize) -> ClaimRequest {
        ClaimRequest { worker: self.worker.clone(), queues: self.settings.serve.clone(), most }
    }

    /// A run took that long.
    pub fn took(&self, time: Duration) {
        self.pace_us.take(usize::try_from(time.as_micros()).unwrap_or(usize::MAX));
    }

    /// Such jobs were claimed.
    pub fn weigh(&self, claimed: &[Claimed]) {
        claimed.iter().for_each(|claimed| self.size.take(claimed.payload.len()));
    }

    /// Time between two renewals: two may fail before a lease is in danger.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_millis((self.settings.limits.job_lease_ms / 3).max(1))
    }
}

/// A moving average; 0 before the first value.
#[derive(Default)]
struct Average(AtomicUsize);

impl Average {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes a value in. Of two at once one may be lost: it is an estimate.
    fn take(&self, value: usize) {
        let value = value.max(1);
        let next = match self.get() {
            0 => value,
            average => (average.saturating_mul(7).saturating_add(value) / 8).max(1),
        };
        self.0.store(next, Ordering::Relaxed);
    }
}

/// Host, process and something random: processes in containers have the same numbers.
fn worker_name() -> String {
    let host = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    let host = if host.trim().is_empty() { "host" } else { host.trim() };
    format!("{host}-{}-{:06x}", std::process::id(), fastrand::u32(0..1 << 24))
}
