//! What limits have counted.

use super::Period;
use std::collections::{HashMap, HashSet};

/// Names a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey {
    /// The limit.
    pub limit_id: i64,
    /// The user, for limits that count each user for himself.
    pub user_id: Option<i64>,
}

/// One window of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// When the window ends, in milliseconds since 1970.
    pub ends: i64,
    /// Calls counted in it.
    pub attempts: u64,
    /// Whether its first refusal was made known.
    pub announced: bool,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    bucket: Bucket,
    /// How many of the attempts are not saved.
    unsaved: u64,
}

/// All buckets, never more than a fixed number.
#[derive(Debug)]
pub(super) struct Buckets {
    capacity: usize,
    counters: HashMap<BucketKey, Counter>,
    /// Which of them are not saved as they are.
    changed: HashSet<BucketKey>,
}

impl Buckets {
    pub(super) fn new(capacity: usize) -> Buckets {
        Buckets { capacity: capacity.max(1), counters: HashMap::new(), changed: HashSet::new() }
    }

    /// The bucket as it is now; a window that is over counts nothing. One that ends later than a window can was begun before the
    /// clock was set back: it counts nothing either, or it might never end.
    pub(super) fn current(&self, key: BucketKey, period: Period, now: i64) -> Bucket {
        let fresh = Bucket { ends: now.saturating_add(period.millis()), attempts: 0, announced: false };
        let running = |bucket: &Bucket| bucket.ends > now && bucket.ends <= fresh.ends;
        self.counters.get(&key).map(|counter| counter.bucket).filter(running).unwrap_or(fresh)
    }

    /// Counts one attempt in the bucket as it is now.
    pub(super) fn count(&mut self, key: BucketKey, current: Bucket, now: i64) {
        let unsaved = self.counters.get(&key).filter(|counter| counter.bucket.ends == current.ends);
        let unsaved = unsaved.map_or(0, |counter| counter.unsaved) + 1;
        self.put(key, Counter { bucket: Bucket { attempts: current.attempts + 1, ..current }, unsaved }, now);
    }

    /// Notes a refusal: that it was made known, and that another process may know of room that this one does not know of.
    pub(super) fn refuse(&mut self, key: BucketKey, current: Bucket, now: i64) {
        let unsaved = self.counters.get(&key).map_or(0, |counter| counter.unsaved);
        self.put(key, Counter { bucket: Bucket { announced: true, ..current }, unsaved }, now);
    }

    fn put(&mut self, key: BucketKey, counter: Counter, now: i64) {
        if self.counters.len() >= self.capacity && !self.counters.contains_key(&key) {
            self.make_room(now);
        }
        self.counters.insert(key, counter);
        self.changed.insert(key);
    }

    /// Puts what was saved back. What is there already is newer.
    pub(super) fn restore(&mut self, key: BucketKey, bucket: Bucket) {
        if self.counters.len() < self.capacity {
            self.counters.entry(key).or_insert(Counter { bucket, unsaved: 0 });
        }
    }

    /// Forgets all others.
    pub(super) fn retain(&mut self, keep: impl Fn(&BucketKey) -> bool) {
        self.counters.retain(|key, _| keep(key));
        self.changed.retain(keep);
    }

    /// The buckets of one limit whose windows are not over.
    pub(super) fn of_limit(&self, limit_id: i64, now: i64) -> Vec<(BucketKey, Bucket)> {
        let counters = self.counters.iter().map(|(key, counter)| (*key, counter.bucket));
        counters.filter(|(key, bucket)| key.limit_id == limit_id && bucket.ends > now).collect()
    }

    /// Hands over the buckets that are not saved as they are, with only those attempts that are not, and takes them for saved.
    pub(super) fn take_changes(&mut self) -> Vec<(BucketKey, Bucket)> {
        let Buckets { counters, changed, .. } = self;
        let change = |key| {
            let counter: &mut Counter = counters.get_mut(&key)?;
            Some((key, Bucket { attempts: std::mem::take(&mut counter.unsaved), ..counter.bucket }))
        };
        changed.drain().filter_map(change).collect()
    }

    /// Takes them for not saved again.
    pub(super) fn not_saved(&mut self, changes: &[(BucketKey, Bucket)]) {
        for (key, taken) in changes {
            if let Some(counter) = self.counters.get_mut(key).filter(|counter| counter.bucket.ends == taken.ends) {
                counter.unsaved += taken.attempts;
                self.changed.insert(*key);
            }
        }
    }

    /// A window of ours, which ended at `ends`, is saved: together with what other processes counted it is `stored`.
    pub(super) fn saved(&mut self, key: BucketKey, ends: i64, stored: Bucket) {
        if let Some(counter) = self.counters.get_mut(&key).filter(|counter| counter.bucket.ends == ends) {
            let announced = counter.bucket.announced || stored.announced;
            counter.bucket = Bucket { attempts: stored.attempts + counter.unsaved, announced, ..stored };
        }
    }

    /// Windows that are over go first; if there are none, a sixteenth of all goes, those that would have ended first. So many at
    /// a time, because finding them means looking at all.
    fn make_room(&mut self, now: i64) {
        self.counters.retain(|_, counter| counter.bucket.ends > now);
        if self.counters.len() >= self.capacity {
            let mut ends: Vec<i64> = self.counters.values().map(|counter| counter.bucket.ends).collect();
            let position = ends.len() / 16;
            let last_to_go = *ends.select_nth_unstable(position).1;
            self.counters.retain(|_, counter| counter.bucket.ends > last_to_go);
        }
        let Buckets { counters, changed, .. } = self;
        changed.retain(|key| counters.contains_key(key));
    }
}
