//! The protocol as steps on a state.
//!
//! The store's rows are in [`Row`]; what workers and observers remember is in [`Worker`]; [`Truth`] is written beside, by the rules of
//! logic alone, and never read by a step: the properties compare both. Every process is worker and observer, as in the server.

use stateright::{Model, Property};

/// Which rule is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// None.
    Sound,
    /// `finish` asks only whether the job runs.
    FinishIgnoresAttempt,
    /// `finish` asks only for the attempt.
    FinishIgnoresStatus,
    /// A redriven job counts its attempts from 1 again.
    RedriveResetsAttempt,
    /// Taking back does not look whether the job is still as it was seen.
    TakeBackIgnoresChanges,
    /// Taking back looks at the attempt, but not at the beat.
    TakeBackIgnoresBeat,
    /// A lost attempt does not count as failed.
    TakeBackIsFree,
    /// Nobody takes anything back.
    NothingIsTakenBack,
    /// An identifier that is known is taken in again.
    EnqueueForgets,
    /// A job that is claimed again goes on with its attempt.
    ClaimKeepsAttempt,
    /// A job that is to be tried again is removed before it is put in again, and the process dies in between.
    RetryLosesJob,
}

/// How often things happen, so that the number of states has an end and every path comes to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Workers that die; at least one is left.
    pub deaths: u8,
    /// Renewals of leases.
    pub renewals: u8,
    /// Attempts that are given back unbegun.
    pub releases: u8,
    /// Answers to `finish` that do not arrive, so that it is said again.
    pub lost_answers: u8,
    /// Cancellations.
    pub cancels: u8,
    /// Redrives.
    pub redrives: u8,
    /// How often each job is taken in.
    pub enqueues: u8,
}

/// What is checked.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The rule that is missing.
    pub twin: Twin,
    /// Number of jobs.
    pub jobs: usize,
    /// Number of workers.
    pub workers: usize,
    /// Tries of each job.
    pub tries: u8,
    /// Bounds.
    pub budget: Budget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Absent,
    Waiting,
    Running,
    Succeeded,
    Dead,
    Cancelled,
    /// The row is gone; the identifier is known.
    Forgotten,
}

impl Status {
    fn has_ended(self) -> bool {
        matches!(self, Status::Succeeded | Status::Dead | Status::Cancelled)
    }
}

/// What the store has of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    status: Status,
    attempt: u8,
    failed: u8,
    beat: u8,
}

const ABSENT: Row = Row { status: Status::Absent, attempt: 0, failed: 0, beat: 0 };

/// What really happened to one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Truth {
    /// How often the store said that it stored it.
    stored: u8,
    /// How often it was handed out: the serial number of the one who holds it.
    claims: u8,
    /// The end that was told to somebody and not taken back by a redrive.
    end: Option<Status>,
    /// Times it was handed out since it was taken in or redriven, but for those given back unbegun.
    runs: u8,
    /// An end was accepted from somebody who was not the holder.
    was_ended_by_another: bool,
    /// It was taken from a holder who had renewed, or claimed, since the observer's look.
    was_robbed: bool,
}

/// The right to end an attempt, and which claim it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holding {
    job: usize,
    attempt: u8,
    failed: u8,
    claim: u8,
}

/// Attempt and beat of a running job, as an observer saw them.
type Seen = (u8, u8);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    is_alive: bool,
    holds: Option<Holding>,
    /// For each job, what its last look saw.
    seen: Vec<Option<Seen>>,
    /// Its lease ran out unchanged; about to be taken back, and in between anything may happen.
    expired: Option<(usize, Seen)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    rows: Vec<Row>,
    truths: Vec<Truth>,
    workers: Vec<Worker>,
    left: Budget,
    enqueued: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Succeeded,
    Failed,
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Enqueue { job: usize },
    Claim { worker: usize, job: usize },
    Renew { worker: usize },
    Finish { worker: usize, end: End, is_answered: bool },
    Die { worker: usize },
    Look { worker: usize, job: usize },
    LeaseRunsOut { worker: usize, job: usize },
    TakeBack { worker: usize },
    Cancel { job: usize },
    Redrive { job: usize },
    Forget { job: usize },
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let worker = Worker { is_alive: true, holds: None, seen: vec![None; self.jobs], expired: None };
        vec![State {
            rows: vec![ABSENT; self.jobs],
            truths: vec![Truth::default(); self.jobs],
            workers: vec![worker; self.workers],
            left: self.budget,
            enqueued: vec![0; self.jobs],
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for job in 0..self.jobs {
            self.steps_of_people(state, job, steps);
        }
        for (worker, it) in state.workers.iter().enumerate().filter(|(_, it)| it.is_alive) {
            self.steps_of_worker(state, worker, it, steps);
            self.steps_of_observer(state, worker, it, steps);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Enqueue { job } => self.enqueue(&mut state, job),
            Step::Claim { worker, job } => self.claim(&mut state, worker, job),
            Step::Renew { worker } => renew(&mut state, worker),
            Step::Finish { worker, end, is_answered } => self.finish(&mut state, worker, end, is_answered),
            Step::Die { worker } => {
                state.left.deaths -= 1;
                let jobs = state.rows.len();
                state.workers[worker] = Worker { is_alive: false, holds: None, seen: vec![None; jobs], expired: None };
            }
            Step::Look { worker, job } => {
                let row = state.rows[job];
                state.workers[worker].seen[job] = Some((row.attempt, row.beat));
            }
            Step::LeaseRunsOut { worker, job } => {
                let row = state.rows[job];
                state.workers[worker].expired = Some((job, (row.attempt, row.beat)));
            }
            Step::TakeBack { worker } => self.take_back(&mut state, worker),
            Step::Cancel { job } => {
                state.left.cancels -= 1;
                state.end(job, Status::Cancelled);
            }
            Step::Redrive { job } => self.redrive(&mut state, job),
            Step::Forget { job } => state.rows[job] = Row { status: Status::Forgotten, ..ABSENT },
        }
        state.reduce();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        properties::all()
    }

    /// Broken twins may go round for ever. The sound protocol never comes here: [`properties::TRIES_BOUND`] is tighter.
    fn within_boundary(&self, state: &State) -> bool {
        state.truths.iter().all(|truth| truth.claims <= 3 * self.tries + self.budget.releases)
    }
}

/// What may happen next.
impl Protocol {
    fn steps_of_people(&self, state: &State, job: usize, steps: &mut Vec<Step>) {
        let status = state.rows[job].status;
        if state.enqueued[job] < self.budget.enqueues {
            steps.push(Step::Enqueue { job });
        }
        if matches!(status, Status::Waiting | Status::Running) && state.left.cancels > 0 {
            steps.push(Step::Cancel { job });
        }
        if matches!(status, Status::Dead | Status::Cancelled) && state.left.redrives > 0 {
            steps.push(Step::Redrive { job });
        }
        if status.has_ended() {
            steps.push(Step::Forget { job });
        }
    }

    fn steps_of_worker(&self, state: &State, worker: usize, it: &Worker, steps: &mut Vec<Step>) {
        let alive = state.workers.iter().filter(|it| it.is_alive).count();
        if state.left.deaths > 0 && alive > 1 {
            steps.push(Step::Die { worker });
        }
        if it.holds.is_none() {
            let jobs = (0..self.jobs).filter(|&job| state.rows[job].status == Status::Waiting);
            steps.extend(jobs.map(|job| Step::Claim { worker, job }));
            return;
        }
        if state.left.renewals > 0 {
            steps.push(Step::Renew { worker });
        }
        let releases = (state.left.releases > 0).then_some(End::Released);
        for end in [End::Succeeded, End::Failed].into_iter().chain(releases) {
            steps.push(Step::Finish { worker, end, is_answered: true });
            if state.left.lost_answers > 0 {
                steps.push(Step::Finish { worker, end, is_answered: false });
            }
        }
    }

    fn steps_of_observer(&self, state: &State, worker: usize, it: &Worker, steps: &mut Vec<Step>) {
        if self.twin == Twin::NothingIsTakenBack {
            return;
        }
        if it.expired.is_some() {
            steps.push(Step::TakeBack { worker });
            return;
        }
        for (job, row) in state.rows.iter().enumerate().filter(|(_, row)| row.status == Status::Running) {
            let is_unchanged = it.seen[job] == Some((row.attempt, row.beat));
            steps.push(if is_unchanged { Step::LeaseRunsOut { worker, job } } else { Step::Look { worker, job } });
        }
    }
}

/// What happens then.
impl Protocol {
    fn enqueue(&self, state: &mut State, job: usize) {
        state.enqueued[job] += 1;
        if state.rows[job].status == Status::Absent || self.twin == Twin::EnqueueForgets {
            state.rows[job] = Row { status: Status::Waiting, ..ABSENT };
            state.truths[job].stored += 1;
        }
    }

    fn claim(&self, state: &mut State, worker: usize, job: usize) {
        let (row, truth) = (&mut state.rows[job], &mut state.truths[job]);
        row.status = Status::Running;
        if row.attempt == 0 || self.twin != Twin::ClaimKeepsAttempt {
            row.attempt += 1;
        }
        truth.claims += 1;
        truth.runs += 1;
        let holding = Holding { job, attempt: row.attempt, failed: row.failed, claim: truth.claims };
        state.workers[worker].holds = Some(holding);
    }

    fn finish(&self, state: &mut State, worker: usize, end: End, is_answered: bool) {
        let Some(held) = state.workers[worker].holds else { return };
        if is_answered {
            state.workers[worker].holds = None;
        } else {
            state.left.lost_answers -= 1;
        }
        if end == End::Released {
            state.left.releases -= 1;
        }
        let row = state.rows[held.job];
        let is_latest = row.attempt == held.attempt || self.twin == Twin::FinishIgnoresAttempt;
        let is_running = row.status == Status::Running
            || (self.twin == Twin::FinishIgnoresStatus && row.status != Status::Forgotten);
        if !(is_latest && is_running) {
            return;
        }
        state.truths[held.job].was_ended_by_another |= held.claim != state.truths[held.job].claims;
        match end {
            End::Succeeded => state.end(held.job, Status::Succeeded),
            End::Failed if held.failed + 1 < self.tries => {
                state.wait_again(held.job, 1);
                if self.twin == Twin::RetryLosesJob {
                    state.rows[held.job] = ABSENT;
                }
            }
            End::Failed => {
                state.rows[held.job].failed += 1;
                state.end(held.job, Status::Dead);
            }
            End::Released => {
                state.truths[held.job].runs = state.truths[held.job].runs.saturating_sub(1);
                state.wait_again(held.job, 0);
            }
        }
    }

    fn take_back(&self, state: &mut State, worker: usize) {
        let Some((job, (attempt, beat))) = state.workers[worker].expired.take() else { return };
        let row = state.rows[job];
        let is_as_seen = match self.twin {
            Twin::TakeBackIgnoresChanges => row.status != Status::Forgotten,
            Twin::TakeBackIgnoresBeat => row.status == Status::Running && row.attempt == attempt,
            _ => row.status == Status::Running && (row.attempt, row.beat) == (attempt, beat),
        };
        if !is_as_seen {
            return;
        }
        state.truths[job].was_robbed |= row.status == Status::Running && (row.attempt, row.beat) != (attempt, beat);
        if self.twin == Twin::TakeBackIsFree {
            state.wait_again(job, 0);
        } else if row.failed + 1 < self.tries {
            state.wait_again(job, 1);
        } else {
            state.rows[job].failed += 1;
            state.end(job, Status::Dead);
        }
    }

    fn redrive(&self, state: &mut State, job: usize) {
        state.left.redrives -= 1;
        let row = &mut state.rows[job];
        row.status = Status::Waiting;
        row.failed = 0;
        if self.twin == Twin::RedriveResetsAttempt {
            row.attempt = 0;
        }
        state.truths[job].end = None;
        state.truths[job].runs = 0;
    }
}

fn renew(state: &mut State, worker: usize) {
    state.left.renewals -= 1;
    let Some(held) = state.workers[worker].holds else { return };
    let row = &mut state.rows[held.job];
    if row.status == Status::Running && row.attempt == held.attempt {
        row.beat += 1;
    } else {
        // Told that it is lost, the worker lets go.
        state.workers[worker].holds = None;
    }
}

impl State {
    /// Makes states equal that differ in nothing that matters: workers are alike, and what an observer saw of an attempt that
    /// ended or was renewed tells it nothing.
    fn reduce(&mut self) {
        for worker in &mut self.workers {
            for (seen, row) in worker.seen.iter_mut().zip(&self.rows) {
                seen.take_if(|seen| row.status != Status::Running || *seen != (row.attempt, row.beat));
            }
        }
        self.workers.sort_unstable();
    }

    fn end(&mut self, job: usize, status: Status) {
        self.rows[job].status = status;
        // A second end does not replace the first, which somebody was told of.
        self.truths[job].end.get_or_insert(status);
    }

    fn wait_again(&mut self, job: usize, failed: u8) {
        let row = &mut self.rows[job];
        row.status = Status::Waiting;
        row.failed += failed;
    }

    fn holders(&self, job: usize) -> usize {
        let row = self.rows[job];
        let holds = |held: &Holding| held.job == job && held.attempt == row.attempt;
        let holders = self.workers.iter().filter_map(|worker| worker.holds.as_ref()).filter(|held| holds(held)).count();
        if row.status == Status::Running { holders } else { 0 }
    }
}

/// What must hold in every state, and what must be possible at all.
pub mod properties {
    use super::{Holding, Protocol, Row, State, Status, Truth};
    use stateright::{Model as _, Property};

    pub const ENDED_BY_HOLDER: &str = "only the latest attempt ends a job";
    pub const ENDS_STAY: &str = "an end that was told is not undone";
    pub const TAKEN_IN_ONCE: &str = "a job is taken in once";
    pub const NEVER_VANISHES: &str = "a job that was taken in is there until it ended";
    pub const ONE_HOLDER: &str = "at most one worker holds a job";
    pub const RENEWED_HOLDS: &str = "who renewed is not robbed";
    pub const TRIES_BOUND: &str = "a job runs no more often than it has tries";
    pub const COMES_TO_ITS_END: &str = "when nothing can happen any more, every job has ended";

    pub fn all() -> Vec<Property<Protocol>> {
        let mut all = must_hold();
        all.extend(must_be_possible());
        all
    }

    fn must_hold() -> Vec<Property<Protocol>> {
        vec![
            Property::always(ENDED_BY_HOLDER, |_, state| every(state, |_, truth| !truth.was_ended_by_another)),
            Property::always(ENDS_STAY, |_, state| {
                every(state, |row, truth| {
                    truth.end.is_none_or(|end| row.status == end || row.status == Status::Forgotten)
                })
            }),
            Property::always(TAKEN_IN_ONCE, |_, state| every(state, |_, truth| truth.stored <= 1)),
            Property::always(NEVER_VANISHES, |_, state| {
                every(state, |row, truth| {
                    let is_there = !matches!(row.status, Status::Absent | Status::Forgotten);
                    truth.stored == 0 || is_there || truth.end.is_some()
                })
            }),
            Property::always(ONE_HOLDER, |model, state: &State| (0..model.jobs).all(|job| state.holders(job) <= 1)),
            Property::always(RENEWED_HOLDS, |_, state| every(state, |_, truth| !truth.was_robbed)),
            Property::always(TRIES_BOUND, |model, state: &State| {
                state.rows.iter().all(|row| row.failed <= model.tries)
                    && state.truths.iter().all(|truth| truth.runs <= model.tries)
            }),
            Property::always(COMES_TO_ITS_END, |model, state| {
                let has_ended = every(state, |_, truth| truth.stored == 0 || truth.end.is_some());
                has_ended || !model.next_steps(state).is_empty()
            }),
        ]
    }

    /// A model in which little can happen would hold everything.
    fn must_be_possible() -> Vec<Property<Protocol>> {
        vec![
            Property::sometimes("a job that was tried in vain succeeded", |_, state| {
                any(state, |row, truth| row.status == Status::Succeeded && row.failed > 0 && truth.claims > 1)
            }),
            Property::sometimes("a job died", |_, state| any(state, |row, _| row.status == Status::Dead)),
            Property::sometimes("a redriven job succeeded", |_, state| {
                any(state, |row, truth| row.status == Status::Succeeded && truth.runs < truth.claims)
            }),
            Property::sometimes("a job was forgotten", |_, state| any(state, |row, _| row.status == Status::Forgotten)),
            Property::sometimes("a stale worker believes to hold what another one holds", |_, state: &State| {
                let is_stale =
                    |held: &Holding| held.attempt < state.rows[held.job].attempt && state.holders(held.job) == 1;
                state.workers.iter().filter_map(|worker| worker.holds.as_ref()).any(is_stale)
            }),
        ]
    }

    fn every(state: &State, condition: impl Fn(&Row, &Truth) -> bool) -> bool {
        state.rows.iter().zip(&state.truths).all(|(row, truth)| condition(row, truth))
    }

    fn any(state: &State, condition: impl Fn(&Row, &Truth) -> bool) -> bool {
        state.rows.iter().zip(&state.truths).any(|(row, truth)| condition(row, truth))
    }
}
