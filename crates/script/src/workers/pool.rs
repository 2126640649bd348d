//! The workers of one language: those at rest, those at work, and the calls that wait for one.
//!
//! Calls wait in order. A script that calls another one holds its worker meanwhile; so that outer scripts can't take every worker
//! that inner ones need, each depth of nested calls has a few workers more than the one above it.

use super::process::Worker;
use antiphon_model::{Error, Limits};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many runs pass between two looks at the memory of a worker at rest.
const RUNS_BETWEEN_READINGS: u64 = 32;
/// Longest pause after starts that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Pause after the first start that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The pool.
pub(super) struct Pool {
    state: Mutex<State>,
    limits: Limits,
    /// Asks the keeper to look.
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// The one used last is at the end.
    idle: Vec<Worker>,
    busy: usize,
    starting: usize,
    waiting: VecDeque<Arc<Waiter>>,
    /// Ended, but not cleared away.
    dying: Vec<Worker>,
    /// When a worker was asked for last.
    used: Option<Instant>,
    /// Whether one is to be ready at all times.
    is_kept_warm: bool,
    failures: u32,
    failure: Option<(Instant, Error)>,
    started: u64,
    retired: u64,
}

/// Figures of one language's workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// At rest.
    pub idle: usize,
    /// At work.
    pub busy: usize,
    /// Not ready yet.
    pub starting: usize,
    /// Calls that wait for one.
    pub waiting: usize,
    /// Started since the server's start.
    pub started: u64,
    /// Ended since then because a run may have left something, because they failed, or because of their age.
    pub retired: u64,
}

/// A call that waits.
struct Waiter {
    depth: u8,
    given: Mutex<Option<Result<Worker, Error>>>,
    came: Condvar,
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(limits: &Limits, wake: Box<dyn Fn() + Send + Sync>) -> Pool {
        Pool { state: Mutex::default(), limits: limits.clone(), wake }
    }

    /// A worker for a script at that depth of nested calls; waits for one if need be.
    ///
    /// # Errors
    /// 503 when none can be had.
    pub(super) fn take(&self, depth: u8) -> Result<Worker, Error> {
        let mut state = self.state.lock();
        state.used = Some(Instant::now());
        if state.waiting.iter().all(|waiter| !state.has_room(waiter.depth, &self.limits))
            && state.has_room(depth, &self.limits)
            && let Some(worker) = state.take_idle()
        {
            state.busy += 1;
            let is_last = state.idle.is_empty();
            drop(state);
            if is_last {
                (self.wake)();
            }
            return Ok(worker);
        }
        if let Some(error) = state.failure_now() {
            return Err(error);
        }
        if state.waiting.len() >= self.limits.workers_waiting {
            return Err(busy());
        }
        let waiter = Arc::new(Waiter { depth, given: Mutex::new(None), came: Condvar::new() });
        state.waiting.push_back(Arc::clone(&waiter));
        drop(state);
        (self.wake)();
        self.wait(&waiter)
    }

    fn wait(&self, waiter: &Arc<Waiter>) -> Result<Worker, Error> {
        let deadline = Instant::now() + Duration::from_millis(self.limits.script_wait_ms);
        let mut given = waiter.given.lock();
        while given.is_none() && !waiter.came.wait_until(&mut given, deadline).timed_out() {}
        if given.is_none() {
            drop(given);
            // Whoever gives holds the state, so after this it is given or never will be.
            self.state.lock().waiting.retain(|other| !Arc::ptr_eq(other, waiter));
            given = waiter.given.lock();
        }
        given.take().unwrap_or_else(|| Err(busy()))
    }

    /// Takes a worker back that is as it was before.
    pub(super) fn give_back(&self, mut worker: Worker) {
        if worker.runs >= self.limits.worker_runs || self.has_grown(&worker) {
            return self.retire(worker);
        }
        worker.idle_since = Instant::now();
        let mut state = self.state.lock();
        state.busy -= 1;
        state.idle.push(worker);
        state.serve(&self.limits);
    }

    /// Ends a worker; a spare takes its place.
    pub(super) fn retire(&self, mut worker: Worker) {
        worker.kill();
        let mut state = self.state.lock();
        state.busy -= 1;
        state.retired += 1;
        state.dying.push(worker);
        state.serve(&self.limits);
        drop(state);
        (self.wake)();
    }

    /// Sees to it that a worker is ready at all times from now on.
    pub(super) fn keep_warm(&self) {
        let was_warm = std::mem::replace(&mut self.state.lock().is_kept_warm, true);
        if !was_warm {
            (self.wake)();
        }
    }

    /// Figures for the operator.
    pub(super) fn figures(&self) -> Figures {
        let state = self.state.lock();
        Figures {
            idle: state.idle.len(),
            busy: state.busy,
            starting: state.starting,
            waiting: state.waiting.len(),
            started: state.started,
            retired: state.retired,
        }
    }

    /// Whether it holds more memory than a worker at rest should. Reading that costs as much as a short run, so not every run pays it.
    fn has_grown(&self, worker: &Worker) -> bool {
        worker.runs.is_multiple_of(RUNS_BETWEEN_READINGS) && worker.meter.read().memory > self.largest_at_rest()
    }

    /// Memory that grew beyond this in the course of many runs is given back by a fresh process.
    fn largest_at_rest(&self) -> u64 {
        self.limits.worker_memory_bytes as u64 / 2
    }

    /// How many workers the keeper should start now; they count as starting from here on.
    pub(super) fn to_start(&self) -> usize {
        let mut state = self.state.lock();
        if state.failure_now().is_some() {
            return 0;
        }
        let waiting = state.waiting_with_room(&self.limits);
        let spare = usize::from(state.is_kept_warm || state.is_in_use(&self.limits));
        let wanted = (waiting + spare).saturating_sub(state.idle.len() + state.starting);
        let count = wanted.min(self.limits.worker_starts.max(1).saturating_sub(state.starting));
        state.starting += count;
        count
    }

    /// A worker that was started is ready.
    pub(super) fn started(&self, mut worker: Worker) {
        worker.idle_since = Instant::now();
        let mut state = self.state.lock();
        state.starting -= 1;
        state.started += 1;
        state.failures = 0;
        state.failure = None;
        // Those that have worked before go first: their texts are compiled, their memory is warm.
        state.idle.insert(0, worker);
        state.serve(&self.limits);
    }

    /// A worker could not be started. The next try comes after a pause; whoever waits is told, unless others are at work.
    pub(super) fn not_started(&self, error: &Error) {
        let mut state = self.state.lock();
        state.starting -= 1;
        state.failures += 1;
        let pause = FIRST_PAUSE.saturating_mul(1 << (state.failures - 1).min(10)).min(LONGEST_PAUSE);
        state.failure = Some((Instant::now() + pause, error.clone()));
        if state.busy + state.idle.len() + state.starting == 0 {
            for waiter in std::mem::take(&mut state.waiting) {
                waiter.give(Err(error.clone()));
            }
        }
    }

    /// Ends workers that nobody needed for a while, and clears those away that have ended. Tells whether any are still to be
    /// looked at.
    pub(super) fn tidy(&self) -> bool {
        let mut state = self.state.lock();
        let patience = Duration::from_millis(self.limits.worker_idle_ms);
        let floor = usize::from(state.is_kept_warm);
        while state.idle.len() > floor && state.idle.iter().any(|worker| worker.idle_since.elapsed() > patience) {
            let Some(oldest) = (0..state.idle.len()).max_by_key(|index| state.idle[*index].idle_since.elapsed()) else {
                break;
            };
            let mut worker = state.idle.remove(oldest);
            worker.kill();
            state.dying.push(worker);
        }
        let ended: Vec<Worker> = state.dying.extract_if(.., |worker| worker.has_ended()).collect();
        if state.failure_now().is_none() {
            state.failure = None;
        }
        let is_idle = state.idle.len() <= floor && state.dying.is_empty() && state.failure.is_none();
        drop(state);
        drop(ended);
        !is_idle
    }
}

impl State {
    /// Whether a script at that depth may have one more worker.
    fn has_room(&self, depth: u8, limits: &Limits) -> bool {
        let deeper = usize::from(depth.saturating_sub(1)) * limits.workers_nested;
        self.busy < limits.workers_per_language.max(1) + deeper
    }

    fn is_in_use(&self, limits: &Limits) -> bool {
        self.used.is_some_and(|used| used.elapsed() < Duration::from_millis(limits.worker_idle_ms))
    }

    fn failure_now(&self) -> Option<Error> {
        self.failure.as_ref().filter(|(until, _)| Instant::now() < *until).map(|(_, error)| error.clone())
    }

    /// The worker used last that is alive and silent.
    fn take_idle(&mut self) -> Option<Worker> {
        while let Some(mut worker) = self.idle.pop() {
            if worker.channel.is_quiet() {
                return Some(worker);
            }
            worker.kill();
            self.retired += 1;
            self.dying.push(worker);
        }
        None
    }

    /// How many of those who wait could go on if there were workers.
    fn waiting_with_room(&self, limits: &Limits) -> usize {
        let mut busy = self.busy;
        let mut count = 0;
        for waiter in &self.waiting {
            let deeper = usize::from(waiter.depth.saturating_sub(1)) * limits.workers_nested;
            if busy < limits.workers_per_language.max(1) + deeper {
                busy += 1;
                count += 1;
            }
        }
        count
    }

    /// Gives workers to those who wait, in order.
    fn serve(&mut self, limits: &Limits) {
        loop {
            let Some(first) = self.waiting.iter().position(|waiter| self.has_room(waiter.depth, limits)) else {
                return;
            };
            let Some(worker) = self.take_idle() else { return };
            let Some(waiter) = self.waiting.remove(first) else { return };
            self.busy += 1;
            waiter.give(Ok(worker));
        }
    }
}

impl Waiter {
    fn give(&self, result: Result<Worker, Error>) {
        *self.given.lock() = Some(result);
        self.came.notify_one();
    }
}

fn busy() -> Error {
    Error::unavailable("The server is busy running scripts of this language. Please try again.", 1)
}
