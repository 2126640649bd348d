//! The thread that keeps workers: it starts them, waits until they are ready, and clears away those that have ended.
//!
//! One thread starts all of them and lives as long as they do, because a process that is to die with its parent dies with the thread that
//! started it.

use super::folder::WorkerFolder;
use super::interpreter::Interpreters;
use super::language::Language;
use super::pool::Pool;
use super::process::{Surroundings, Worker};
use super::settings::{Confinement, WorkerSettings};
use antiphon_model::{Error, Limits};
use antiphon_sandbox::{Capabilities, Protection};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
    pub(super) fn start(
        limits: &Limits,
        settings: &Arc<WorkerSettings>,
        interpreters: Arc<Interpreters>,
    ) -> Result<Keeper, Error> {
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
            interpreters,
            missing: missing(settings),
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
    interpreters: Arc<Interpreters>,
    /// What the machine can't enforce though it must.
    missing: Vec<Protection>,
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
        if !self.missing.is_empty() {
            return Err(cannot_confine(&self.missing));
        }
        let interpreter = self.interpreters.of(language).map_err(absent)?;
        let around = Surroundings { folder: &self.folder, settings: &self.settings, limits: &self.limits };
        let worker = Worker::start(language, &interpreter, &around);
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
            let language = newborn.language;
            let ready = newborn.worker.ready(&self.limits);
            let pool = self.shared.pools.iter().find(|(other, _)| *other == language);
            match (ready, pool) {
                (Ok(version), Some((_, pool))) => {
                    tracing::debug!(target: "antiphon::script", language = language.label(), version, "a worker is ready");
                    pool.started(newborn.worker);
                }
                (Err(reason), Some((_, pool))) => {
                    let error = cannot_start(language, &reason);
                    tracing::warn!(target: "antiphon::script", language = language.label(), reason, "a worker could not be started");
                    drop(newborn);
                    self.interpreters.forget(language);
                    pool.not_started(&error);
                }
                (_, None) => {}
            }
        }
    }
}

/// What must be enforced and is not, said once in the log.
fn missing(settings: &WorkerSettings) -> Vec<Protection> {
    if settings.confinement == Confinement::Nothing {
        return Vec::new();
    }
    let capabilities = Capabilities::probe();
    let names = |protections: &[Protection]| {
        protections.iter().map(|protection| protection.name()).collect::<Vec<_>>().join(", ")
    };
    let missing = capabilities.unacceptable(&settings.accepted());
    if !missing.is_empty() {
        let missing = names(&missing);
        tracing::warn!(target: "antiphon::script", missing, "this machine can't confine scripts of other languages than JavaScript");
    }
    let accepted: Vec<Protection> =
        settings.accepted().into_iter().filter(|protection| !capabilities.has(*protection)).collect();
    if !accepted.is_empty() {
        let accepted = names(&accepted);
        tracing::warn!(target: "antiphon::script", accepted, "scripts run with less protection, as the settings accept");
    }
    missing
}

fn cannot_confine(missing: &[Protection]) -> Error {
    let names: Vec<&str> = missing.iter().map(|protection| protection.name()).collect();
    let names = names.join(", ");
    Error::unavailable("This server can't run scripts of this language safely; its administrators know why.", 60)
        .with_cause(format!(
            "the machine can't enforce {names}; use a newer kernel, or accept that in scripts.accept_missing"
        ))
}

/// 503 for a language whose interpreter is not there.
pub(super) fn absent(reason: String) -> Error {
    Error::unavailable(reason, 60)
}

fn cannot_start(language: Language, reason: &str) -> Error {
    let label = language.label();
    Error::unavailable(format!("The {label} interpreter can't be started for scripts. Please try again."), 1)
        .with_cause(reason)
}
