//! The way from where writes leave jobs behind to the queue.
//!
//! A call hands its final jobs over and goes on. The relay puts many at a time into the queue and then removes what the writes left behind. Jobs
//! have their identifiers from the beginning, so whatever is taken on twice is in the queue once. While a queue takes nothing, jobs wait in
//! their outbox, not in memory. What a process that died left behind is taken on by whoever looks after the outbox next.

use super::{Envelope, Jobs, Outbox, PreparedJob};
use crate::blocking;
use antiphon_model::{Error, OutboxMessage, Result};
use antiphon_queue::{JobId, NewJob};
use std::collections::BTreeMap;
use std::mem::take;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Errands that are done together.
const TOGETHER: usize = 256;
/// Messages that one look into an outbox brings.
const LOOK: usize = 1024;
/// How often outboxes are looked into for what other processes left behind when they died.
const ROUND: Duration = Duration::from_secs(30);
/// First and longest wait before a queue that took nothing is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Something for the relay to do.
pub(super) enum Errand {
    /// Take on a job that the outbox has in an earlier form.
    Final(Arc<dyn Outbox>, PreparedJob),
    /// Take on jobs as the outbox has them: their call did not come to its end.
    Abandoned(Arc<dyn Outbox>, Vec<JobId>),
    /// Look into this outbox now and then.
    LookAfter(Weak<dyn Outbox>),
    /// Something waits in an outbox because its queue took nothing.
    Waiting,
    /// Tell when everything before is done.
    Settle(oneshot::Sender<()>),
}

/// Where errands are given.
pub(super) struct Relay {
    errands: mpsc::Sender<Errand>,
    spool: Arc<dyn Outbox>,
}

impl Relay {
    pub(super) fn new(spool: Arc<dyn Outbox>, backlog: usize) -> (Relay, mpsc::Receiver<Errand>) {
        let (errands, receiver) = mpsc::channel(backlog.max(1));
        (Relay { errands, spool }, receiver)
    }

    /// Gives an errand that may be lost: another look finds what it was about.
    pub(super) fn send_or_drop(&self, errand: Errand) {
        if let Err(error) = self.errands.try_send(errand) {
            tracing::warn!(%error, "the relay of jobs is busy; what was left behind waits for its next round");
        }
    }

    pub(super) async fn settle(&self) {
        let (done, waiting) = oneshot::channel();
        if self.errands.send(Errand::Settle(done)).await.is_ok() {
            // Dropped only with the relay itself.
            let _ = waiting.await;
        }
    }

    /// Keeps a job that no queue takes.
    pub(super) fn spool(&self, jobs: &Jobs, prepared: &PreparedJob) -> Result<()> {
        let message = jobs.message(prepared, true)?;
        blocking(|| self.spool.put(&[message]))?;
        self.send_or_drop(Errand::Waiting);
        Ok(())
    }
}

impl Jobs {
    /// Takes on the final form of a job that a write left behind. Never waits: when too many are on their way, it is left in the outbox.
    pub(crate) fn hand_over(&self, outbox: &Arc<dyn Outbox>, prepared: PreparedJob) {
        let errand = Errand::Final(Arc::clone(outbox), prepared);
        if let Err(mpsc::error::TrySendError::Full(Errand::Final(outbox, prepared))) =
            self.relay.errands.try_send(errand)
        {
            let left = self.message(&prepared, true).and_then(|message| outbox.put(&[message]));
            if let Err(error) = left {
                tracing::warn!(job = %prepared.job.id, %error, "the final form of a job could not be kept; it runs as its write left it");
            }
        }
    }

    /// Takes on jobs whose call did not come to its end.
    pub(super) fn abandoned(&self, outbox: Arc<dyn Outbox>, ids: Vec<JobId>) {
        self.relay.send_or_drop(Errand::Abandoned(outbox, ids));
    }
}

/// Begins to do errands, until nobody has the jobs any more.
pub(super) fn start(jobs: &Arc<Jobs>, errands: mpsc::Receiver<Errand>) {
    let runner = Runner { jobs: Arc::downgrade(jobs), outboxes: BTreeMap::new(), wait: RETRY.0, retry: None };
    tokio::spawn(runner.run(errands));
}

struct Runner {
    jobs: Weak<Jobs>,
    /// Those that are open, by what tells them apart.
    outboxes: BTreeMap<String, Weak<dyn Outbox>>,
    /// The wait after the next failure.
    wait: Duration,
    /// When what waits is tried again.
    retry: Option<Instant>,
}

/// Jobs on their way, with the outboxes that have them.
#[derive(Default)]
struct Load {
    jobs: Vec<NewJob>,
    /// What to remove when they are in the queue, and what to write back when they are not; by outbox.
    origins: BTreeMap<String, (Arc<dyn Outbox>, Vec<OutboxMessage>)>,
}

impl Runner {
    async fn run(mut self, mut errands: mpsc::Receiver<Errand>) {
        let mut batch = Vec::new();
        let mut round = Instant::now() + ROUND;
        loop {
            let next = self.retry.map_or(round, |retry| retry.min(round));
            let looks = tokio::select! {
                count = errands.recv_many(&mut batch, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                    false
                }
                () = sleep_until(next) => true,
            };
            let Some(jobs) = self.jobs.upgrade() else { return };
            if looks {
                self.retry = None;
                round = Instant::now() + ROUND;
                for outbox in self.open_outboxes().into_iter().chain([Arc::clone(&jobs.relay.spool)]) {
                    self.look_into(&jobs, outbox).await;
                }
            }
            self.do_errands(&jobs, take(&mut batch)).await;
        }
    }

    /// The outboxes of databases that are open; those that were closed are looked into when they are opened again.
    fn open_outboxes(&mut self) -> Vec<Arc<dyn Outbox>> {
        self.outboxes.retain(|_, outbox| outbox.strong_count() > 0);
        self.outboxes.values().filter_map(Weak::upgrade).collect()
    }

    async fn do_errands(&mut self, jobs: &Arc<Jobs>, batch: Vec<Errand>) {
        let mut messages = Vec::new();
        let mut settled = Vec::new();
        for errand in batch {
            match errand {
                Errand::Final(outbox, prepared) => match jobs.message(&prepared, true) {
                    Ok(message) => messages.push((outbox, message)),
                    Err(error) => {
                        tracing::warn!(job = %prepared.job.id, %error, "a job runs as its write left it");
                        messages.extend(left_behind(outbox, &[prepared.job.id]));
                    }
                },
                Errand::Abandoned(outbox, ids) => messages.extend(left_behind(outbox, &ids)),
                Errand::LookAfter(outbox) => {
                    if let Some(open) = outbox.upgrade() {
                        self.outboxes.insert(open.key(), outbox);
                        self.look_into(jobs, open).await;
                    }
                }
                Errand::Waiting => self.try_again(),
                Errand::Settle(done) => settled.push(done),
            }
        }
        self.take_on(jobs, messages).await;
        for done in settled {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    /// Takes on what an outbox has that nobody else will.
    async fn look_into(&mut self, jobs: &Arc<Jobs>, outbox: Arc<dyn Outbox>) {
        let found = match blocking(|| outbox.messages(LOOK)) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(outbox = outbox.key(), %error, "jobs that were left behind can't be read");
                return self.try_again();
            }
        };
        let is_all = found.len() < LOOK;
        let is_ours = |message: &OutboxMessage| {
            message.is_final || (message.owner != jobs.owner.name() && !jobs.owner.is_alive(&message.owner))
        };
        let messages: Vec<_> =
            found.into_iter().filter(is_ours).map(|message| (Arc::clone(&outbox), message)).collect();
        if messages.is_empty() {
            return;
        }
        tracing::info!(outbox = outbox.key(), jobs = messages.len(), "taking on jobs that were left behind");
        self.take_on(jobs, messages).await;
        // When something did not go well, the time of the next try is set.
        if !is_all && self.retry.is_none() {
            self.retry = Some(Instant::now());
        }
    }

    /// Puts jobs into their queues, and removes what was left behind of them. What a queue does not take is left as it is now.
    async fn take_on(&mut self, jobs: &Arc<Jobs>, messages: Vec<(Arc<dyn Outbox>, OutboxMessage)>) {
        let mut by_connection: BTreeMap<String, Load> = BTreeMap::new();
        for (outbox, message) in messages {
            let (wanted, job) = match new_job(&message) {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(id = message.id, %error, "what was left behind is no job");
                    continue;
                }
            };
            let (connection, _) = jobs.queues.store(wanted.as_deref());
            let load = by_connection.entry(connection.to_owned()).or_default();
            load.jobs.push(job);
            load.origins.entry(outbox.key()).or_insert_with(|| (outbox, Vec::new())).1.push(message);
        }
        for (connection, load) in by_connection {
            self.deliver(jobs, &connection, load).await;
        }
    }

    async fn deliver(&mut self, jobs: &Arc<Jobs>, connection: &str, load: Load) {
        let (_, store) = jobs.queues.store(Some(connection));
        match store.enqueue(load.jobs).await {
            Ok(_) => {
                self.wait = RETRY.0;
                for (outbox, messages) in load.origins.into_values() {
                    let ids: Vec<String> = messages.into_iter().map(|message| message.id).collect();
                    if let Err(error) = blocking(|| outbox.remove(&ids)) {
                        tracing::warn!(outbox = outbox.key(), %error, "jobs that are in the queue can't be removed where they were left behind");
                        self.try_again();
                    }
                }
            }
            Err(error) => {
                tracing::warn!(connection, %error, "the queue takes no jobs; they wait where they were left behind");
                for (outbox, messages) in load.origins.into_values() {
                    if let Err(error) = blocking(|| outbox.put(&messages)) {
                        tracing::error!(outbox = outbox.key(), %error, "jobs wait as their writes left them");
                    }
                }
                self.try_again();
            }
        }
    }

    fn try_again(&mut self) {
        let at = Instant::now() + self.wait;
        self.retry = Some(self.retry.map_or(at, |retry| retry.min(at)));
        self.wait = (self.wait * 2).min(RETRY.1);
    }
}

/// Jobs as their write left them. Those that are not there were taken on.
fn left_behind(outbox: Arc<dyn Outbox>, ids: &[JobId]) -> Vec<(Arc<dyn Outbox>, OutboxMessage)> {
    let mut found = Vec::new();
    for id in ids {
        match blocking(|| outbox.message(id.as_str())) {
            Ok(message) => found.extend(message.map(|message| (Arc::clone(&outbox), message))),
            Err(error) => tracing::warn!(job = %id, %error, "a job that was left behind can't be read"),
        }
    }
    found
}

fn new_job(message: &OutboxMessage) -> Result<(Option<String>, NewJob)> {
    let envelope: Envelope =
        serde_json::from_str(&message.envelope).map_err(|error| Error::internal("No envelope.", error))?;
    Ok((envelope.connection, NewJob { job: envelope.job, payload: message.payload.clone().into() }))
}
