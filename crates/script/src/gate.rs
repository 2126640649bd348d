//! Bounds how many scripts run at one time.

use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Lets a bounded number in.
pub(crate) struct Gate {
    inside: Mutex<usize>,
    left: Condvar,
    limit: usize,
    wait: Duration,
}

/// Being inside; leaves when dropped.
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    /// `limit` at a time; others wait up to `wait`.
    pub(crate) fn new(limit: usize, wait: Duration) -> Gate {
        Gate { inside: Mutex::new(0), left: Condvar::new(), limit: limit.max(1), wait }
    }

    /// Enters; none when it stayed full for the whole wait.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let mut inside = self.inside.lock();
        if *inside >= self.limit {
            let until = Instant::now() + self.wait;
            while *inside >= self.limit {
                if self.left.wait_until(&mut inside, until).timed_out() && *inside >= self.limit {
                    return None;
                }
            }
        }
        *inside += 1;
        Some(Inside(self))
    }

    /// How many are inside.
    pub(crate) fn inside(&self) -> usize {
        *self.inside.lock()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock() -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_refuses_after_the_wait_and_opens_when_someone_leaves() {
        let gate = Gate::new(1, Duration::from_millis(1));
        let inside = gate.enter();
        assert!(inside.is_some() && gate.enter().is_none());
        drop(inside);
        assert!(gate.enter().is_some());
        assert_eq!(gate.inside(), 0);
    }
}
