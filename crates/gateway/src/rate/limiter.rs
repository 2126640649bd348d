//! Counts calls against the limits in force.

use super::bucket::Buckets;
use super::set::LimitSet;
use super::{Attempt, Bucket, BucketKey, Clock, RateLimit, Refusal, Standing, Verdict};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The limits and what they have counted. One for the process.
pub struct RateLimiter {
    /// Whether there is any limit at all: all that a call without limits pays for.
    any: AtomicBool,
    limits: ArcSwap<LimitSet>,
    /// Locked once for all limits of a call: two calls never both get the last attempt, and a refused one takes none.
    buckets: Mutex<Buckets>,
    clock: Arc<dyn Clock>,
}

impl RateLimiter {
    /// Without limits; keeps at most `capacity` buckets.
    pub fn new(capacity: usize, clock: Arc<dyn Clock>) -> RateLimiter {
        RateLimiter {
            any: AtomicBool::new(false),
            limits: ArcSwap::default(),
            buckets: Mutex::new(Buckets::new(capacity)),
            clock,
        }
    }

    /// Puts these limits in place of all others; calls from now on keep them. A limit that counts other calls than before, or in
    /// other windows, starts anew; one whose name or rate changed goes on.
    pub fn replace_all(&self, limits: Vec<RateLimit>) {
        let set = Arc::new(LimitSet::new(limits));
        let mut buckets = self.buckets.lock();
        let before = self.limits.swap(Arc::clone(&set));
        self.any.store(!set.is_empty(), Ordering::Release);
        // Before the first limits were read there may be buckets of an earlier process.
        let goes_on = |now: &RateLimit| before.find(now.id).is_none_or(|before| now.counts_like(before));
        buckets.retain(|key| set.find(key.limit_id).is_some_and(|limit| goes_on(limit)));
    }

    /// Counts a call, or refuses it.
    pub(crate) fn admit(&self, call: &Attempt<'_>) -> Verdict {
        if !self.any.load(Ordering::Acquire) {
            return Verdict::Unlimited;
        }
        let limits = self.limits.load();
        let counting = limits.counting(call);
        if counting.is_empty() {
            return Verdict::Unlimited;
        }
        let key = |limit: &RateLimit| BucketKey {
            limit_id: limit.id,
            user_id: call.user_id.filter(|_| limit.kind.counts_each_user()),
        };
        let mut buckets = self.buckets.lock();
        // The time is read under the lock, so that it never runs backwards between two calls.
        let now = self.clock.now();
        let current: Vec<(&Arc<RateLimit>, BucketKey, Bucket)> = counting
            .into_iter()
            .map(|limit| (limit, key(limit), buckets.current(key(limit), limit.period, now)))
            .collect();
        if current.iter().any(|(limit, _, bucket)| bucket.attempts >= limit.rate) {
            return Verdict::Exceeded(refuse(&mut buckets, &current, now));
        }
        for (_, key, bucket) in &current {
            buckets.count(*key, *bucket, now);
        }
        let standings = current.iter().map(|(limit, _, bucket)| Standing {
            rate: limit.rate,
            remaining: limit.rate.saturating_sub(bucket.attempts + 1),
            ends: bucket.ends,
        });
        let tightest = standings.min_by_key(|standing| (standing.remaining, -standing.ends));
        tightest.map_or(Verdict::Unlimited, Verdict::Within)
    }

    /// Forgets what the limit has counted; forgetting what is saved of it is the caller's business.
    pub fn reset(&self, limit_id: i64) {
        self.buckets.lock().retain(|key| key.limit_id != limit_id);
    }

    /// What the limit has counted in windows that are not over.
    pub fn counted(&self, limit_id: i64) -> Vec<(BucketKey, Bucket)> {
        let mut buckets = self.buckets.lock().of_limit(limit_id, self.clock.now());
        buckets.sort_by_key(|(key, _)| *key);
        buckets
    }

    /// The limit in force with that identifier.
    pub fn find(&self, limit_id: i64) -> Option<Arc<RateLimit>> {
        self.limits.load().find(limit_id).cloned()
    }

    /// The time by which windows end, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Goes on with what was saved by an earlier process. To be called before the first call.
    pub fn restore(&self, saved: Vec<(BucketKey, Bucket)>) {
        let mut buckets = self.buckets.lock();
        saved.into_iter().for_each(|(key, bucket)| buckets.restore(key, bucket));
    }

    /// Hands over the buckets that changed since this was last asked, each with the attempts since then, for saving.
    pub fn take_changes(&self) -> Vec<(BucketKey, Bucket)> {
        self.buckets.lock().take_changes()
    }

    /// Takes them back: they could not be saved.
    pub fn not_saved(&self, changes: &[(BucketKey, Bucket)]) {
        self.buckets.lock().not_saved(changes);
    }

    /// A window that ended at `ends` when it was handed over is saved: together with what other processes counted it is `stored`.
    pub fn saved(&self, key: BucketKey, ends: i64, stored: Bucket) {
        self.buckets.lock().saved(key, ends, stored);
    }
}

/// Refuses a call for those of its limits that are used up, and notes which of them do so for the first time in their windows.
fn refuse(buckets: &mut Buckets, current: &[(&Arc<RateLimit>, BucketKey, Bucket)], now: i64) -> Refusal {
    let mut used_up: Vec<_> = current.iter().filter(|(limit, _, bucket)| bucket.attempts >= limit.rate).collect();
    used_up.sort_by_key(|(limit, _, bucket)| (-bucket.ends, limit.id));
    let mut first_time = Vec::new();
    for (limit, key, bucket) in &used_up {
        buckets.refuse(*key, *bucket, now);
        if !bucket.announced {
            first_time.push((Arc::clone(limit), *key));
        }
    }
    let (rate, ends) = used_up.first().map_or((0, now), |(limit, _, bucket)| (limit.rate, bucket.ends));
    let wait = (ends - now).max(1);
    Refusal {
        exceeded: used_up.iter().map(|(limit, ..)| Arc::clone(limit)).collect(),
        standing: Standing { rate, remaining: 0, ends },
        retry_after: u32::try_from((wait + 999) / 1000).unwrap_or(u32::MAX),
        first_time,
    }
}
