//! The thread that keeps workers: it starts them, waits until they are ready, and clears away those that have ended.
//!
//! One thread starts all of them and lives as long as they do, because a process that is to die with its parent dies with the thread that
//! started it.

use super::folder::WorkerFolder;
use super::interpreter::{self, Interpreter};
use super::language::Language;
use super::pool::Pool;
use super::process::Worker;
use super::settings::WorkerSettings;
use antiphon_model::{Error, Limits};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often workers at rest are looked at.
const ROUND: Duration = Duration::from_millis(500);

/// The keeper; ends every worker when dropped.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    pools: Vec<(Language, Pool)>,
    is_stopping: AtomicBool,
    bell: Arc<Bell>,
}

/// Wakes the thread.
struct Bell {
    rope: UnixStream,
}

impl Bell {
    fn ring(&self) {
        // A full channel has rung already.
        let _ = (&self.rope).write(&[1]);
    }
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// 503 when the system refuses it, or the folder of the workers.
    pub(super) fn start(limits: &Limits, settings: &Arc<WorkerSettings>) -> Result<Keeper, Error> {
        let refused = |error: io::Error| {
            Error::unavailable("The server can't start interpreters for scripts.", 1).with_cause(error)
        };
        let (rope, rung) = UnixStream::pair().map_err(refused)?;
        rope.set_nonblocking(true).and_then(|()| rung.set_nonblocking(true)).map_err(refused)?;
        let bell = Arc::new(Bell { rope });
        let pool = |language| {
            let bell = Arc::clone(&bell);
            (language, Pool::new(limits, Box::new(move || bell.ring())))
        };
        let pools = Language::ALL.into_iter().map(pool).collect();
        let shared = Arc::new(Shared { pools, is_stopping: AtomicBool::new(false), bell });
        let mut rounds = Rounds {
            shared: Arc::clone(&shared),
            rung,
            folder: WorkerFolder::create().map_err(refused)?,
            settings: Arc::clone(settings),
            limits: limits.clone(),
            interpreters: HashMap::new(),
            newborn: Vec::new(),
        };
        let thread = std::thread::Builder::new().name("workers".into()).spawn(move || rounds.go()).map_err(refused)?;
        Ok(Keeper { shared, thread: Some(thread) })
    }

    /// The workers of a language.
    pub(super) fn pool(&self, language: Language) -> &Pool {
        let pools = &self.shared.pools;
        &pools[pools.iter().position(|(other, _)| *other == language).unwrap_or(0)].1
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.bell.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread knows.
struct Rounds {
    shared: Arc<Shared>,
    rung: UnixStream,
    folder: WorkerFolder,
    settings: Arc<WorkerSettings>,
    limits: Limits,
    interpreters: HashMap<&'static str, Interpreter>,
    newborn: Vec<Newborn>,
}

struct Newborn {
    worker: Worker,
    language: Language,
    deadline: Instant,
}

impl Rounds {
    fn go(&mut self) {
        let mut is_anything_at_rest = false;
        while !self.shared.is_stopping.load(Ordering::Acquire) {
            self.start_workers();
            self.wait(is_anything_at_rest);
            self.receive_ready();
            is_anything_at_rest =
                self.shared.pools.iter().map(|(_, pool)| pool.tidy()).fold(false, |any, this| any | this);
        }
    }

    fn start_workers(&mut self) {
        let shared = Arc::clone(&self.shared);
        for (language, pool) in &shared.pools {
            for _ in 0..pool.to_start() {
                match self.start(*language) {
                    Ok(newborn) => self.newborn.push(newborn),
                    Err(error) => pool.not_started(&error),
                }
            }
        }
    }

    fn start(&mut self, language: Language) -> Result<Newborn, Error> {
        let interpreter = match self.interpreters.get(language.label()) {
            Some(interpreter) => interpreter.clone(),
            None => {
                let found = interpreter::find(language, language.configured(&self.settings.scripts))
                    .map_err(|reason| Error::unavailable(reason, 10))?;
                self.interpreters.insert(language.label(), found.clone());
                found
            }
        };
        let worker = Worker::start(language, &interpreter, &self.folder, &self.settings, &self.limits);
        let worker = worker.map_err(|error| cannot_start(language, &error.to_string()))?;
        let deadline = Instant::now() + Duration::from_millis(self.limits.worker_start_ms);
        Ok(Newborn { worker, language, deadline })
    }

    /// Waits until somebody rings, a worker says something, or it is time.
    fn wait(&mut self, is_anything_at_rest: bool) {
        let deadline = self.newborn.iter().map(|newborn| newborn.deadline).min();
        let until_deadline = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let round = is_anything_at_rest.then_some(ROUND);
        let patience = until_deadline.into_iter().chain(round).min().and_then(|wait| Timespec::try_from(wait).ok());
        let mut wanted = vec![PollFd::new(&self.rung, PollFlags::IN)];
        wanted.extend(self.newborn.iter().map(|newborn| PollFd::new(newborn.worker.channel.stream(), PollFlags::IN)));
        let _ = poll(&mut wanted, patience.as_ref());
        drop(wanted);
        let mut rings = [0; 256];
        while matches!(self.rung.read(&mut rings), Ok(1..)) {}
    }

    fn receive_ready(&mut self) {
        let (done, waiting) = std::mem::take(&mut self.newborn)
            .into_iter()
            .partition(|newborn| !newborn.worker.channel.is_quiet() || newborn.deadline <= Instant::now());
        self.newborn = waiting;
        let done: Vec<Newborn> = done;
        for mut newborn in done {
            let ready = newborn.worker.ready(&self.limits);
            let pool = self.shared.pools.iter().find(|(language, _)| *language == newborn.language);
            match (ready, pool) {
                (Ok(version), Some((_, pool))) => {
                    tracing::debug!(target: "antiphon::script", language = newborn.language.label(), version, "a worker is ready");
                    pool.started(newborn.worker);
                }
                (Err(reason), Some((_, pool))) => {
                    let error = cannot_start(newborn.language, &reason);
                    tracing::warn!(target: "antiphon::script", language = newborn.language.label(), reason, "a worker could not be started");
                    drop(newborn);
                    pool.not_started(&error);
                }
                (_, None) => {}
            }
        }
    }
}

fn cannot_start(language: Language, reason: &str) -> Error {
    let label = language.label();
    Error::unavailable(format!("The {label} interpreter can't be started for scripts. Please try again."), 1)
        .with_cause(reason)
}
