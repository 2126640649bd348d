//! Which moments of which schedules are settled, as one process knows it.

use super::{Schedule, timing};
use antiphon_model::{Limits, Result};
use antiphon_queue::schedule::{Due, Timing, due};
use std::collections::BTreeMap;

/// How many looks a schedule is left out of after its jobs could not be queued.
const PAUSE: u32 = 8;

/// The active schedules, by identifier.
#[derive(Default)]
pub(super) struct Agenda {
    entries: BTreeMap<i64, Entry>,
    /// What the clock showed at the last look.
    looked_ms: i64,
}

/// One schedule.
pub(super) struct Entry {
    pub(super) schedule: Schedule,
    timing: Timing,
    /// Moments up to this one have their job, or need none.
    settled_ms: i64,
    /// The next moment; nothing is to be done before.
    next_ms: Option<i64>,
    /// Looks that it is left out of, because it failed.
    paused: u32,
}

impl Agenda {
    /// Puts these schedules in place of all others. Those that are as they were go on where they are; those that are new here begin after
    /// the latest moment that any process made a job for.
    pub(super) fn replace_all(&mut self, schedules: Vec<Schedule>, now_ms: i64) {
        let mut before = std::mem::take(&mut self.entries);
        for schedule in schedules {
            let known = before.remove(&schedule.id).filter(|known| known.schedule.since_ms == schedule.since_ms);
            let entry = match known {
                // What it is scheduled for can only change together with its beginning.
                Some(known) => Entry { schedule, ..known },
                None => match Entry::new(schedule, now_ms) {
                    Some(entry) => entry,
                    None => continue,
                },
            };
            self.entries.insert(entry.schedule.id, entry);
        }
    }

    /// Hands over the moments that have come, by schedule. Those that `make` fails for are handed over again a little later.
    ///
    /// When the clock was set back, moments come again that have their job already: the queue knows them.
    pub(super) fn look(&mut self, now_ms: i64, limits: &Limits, make: &mut dyn FnMut(&Entry, &[i64]) -> Result<()>) {
        let is_set_back = now_ms < self.looked_ms;
        self.looked_ms = now_ms;
        for entry in self.entries.values_mut() {
            if is_set_back {
                entry.settle(entry.settled_ms.min(now_ms));
            }
            if entry.next_ms.is_none_or(|next| next > now_ms) {
                continue;
            }
            if entry.paused > 0 {
                entry.paused -= 1;
                continue;
            }
            let look = Due {
                settled_ms: entry.settled_ms,
                now_ms,
                grace_ms: limits.schedule_grace_ms,
                misfire: entry.schedule.misfire,
                most: limits.schedule_moments,
            };
            let mut moments = due(&entry.timing, look);
            moments.retain(|moment| Some(*moment) != entry.schedule.last_run_ms);
            match moments.is_empty() || make(entry, &moments).is_ok() {
                true => entry.settle(now_ms),
                false => entry.paused = PAUSE,
            }
        }
    }
}

impl Entry {
    /// None when what is stored makes no timing.
    fn new(schedule: Schedule, now_ms: i64) -> Option<Entry> {
        let timing = timing(&schedule, now_ms)?;
        // The clock may have been set back since.
        let settled = schedule.since_ms.max(schedule.last_run_ms.unwrap_or_default()).min(now_ms);
        let mut entry = Entry { schedule, timing, settled_ms: 0, next_ms: None, paused: 0 };
        entry.settle(settled);
        Some(entry)
    }

    fn settle(&mut self, until_ms: i64) {
        self.settled_ms = until_ms;
        self.next_ms = self.timing.next_after(until_ms);
    }
}
