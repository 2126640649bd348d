//! How long to wait before trying again.

use std::time::Duration;

/// First wait for a store that fails, in milliseconds; doubles with each failure.
const FIRST_MS: u64 = 50;
/// Longest such wait: how late workers may notice that a store is back.
const LONGEST_MS: u64 = 2_000;
/// Shortest such wait, so that luck makes no busy loop.
const SHORTEST_MS: u64 = 10;

/// Exponential backoff with full jitter: anything from nothing to `first_ms` doubled `failures` times, but not above `longest_ms`. Spread over
/// the whole range, those who failed together don't come back together.
pub(super) fn full_jitter(first_ms: u64, longest_ms: u64, failures: u32) -> u64 {
    let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
    fastrand::u64(0..=first_ms.saturating_mul(factor).min(longest_ms))
}

/// The waits for a store that fails.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// After one more failure.
    pub fn next(&mut self) -> Duration {
        let wait = full_jitter(FIRST_MS, LONGEST_MS, self.failures).max(SHORTEST_MS);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(wait)
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_stay_inside_their_bounds(first in 0..u64::MAX, longest in 0..u64::MAX, failures in 0..200_u32) {
            let doubled = (0..failures).fold(first, |wait, _| wait.saturating_mul(2));
            prop_assert!(full_jitter(first, longest, failures) <= doubled.min(longest));
        }
    }

    #[test]
    fn waits_use_the_whole_range() {
        let waits: Vec<u64> = (0..1000).map(|_| full_jitter(100, 10_000, 3)).collect();
        assert!(waits.iter().all(|wait| *wait <= 800));
        assert!(waits.iter().any(|wait| *wait < 200) && waits.iter().any(|wait| *wait > 600), "{waits:?}");
    }

    #[test]
    fn a_failing_store_is_asked_again_soon_and_not_too_often() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..100).map(|_| backoff.next()).collect();
        assert!(waits[0] <= Duration::from_millis(FIRST_MS));
        assert!(waits.iter().all(|wait| *wait >= Duration::from_millis(SHORTEST_MS)));
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(LONGEST_MS)));
        assert!(waits.iter().max() > Some(&Duration::from_millis(LONGEST_MS / 2)));
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(FIRST_MS));
    }
}
