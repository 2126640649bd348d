//! What the state tells, without being changed.

use super::super::command::Silent;
use super::{Entry, IDENTIFIER_BYTES, State};
use crate::{Held, JobFilter, JobId, JobRecord, JobStatus, QueueState};
use std::collections::BTreeMap;

impl State {
    /// The job with that identifier.
    pub fn entry(&self, id: &JobId) -> Option<&Entry> {
        self.jobs.get(self.ids.get(id)?).map(|entry| &**entry)
    }

    /// Whether a claim from these queues would be given something.
    pub fn has_work(&self, now_ms: i64, queues: &[String]) -> bool {
        self.is_due(now_ms) || self.next(queues).is_some()
    }

    /// Whether there is anything that may run as far as time and order are concerned.
    pub fn has_ready(&self) -> bool {
        !self.index.ready.is_empty()
    }

    /// Whether a job's time has come since the last claim.
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.index.delayed.first().is_some_and(|(at, _)| *at <= now_ms)
    }

    /// Jobs, latest created first, at most `most`.
    pub fn list(&self, now_ms: i64, filter: &JobFilter, most: usize, error_bytes: usize) -> Vec<JobRecord> {
        let after = filter.created_after_ms.unwrap_or(i64::MIN);
        self.index
            .created
            .iter()
            .rev()
            .take_while(|(created, _)| *created > after || filter.created_after_ms.is_none())
            .filter_map(|(_, arrival)| self.jobs.get(arrival))
            .filter(|entry| is_meant(filter, entry))
            .take(filter.most.min(most))
            .map(|entry| entry.record(now_ms).for_list(error_bytes))
            .collect()
    }

    /// Every queue.
    pub fn queues(&self, now_ms: i64) -> Vec<QueueState> {
        let mut queues: BTreeMap<&str, QueueState> = BTreeMap::new();
        for name in &self.paused {
            queues.entry(name).or_default().is_paused = true;
        }
        for entry in self.jobs.values() {
            let queue = queues.entry(&entry.job.queue).or_default();
            match entry.status {
                JobStatus::Waiting if entry.run_at_ms.is_some_and(|at| at > now_ms) => queue.delayed += 1,
                JobStatus::Waiting => {
                    queue.ready += 1;
                    let created = entry.job.created_ms;
                    queue.oldest_ms = Some(queue.oldest_ms.map_or(created, |oldest| oldest.min(created)));
                }
                JobStatus::Running => queue.running += 1,
                JobStatus::Dead => queue.dead += 1,
                JobStatus::Succeeded | JobStatus::Cancelled => {}
            }
        }
        queues.into_iter().map(|(name, queue)| QueueState { name: name.to_owned(), ..queue }).collect()
    }

    /// Every attempt that runs, with its last sign of life.
    pub fn running(&self) -> Vec<Silent> {
        let entries = self.index.running.iter().filter_map(|arrival| self.jobs.get(arrival));
        entries.map(|entry| Silent { held: held(entry), beat: entry.beat }).collect()
    }

    /// Waits that end later than a wait that begins now would: the clock was set back since.
    pub fn too_long(&self, now_ms: i64) -> Vec<u64> {
        self.index.begun.iter().rev().take_while(|(began, _)| *began > now_ms).map(|(_, arrival)| *arrival).collect()
    }

    /// Dead letters that ended by `dead_until_ms` and others that ended by `until_ms`, at most `most` of each, each with its time.
    pub fn outdated(&self, dead_until_ms: i64, until_ms: i64, most: usize) -> Vec<(u64, i64)> {
        let dead = self.index.dead.iter().take_while(|(ended, _)| *ended <= dead_until_ms).take(most);
        let others = self.index.ended.iter().take_while(|(ended, _)| *ended <= until_ms).take(most);
        dead.chain(others).map(|(ended, arrival)| (*arrival, *ended)).collect()
    }

    /// Whether identifiers of jobs that ended by then are remembered.
    pub fn remembers_ends_until(&self, until_ms: i64) -> bool {
        self.ended.front().is_some_and(|(ended, _)| *ended <= until_ms)
    }

    /// The end of the `most`th of the identifiers that were remembered first.
    pub fn oldest_end(&self, most: usize) -> Option<i64> {
        self.ended.get(most.min(self.ended.len()).checked_sub(1)?).map(|(ended, _)| *ended)
    }

    /// Roughly what it takes in memory.
    pub fn bytes(&self) -> usize {
        self.index.bytes + self.ended.len() * IDENTIFIER_BYTES
    }

    /// Bytes of all payloads.
    pub fn data_bytes(&self) -> u64 {
        self.index.data_bytes
    }

    /// The first message of data that something refers to.
    pub fn first_data(&self) -> Option<u64> {
        self.index.data.first_key_value().map(|(sequence, _)| *sequence)
    }

    /// Nothing refers to data below that sequence, now or later.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether space is set aside.
    pub fn has_reserve(&self) -> bool {
        self.reserve == Some(true)
    }

    /// Whether the server was full, so that what was set aside is in use.
    pub fn is_tight(&self) -> bool {
        self.reserve == Some(false)
    }

    /// The jobs whose payloads begin in the oldest messages of data, until these have that many bytes.
    pub fn oldest_data(&self, bytes: u64) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self
            .jobs
            .values()
            .map(|entry| &**entry)
            .filter(|entry| entry.payload.as_ref().is_some_and(|payload| !payload.sequences.is_empty()))
            .collect();
        entries.sort_by_key(|entry| entry.payload.as_ref().and_then(|payload| payload.sequences.first().copied()));
        let mut sum = 0;
        let is_within = |entry: &&Entry| {
            let is_within = sum < bytes;
            sum += entry.payload.as_ref().map_or(0, |payload| payload.length as u64);
            is_within
        };
        entries.into_iter().take_while(is_within).collect()
    }
}

fn held(entry: &Entry) -> Held {
    Held { id: entry.job.id.clone(), attempt: entry.attempts }
}

fn is_meant(filter: &JobFilter, entry: &Entry) -> bool {
    let job = &entry.job;
    (filter.statuses.is_empty() || filter.statuses.contains(&entry.status))
        && filter.queue.as_ref().is_none_or(|queue| *queue == job.queue)
        && filter.script.as_ref().is_none_or(|script| *script == job.script)
        && (filter.ids.is_empty() || filter.ids.contains(&job.id))
}
