//! Leases are told by silence: how long an attempt was seen without a renewal.

use crate::Held;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// An attempt that runs, with the beat of its last renewal.
pub(crate) type Beat = (Held, i64);

/// Since when this process has seen which attempt without a renewal, by its monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    since: HashMap<Held, (i64, Instant)>,
}

impl Silences {
    /// Takes note of all attempts that run at `now`; gives those that were silent for `lease`.
    pub(crate) fn observe(&mut self, running: Vec<Beat>, now: Instant, lease: Duration) -> Vec<Beat> {
        let mut since = HashMap::with_capacity(running.len());
        let mut lost = Vec::new();
        for (held, beat) in running {
            let first_seen = match self.since.get(&held) {
                Some((known, first_seen)) if *known == beat => *first_seen,
                _ => now,
            };
            if now.duration_since(first_seen) >= lease {
                lost.push((held.clone(), beat));
            }
            since.insert(held, (beat, first_seen));
        }
        self.since = since;
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    const LEASE: Duration = Duration::from_secs(30);

    fn held(attempt: u32) -> Held {
        Held { id: JobId::of_moment("a job", 0), attempt }
    }

    #[test]
    fn silence_counts_from_the_first_look_and_renewals_begin_it_anew() {
        let mut silences = Silences::default();
        let start = Instant::now();
        assert_eq!(silences.observe(vec![(held(1), 0)], start, LEASE), []);
        let later = start + LEASE - Duration::from_millis(1);
        assert_eq!(silences.observe(vec![(held(1), 1)], later, LEASE), [], "renewed");
        assert_eq!(silences.observe(vec![(held(1), 1)], start + LEASE, LEASE), [], "silent for 1 ms");
        assert_eq!(silences.observe(vec![(held(1), 1)], later + LEASE, LEASE), [(held(1), 1)]);
    }

    #[test]
    fn another_attempt_has_a_silence_of_its_own() {
        let mut silences = Silences::default();
        let start = Instant::now();
        silences.observe(vec![(held(1), 0)], start, LEASE);
        assert_eq!(silences.observe(vec![(held(2), 0)], start + LEASE, LEASE), []);
        assert_eq!(silences.observe(Vec::new(), start + LEASE, LEASE), []);
        assert_eq!(silences.observe(vec![(held(2), 0)], start + 2 * LEASE, LEASE), [], "it did not run in between");
    }
}
