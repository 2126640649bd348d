//! One worker: a process of an interpreter with its channel, its scratch folder and its figures.

use super::channel::{Broken, Channel, Watcher};
use super::folder::{Scratch, WorkerFolder};
use super::frame::{self, FromWorker, ToWorker, VERSION};
use super::interpreter::Interpreter;
use super::language::Language;
use super::meter::Meter;
use super::settings::{Confinement, WorkerSettings};
use super::texts::Texts;
use antiphon_model::Limits;
use antiphon_sandbox::{MemoryRule, Plan, ProcessLimits};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Stack of a worker's threads: what systems give by default, and interpreters count on.
const STACK: u64 = 8 << 20;

/// What workers are started with.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a WorkerFolder,
    pub(super) settings: &'a WorkerSettings,
    pub(super) limits: &'a Limits,
}

/// A worker, ended when dropped.
pub(super) struct Worker {
    child: Child,
    pub(super) channel: Channel,
    pub(super) meter: Arc<Meter>,
    pub(super) texts: Texts,
    /// Removed after the process has ended.
    pub(super) scratch: Arc<Scratch>,
    /// Runs so far.
    pub(super) runs: u64,
    /// Since when nobody uses it.
    pub(super) idle_since: Instant,
}

impl Worker {
    /// Starts a process and greets it. It is not ready yet.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn start(
        language: Language,
        interpreter: &Interpreter,
        around: &Surroundings<'_>,
    ) -> io::Result<Worker> {
        let Surroundings { folder, settings, limits } = *around;
        let (ours, theirs) = UnixStream::pair()?;
        let (output, print) = io::pipe()?;
        let scratch = folder.scratch()?;
        let packages = settings.installed();
        let child = command(language, interpreter, around, (scratch.path(), packages.as_deref()))?
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(print.try_clone()?))
            .stderr(Stdio::from(print))
            .spawn()?;
        let meter = Meter::of(child.id())?;
        let mut worker = Worker {
            child,
            channel: Channel::new(ours, output, limits.worker_frame_bytes)?,
            meter: Arc::new(meter),
            texts: Texts::new(limits.worker_texts),
            scratch: Arc::new(scratch),
            runs: 0,
            idle_since: Instant::now(),
        };
        let hello = ToWorker::Hello {
            version: VERSION,
            config: &settings.config,
            packages: packages.as_deref().and_then(|path| path.to_str()),
            output_limit: limits.script_output_bytes,
            memory_limit: limits.worker_memory_bytes,
        };
        let hello = frame::write(&hello, limits.worker_frame_bytes).map_err(io::Error::other)?;
        let mut birth = Birth::within(limits);
        worker.channel.send(&hello, &mut birth).map_err(|broken| io::Error::other(birth.told(&broken)))?;
        Ok(worker)
    }

    /// Waits until the worker is ready.
    ///
    /// # Errors
    /// Why it never will be, with what it printed.
    pub(super) fn ready(&mut self, limits: &Limits) -> Result<String, String> {
        let mut birth = Birth::within(limits);
        match self.channel.receive(&mut birth) {
            Ok(FromWorker::Ready { version }) => Ok(version),
            Ok(_) => Err("it began with something else than that it is ready".to_owned()),
            Err(broken) => {
                self.channel.drain_output(&mut birth);
                Err(birth.told(&broken))
            }
        }
    }

    /// Ends the process without asking it. What is left of it is for [`Worker::has_ended`] or the drop to clear away.
    pub(super) fn kill(&mut self) {
        // It leads a group of its own, to which everything belongs that it may have started.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
    }

    /// Whether the process is gone.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// How the process ended, if it has within a moment.
    pub(super) fn ending(&mut self, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
                _ => return "its channel was closed".to_owned(),
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

/// The command that starts an interpreter: with a fixed environment, in its scratch folder, confined. It may read the packages.
fn command(
    language: Language,
    interpreter: &Interpreter,
    around: &Surroundings<'_>,
    (scratch, packages): (&Path, Option<&Path>),
) -> io::Result<Command> {
    let Surroundings { folder, settings, limits } = *around;
    let programs = folder.programs(language);
    let mut arguments = language.arguments(limits);
    let first = language.programs().first().map_or("", |program| program.name);
    arguments.push(programs.join(first).to_string_lossy().into_owned());
    let environment =
        vec![("TMPDIR".to_owned(), scratch.to_string_lossy().into_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())];
    let launcher = match &settings.confinement {
        Confinement::Sandbox(launcher) => launcher,
        Confinement::Nothing => {
            let mut command = Command::new(&interpreter.program);
            command.args(arguments).env_clear().envs(environment).current_dir(scratch).process_group(0);
            return Ok(command);
        }
        Confinement::Unknown => return Err(io::Error::other("nothing was set up that confines workers")),
    };
    let surroundings = antiphon_sandbox::Surroundings::of(&interpreter.program)
        .ok_or_else(|| io::Error::other("the interpreter's program is gone"))?;
    let mut readable = surroundings.readable;
    readable.push(programs);
    readable.extend(packages.map(Path::to_owned));
    let plan = Plan {
        program: surroundings.program,
        arguments,
        environment,
        readable,
        scratch: scratch.to_owned(),
        limits: ProcessLimits {
            memory_bytes: memory_bytes(language, limits),
            memory_rule: language.memory_rule(),
            open_files: limits.worker_files,
            file_bytes: limits.worker_scratch_bytes as u64,
            stack_bytes: STACK,
        },
        accept_missing: settings.accepted(),
        server: std::process::id(),
    };
    plan.command(launcher).map_err(io::Error::other)
}

/// What the kernel lets a process have. The stacks of V8's threads count as its data though they are hardly touched; what it really
/// uses is looked at while it runs.
fn memory_bytes(language: Language, limits: &Limits) -> u64 {
    let share = limits.worker_memory_bytes as u64;
    match language.memory_rule() {
        MemoryRule::AddressSpace => share,
        MemoryRule::Data => share * 2,
    }
}

/// Looks after a worker that starts.
struct Birth {
    deadline: Instant,
    words: Vec<u8>,
}

/// How much of what a worker prints at its start is kept.
const WORDS: usize = 4096;

impl Birth {
    fn within(limits: &Limits) -> Birth {
        Birth { deadline: Instant::now() + Duration::from_millis(limits.worker_start_ms), words: Vec::new() }
    }

    fn told(&self, broken: &Broken<()>) -> String {
        let what = match broken {
            Broken::Closed => "it ended at its start".to_owned(),
            Broken::Garbage(what) => format!("it sent {what}"),
            Broken::Stopped(()) => "it was not ready in time".to_owned(),
        };
        match String::from_utf8_lossy(&self.words).trim() {
            "" => what,
            words => format!("{what}: {words}"),
        }
    }
}

impl Watcher for Birth {
    type Stop = ();

    fn patience(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn look(&mut self) -> Result<(), ()> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(()) }
    }

    fn printed(&mut self, bytes: &[u8]) {
        let room = WORDS - self.words.len().min(WORDS);
        self.words.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}
