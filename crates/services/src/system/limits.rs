//! Limits on calls, from the system database into memory, and what they have counted, back again.
//!
//! Counters live in memory ([`RateLimiter`]); a thread writes them down once a second and at the end. What a process counted in
//! its last second is lost when it is killed. Processes over one database add up their counts when they write.

use super::store::{SystemStore, flag, integer, optional_integer, required_text, text};
use antiphon_gateway::rate::{Bucket, BucketKey, LimitType, Period, RateLimit, RateLimiter};
use antiphon_gateway::{Gateway, ServiceEvent};
use antiphon_model::{Error, Result, Value, Verb, json};
use antiphon_sql::dialect::Row;
use antiphon_sql::statement::Bound;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const LIMITS: &str =
    "SELECT id, name, type, rate, period, user_id, role_id, service_id, endpoint, verb, is_active FROM limits";

/// The subject of the change by which every process learns that a counter was reset.
pub(crate) const RESET: &str = "limit_reset";

/// How long counts may wait for being written down.
const WRITE_BEHIND: Duration = Duration::from_secs(1);

impl SystemStore {
    /// Puts the limits that are stored and active in force.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) fn reload_limits(&self, rates: &RateLimiter) -> Result<()> {
        let limits = self.limits_on_calls("WHERE is_active = 1", &[])?;
        rates.replace_all(limits);
        Ok(())
    }

    /// Stored limits, also those that are not in force. `condition` is text of ours.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) fn limits_on_calls(&self, condition: &str, values: &[Bound]) -> Result<Vec<RateLimit>> {
        let limits = self.all(&format!("{LIMITS} {condition} ORDER BY id"), values, limit)?;
        Ok(limits.into_iter().flatten().collect())
    }

    /// What was counted before this process began.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) fn restore_counters(&self, rates: &RateLimiter) -> Result<()> {
        let sql = "SELECT limit_id, user_id, ends, attempts, announced FROM limit_cache WHERE ends > ?";
        rates.restore(self.all(sql, &[Bound::Integer(rates.now())], counter)?);
        Ok(())
    }

    /// Writes down what was counted since the last time, and takes over what other processes have counted.
    ///
    /// # Errors
    /// When the database can't be written; nothing is lost then, and the next time tries again.
    pub(crate) fn save_counters(&self, rates: &RateLimiter) -> Result<()> {
        let _one_at_a_time = self.saving_counters.lock();
        let changes = rates.take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        match self.add_counts(rates, &changes) {
            Ok(stored) => {
                for (key, stored) in stored {
                    if let Some((_, taken)) = changes.iter().find(|(changed, _)| *changed == key) {
                        rates.saved(key, taken.ends, stored);
                    }
                }
                Ok(())
            }
            Err(error) => {
                rates.not_saved(&changes);
                Err(error)
            }
        }
    }

    /// The table of counters as of now, for those who read it.
    ///
    /// # Errors
    /// When the database can't be written.
    pub(crate) fn refresh_counters(&self, rates: &RateLimiter) -> Result<()> {
        self.save_counters(rates)?;
        self.database().execute("DELETE FROM limit_cache WHERE ends <= ?", &[Bound::Integer(rates.now())])?;
        Ok(())
    }

    /// Forgets what a limit has counted; in force with the next call, in every process.
    ///
    /// # Errors
    /// When the database can't be written.
    pub(crate) fn reset_counters(&self, limit_id: i64) -> Result<()> {
        let _not_while_saving = self.saving_counters.lock();
        self.database().execute("DELETE FROM limit_cache WHERE limit_id = ?", &[Bound::Integer(limit_id)])?;
        let change = [Bound::Text(RESET.to_owned()), Bound::Text(limit_id.to_string())];
        self.database().execute("INSERT INTO change (subject, name) VALUES (?, ?)", &change)?;
        Ok(())
    }

    /// Adds to what is stored of the same windows; a window that is over, or of a limit that counted something else, begins anew.
    fn add_counts(&self, rates: &RateLimiter, changes: &[(BucketKey, Bucket)]) -> Result<Vec<(BucketKey, Bucket)>> {
        let entries: Value = changes
            .iter()
            .filter_map(|(key, bucket)| {
                let limit = rates.find(key.limit_id)?;
                let user_id = key.user_id.unwrap_or_default();
                Some(json!([
                    key.limit_id,
                    user_id,
                    limit.key(key.user_id),
                    bucket.attempts,
                    bucket.ends,
                    bucket.announced
                ]))
            })
            .collect();
        let mut stored = Vec::new();
        self.database().change(
            "INSERT INTO limit_cache (id, limit_id, user_id, \"key\", max, attempts, remaining, ends, announced) \
             SELECT l.id, l.id, e.value ->> 1, e.value ->> 2, l.rate, e.value ->> 3, max(0, l.rate - (e.value ->> 3)), \
             e.value ->> 4, e.value ->> 5 FROM json_each(?) e JOIN limits l ON l.id = e.value ->> 0 WHERE true \
             ON CONFLICT (limit_id, user_id) DO UPDATE SET (\"key\", max, attempts, remaining, ends, announced) = ( \
             SELECT excluded.\"key\", excluded.max, excluded.attempts + g.attempts, \
             max(0, excluded.max - excluded.attempts - g.attempts), coalesce(g.ends, excluded.ends), \
             max(excluded.announced, g.announced) FROM ( \
             SELECT coalesce(max(s.attempts), 0) AS attempts, max(s.ends) AS ends, coalesce(max(s.announced), 0) AS announced \
             FROM limit_cache s WHERE s.limit_id = excluded.limit_id AND s.user_id = excluded.user_id \
             AND s.\"key\" = excluded.\"key\" AND s.ends > ?) g) \
             RETURNING limit_id, user_id, ends, attempts, announced",
            &[Bound::Text(entries.to_string()), Bound::Integer(rates.now())],
            &mut |row| {
                stored.push(counter(row));
                Ok(())
            },
        )?;
        Ok(stored)
    }
}

/// The event that fires when a limit refuses a call for the first time in a window.
pub(super) fn exceeded_event(store: &SystemStore) -> ServiceEvent {
    let ids = store.all("SELECT id FROM limits ORDER BY id", &[], |row| integer(row, 0).to_string());
    let values = ids.unwrap_or_else(|error| {
        tracing::warn!(%error, "the events of limits are listed without their identifiers");
        Vec::new()
    });
    ServiceEvent { path: "limit.{id}.exceeded", parameter: "id", values }
}

/// None for a row that this release can't understand; it limits nothing.
fn limit(row: &dyn Row) -> Option<RateLimit> {
    let limit = RateLimit {
        id: integer(row, 0),
        name: required_text(row, 1),
        kind: LimitType::parse(&required_text(row, 2))?,
        rate: u64::try_from(integer(row, 3)).ok()?,
        period: Period::parse(&required_text(row, 4))?,
        user_id: optional_integer(row, 5),
        role_id: optional_integer(row, 6),
        service_id: optional_integer(row, 7),
        endpoint: text(row, 8),
        verb: match text(row, 9) {
            Some(verb) => Some(Verb::parse(&verb)?),
            None => None,
        },
    };
    Some(limit)
}

fn counter(row: &dyn Row) -> (BucketKey, Bucket) {
    let key = BucketKey { limit_id: integer(row, 0), user_id: optional_integer(row, 1).filter(|id| *id != 0) };
    let attempts = u64::try_from(integer(row, 3)).unwrap_or_default();
    (key, Bucket { ends: integer(row, 2), attempts, announced: flag(row, 4) })
}

/// Writes counters down behind the calls, until it is dropped; then once more.
pub(crate) struct CounterWriter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CounterWriter {
    /// Begins.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(store: Arc<SystemStore>, gateway: Arc<Gateway>) -> Result<CounterWriter> {
        let (stop, stopped) = channel::<()>();
        let save = move || {
            if let Err(error) = store.save_counters(gateway.rates()) {
                tracing::warn!(%error, "the counters of limits could not be saved; trying again");
            }
        };
        let work = move || {
            while stopped.recv_timeout(WRITE_BEHIND) == Err(RecvTimeoutError::Timeout) {
                save();
            }
            save();
        };
        let thread = std::thread::Builder::new().name("counters".into()).spawn(work);
        let thread = thread.map_err(|error| Error::internal("A thread could not be started.", error))?;
        Ok(CounterWriter { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for CounterWriter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the counters of limits were not saved at the end");
        }
    }
}
