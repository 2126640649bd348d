//! Guessing passwords is slow: after too many failures an account waits.

use antiphon_model::{Error, Limits, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Accounts that are watched at one time; beyond that the oldest are forgotten.
const WATCHED: usize = 10_000;

struct Failures {
    count: u32,
    last: Instant,
}

/// Counts failed log-ins by account name.
pub(super) struct Throttle {
    allowed: u32,
    wait: Duration,
    failures: Mutex<HashMap<String, Failures>>,
}

impl Throttle {
    pub(super) fn new(limits: &Limits) -> Throttle {
        Throttle {
            allowed: limits.login_failures,
            wait: Duration::from_millis(limits.login_wait_ms),
            failures: Mutex::default(),
        }
    }

    /// 429 while the account must wait.
    pub(super) fn admit(&self, login: &str) -> Result<()> {
        let failures = self.failures.lock();
        let Some(entry) = failures.get(&key(login)) else { return Ok(()) };
        let elapsed = entry.last.elapsed();
        if entry.count < self.allowed || elapsed >= self.wait {
            return Ok(());
        }
        let seconds = u32::try_from((self.wait - elapsed).as_secs() + 1).unwrap_or(u32::MAX);
        let mut error = Error::new(429, format!("Too many failed log-ins. Please try again in {seconds} s."));
        error.retry_after = Some(seconds);
        Err(error)
    }

    pub(super) fn failed(&self, login: &str) {
        let mut failures = self.failures.lock();
        if failures.len() >= WATCHED {
            let wait = self.wait;
            failures.retain(|_, entry| entry.last.elapsed() < wait);
            if failures.len() >= WATCHED {
                failures.clear();
            }
        }
        let wait = self.wait;
        let entry = failures.entry(key(login)).or_insert(Failures { count: 0, last: Instant::now() });
        if entry.last.elapsed() >= wait {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = Instant::now();
    }

    pub(super) fn succeeded(&self, login: &str) {
        self.failures.lock().remove(&key(login));
    }
}

fn key(login: &str) -> String {
    login.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_waits_after_too_many_failures_and_a_success_forgets_them() {
        let throttle = Throttle::new(&Limits { login_failures: 2, ..Limits::default() });
        throttle.failed("a@b.c");
        assert!(throttle.admit("a@b.c").is_ok());
        throttle.failed("A@b.c");
        let error = throttle.admit("a@b.c").unwrap_err();
        assert_eq!(error.status, 429);
        assert!(error.retry_after.unwrap() > 0);
        assert!(throttle.admit("other@b.c").is_ok());
        throttle.succeeded("a@b.c");
        assert!(throttle.admit("a@b.c").is_ok());
    }
}
