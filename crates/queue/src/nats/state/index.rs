//! Where jobs are found by what they wait for.

use super::entry::Entry;
use crate::JobStatus;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Jobs that may run as soon as their queue and script allow: the same answer holds for all of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Their queue.
    pub queue: String,
    /// Their script.
    pub script: String,
    /// How many of it may run.
    pub concurrency: Option<u32>,
}

/// Its place among those that may run: priority, then arrival.
pub type Turn = (Reverse<i16>, u64);
/// A queue and a key in it.
type Key = (String, String);

/// Jobs with the same order key.
#[derive(Debug, Default)]
struct Lane {
    /// Those that wait; with their place when their time has come.
    waiting: BTreeMap<u64, Option<(Group, Turn)>>,
    running: BTreeSet<u64>,
}

impl Lane {
    /// The one that may run.
    fn head(&self) -> Option<(Group, Turn)> {
        if !self.running.is_empty() {
            return None;
        }
        self.waiting.first_key_value().and_then(|(_, place)| place.clone())
    }
}

/// All ways to find jobs. Made from the jobs alone, so it is not saved.
#[derive(Debug, Default)]
pub struct Index {
    /// Those that may run now, as far as time and order are concerned.
    pub ready: BTreeMap<Group, BTreeSet<Turn>>,
    /// Those that wait for a time, by it.
    pub delayed: BTreeSet<(i64, u64)>,
    /// The same by when their wait began, as far as the clock then told.
    pub begun: BTreeSet<(i64, u64)>,
    /// Those that run.
    pub running: BTreeSet<u64>,
    /// How many of each script run.
    pub of_script: HashMap<String, u32>,
    /// Dead letters by their end.
    pub dead: BTreeSet<(i64, u64)>,
    /// What else has ended, by its end.
    pub ended: BTreeSet<(i64, u64)>,
    /// All by creation.
    pub created: BTreeSet<(i64, u64)>,
    /// How many payloads are in each message of data.
    pub data: BTreeMap<u64, u32>,
    /// How many bytes of payload there are.
    pub data_bytes: u64,
    /// Roughly what all of this takes in memory.
    pub bytes: usize,
    lanes: HashMap<Key, Lane>,
    unique: HashMap<Key, BTreeSet<u64>>,
}

impl Index {
    /// The job with that key against duplicates that waits or runs.
    pub fn holder(&self, queue: &str, dedup_key: &str) -> Option<u64> {
        self.unique.get(&(queue.to_owned(), dedup_key.to_owned()))?.first().copied()
    }

    /// Puts a job in.
    pub fn add(&mut self, entry: &Entry) {
        let arrival = entry.arrival;
        self.bytes += entry.bytes();
        self.created.insert((entry.job.created_ms, arrival));
        if let Some(payload) = &entry.payload {
            self.data_bytes += payload.length as u64;
            payload.sequences.iter().for_each(|sequence| *self.data.entry(*sequence).or_default() += 1);
        }
        if let (true, Some(key)) = (entry.is_open(), &entry.job.dedup_key) {
            self.unique.entry((entry.job.queue.clone(), key.clone())).or_default().insert(arrival);
        }
        match entry.status {
            JobStatus::Waiting => self.add_waiting(entry),
            JobStatus::Running => self.add_running(entry),
            JobStatus::Dead => drop(self.dead.insert((entry.ended_ms.unwrap_or_default(), arrival))),
            JobStatus::Succeeded | JobStatus::Cancelled => {
                self.ended.insert((entry.ended_ms.unwrap_or_default(), arrival));
            }
        }
    }

    /// Takes a job out; it must be as it was when it was put in.
    pub fn remove(&mut self, entry: &Entry) {
        let arrival = entry.arrival;
        self.bytes = self.bytes.saturating_sub(entry.bytes());
        self.created.remove(&(entry.job.created_ms, arrival));
        if let Some(payload) = &entry.payload {
            self.data_bytes = self.data_bytes.saturating_sub(payload.length as u64);
            for sequence in &payload.sequences {
                take_one(&mut self.data, sequence);
            }
        }
        if let (true, Some(key)) = (entry.is_open(), &entry.job.dedup_key) {
            let key = (entry.job.queue.clone(), key.clone());
            let is_empty = self.unique.get_mut(&key).is_some_and(|holders| {
                holders.remove(&arrival);
                holders.is_empty()
            });
            if is_empty {
                self.unique.remove(&key);
            }
        }
        match entry.status {
            JobStatus::Waiting => self.remove_waiting(entry),
            JobStatus::Running => self.remove_running(entry),
            JobStatus::Dead => drop(self.dead.remove(&(entry.ended_ms.unwrap_or_default(), arrival))),
            JobStatus::Succeeded | JobStatus::Cancelled => {
                self.ended.remove(&(entry.ended_ms.unwrap_or_default(), arrival));
            }
        }
    }

    fn add_waiting(&mut self, entry: &Entry) {
        let place = match entry.run_at_ms {
            Some(at) => {
                self.delayed.insert((at, entry.arrival));
                self.begun.insert((at.saturating_sub_unsigned(entry.wait_ms), entry.arrival));
                None
            }
            None => Some(place(entry)),
        };
        match lane(entry) {
            Some(key) => self.change_lane(key, |lane| lane.waiting.insert(entry.arrival, place)),
            None => self.make_ready(place),
        }
    }

    fn remove_waiting(&mut self, entry: &Entry) {
        if let Some(at) = entry.run_at_ms {
            self.delayed.remove(&(at, entry.arrival));
            self.begun.remove(&(at.saturating_sub_unsigned(entry.wait_ms), entry.arrival));
        }
        match lane(entry) {
            Some(key) => self.change_lane(key, |lane| lane.waiting.remove(&entry.arrival)),
            None => self.make_unready(entry.run_at_ms.is_none().then(|| place(entry))),
        }
    }

    fn add_running(&mut self, entry: &Entry) {
        self.running.insert(entry.arrival);
        *self.of_script.entry(entry.job.script.clone()).or_default() += 1;
        if let Some(key) = lane(entry) {
            self.change_lane(key, |lane| lane.running.insert(entry.arrival));
        }
    }

    fn remove_running(&mut self, entry: &Entry) {
        self.running.remove(&entry.arrival);
        if let Some(count) = self.of_script.get_mut(&entry.job.script) {
            *count -= 1;
            if *count == 0 {
                self.of_script.remove(&entry.job.script);
            }
        }
        if let Some(key) = lane(entry) {
            self.change_lane(key, |lane| lane.running.remove(&entry.arrival));
        }
    }

    /// Changes a lane, and what may run of it.
    fn change_lane<T>(&mut self, key: Key, change: impl FnOnce(&mut Lane) -> T) {
        let lane = self.lanes.entry(key.clone()).or_default();
        let before = lane.head();
        change(lane);
        let after = lane.head();
        if lane.waiting.is_empty() && lane.running.is_empty() {
            self.lanes.remove(&key);
        }
        if before != after {
            self.make_unready(before);
            self.make_ready(after);
        }
    }

    fn make_ready(&mut self, place: Option<(Group, Turn)>) {
        if let Some((group, turn)) = place {
            self.ready.entry(group).or_default().insert(turn);
        }
    }

    fn make_unready(&mut self, place: Option<(Group, Turn)>) {
        let Some((group, turn)) = place else { return };
        let is_empty = self.ready.get_mut(&group).is_some_and(|turns| {
            turns.remove(&turn);
            turns.is_empty()
        });
        if is_empty {
            self.ready.remove(&group);
        }
    }
}

fn place(entry: &Entry) -> (Group, Turn) {
    let job = &entry.job;
    let group = Group { queue: job.queue.clone(), script: job.script.clone(), concurrency: job.concurrency };
    (group, (Reverse(job.priority), entry.arrival))
}

fn lane(entry: &Entry) -> Option<Key> {
    entry.job.order_key.as_ref().map(|key| (entry.job.queue.clone(), key.clone()))
}

fn take_one(counts: &mut BTreeMap<u64, u32>, sequence: &u64) {
    if let Some(count) = counts.get_mut(sequence) {
        *count -= 1;
        if *count == 0 {
            counts.remove(sequence);
        }
    }
}
