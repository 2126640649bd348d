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

/// All buckets, never more than a fixed number.
#[derive(Debug)]
pub(super) struct Buckets {
    capacity: usize,
    buckets: HashMap<BucketKey, Bucket>,
    /// Which of them, and of those that were forgotten, are not saved as they are.
    changed: HashSet<BucketKey>,
}

impl Buckets {
    pub(super) fn new(capacity: usize) -> Buckets {
        Buckets { capacity: capacity.max(1), buckets: HashMap::new(), changed: HashSet::new() }
    }

    /// The bucket as it is now; a window that is over counts nothing. One that ends later than a window can was begun before the
    /// clock was set back: it counts nothing either, or it might never end.
    pub(super) fn current(&self, key: BucketKey, period: Period, now: i64) -> Bucket {
        let fresh = Bucket { ends: now.saturating_add(period.millis()), attempts: 0, announced: false };
        let running = |bucket: &&Bucket| bucket.ends > now && bucket.ends <= fresh.ends;
        self.buckets.get(&key).filter(running).copied().unwrap_or(fresh)
    }

    pub(super) fn put(&mut self, key: BucketKey, bucket: Bucket, now: i64) {
        if self.buckets.len() >= self.capacity && !self.buckets.contains_key(&key) {
            self.make_room(now);
        }
        self.buckets.insert(key, bucket);
        self.changed.insert(key);
    }

    /// Puts what was saved back. What is there already is newer.
    pub(super) fn restore(&mut self, key: BucketKey, bucket: Bucket) {
        if self.buckets.len() < self.capacity {
            self.buckets.entry(key).or_insert(bucket);
        }
    }

    /// Forgets all others, which counts as a change to them.
    pub(super) fn retain(&mut self, keep: impl Fn(&BucketKey) -> bool) {
        let Buckets { buckets, changed, .. } = self;
        buckets.retain(|key, _| {
            let stays = keep(key);
            if !stays {
                changed.insert(*key);
            }
            stays
        });
    }

    /// The buckets of one limit whose windows are not over.
    pub(super) fn of_limit(&self, limit_id: i64, now: i64) -> Vec<(BucketKey, Bucket)> {
        let buckets = self.buckets.iter().filter(|(key, bucket)| key.limit_id == limit_id && bucket.ends > now);
        buckets.map(|(key, bucket)| (*key, *bucket)).collect()
    }

    /// Hands over what is not saved yet and takes it for saved; none = forgotten.
    pub(super) fn take_changes(&mut self) -> Vec<(BucketKey, Option<Bucket>)> {
        let Buckets { buckets, changed, .. } = self;
        changed.drain().map(|key| (key, buckets.get(&key).copied())).collect()
    }

    /// Takes them for not saved again.
    pub(super) fn not_saved(&mut self, keys: impl Iterator<Item = BucketKey>) {
        self.changed.extend(keys);
    }

    /// Windows that are over go first; if there are none, a sixteenth of all goes, those that would have ended first. So many at
    /// a time, because finding them means looking at all.
    fn make_room(&mut self, now: i64) {
        self.buckets.retain(|_, bucket| bucket.ends > now);
        if self.buckets.len() >= self.capacity {
            let mut ends: Vec<i64> = self.buckets.values().map(|bucket| bucket.ends).collect();
            let position = ends.len() / 16;
            let (_, last_to_go, _) = ends.select_nth_unstable(position);
            let last_to_go = *last_to_go;
            self.buckets.retain(|_, bucket| bucket.ends > last_to_go);
        }
        let Buckets { buckets, changed, .. } = self;
        changed.retain(|key| buckets.contains_key(key));
    }
}
