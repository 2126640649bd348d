//! The one thread that writes. Operations that come in while a transaction is written share the next one: many callers pay for one
//! commit. Each stands for itself: one that fails is undone alone.

use super::error::QueueErrorExt as _;
use crate::{QueueError, QueueResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// Most operations of one transaction: bounds how long the first of them waits.
const GROUP: usize = 256;

/// Sends operations to the thread, which ends when the last sender is gone.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    inbox: mpsc::Sender<Box<dyn Task>>,
}

impl Writer {
    /// Starts the thread; at most `backlog` operations wait for it, further ones wait outside.
    pub(super) fn start(connection: Connection, backlog: usize) -> QueueResult<Writer> {
        let (inbox, tasks) = mpsc::channel(backlog.max(1));
        std::thread::Builder::new()
            .name("queue-writer".to_owned())
            .spawn(move || serve(&connection, tasks))
            .map_err(|error| QueueError::Refused(format!("its writer can't be started: {error}")))?;
        Ok(Writer { inbox })
    }

    /// What `work` gives, once it is committed. It may be run more than once, each time as if for the first time.
    pub(super) async fn write<T, W>(&self, work: W) -> QueueResult<T>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> QueueResult<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let gone = || QueueError::Unreachable("its writer has ended.".to_owned());
        self.inbox.send(Box::new(Call { work, done: None, reply })).await.map_err(|_closed| gone())?;
        answer.await.map_err(|_closed| gone())?
    }
}

/// An operation on its way through the thread.
trait Task: Send {
    /// Does it within the transaction.
    fn run(&mut self, connection: &Connection) -> QueueResult<()>;
    /// Tells its caller what was done, or that nothing was.
    fn answer(self: Box<Self>, committed: QueueResult<()>);
    /// Nobody waits for it any more.
    fn is_given_up(&self) -> bool;
}

struct Call<T, W> {
    work: W,
    done: Option<T>,
    reply: oneshot::Sender<QueueResult<T>>,
}

impl<T: Send, W: Fn(&Connection) -> QueueResult<T> + Send> Task for Call<T, W> {
    fn run(&mut self, connection: &Connection) -> QueueResult<()> {
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: QueueResult<()>) {
        let Call { done, reply, .. } = *self;
        let lost = || QueueError::Unreachable("the operation was not carried out. Try again.".to_owned());
        // Who gave up in between does not hear of it.
        let _unheard = reply.send(committed.and_then(|()| done.ok_or_else(lost)));
    }

    fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

fn serve(connection: &Connection, mut tasks: mpsc::Receiver<Box<dyn Task>>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = tasks.blocking_recv() {
        group.push(first);
        while group.len() < GROUP {
            let Ok(next) = tasks.try_recv() else { break };
            group.push(next);
        }
        group.retain(|task| !task.is_given_up());
        write_group(connection, std::mem::take(&mut group));
    }
}

/// All in one transaction. When there is no room for all, each has one of its own: those that need little or make room still pass.
fn write_group(connection: &Connection, mut group: Vec<Box<dyn Task>>) {
    match commit(connection, &mut group) {
        Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(task, outcome)| task.answer(outcome)),
        Err(QueueError::Full(_)) if group.len() > 1 => {
            group.into_iter().for_each(|task| write_group(connection, vec![task]));
        }
        Err(error) => group.into_iter().for_each(|task| task.answer(Err(error.clone()))),
    }
}

/// What came of each; an error when nothing was committed.
fn commit(connection: &Connection, group: &mut [Box<dyn Task>]) -> QueueResult<Vec<QueueResult<()>>> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    execute(connection, "BEGIN IMMEDIATE")?;
    let committed = run_all(connection, group).and_then(|outcomes| {
        execute(connection, "COMMIT")?;
        Ok(outcomes)
    });
    if committed.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    committed
}

fn run_all(connection: &Connection, group: &mut [Box<dyn Task>]) -> QueueResult<Vec<QueueResult<()>>> {
    let mut outcomes = Vec::with_capacity(group.len());
    for task in group {
        execute(connection, "SAVEPOINT operation")?;
        let outcome = task.run(connection);
        if let Err(error) = &outcome {
            // Errors of the disk may have ended the whole transaction.
            if connection.is_autocommit() {
                return Err(error.clone());
            }
            execute(connection, "ROLLBACK TO operation")?;
        }
        execute(connection, "RELEASE operation")?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn execute(connection: &Connection, sql: &str) -> QueueResult<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).or_queue_error().map(|_none| ())
}

#[cfg(test)]
mod tests;
