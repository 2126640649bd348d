//! One worker: a process of an interpreter with its channel, its scratch folder and its figures.

use super::channel::{Broken, Channel, Watcher};
use super::folder::{Scratch, WorkerFolder};
use super::frame::{self, FromWorker, ToWorker, VERSION};
use super::interpreter::Interpreter;
use super::language::Language;
use super::meter::Meter;
use super::settings::WorkerSettings;
use super::texts::Texts;
use antiphon_model::Limits;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
        folder: &WorkerFolder,
        settings: &WorkerSettings,
        limits: &Limits,
    ) -> io::Result<Worker> {
        let (ours, theirs) = UnixStream::pair()?;
        let (output, print) = io::pipe()?;
        let scratch = folder.scratch()?;
        let program = language.programs().first().map_or("", |program| program.name);
        let child = Command::new(&interpreter.program)
            .args(language.arguments())
            .arg(folder.programs(language).join(program))
            .env_clear()
            .env("TMPDIR", scratch.path())
            .env("LANG", "C.UTF-8")
            .current_dir(scratch.path())
            .process_group(0)
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
            packages: settings.packages.as_deref().and_then(|path| path.to_str()),
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
