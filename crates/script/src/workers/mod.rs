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

pub use settings::WorkerSettings;

use crate::event::Event;
use crate::host::Host;
use crate::outcome::{Outcome, Run, SyntaxError};
use crate::script::Script;
use antiphon_model::{Error, Limits};
use keeper::Keeper;
pub(crate) use language::Language;
use pool::Pool;
use run::{Fate, Order};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The workers of every language.
pub(crate) struct Workers {
    limits: Limits,
    settings: Arc<WorkerSettings>,
    /// Started with the first worker: a server whose scripts are all JavaScript never has it.
    keeper: OnceLock<Result<Keeper, Error>>,
}

impl Workers {
    /// No worker yet.
    pub(crate) fn new(limits: &Limits, settings: WorkerSettings) -> Workers {
        Workers { limits: limits.clone(), settings: Arc::new(settings), keeper: OnceLock::new() }
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

    fn pool(&self, language: Language) -> Result<&Pool, Error> {
        let keeper = self.keeper.get_or_init(|| Keeper::start(&self.limits, &self.settings));
        keeper.as_ref().map(|keeper| keeper.pool(language)).map_err(Clone::clone)
    }
}

fn failed(error: Error) -> Run {
    Run { outcome: Outcome::Failed(error), output: String::new(), wall: Duration::ZERO, cpu: Duration::ZERO }
}
