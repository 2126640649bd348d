//! The queue in memory: every rule as it is written, and no thought of cost.

use antiphon_queue::{
    AttemptOutcome, ClaimRequest, Claimed, Edit, Enqueued, Finish, Held, Job, JobFilter, JobId, JobRecord, JobStatus,
    NewJob, Outcome, QueueState,
};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The step of the clock.
pub const HALF_HOUR_MS: i64 = 1_800_000;

/// Times between two steps of the clock, so that it never matters which is a little later.
pub const KEEP_ENDED_MS: i64 = 4 * HALF_HOUR_MS + HALF_HOUR_MS / 2;
pub const KEEP_DEAD_MS: i64 = 6 * HALF_HOUR_MS + HALF_HOUR_MS / 2;
pub const MEMORY_MS: i64 = 8 * HALF_HOUR_MS + HALF_HOUR_MS / 2;

/// Attempts that are kept of one job.
pub const ATTEMPTS_KEPT: usize = 2;

/// A job's payload, and what its attempts came to.
pub type Told = (Option<Bytes>, Vec<(u32, AttemptOutcome)>);

/// A wait: from when, and until when.
#[derive(Debug, Clone, Copy)]
struct Wait {
    from_ms: i64,
    until_ms: i64,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    payload: Option<Bytes>,
    status: JobStatus,
    attempt: u32,
    failed: u32,
    wait: Option<Wait>,
    ended_ms: i64,
    last_error: Option<String>,
    attempts: Vec<(u32, AttemptOutcome)>,
}

impl Entry {
    fn is_live(&self) -> bool {
        matches!(self.status, JobStatus::Waiting | JobStatus::Running)
    }

    fn is_line_of(&self, other: &Entry) -> bool {
        self.job.order_key.is_some()
            && (&self.job.queue, &self.job.order_key) == (&other.job.queue, &other.job.order_key)
    }
}

/// All jobs in the order in which they were taken in.
#[derive(Debug, Default)]
pub struct Model {
    entries: Vec<Entry>,
    /// Forgotten ones, and until when.
    known: HashMap<JobId, i64>,
    paused: BTreeSet<String>,
    /// The clock, which begins at 0 here.
    pub now_ms: i64,
}

impl Model {
    fn place(&self, id: &JobId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.job.id == *id)
    }

    fn entry(&mut self, id: &JobId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.job.id == *id)
    }

    fn wait(&self, delay_ms: u64) -> Option<Wait> {
        let until_ms = self.now_ms + i64::try_from(delay_ms).unwrap();
        (delay_ms > 0).then_some(Wait { from_ms: self.now_ms, until_ms })
    }

    pub fn enqueue(&mut self, new: &NewJob) -> Enqueued {
        if self.place(&new.job.id).is_some() || self.known.contains_key(&new.job.id) {
            return Enqueued::Known;
        }
        let is_same = |job: &Job| (&job.queue, &job.dedup_key) == (&new.job.queue, &new.job.dedup_key);
        if new.job.dedup_key.is_some()
            && let Some(other) = self.entries.iter().find(|entry| entry.is_live() && is_same(&entry.job))
        {
            return Enqueued::Duplicate(other.job.id.clone());
        }
        self.entries.push(Entry {
            job: new.job.clone(),
            payload: Some(new.payload.clone()),
            status: JobStatus::Waiting,
            attempt: 0,
            failed: 0,
            wait: self.wait(new.job.delay_ms),
            ended_ms: 0,
            last_error: None,
            attempts: Vec::new(),
        });
        Enqueued::Stored
    }

    pub fn claim(&mut self, request: &ClaimRequest) -> Vec<Claimed> {
        for entry in &mut self.entries {
            entry.wait.take_if(|wait| wait.until_ms <= self.now_ms);
        }
        let mut claimed = Vec::new();
        while claimed.len() < request.most
            && let Some(place) = self.next(&request.queues)
        {
            let entry = &mut self.entries[place];
            entry.status = JobStatus::Running;
            entry.attempt += 1;
            claimed.push(Claimed {
                job: entry.job.clone(),
                payload: entry.payload.clone().unwrap(),
                held: Held { id: entry.job.id.clone(), attempt: entry.attempt },
                failed: entry.failed,
            });
        }
        claimed
    }

    fn next(&self, queues: &[String]) -> Option<usize> {
        let is_served = |entry: &Entry| queues.is_empty() || queues.contains(&entry.job.queue);
        let may_run = |place: &usize| {
            let entry = &self.entries[*place];
            entry.status == JobStatus::Waiting
                && entry.wait.is_none()
                && is_served(entry)
                && !self.paused.contains(&entry.job.queue)
                && self.has_turn(*place)
                && self.has_room(entry)
        };
        (0..self.entries.len()).filter(may_run).min_by_key(|&place| (Reverse(self.entries[place].job.priority), place))
    }

    fn has_turn(&self, place: usize) -> bool {
        let entry = &self.entries[place];
        let others = self.entries.iter().enumerate().filter(|(_, other)| entry.is_line_of(other));
        !others
            .into_iter()
            .any(|(at, other)| other.status == JobStatus::Running || (other.status == JobStatus::Waiting && at < place))
    }

    fn has_room(&self, entry: &Entry) -> bool {
        let is_beside = |other: &&Entry| other.status == JobStatus::Running && other.job.script == entry.job.script;
        let running = self.entries.iter().filter(is_beside).count();
        entry.job.concurrency.is_none_or(|limit| running < usize::try_from(limit).unwrap())
    }

    pub fn is_held(&self, held: &Held) -> bool {
        let is_it = |entry: &Entry| entry.status == JobStatus::Running && entry.attempt == held.attempt;
        self.place(&held.id).is_some_and(|place| is_it(&self.entries[place]))
    }

    pub fn finish(&mut self, finish: &Finish) -> bool {
        if !self.is_held(&finish.held) {
            return false;
        }
        let now_ms = self.now_ms;
        let retry = match finish.outcome {
            Outcome::Retry { delay_ms } => self.wait(delay_ms),
            _ => None,
        };
        let Some(entry) = self.entry(&finish.held.id) else { return false };
        let (status, failed) = match finish.outcome {
            Outcome::Succeeded => (JobStatus::Succeeded, 0),
            Outcome::Retry { .. } => (JobStatus::Waiting, 1),
            Outcome::Dead => (JobStatus::Dead, 1),
            Outcome::Released => (JobStatus::Waiting, 0),
            Outcome::Cancelled => (JobStatus::Cancelled, 0),
        };
        entry.status = status;
        entry.failed += failed;
        entry.wait = retry;
        entry.ended_ms = now_ms;
        if status == JobStatus::Succeeded {
            entry.payload = None;
        }
        if let (Some(record), true) = (&finish.record, finish.outcome != Outcome::Released) {
            entry.last_error = record.error.clone().or(entry.last_error.take());
            entry.attempts.push((record.attempt, record.outcome));
            entry.attempts = entry.attempts.split_off(entry.attempts.len().saturating_sub(ATTEMPTS_KEPT));
        }
        true
    }

    /// With a lease of 0, every attempt that runs is lost.
    pub fn maintain(&mut self) -> usize {
        let mut taken_back = 0;
        for entry in self.entries.iter_mut().filter(|entry| entry.status == JobStatus::Running) {
            taken_back += 1;
            entry.failed += 1;
            entry.status = if entry.failed < entry.job.tries { JobStatus::Waiting } else { JobStatus::Dead };
            entry.ended_ms = self.now_ms;
            entry.last_error = Some("lost".to_owned());
            entry.attempts.push((entry.attempt, AttemptOutcome::Lost));
            entry.attempts = entry.attempts.split_off(entry.attempts.len().saturating_sub(ATTEMPTS_KEPT));
        }
        for wait in self.entries.iter_mut().filter_map(|entry| entry.wait.as_mut()) {
            if wait.from_ms > self.now_ms {
                *wait = Wait { from_ms: self.now_ms, until_ms: self.now_ms + wait.until_ms - wait.from_ms };
            }
        }
        let is_over = |entry: &Entry| {
            let keep_ms = if entry.status == JobStatus::Dead { KEEP_DEAD_MS } else { KEEP_ENDED_MS };
            !entry.is_live() && entry.ended_ms + keep_ms < self.now_ms
        };
        let over: Vec<JobId> =
            self.entries.iter().filter(|entry| is_over(entry)).map(|entry| entry.job.id.clone()).collect();
        over.iter().for_each(|id| assert!(self.discard(id)));
        self.known.retain(|_id, until_ms| *until_ms >= self.now_ms);
        taken_back
    }

    pub fn cancel(&mut self, id: &JobId) -> bool {
        let now_ms = self.now_ms;
        let Some(entry) = self.entry(id).filter(|entry| entry.is_live()) else { return false };
        entry.status = JobStatus::Cancelled;
        entry.wait = None;
        entry.ended_ms = now_ms;
        true
    }

    pub fn redrive(&mut self, id: &JobId, edit: &Edit) -> bool {
        let wait = self.wait(edit.delay_ms);
        let Some(entry) = self.entry(id) else { return false };
        if matches!(entry.status, JobStatus::Running | JobStatus::Succeeded) {
            return false;
        }
        entry.status = JobStatus::Waiting;
        entry.failed = 0;
        entry.wait = wait;
        entry.payload = edit.payload.clone().or(entry.payload.take());
        entry.job.priority = edit.priority.unwrap_or(entry.job.priority);
        entry.job.tries = edit.tries.unwrap_or(entry.job.tries);
        entry.job.queue = edit.queue.clone().unwrap_or(entry.job.queue.clone());
        true
    }

    pub fn discard(&mut self, id: &JobId) -> bool {
        let Some(place) = self.place(id).filter(|&place| !self.entries[place].is_live()) else { return false };
        let entry = self.entries.remove(place);
        self.known.insert(entry.job.id, entry.ended_ms + MEMORY_MS);
        true
    }

    pub fn pause(&mut self, queue: &str, is_paused: bool) {
        if is_paused {
            self.paused.insert(queue.to_owned());
        } else {
            self.paused.remove(queue);
        }
    }

    /// Records with 0 for each moment that is told.
    pub fn list(&self, filter: &JobFilter) -> Vec<JobRecord> {
        let is_wanted = |entry: &Entry| {
            (filter.statuses.is_empty() || filter.statuses.contains(&entry.status))
                && (filter.ids.is_empty() || filter.ids.contains(&entry.job.id))
                && filter.queue.as_ref().is_none_or(|queue| *queue == entry.job.queue)
                && filter.script.as_ref().is_none_or(|script| *script == entry.job.script)
                && filter.created_after_ms.is_none_or(|moment_ms| entry.job.created_ms > moment_ms)
        };
        let mut places: Vec<usize> = (0..self.entries.len()).filter(|&place| is_wanted(&self.entries[place])).collect();
        places.sort_by_key(|&place| Reverse((self.entries[place].job.created_ms, place)));
        places.into_iter().take(filter.most).map(|place| record(&self.entries[place])).collect()
    }

    pub fn get(&self, id: &JobId) -> Option<Told> {
        self.place(id).map(|place| (self.entries[place].payload.clone(), self.entries[place].attempts.clone()))
    }

    pub fn queues(&self) -> Vec<QueueState> {
        let mut queues: BTreeMap<&str, QueueState> = BTreeMap::new();
        let is_told = |entry: &&Entry| entry.is_live() || entry.status == JobStatus::Dead;
        for entry in self.entries.iter().filter(is_told) {
            let state = queues.entry(&entry.job.queue).or_default();
            match entry.status {
                JobStatus::Running => state.running += 1,
                JobStatus::Dead => state.dead += 1,
                _ if entry.wait.is_some_and(|wait| wait.until_ms > self.now_ms) => state.delayed += 1,
                _ => {
                    state.ready += 1;
                    state.oldest_ms = state.oldest_ms.into_iter().chain([entry.job.created_ms]).min();
                }
            }
        }
        for queue in &self.paused {
            queues.entry(queue).or_default().is_paused = true;
        }
        queues.into_iter().map(|(name, state)| QueueState { name: name.to_owned(), ..state }).collect()
    }
}

fn record(entry: &Entry) -> JobRecord {
    let told = |is_told: bool| is_told.then_some(0);
    JobRecord {
        job: entry.job.clone(),
        status: entry.status,
        attempts: entry.attempt,
        failed: entry.failed,
        run_at_ms: told(entry.wait.is_some()),
        started_ms: told(entry.attempt > 0),
        ended_ms: told(!entry.is_live()),
        worker: (entry.status == JobStatus::Running).then(|| "w".to_owned()),
        last_error: entry.last_error.clone(),
    }
}
