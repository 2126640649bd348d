//! What a worker holds of one connection: jobs that wait to begin, that run, and that ended but could not be told yet.

use super::outage::Outage;
use crate::{Claimed, Finish, Held, Outcome, QueueError, QueueResult, Store};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// One connection.
pub(super) struct Connection {
    pub name: String,
    pub store: Arc<dyn Store>,
    /// Told when there may be something to claim, or room for it.
    pub look: Notify,
    /// Told when an end waits to be told.
    pub ended: Notify,
    pub outage: Outage,
    pub counts: Counts,
    hand: Mutex<Hand>,
    /// Longest that a store may take for one operation.
    patience: Duration,
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub running: AtomicUsize,
    pub ended: AtomicU64,
    pub failed: AtomicU64,
    pub refused: AtomicU64,
    pub lost: AtomicU64,
}

#[derive(Default)]
struct Hand {
    /// All that is held, until its end was told.
    leases: HashMap<Held, Lease>,
    /// Those that have not begun, in the order in which they were claimed.
    waiting: VecDeque<Claimed>,
    /// Ends to be told.
    ends: VecDeque<Finish>,
}

struct Lease {
    /// When the store was last asked for what it then granted.
    proven: Instant,
    is_lost: bool,
}

impl Connection {
    /// The connection of that name.
    pub fn new(name: &str, store: Arc<dyn Store>, lease: Duration) -> Connection {
        Connection {
            name: name.to_owned(),
            store,
            look: Notify::new(),
            ended: Notify::new(),
            outage: Outage::default(),
            counts: Counts::default(),
            hand: Mutex::default(),
            patience: lease,
        }
    }

    /// What an operation of the store gives; an error when it takes longer than a lease. Keeps account of outages.
    pub async fn ask<T>(
        &self,
        operation: &'static str,
        answer: impl Future<Output = QueueResult<T>>,
    ) -> QueueResult<T> {
        let silent = |_| Err(QueueError::Unreachable(format!("no answer within {} ms", self.patience.as_millis())));
        let answer = timeout(self.patience, answer).await.unwrap_or_else(silent);
        match &answer {
            Ok(_) => self.outage.worked(&self.name, operation),
            Err(error) => self.outage.failed(&self.name, operation, error),
        }
        answer
    }

    /// Takes claimed jobs into the hand, whose leases hold since `asked`.
    pub fn hold(&self, claimed: Vec<Claimed>, asked: Instant) {
        let mut hand = self.hand.lock();
        for claimed in claimed {
            hand.leases.insert(claimed.held.clone(), Lease { proven: asked, is_lost: false });
            hand.waiting.push_back(claimed);
        }
    }

    /// The next job to begin. One whose lease could not be renewed in time is given back: somebody else may have it.
    pub fn next(&self) -> Option<Claimed> {
        let mut hand = self.hand.lock();
        loop {
            let next = hand.waiting.pop_front()?;
            if hand.leases.get(&next.held).is_some_and(|lease| lease.proven.elapsed() < self.patience) {
                return Some(next);
            }
            hand.release(next.held);
            self.ended.notify_one();
        }
    }

    /// Gives back what has not begun.
    pub fn release_waiting(&self) {
        self.release_if(|_| true);
    }

    /// Gives back what has not begun and is on its last try: were this process killed, such a job would be a dead letter that never
    /// ran.
    pub fn release_last_tries(&self) {
        self.release_if(Claimed::is_last_try);
    }

    fn release_if(&self, is_meant: impl Fn(&Claimed) -> bool) {
        let mut hand = self.hand.lock();
        let (released, kept) = std::mem::take(&mut hand.waiting).into_iter().partition::<VecDeque<_>, _>(is_meant);
        hand.waiting = kept;
        for released in released {
            hand.release(released.held);
        }
        self.ended.notify_one();
    }

    /// An attempt ended; to be told as soon as may be.
    pub fn end(&self, finish: Finish) {
        self.hand.lock().ends.push_back(finish);
        self.ended.notify_one();
    }

    /// Ends to be told, oldest first, at most that many. They stay in the hand until they are `told`.
    pub fn ends(&self, most: usize) -> Vec<Finish> {
        self.hand.lock().ends.iter().take(most).cloned().collect()
    }

    /// These ends, which are the oldest, were told, or never can be.
    pub fn told(&self, ends: &[Finish]) {
        let mut hand = self.hand.lock();
        for end in ends {
            hand.ends.pop_front();
            hand.leases.remove(&end.held);
        }
    }

    /// The leases to be renewed.
    pub fn leases(&self) -> Vec<Held> {
        let hand = self.hand.lock();
        hand.leases.iter().filter(|(_, lease)| !lease.is_lost).map(|(held, _)| held.clone()).collect()
    }

    /// Of these leases all but the lost ones hold since `asked`. Lost jobs that have not begun are put down; one that runs goes on,
    /// and its end will be refused.
    pub fn renewed(&self, asked_for: &[Held], lost: &[Held], asked: Instant) {
        let lost: HashSet<&Held> = lost.iter().collect();
        let mut hand = self.hand.lock();
        for held in asked_for {
            if let Some(lease) = hand.leases.get_mut(held) {
                if lost.contains(held) {
                    lease.is_lost = true;
                    self.counts.lost.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(connection = self.name, job = %held.id, attempt = held.attempt, "a lease is lost");
                } else {
                    lease.proven = asked;
                }
            }
        }
        let Hand { leases, waiting, .. } = &mut *hand;
        waiting.retain(|waiting| {
            let is_lost = lost.contains(&waiting.held);
            if is_lost {
                leases.remove(&waiting.held);
            }
            !is_lost
        });
    }

    /// How many jobs are held, and how many of them have not begun.
    pub fn holds(&self) -> (usize, usize) {
        let hand = self.hand.lock();
        (hand.leases.len(), hand.waiting.len())
    }
}

impl Hand {
    fn release(&mut self, held: Held) {
        self.ends.push_back(Finish { held, outcome: Outcome::Released, record: None });
    }
}
