//! One process's part in the queue: it reads the log, and proposes commands.

use super::address::Address;
use super::command::{Command, Reply};
use super::data::Data;
use super::error::{refused, unreachable};
use super::link::{Kind, Link, PATIENCE, REQUEST};
use super::state::State;
use super::view::View;
use super::{follow, write};
use crate::{Finish, Held, Outcome, QueueResult, StoreSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Commands that may wait to be written; beyond that, operations wait.
const PROPOSALS: usize = 1024;

/// A command to be written.
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// Its text.
    pub text: String,
}

/// What all operations share.
pub struct Core {
    /// The connection.
    pub link: Link,
    /// What is known.
    pub view: View,
    /// Payloads.
    pub data: Data,
    /// Limits and clock.
    pub settings: StoreSettings,
    proposals: mpsc::Sender<Proposal>,
    next_number: AtomicU64,
}

/// A core at work, until this is dropped.
pub struct Running {
    /// What works.
    pub core: Arc<Core>,
    tasks: [AbortHandle; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Running {
    /// Connects, and begins to read and write.
    pub async fn start(address: Address, settings: StoreSettings) -> QueueResult<Running> {
        let by = uuid::Uuid::now_v7().simple().to_string();
        let (proposals, queue) = mpsc::channel(PROPOSALS);
        let core = Arc::new(Core {
            link: Link::open(address).await?,
            view: View::new(&by),
            data: Data::default(),
            settings,
            proposals,
            next_number: AtomicU64::new(1),
        });
        let reader = tokio::spawn(follow::follow(core.clone())).abort_handle();
        let writer = tokio::spawn(write::write(core.clone(), by, queue)).abort_handle();
        Ok(Running { core, tasks: [reader, writer] })
    }
}

impl Core {
    /// Writes a command to the log, and waits until it was applied here, after everything that came before it: then it is durable.
    pub async fn propose(&self, command: &Command) -> QueueResult<Reply> {
        let text = serde_json::to_string(command).map_err(|error| refused(&error))?;
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let answer = self.view.expect(number);
        let exchange = async {
            self.send(number, text).await?;
            answer.await.map_err(|_| unreachable("this process no longer reads the log"))?
        };
        match self.with_patience(exchange).await {
            Some(reply) => reply,
            None => {
                let error = unreachable("it did not answer in time");
                self.view.fail(&[number], &error);
                Err(error)
            }
        }
    }

    /// Waits until the state is known.
    pub async fn be_ready(&self) -> QueueResult<()> {
        let mut applied = self.view.applied();
        if applied.borrow().is_some() {
            return Ok(());
        }
        match tokio::time::timeout(PATIENCE, applied.wait_for(Option::is_some)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(unreachable("the jobs that it holds are still being read")),
        }
    }

    /// Waits until everything that anybody's operation had done before this is known here.
    pub async fn catch_up(&self) -> QueueResult<()> {
        let mut applied = self.view.applied();
        let before = *applied.borrow();
        let last = self.link.state(Kind::Log).await?.last_sequence;
        if before.is_some_and(|before| before > last) {
            self.view.outdated.notify_one();
            return Err(unreachable("its streams were made anew"));
        }
        let has_caught_up = applied.wait_for(|applied| applied.is_some_and(|applied| applied >= last));
        match self.with_patience(has_caught_up).await {
            Some(Ok(_)) => Ok(()),
            _ => Err(unreachable("its log is not delivered in time")),
        }
    }

    /// Looks into the state when it is up to date.
    pub async fn look<T>(&self, look: impl FnOnce(&State, i64) -> T) -> QueueResult<T> {
        self.catch_up().await?;
        let now_ms = self.settings.clock.now_ms();
        Ok(self.view.read(|state| look(state, now_ms)))
    }

    /// Lets these jobs go that were claimed but given to nobody. When that fails their leases end.
    pub async fn release(&self, held: Vec<Held>) {
        if held.is_empty() {
            return;
        }
        let ends = held.into_iter().map(|held| Finish { held, outcome: Outcome::Released, record: None }).collect();
        let command =
            Command::Finish { now_ms: self.settings.clock.now_ms(), keep: self.settings.limits.job_attempts, ends };
        if let Err(error) = self.propose(&command).await {
            tracing::warn!(%error, "jobs that were claimed for nobody stay so until their lease ends");
        }
    }

    /// Waits for something to come from the log, as long as an operation may take; none when it did not come. When it takes long, the log is
    /// asked for anew: the server that delivered it may have gone while the one that this process talks to is there.
    async fn with_patience<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let mut wait = std::pin::pin!(wait);
        if let Ok(done) = tokio::time::timeout(REQUEST, &mut wait).await {
            return Some(done);
        }
        self.view.outdated.notify_one();
        tokio::time::timeout(PATIENCE - REQUEST, wait).await.ok()
    }

    async fn send(&self, number: u64, text: String) -> QueueResult<()> {
        // JSON inside of JSON takes up to twice the room.
        let most = self.link.room() / 2 - write::FRAME;
        if text.len() <= most {
            return self.pass(number, text).await;
        }
        let pieces = pieces(&text, most);
        let total = pieces.len();
        for (index, piece) in pieces.into_iter().enumerate() {
            let part = Command::Part { number, index, total, text: piece.to_owned() };
            let text = serde_json::to_string(&part).map_err(|error| refused(&error))?;
            self.pass(self.next_number.fetch_add(1, Ordering::Relaxed), text).await?;
        }
        Ok(())
    }

    async fn pass(&self, number: u64, text: String) -> QueueResult<()> {
        let proposal = Proposal { number, text };
        self.proposals.send(proposal).await.map_err(|_| unreachable("this process no longer writes the log"))
    }
}

/// The text in pieces of at most that many bytes.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while rest.len() > most {
        let cut = rest.floor_char_boundary(most);
        let (piece, after) = rest.split_at(cut);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}
