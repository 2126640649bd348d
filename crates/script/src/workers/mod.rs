//! Scripts in the languages of real interpreters: processes of `node`, `python3` and `php` kept warm, each serving one run at a
//! time over a channel of its own.
//!
//! A run takes a worker from its language's pool, sends it text and event in a frame, answers its calls, and reads what came
//! out. A worker that says that nothing of the run is left goes back; every other one is ended, and a spare that was started ahead
//! takes its place. So each run sees a fresh world.

mod channel;
mod folder;
mod frame;
mod interpreter;
mod keeper;
mod language;
mod meter;
mod pool;
mod process;
mod reconcile;
mod run;
mod settings;
mod texts;
mod watch;

pub use settings::{Confinement, WorkerSettings};

use crate::event::Event;
use crate::host::Host;
use crate::outcome::{Outcome, Run, SyntaxError};
use crate::script::Script;
use antiphon_model::{Error, Limits};
use antiphon_sandbox::{Capabilities, Protection};
use interpreter::Interpreters;
use keeper::{Keeper, absent};
pub(crate) use language::Language;
pub use pool::Figures;
use pool::Pool;
use run::{Fate, Order};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The workers of every language.
pub(crate) struct Workers {
    limits: Limits,
    settings: Arc<WorkerSettings>,
    interpreters: Arc<Interpreters>,
    /// Started with the first worker: a server whose scripts are all JavaScript never has it.
    keeper: OnceLock<Result<Keeper, Error>>,
}

impl Workers {
    /// No worker yet.
    pub(crate) fn new(limits: &Limits, settings: WorkerSettings) -> Workers {
        let interpreters = Arc::new(Interpreters::new(&settings.scripts));
        Workers { limits: limits.clone(), settings: Arc::new(settings), interpreters, keeper: OnceLock::new() }
    }

    /// Runs a script to its end; blocks meanwhile.
    pub(crate) fn run(&self, language: Language, script: &Script, event: &Event<'_>, host: &dyn Host) -> Run {
        let order = Order { script, event, host, limits: &self.limits, language };
        match self.pool(language).and_then(|pool| Ok((pool, pool.take(host.depth())?))) {
            Err(error) => failed(error),
            Ok((pool, mut worker)) => {
                let (run, fate) = run::run(&mut worker, &order);
                match fate {
                    Fate::Clean => pool.give_back(worker),
                    Fate::Unclean => pool.retire(worker),
                }
                run
            }
        }
    }

    /// Says whether a text is a script of that type. Where no interpreter can be had, every text is.
    pub(crate) fn check(&self, language: Language, kind: &str, source: &str) -> Result<(), SyntaxError> {
        let Ok(pool) = self.pool(language) else { return Ok(()) };
        let Ok(mut worker) = pool.take(1) else { return Ok(()) };
        let (verdict, fate) = run::check(&mut worker, kind, source, &self.limits);
        match fate {
            Fate::Clean => pool.give_back(worker),
            Fate::Unclean => pool.retire(worker),
        }
        verdict
    }

    /// Whether the interpreter of a language is there.
    ///
    /// # Errors
    /// 503 that says what to install.
    pub(crate) fn available(&self, language: Language) -> Result<(), Error> {
        self.interpreters.of(language).map(drop).map_err(absent)
    }

    /// Starts a worker ahead of the first call, and keeps one ready.
    pub(crate) fn keep_warm(&self, language: Language) {
        if let Ok(pool) = self.pool(language) {
            pool.keep_warm();
        }
    }

    /// Figures of each language that was needed so far.
    pub(crate) fn report(&self) -> WorkerReport {
        let languages = match self.keeper.get() {
            Some(Ok(keeper)) => {
                let figures = |language: Language| LanguageReport {
                    language: language.label(),
                    interpreter: self.interpreters.of(language).map(|interpreter| interpreter.version),
                    figures: keeper.pool(language).figures(),
                };
                Language::ALL.into_iter().map(figures).collect()
            }
            _ => Vec::new(),
        };
        let capabilities = Capabilities::probe();
        let (enforced, missing) = Protection::ALL.into_iter().partition::<Vec<_>, _>(|one| capabilities.has(*one));
        let names = |protections: Vec<Protection>| protections.into_iter().map(Protection::name).collect();
        WorkerReport { languages, enforced: names(enforced), missing: names(missing) }
    }

    fn pool(&self, language: Language) -> Result<&Pool, Error> {
        let keeper =
            self.keeper.get_or_init(|| Keeper::start(&self.limits, &self.settings, Arc::clone(&self.interpreters)));
        keeper.as_ref().map(|keeper| keeper.pool(language)).map_err(Clone::clone)
    }
}

/// Workers and what confines them, for the operator.
#[derive(Debug, Clone)]
pub struct WorkerReport {
    /// The languages; none before one of them was needed.
    pub languages: Vec<LanguageReport>,
    /// Names of the protections that this machine enforces.
    pub enforced: Vec<&'static str>,
    /// Names of those that it does not.
    pub missing: Vec<&'static str>,
}

/// One language, for the operator.
#[derive(Debug, Clone)]
pub struct LanguageReport {
    /// For people.
    pub language: &'static str,
    /// Version of the interpreter, or why there is none.
    pub interpreter: Result<String, String>,
    /// Its workers.
    pub figures: Figures,
}

fn failed(error: Error) -> Run {
    Run { outcome: Outcome::Failed(error), output: String::new(), wall: Duration::ZERO, cpu: Duration::ZERO }
}
