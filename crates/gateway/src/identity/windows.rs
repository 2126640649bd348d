//! Counting by key within a span of time, in bounded memory.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::{Duration, Instant};

struct Count {
    times: u32,
    last: Instant,
}

/// Counts what happened for each key; a key's count is forgotten when nothing happened for the span.
pub(super) struct Windows {
    span: Duration,
    capacity: usize,
    /// Keys are hashed with a secret of the process: their length is no matter, and nobody can aim at another's count.
    hasher: RandomState,
    counts: Mutex<HashMap<u64, Count>>,
}

impl Windows {
    /// Counts over `span`, for at most `capacity` keys at one time; beyond that the oldest are forgotten.
    pub(super) fn new(span: Duration, capacity: usize) -> Windows {
        Windows { span, capacity: capacity.max(1), hasher: RandomState::new(), counts: Mutex::default() }
    }

    /// How long the key must wait because it has happened `allowed` times already; none when it need not.
    pub(super) fn wait(&self, key: impl Hash, allowed: u32, now: Instant) -> Option<Duration> {
        let counts = self.counts.lock();
        let count = counts.get(&self.hasher.hash_one(key))?;
        let elapsed = now.saturating_duration_since(count.last);
        (count.times >= allowed && elapsed < self.span).then(|| self.span - elapsed)
    }

    /// It happened once more.
    pub(super) fn add(&self, key: impl Hash, now: Instant) {
        let key = self.hasher.hash_one(key);
        let mut counts = self.counts.lock();
        if counts.len() >= self.capacity && !counts.contains_key(&key) {
            self.make_room(&mut counts, now);
        }
        let count = counts.entry(key).or_insert(Count { times: 0, last: now });
        if now.saturating_duration_since(count.last) >= self.span {
            count.times = 0;
        }
        count.times = count.times.saturating_add(1);
        count.last = now;
    }

    /// Forgets the key.
    pub(super) fn forget(&self, key: impl Hash) {
        self.counts.lock().remove(&self.hasher.hash_one(key));
    }

    /// Drops what is over, and when that is not enough the oldest quarter.
    fn make_room(&self, counts: &mut HashMap<u64, Count>, now: Instant) {
        counts.retain(|_, count| now.saturating_duration_since(count.last) < self.span);
        if counts.len() < self.capacity {
            return;
        }
        let mut times: Vec<Instant> = counts.values().map(|count| count.last).collect();
        times.sort_unstable();
        let oldest = times[times.len() / 4];
        counts.retain(|_, count| count.last > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_after_too_many_and_only_as_long_as_the_span() {
        let windows = Windows::new(Duration::from_secs(60), 100);
        let start = Instant::now();
        windows.add("a", start);
        assert_eq!(windows.wait("a", 2, start), None);
        windows.add("a", start + Duration::from_secs(10));
        assert_eq!(windows.wait("a", 2, start + Duration::from_secs(30)), Some(Duration::from_secs(40)));
        assert_eq!(windows.wait("b", 2, start), None);
        assert_eq!(windows.wait("a", 2, start + Duration::from_secs(70)), None);
        windows.add("a", start + Duration::from_secs(70));
        assert_eq!(windows.wait("a", 2, start + Duration::from_secs(70)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let windows = Windows::new(Duration::from_secs(60), 100);
        let start = Instant::now();
        for number in 0..1000u32 {
            windows.add(number, start + Duration::from_millis(u64::from(number)));
        }
        let now = start + Duration::from_secs(1);
        assert!(windows.counts.lock().len() <= 100);
        assert!(windows.wait(999u32, 1, now).is_some());
        assert!(windows.wait(0u32, 1, now).is_none());
    }
}
