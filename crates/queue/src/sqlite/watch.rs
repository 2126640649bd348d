//! Waiting until there may be something to claim.

use super::error::QueueErrorExt as _;
use crate::{Clock, QueueResult};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The first pause between two looks at the file; each further one is twice as long, up to `job_poll_ms`.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// Longest wait; who wants more begins another one.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Sees what may be claimed: at once when this process put it there, by looks at the file when another one did.
#[derive(Debug)]
pub(super) struct Watch {
    connection: Mutex<Connection>,
    /// The file's version at the last look. Kept from one wait to the next, so that nothing is missed in between.
    seen: Mutex<Option<i64>>,
    news: Notify,
}

impl Watch {
    /// Over a connection of its own.
    pub(super) fn new(connection: Connection) -> Watch {
        Watch { connection: Mutex::new(connection), seen: Mutex::new(None), news: Notify::new() }
    }

    /// Ends all waits, or the next one when there is none.
    pub(super) fn wake(&self) {
        self.news.notify_waiters();
        self.news.notify_one();
    }

    /// Waits for news, for changes of the file and for the time of delayed jobs; at most that long.
    pub(super) async fn wait(&self, most: Duration, longest_pause: Duration, clock: &Clock) {
        let most = most.min(LONGEST_WAIT);
        let end = Instant::now() + most;
        let mut pause = FIRST_PAUSE;
        loop {
            let news = self.news.notified();
            let has_changed = self.has_changed();
            let Ok(next_ms) = self.next_time_ms() else { return tokio::time::sleep(longest_pause.min(most)).await };
            let due = next_ms.map(|at_ms| at_ms.saturating_sub(clock.now_ms()));
            if has_changed || due.is_some_and(|in_ms| in_ms <= 0) || Instant::now() >= end {
                return;
            }
            let until_due = due.and_then(|in_ms| u64::try_from(in_ms).ok()).map_or(most, Duration::from_millis);
            let next = (Instant::now() + pause.min(until_due)).min(end);
            if tokio::time::timeout_at(next, news).await.is_ok() {
                return;
            }
            pause = (pause * 2).min(longest_pause.max(FIRST_PAUSE));
        }
    }

    /// Whether anybody has written since the last look. Reads a number in shared memory.
    fn has_changed(&self) -> bool {
        let version = self.connection.lock().pragma_query_value(None, "data_version", |row| row.get(0)).ok();
        let mut seen = self.seen.lock();
        std::mem::replace(&mut *seen, version) != version
    }

    /// When the next delayed job may run: the first entry of an index.
    fn next_time_ms(&self) -> QueueResult<Option<i64>> {
        let connection = self.connection.lock();
        let mut statement = connection
            .prepare_cached("SELECT min(run_at_ms) FROM job WHERE status = 0 AND run_at_ms IS NOT NULL")
            .or_queue_error()?;
        statement.query_row([], |row| row.get(0)).or_queue_error()
    }
}
