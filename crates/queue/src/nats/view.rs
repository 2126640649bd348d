//! What this process knows: the state as far as it read the log, and who waits for what comes of a command.

use super::command::{Command, Message, Reply, VERSION};
use super::error::{refused, unreachable};
use super::state::State;
use crate::{Held, QueueResult};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::{Notify, oneshot, watch};

/// The state and the position in the log.
pub struct View {
    /// The name of this process in the log.
    by: String,
    inner: Mutex<Inner>,
    /// The last message of the log that was applied; none before the state is loaded.
    applied: watch::Sender<Option<u64>>,
    /// Told when there is something to claim.
    pub woken: Notify,
    /// Told when the log is not what it was.
    pub outdated: Notify,
}

#[derive(Default)]
struct Inner {
    state: State,
    pending: HashMap<u64, oneshot::Sender<QueueResult<Reply>>>,
    /// Bytes of the log since it was last summed up.
    log_bytes: usize,
    /// Bytes of what it was summed up in.
    summary_bytes: usize,
}

impl View {
    /// One that knows nothing, of a process with that name.
    pub fn new(by: &str) -> View {
        View {
            by: by.to_owned(),
            inner: Mutex::default(),
            applied: watch::Sender::new(None),
            woken: Notify::new(),
            outdated: Notify::new(),
        }
    }

    /// Looks into the state, which stands still meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.inner.lock().state)
    }

    /// The same, with the position in the log; none before it is loaded.
    pub fn read_at<T>(&self, look: impl FnOnce(&State, u64) -> T) -> Option<T> {
        let inner = self.inner.lock();
        let applied = *self.applied.borrow();
        applied.map(|applied| look(&inner.state, applied))
    }

    /// The position in the log, and its changes.
    pub fn applied(&self) -> watch::Receiver<Option<u64>> {
        self.applied.subscribe()
    }

    /// Bytes of the log since it was last summed up, and of what it was summed up in.
    pub fn log_and_summary_bytes(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        (inner.log_bytes, inner.summary_bytes)
    }

    /// Takes the place of everything known; it was summed up in so many bytes.
    pub fn load(&self, state: State, applied: u64, summary_bytes: usize) {
        let mut inner = self.inner.lock();
        inner.state = state;
        // Whether their commands are among what was not read is not known.
        for (_, sender) in inner.pending.drain() {
            // Whoever waited may have gone.
            let _ = sender.send(Err(unreachable("its log was cut off before it was read")));
        }
        (inner.log_bytes, inner.summary_bytes) = (0, summary_bytes);
        self.applied.send_replace(Some(applied));
        self.wake();
    }

    /// Waits for what comes of the command with that number.
    pub fn expect(&self, number: u64) -> oneshot::Receiver<QueueResult<Reply>> {
        let (sender, receiver) = oneshot::channel();
        self.inner.lock().pending.insert(number, sender);
        receiver
    }

    /// Tells who waits for these commands what came of them: nothing.
    pub fn fail(&self, numbers: &[u64], error: &crate::QueueError) {
        let mut inner = self.inner.lock();
        for number in numbers {
            if let Some(sender) = inner.pending.remove(number) {
                // Whoever waited may have gone.
                let _ = sender.send(Err(error.clone()));
            }
        }
    }

    /// Applies a message of the log. Gives the jobs that were claimed by somebody of this process who no longer waits for them.
    ///
    /// # Errors
    /// When a newer release wrote it.
    pub fn apply(&self, sequence: u64, bytes: &[u8]) -> QueueResult<Vec<Held>> {
        let message = read(bytes)?;
        let mut inner = self.inner.lock();
        let mut abandoned = Vec::new();
        inner.log_bytes += bytes.len();
        if let Some(message) = message {
            let is_ours = message.by == self.by;
            for (number, command) in message.commands {
                if let Command::Saved { bytes } = command {
                    (inner.log_bytes, inner.summary_bytes) = (0, bytes);
                }
                match inner.state.apply(&message.by, number, command) {
                    Ok(Some((number, reply))) if is_ours => abandoned.extend(inner.answer(number, reply)),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, sequence, "a command in the log of jobs can't be read"),
                }
            }
        }
        let has_ready = inner.state.has_ready();
        self.applied.send_replace(Some(sequence));
        drop(inner);
        if has_ready {
            self.wake();
        }
        Ok(abandoned)
    }

    fn wake(&self) {
        self.woken.notify_waiters();
        // For whoever is about to wait.
        self.woken.notify_one();
    }
}

impl Inner {
    /// Tells who waits; gives what was claimed for nobody.
    fn answer(&mut self, number: u64, reply: Reply) -> Vec<Held> {
        let unheard = match self.pending.remove(&number) {
            Some(sender) => sender.send(Ok(reply)).err(),
            None => Some(Ok(reply)),
        };
        match unheard {
            Some(Ok(Reply::Claimed(given))) => given.into_iter().map(|given| given.held).collect(),
            _ => Vec::new(),
        }
    }
}

/// The message; none when it is not ours.
fn read(bytes: &[u8]) -> QueueResult<Option<Message>> {
    #[derive(serde::Deserialize)]
    struct Form {
        version: u32,
    }
    let is_newer = || serde_json::from_slice::<Form>(bytes).is_ok_and(|form| form.version > VERSION);
    match serde_json::from_slice::<Message>(bytes) {
        Ok(message) if message.version == VERSION => Ok(Some(message)),
        _ if is_newer() => Err(refused("its log was written by a newer release: update this one")),
        _ => {
            tracing::warn!("a message in the log of jobs is none of ours");
            Ok(None)
        }
    }
}
