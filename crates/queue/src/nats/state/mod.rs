//! The state that all processes share: what the log comes to. Nothing here looks at a clock, a limit or the outside, so that the same log
//! gives the same state everywhere.

mod entry;
mod index;
mod save;
mod tell;
#[cfg(test)]
mod tests;

pub use entry::Entry;
pub use save::Saved;

use super::command::{Arriving, Command, Given, Moved, Reply, Silent};
use crate::{Enqueued, Finish, Held, JobId, JobStatus};
use index::{Group, Index, Turn};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Unfinished commands in pieces that are kept: their writers died, or are about to finish them.
const PARTS: usize = 64;
/// Roughly what an identifier of an ended job takes in memory.
const IDENTIFIER_BYTES: usize = 96;

/// Who proposed a command, and its number.
type Proposal = (String, u64);

/// All jobs.
#[derive(Debug, Default)]
pub struct State {
    /// Shared with what is being saved; only what changes meanwhile is copied.
    jobs: BTreeMap<u64, Arc<Entry>>,
    ids: HashMap<JobId, u64>,
    index: Index,
    paused: BTreeSet<String>,
    /// When what ended is forgotten, by the end: an identifier may stand here twice when its job was redriven.
    ended: VecDeque<(i64, JobId)>,
    known: HashMap<JobId, i64>,
    next_arrival: u64,
    /// Nothing refers to data below.
    floor: u64,
    /// Whether space is set aside; not known before it was for the first time.
    reserve: Option<bool>,
    parts: VecDeque<(Proposal, Vec<Option<String>>)>,
}

impl State {
    /// Applies what `by` wrote as number `number`. Gives the number of the command that took place and what came of it; none when it was a piece of
    /// one that is not complete.
    ///
    /// # Errors
    /// When the pieces of a command are no command.
    pub fn apply(
        &mut self,
        by: &str,
        number: u64,
        command: Command,
    ) -> Result<Option<(u64, Reply)>, serde_json::Error> {
        match command {
            Command::Part { number, index, total, text } => {
                match self.join((by.to_owned(), number), index, total, text) {
                    Some(text) => Ok(Some((number, self.perform(serde_json::from_str(&text)?)))),
                    None => Ok(None),
                }
            }
            command => Ok(Some((number, self.perform(command)))),
        }
    }

    fn perform(&mut self, command: Command) -> Reply {
        match command {
            Command::Enqueue { now_ms, jobs } => self.enqueue(now_ms, jobs),
            Command::Claim { now_ms, worker, queues, most } => self.claim(now_ms, &worker, &queues, most),
            Command::Renew { held } => Reply::Lost(held.into_iter().filter(|held| !self.renew(held)).collect()),
            Command::Finish { now_ms, keep, ends } => {
                Reply::Finished(ends.into_iter().map(|end| self.finish(now_ms, keep, end)).collect())
            }
            Command::TakeBack { now_ms, keep, silent } => {
                Reply::Count(silent.iter().filter(|silent| self.take_back(now_ms, keep, silent)).count())
            }
            Command::Cancel { now_ms, id } => {
                Reply::Done(self.change_if(&id, Entry::is_open, |entry| entry.end(JobStatus::Cancelled, now_ms)))
            }
            Command::Redrive { now_ms, id, change } => {
                if change.payload.as_ref().is_some_and(|blob| self.is_below_floor(&blob.sequences)) {
                    return Reply::Again;
                }
                let may = |entry: &Entry| !matches!(entry.status, JobStatus::Running | JobStatus::Succeeded);
                Reply::Done(self.change_if(&id, may, |entry| entry.change(now_ms, change)))
            }
            Command::Discard { id } => Reply::Done(self.discard(&id)),
            Command::Pause { queue, is_paused } => {
                let done = if is_paused { self.paused.insert(queue) } else { self.paused.remove(&queue) };
                Reply::Done(done)
            }
            Command::Forget { jobs, identifiers_until_ms } => Reply::Count(self.forget(&jobs, identifiers_until_ms)),
            Command::Correct { now_ms, jobs } => {
                jobs.iter().for_each(|arrival| self.correct(now_ms, *arrival));
                Reply::Done(true)
            }
            Command::Floor { sequence } => {
                self.floor = self.floor.max(sequence);
                Reply::Done(true)
            }
            Command::Move { moves } => Reply::Count(moves.into_iter().filter_map(|moved| self.relocate(moved)).count()),
            Command::Reserve { is_there } => {
                self.reserve = Some(is_there);
                Reply::Done(true)
            }
            Command::Saved { .. } | Command::Part { .. } => Reply::Done(true),
        }
    }

    fn enqueue(&mut self, now_ms: i64, jobs: Vec<Arriving>) -> Reply {
        if jobs.iter().any(|arriving| self.is_below_floor(&arriving.payload.sequences)) {
            return Reply::Again;
        }
        Reply::Enqueued(jobs.into_iter().map(|arriving| self.take_in(now_ms, arriving)).collect())
    }

    fn take_in(&mut self, now_ms: i64, arriving: Arriving) -> Enqueued {
        let job = &arriving.job;
        if self.ids.contains_key(&job.id) || self.known.contains_key(&job.id) {
            return Enqueued::Known;
        }
        let holder = job.dedup_key.as_ref().and_then(|key| self.index.holder(&job.queue, key));
        if let Some(holder) = holder.and_then(|arrival| self.jobs.get(&arrival)) {
            return Enqueued::Duplicate(holder.job.id.clone());
        }
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        let entry = Entry::new(arrival, now_ms, arriving);
        self.ids.insert(entry.job.id.clone(), arrival);
        self.index.add(&entry);
        self.jobs.insert(arrival, Arc::new(entry));
        Enqueued::Stored
    }

    fn claim(&mut self, now_ms: i64, worker: &str, queues: &[String], most: usize) -> Reply {
        self.let_due_ones_run(now_ms);
        let mut given: Vec<Given> = Vec::new();
        while given.len() < most {
            let Some((_, arrival)) = self.next(queues) else { break };
            self.change(arrival, |entry| given.push(entry.begin(now_ms, worker)));
        }
        Reply::Claimed(given)
    }

    /// Whose turn it is in these queues.
    fn next(&self, queues: &[String]) -> Option<Turn> {
        self.index
            .ready
            .iter()
            .filter(|(group, _)| self.is_open(group, queues))
            .filter_map(|(_, turns)| turns.first().copied())
            .min()
    }

    fn is_open(&self, group: &Group, queues: &[String]) -> bool {
        let is_served = queues.is_empty() || queues.contains(&group.queue);
        let runs = || self.index.of_script.get(&group.script).copied().unwrap_or_default();
        is_served && !self.paused.contains(&group.queue) && group.concurrency.is_none_or(|most| runs() < most)
    }

    fn let_due_ones_run(&mut self, now_ms: i64) {
        while let Some((at, arrival)) = self.index.delayed.first().copied() {
            if at > now_ms {
                return;
            }
            self.change(arrival, |entry| entry.run_at_ms = None);
        }
    }

    fn renew(&mut self, held: &Held) -> bool {
        let entry = self.ids.get(&held.id).and_then(|arrival| self.jobs.get_mut(arrival));
        let Some(entry) = entry.filter(|entry| entry.is_held_by(held)) else { return false };
        // Not in any index.
        Arc::make_mut(entry).beat += 1;
        true
    }

    fn finish(&mut self, now_ms: i64, keep: usize, end: Finish) -> bool {
        let held = end.held.clone();
        self.change_if(&held.id, |entry| entry.is_held_by(&held), |entry| entry.finish(now_ms, keep, end))
    }

    fn take_back(&mut self, now_ms: i64, keep: usize, silent: &Silent) -> bool {
        let is_same = |entry: &Entry| entry.is_held_by(&silent.held) && entry.beat == silent.beat;
        self.change_if(&silent.held.id, is_same, |entry| entry.take_back(now_ms, keep))
    }

    fn discard(&mut self, id: &JobId) -> bool {
        let Some(arrival) = self.ids.get(id).copied() else { return false };
        let has_ended = self.jobs.get(&arrival).is_some_and(|entry| !entry.is_open());
        has_ended && self.remove(arrival).is_some()
    }

    fn forget(&mut self, jobs: &[(u64, i64)], identifiers_until_ms: i64) -> usize {
        let has_ended = |state: &State, (arrival, until): &(u64, i64)| {
            state.jobs.get(arrival).is_some_and(|entry| entry.ended_ms.is_some_and(|ended| ended <= *until))
        };
        let count = jobs.iter().filter(|job| has_ended(self, job) && self.remove(job.0).is_some()).count();
        while let Some((ended_ms, id)) = self.ended.front().filter(|(ended, _)| *ended <= identifiers_until_ms).cloned()
        {
            self.ended.pop_front();
            if self.known.get(&id) == Some(&ended_ms) {
                self.known.remove(&id);
            }
        }
        count
    }

    fn correct(&mut self, now_ms: i64, arrival: u64) {
        self.change(arrival, |entry| {
            let longest = now_ms.saturating_add_unsigned(entry.wait_ms);
            entry.run_at_ms = entry.run_at_ms.map(|at| at.min(longest));
        });
    }

    fn relocate(&mut self, moved: Moved) -> Option<()> {
        let is_there = self.jobs.get(&moved.arrival)?.payload.as_ref() == Some(&moved.from);
        let is_good = is_there && !self.is_below_floor(&moved.to.sequences);
        is_good.then(|| self.change(moved.arrival, |entry| entry.payload = Some(moved.to)))
    }

    fn is_below_floor(&self, sequences: &[u64]) -> bool {
        sequences.iter().any(|sequence| *sequence < self.floor)
    }

    fn change_if(&mut self, id: &JobId, may: impl FnOnce(&Entry) -> bool, change: impl FnOnce(&mut Entry)) -> bool {
        let Some(arrival) = self.ids.get(id).copied() else { return false };
        let may = self.jobs.get(&arrival).is_some_and(|entry| may(entry));
        if may {
            self.change(arrival, change);
        }
        may
    }

    /// Changes a job, the indexes and what is known of ended ones.
    fn change(&mut self, arrival: u64, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.jobs.get_mut(&arrival) else { return };
        let entry = Arc::make_mut(entry);
        self.index.remove(entry);
        change(entry);
        self.index.add(entry);
        if let Some(ended_ms) = entry.ended_ms
            && self.known.insert(entry.job.id.clone(), ended_ms) != Some(ended_ms)
        {
            self.ended.push_back((ended_ms, entry.job.id.clone()));
        }
    }

    fn remove(&mut self, arrival: u64) -> Option<Arc<Entry>> {
        let entry = self.jobs.remove(&arrival)?;
        self.index.remove(&entry);
        self.ids.remove(&entry.job.id);
        Some(entry)
    }

    /// Puts a piece to the others; gives the whole when it was the last one.
    fn join(&mut self, proposal: Proposal, index: usize, total: usize, text: String) -> Option<String> {
        let place = self.parts.iter().position(|(of, _)| *of == proposal).unwrap_or_else(|| {
            self.parts.push_back((proposal, vec![None; total]));
            if self.parts.len() > PARTS {
                self.parts.pop_front();
            }
            self.parts.len() - 1
        });
        let pieces = &mut self.parts[place].1;
        *pieces.get_mut(index)? = Some(text);
        if pieces.iter().any(Option::is_none) {
            return None;
        }
        self.parts.remove(place).map(|(_, pieces)| pieces.into_iter().flatten().collect())
    }
}
