//! Looks after one run: its time, its memory, its scratch folder, and what it prints.

use super::channel::Watcher;
use super::folder::Scratch;
use super::meter::{Meter, Usage};
use super::process::Worker;
use crate::outcome::StopReason;
use crate::output::Output;
use antiphon_model::Limits;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a run's use of the machine is looked at. A limit is overshot by no more than this and the time that a look takes; processor
/// time counts from the first look on.
const LOOK: Duration = Duration::from_millis(25);
/// How much of an interpreter's last output is kept for the log.
const LAST_WORDS: usize = 2048;

/// The watch over one run.
pub(super) struct Watch {
    begun: Instant,
    wall: Duration,
    next_look: Instant,
    meter: Arc<Meter>,
    /// What was used at the first look: most runs end before it, and are spared the reading.
    before: Option<Usage>,
    cpu: Duration,
    memory: u64,
    scratch: Arc<Scratch>,
    scratch_bytes: u64,
    output: Output,
    output_limit: usize,
    /// The beginning of a character whose rest has not arrived.
    partial: Vec<u8>,
    last_words: VecDeque<u8>,
}

impl Watch {
    /// A watch that begins now; `wall` may shorten the time limit.
    pub(super) fn begin(worker: &Worker, limits: &Limits, wall: Option<Duration>) -> Watch {
        let limit = Duration::from_millis(limits.script_wall_ms);
        let begun = Instant::now();
        Watch {
            begun,
            wall: wall.map_or(limit, |wall| wall.min(limit)),
            next_look: begun + LOOK,
            meter: Arc::clone(&worker.meter),
            before: None,
            cpu: Duration::from_millis(limits.script_cpu_ms),
            memory: limits.worker_memory_bytes as u64,
            scratch: Arc::clone(&worker.scratch),
            scratch_bytes: limits.worker_scratch_bytes as u64,
            output: Output::new(limits.script_output_bytes),
            output_limit: limits.script_output_bytes,
            partial: Vec::new(),
            last_words: VecDeque::new(),
        }
    }

    /// Time since it began.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Adds what the script printed.
    pub(super) fn print(&mut self, text: &str) {
        self.output.add(text);
    }

    /// Drops what was printed so far.
    pub(super) fn forget_output(&mut self) {
        self.output = Output::new(self.output_limit);
        self.partial.clear();
        self.last_words.clear();
    }

    /// What was printed.
    pub(super) fn into_output(self) -> String {
        self.output.into_text()
    }

    /// The end of what the interpreter itself printed.
    pub(super) fn last_words(&self) -> String {
        let bytes: Vec<u8> = self.last_words.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Says for people which limit a script reached.
    pub(super) fn message(&self, script: &str, reason: StopReason) -> String {
        let limit = match reason {
            StopReason::WallTime => format!("time limit of {:?}", self.wall),
            StopReason::CpuTime => format!("processor time limit of {:?}", self.cpu),
            StopReason::Memory => format!("memory limit of {} MiB", self.memory >> 20),
            StopReason::Stack => "limit of its stack".to_owned(),
            StopReason::Scratch => format!("limit of {} MiB for files", self.scratch_bytes >> 20),
        };
        format!("Script '{script}' was stopped: it reached the {limit}.")
    }
}

impl Watcher for Watch {
    type Stop = StopReason;

    fn patience(&self) -> Duration {
        let now = Instant::now();
        let left = (self.begun + self.wall).saturating_duration_since(now);
        left.min(self.next_look.saturating_duration_since(now))
    }

    fn look(&mut self) -> Result<(), StopReason> {
        let now = Instant::now();
        if now.duration_since(self.begun) >= self.wall {
            return Err(StopReason::WallTime);
        }
        if now < self.next_look {
            return Ok(());
        }
        self.next_look = now + LOOK;
        let usage = self.meter.read();
        let before = self.before.get_or_insert(usage);
        if usage.cpu.saturating_sub(before.cpu) >= self.cpu {
            return Err(StopReason::CpuTime);
        }
        if usage.memory > self.memory {
            return Err(StopReason::Memory);
        }
        if self.scratch.size(self.scratch_bytes) > self.scratch_bytes {
            return Err(StopReason::Scratch);
        }
        Ok(())
    }

    fn printed(&mut self, bytes: &[u8]) {
        self.last_words.extend(&bytes[bytes.len().saturating_sub(LAST_WORDS)..]);
        let surplus = self.last_words.len().saturating_sub(LAST_WORDS);
        self.last_words.drain(..surplus);
        self.partial.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.partial) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.partial.len(),
        };
        let rest = self.partial.split_off(whole);
        let text = std::mem::replace(&mut self.partial, rest);
        self.output.add(&String::from_utf8_lossy(&text));
    }
}
