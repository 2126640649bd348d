//! The time by which windows begin and end.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time. Windows last up to 30 days and must survive a restart, so it is the time of day and not one that
/// starts with the process.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> i64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
