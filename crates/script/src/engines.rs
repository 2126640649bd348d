//! The engines of all languages behind one door.

use crate::event::Event;
use crate::host::Host;
use crate::javascript::{Order, PrepareError, Prepared};
use crate::lookup;
use crate::outcome::{Outcome, Run, StopReason, SyntaxError};
use crate::pool::{Key, Pool};
use crate::script::{LookupMode, Script};
use crate::types::known_type;
use crate::typescript::{self, Role};
use crate::workers::{Language, WorkerReport, WorkerSettings, Workers};
use antiphon_model::{Error, Limits};
use antiphon_quickjs as quickjs;
use quickjs::{Budget, Failure, Sizes};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Stack that the platform's own code needs above a script's: conversions, host functions, nested calls.
const PLATFORM_STACK: usize = 1 << 20;

/// Runs scripts. One for the process; cheap to call from many threads. How many run at one time is the caller's to bound.
pub struct Engines {
    limits: Limits,
    pool: Pool,
    workers: Workers,
    disabled: Vec<String>,
    runs: AtomicU64,
    built: AtomicU64,
}

/// Figures for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Runs since the start.
    pub runs: u64,
    /// Engines built since the start; the rest of the runs found one ready.
    pub built: u64,
    /// Ready engines at rest.
    pub idle: usize,
    /// Bytes that those hold.
    pub idle_bytes: usize,
}

impl Engines {
    /// Engines within these limits.
    pub fn new(limits: &Limits) -> Engines {
        Engines::with_workers(limits, WorkerSettings::default())
    }

    /// Engines whose workers are set up like that.
    pub fn with_workers(limits: &Limits, workers: WorkerSettings) -> Engines {
        Engines {
            limits: limits.clone(),
            pool: Pool::new(limits.script_idle_bytes),
            disabled: workers.scripts.disable.clone(),
            workers: Workers::new(limits, workers),
            runs: AtomicU64::new(0),
            built: AtomicU64::new(0),
        }
    }

    /// Runs a script to its end and reports it; blocks meanwhile. Where the calling thread has too little stack left, the
    /// script runs on a thread of its own, so `host` may be called from there.
    pub fn run(&self, script: &Script, event: &Event<'_>, host: &dyn Host) -> Run {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.enabled(&script.kind) {
            return failed(error);
        }
        if let Some(language) = Language::of(&script.kind) {
            return self.workers.run(language, script, event, host);
        }
        let needed = self.limits.script_stack_bytes + PLATFORM_STACK;
        if quickjs::stack_room() >= needed {
            return self.run_here(script, event, host);
        }
        let thread = std::thread::Builder::new().name("script".into()).stack_size(needed + PLATFORM_STACK);
        std::thread::scope(|scope| {
            let run = thread.spawn_scoped(scope, || self.run_here(script, event, host)).map(|thread| thread.join());
            match run {
                Ok(Ok(run)) => run,
                Ok(Err(_)) => failed(Error::internal("The script could not be run.", "its thread panicked")),
                Err(cause) => {
                    failed(Error::unavailable("The script could not get a thread; try again.", 1).with_cause(cause))
                }
            }
        })
    }

    /// Says whether a text is a script of that type. Unknown types are not looked at.
    pub fn check(&self, kind: &str, source: &str) -> Result<(), SyntaxError> {
        if let Some(language) = Language::of(kind) {
            return self.workers.check(language, kind, source);
        }
        if !known_type(kind) {
            return Ok(());
        }
        match self.prepare(kind, "script", source, true) {
            Ok(_) => Ok(()),
            Err(PrepareError::Syntax(error)) => Err(error),
            Err(PrepareError::Engine(failure)) => {
                Err(SyntaxError { message: format!("The script can't be compiled: {failure}."), line: 1, column: 1 })
            }
        }
    }

    /// Whether scripts of that type may be stored and run (reference 4.7). What is no script type is nothing to refuse.
    ///
    /// # Errors
    /// 503 for a type that the administrator switched off.
    pub fn enabled(&self, kind: &str) -> Result<(), Error> {
        let disabled = |name: &str| self.disabled.iter().any(|disabled| disabled.eq_ignore_ascii_case(name));
        if !known_type(kind) {
            Ok(())
        } else if disabled("all") {
            Err(Error::new(503, "All scripting is disabled for this instance."))
        } else if disabled(kind) {
            Err(Error::new(503, format!("Scripting with {kind} is disabled for this instance.")))
        } else {
            Ok(())
        }
    }

    /// Whether scripts of that type can run here now.
    ///
    /// # Errors
    /// What calls would get instead: 503 for a type that is switched off or whose interpreter is missing, 500 for one that is
    /// unknown.
    pub fn usable(&self, kind: &str) -> Result<(), Error> {
        self.enabled(kind)?;
        match Language::of(kind) {
            Some(language) => self.workers.available(language),
            None if known_type(kind) => Ok(()),
            None => Err(unknown_type(kind)),
        }
    }

    /// Sees to it that the first call of a script of that type finds an interpreter ready.
    pub fn warm(&self, kind: &str) {
        if self.enabled(kind).is_ok()
            && let Some(language) = Language::of(kind)
        {
            self.workers.keep_warm(language);
        }
    }

    /// The workers and what confines them, for the operator.
    pub fn worker_report(&self) -> WorkerReport {
        self.workers.report()
    }

    /// Drops the engines at rest; later runs build their own again.
    pub fn trim_idle(&self) {
        self.pool.clear();
    }

    /// Figures for the operator.
    pub fn stats(&self) -> Stats {
        let (idle, idle_bytes) = self.pool.size();
        Stats { runs: self.runs.load(Ordering::Relaxed), built: self.built.load(Ordering::Relaxed), idle, idle_bytes }
    }

    fn run_here(&self, script: &Script, event: &Event<'_>, host: &dyn Host) -> Run {
        if !known_type(&script.kind) {
            return failed(unknown_type(&script.kind));
        }
        let settings = script.settings();
        let mut source = Arc::clone(&script.source);
        let mut text = 0;
        if settings.lookups == LookupMode::Raw && lookup::has_candidate(&source) {
            source = lookup::replace(&source, &|name| host.lookup(name)).into();
            text = hash(&source);
        }
        let lookups = settings.lookups == LookupMode::Safe;
        let key =
            Key { script: script.name.clone(), kind: script.kind.clone(), version: script.version, lookups, text };
        let mut prepared = match self.pool.take(&key, &source) {
            Some(prepared) => prepared,
            None => {
                self.built.fetch_add(1, Ordering::Relaxed);
                match self.prepare(&script.kind, &script.name, &source, lookups) {
                    Ok(prepared) => prepared,
                    Err(error) => return not_prepared(error, &script.name),
                }
            }
        };
        let run = prepared.run(&Order {
            event,
            host,
            may_modify: script.allow_event_modification,
            budget: self.budget(settings.wall),
            output_limit: self.limits.script_output_bytes,
        });
        self.pool.put(key, source, prepared);
        run
    }

    /// An engine for that text.
    fn prepare(&self, kind: &str, name: &str, source: &str, lookups: bool) -> Result<Prepared, PrepareError> {
        let source = match kind {
            typescript::KIND => {
                Cow::Owned(typescript::to_javascript(source, Role::Script).map_err(PrepareError::Syntax)?)
            }
            _ => Cow::Borrowed(source),
        };
        Prepared::new(name, &source, lookups, self.sizes())
    }

    fn sizes(&self) -> Sizes {
        Sizes { memory: self.limits.script_memory_bytes, stack: self.limits.script_stack_bytes }
    }

    fn budget(&self, wall: Option<Duration>) -> Budget {
        let limit = Duration::from_millis(self.limits.script_wall_ms);
        Budget {
            wall: wall.map_or(limit, |wall| wall.min(limit)),
            cpu: Duration::from_millis(self.limits.script_cpu_ms),
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish() | 1
}

fn failed(error: Error) -> Run {
    Run { outcome: Outcome::Failed(error), output: String::new(), wall: Duration::ZERO, cpu: Duration::ZERO }
}

fn unknown_type(kind: &str) -> Error {
    Error::new(500, format!("Unsupported script engine type '{kind}'."))
}

fn not_prepared(error: PrepareError, name: &str) -> Run {
    let outcome = match error {
        PrepareError::Syntax(error) => Outcome::Failed(error.in_script(name)),
        PrepareError::Engine(Failure::Stopped(quickjs::StopReason::Memory)) => Outcome::Stopped(
            StopReason::Memory,
            format!("Script '{name}' and the libraries that it names do not fit in the memory limit."),
        ),
        PrepareError::Engine(failure) => {
            Outcome::Failed(Error::internal(format!("Script '{name}' could not be compiled."), failure))
        }
    };
    Run { outcome, ..failed(Error::new(500, "")) }
}

#[cfg(test)]
mod tests;
