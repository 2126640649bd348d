//! The way from where writes leave jobs behind to the queue.
//!
//! A call hands its final jobs over and goes on. The relay puts many at a time into the queue and then removes what the writes left behind. Jobs
//! have their identifiers from the beginning, so whatever is taken on twice is in the queue once. While a queue takes nothing, jobs wait in
//! their outbox, not in memory. What a process that died left behind is taken on by whoever looks after the outbox next.

use super::delivery::{Delivered, Letter, deliver, weight};
use super::{Jobs, Outbox, PreparedJob};
use crate::blocking;
use antiphon_model::{Limits, OutboxEntry, OutboxMessage, Result};
use antiphon_queue::JobId;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// Errands that are done together.
const TOGETHER: usize = 256;
/// Identifiers that one look into an outbox brings.
const LOOK: usize = 4096;
/// Jobs of this process that are remembered because nobody else will take them on; beyond that, all that it left behind are looked at.
const REMEMBERED: usize = 10_000;
/// Jobs that are in the queue before they are removed from their outboxes, and how long the last ones of them stay: each removal takes a
/// database's lock from the calls that write to it.
const REMOVED: (usize, Duration) = (128, Duration::from_millis(100));
/// Shortest time between two batches, so that those of a busy server are worth their work.
const GATHER: Duration = Duration::from_millis(2);
/// How often outboxes are looked into for what other processes left behind when they died.
const ROUND: Duration = Duration::from_secs(30);
/// First and longest wait before a queue that took nothing is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Something for the relay to do.
pub(super) enum Errand {
    /// Take on a job that the outbox has in an earlier form.
    Final(Arc<dyn Outbox>, Box<PreparedJob>),
    /// Take on jobs as the outbox has them: their call did not come to its end, or their final form is lost.
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
    /// Bytes of the jobs that are on their way in memory, and how many there may be.
    bytes: AtomicUsize,
    most_bytes: usize,
}

impl Relay {
    pub(super) fn new(spool: Arc<dyn Outbox>, limits: &Limits) -> (Relay, mpsc::Receiver<Errand>) {
        let (errands, receiver) = mpsc::channel(limits.job_backlog.max(1));
        let most_bytes = limits.job_backlog_bytes;
        (Relay { errands, spool, bytes: AtomicUsize::new(0), most_bytes }, receiver)
    }

    /// Gives an errand, from a thread that may have to wait until there is room for it.
    pub(super) fn send(&self, errand: Errand) {
        if let Err(mpsc::error::TrySendError::Full(errand)) = self.errands.try_send(errand) {
            let errands = self.errands.clone();
            // Only the end of the runtime can keep it from being sent, and then the next process looks.
            tokio::spawn(async move { errands.send(errand).await });
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
        self.send(Errand::Waiting);
        Ok(())
    }
}

impl Jobs {
    /// Takes on the final form of a job that a write left behind. Never waits: when too many are on their way, it is left in the outbox.
    pub(crate) fn hand_over(&self, outbox: &Arc<dyn Outbox>, prepared: PreparedJob) {
        let weight = prepared.payload.len();
        let relay = &self.relay;
        let prepared = match relay.bytes.fetch_add(weight, Ordering::Relaxed) + weight > relay.most_bytes {
            true => Some(prepared),
            false => match relay.errands.try_send(Errand::Final(Arc::clone(outbox), Box::new(prepared))) {
                Err(mpsc::error::TrySendError::Full(Errand::Final(_, prepared))) => Some(*prepared),
                _ => None,
            },
        };
        let Some(prepared) = prepared else { return };
        relay.bytes.fetch_sub(weight, Ordering::Relaxed);
        let left = self.message(&prepared, true).and_then(|message| outbox.put(&[message]));
        if let Err(error) = left {
            tracing::warn!(job = %prepared.job.id, %error, "the final form of a job could not be kept; it runs as its write left it");
        }
        self.abandoned(Arc::clone(outbox), vec![prepared.job.id]);
    }

    /// Takes on jobs as they are in the outbox.
    pub(super) fn abandoned(&self, outbox: Arc<dyn Outbox>, ids: Vec<JobId>) {
        self.relay.send(Errand::Abandoned(outbox, ids));
    }
}

/// Begins to do errands, until nobody has the jobs any more.
pub(super) fn start(jobs: &Arc<Jobs>, errands: mpsc::Receiver<Errand>) {
    let runner = Runner {
        jobs: Arc::downgrade(jobs),
        outboxes: BTreeMap::new(),
        waiting: BTreeMap::new(),
        down: BTreeSet::new(),
        done: Vec::new(),
        wait: RETRY.0,
        retry: None,
    };
    tokio::spawn(runner.run(errands));
}

struct Runner {
    jobs: Weak<Jobs>,
    /// Those that are open, by what tells them apart.
    outboxes: BTreeMap<String, Weak<dyn Outbox>>,
    /// Those in which jobs of this process wait that nobody else will take on. They stay open until these are in the queue.
    waiting: BTreeMap<String, Waiting>,
    /// Connections that took nothing when they were last asked: what comes for them waits behind what waits already.
    down: BTreeSet<String>,
    /// Jobs that are in the queue and still in their outbox.
    done: Vec<Letter>,
    /// The wait after the next failure.
    wait: Duration,
    /// When what waits is tried again.
    retry: Option<Instant>,
}

/// Jobs of this process that wait in an outbox.
struct Waiting {
    outbox: Arc<dyn Outbox>,
    ids: BTreeSet<String>,
}

impl Runner {
    async fn run(mut self, mut errands: mpsc::Receiver<Errand>) {
        let mut batch = Vec::new();
        let mut round = Instant::now() + ROUND;
        loop {
            let look = self.retry.map_or(round, |retry| retry.min(round));
            let idle = Instant::now() + REMOVED.1;
            let next = if self.done.is_empty() { look } else { look.min(idle) };
            tokio::select! {
                count = errands.recv_many(&mut batch, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                }
                () = sleep_until(next) => self.remove_done(),
            };
            let Some(jobs) = self.jobs.upgrade() else { return };
            if Instant::now() >= look {
                self.remove_done();
                self.retry = None;
                round = Instant::now() + ROUND;
                self.down.clear();
                for outbox in self.known_outboxes(&jobs) {
                    self.look_into(&jobs, outbox).await;
                }
            }
            if !batch.is_empty() {
                self.do_errands(&jobs, take(&mut batch)).await;
                sleep(GATHER).await;
            }
        }
    }

    /// Removes jobs that are in the queue from where they were left behind.
    fn remove_done(&mut self) {
        for (outbox, messages) in by_outbox(take(&mut self.done)) {
            let ids: Vec<String> = messages.into_iter().map(|message| message.id).collect();
            if let Err(error) = blocking(|| outbox.remove(&ids)) {
                // They are taken on once more, which changes nothing.
                tracing::warn!(outbox = outbox.key(), %error, "jobs that are in the queue can't be removed where they were left behind");
            }
        }
    }

    /// The outboxes of databases that are open, those in which something waits, and the spool.
    fn known_outboxes(&mut self, jobs: &Jobs) -> Vec<Arc<dyn Outbox>> {
        self.outboxes.retain(|_, outbox| outbox.strong_count() > 0);
        let open = self.outboxes.values().filter_map(Weak::upgrade);
        let waiting = self.waiting.values().map(|waiting| Arc::clone(&waiting.outbox));
        let known = open.chain(waiting).chain([Arc::clone(&jobs.relay.spool)]);
        known.map(|outbox| (outbox.key(), outbox)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    async fn do_errands(&mut self, jobs: &Arc<Jobs>, batch: Vec<Errand>) {
        let mut letters = Vec::new();
        let mut settled = Vec::new();
        for errand in batch {
            match errand {
                Errand::Final(outbox, prepared) => {
                    jobs.relay.bytes.fetch_sub(prepared.payload.len(), Ordering::Relaxed);
                    match jobs.message(&prepared, true) {
                        Ok(message) => letters.push(Letter { outbox, message, is_new: true }),
                        Err(error) => {
                            tracing::warn!(job = %prepared.job.id, %error, "a job runs as its write left it");
                            self.left_behind(outbox, vec![prepared.job.id.to_string()], &mut letters);
                        }
                    }
                }
                Errand::Abandoned(outbox, ids) => {
                    self.left_behind(outbox, ids.iter().map(JobId::to_string).collect(), &mut letters);
                }
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
        self.take_on(jobs, letters).await;
        if !settled.is_empty() {
            self.remove_done();
        }
        for done in settled {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    /// Jobs as they are in the outbox. Those that are not there were taken on.
    fn left_behind(&mut self, outbox: Arc<dyn Outbox>, ids: Vec<String>, letters: &mut Vec<Letter>) {
        match blocking(|| outbox.messages(&ids)) {
            Ok(found) => {
                let letter = |message| Letter { outbox: Arc::clone(&outbox), message, is_new: false };
                letters.extend(found.into_iter().map(letter));
            }
            Err(error) => {
                tracing::warn!(outbox = outbox.key(), %error, "jobs that were left behind can't be read");
                self.remember(&outbox, ids);
            }
        }
    }

    /// Takes on what an outbox has that nobody else will, a bounded number of bytes at a time.
    async fn look_into(&mut self, jobs: &Arc<Jobs>, outbox: Arc<dyn Outbox>) {
        let own = self.waiting.remove(&outbox.key()).map(|waiting| waiting.ids);
        let every_own = own.as_ref().is_some_and(|ids| ids.len() >= REMEMBERED);
        let own = own.unwrap_or_default();
        let mut after = String::new();
        loop {
            let listed = match blocking(|| outbox.list(&after, LOOK)) {
                Ok(listed) => listed,
                Err(error) => {
                    tracing::warn!(outbox = outbox.key(), %error, "jobs that were left behind can't be listed");
                    return self.remember(&outbox, own.into_iter().collect());
                }
            };
            let Some(last) = listed.last() else { return };
            after.clone_from(&last.id);
            let is_ours = |listed: &OutboxEntry| match jobs.owner.is_instance(&listed.owner) {
                false => false,
                true if listed.owner == jobs.owner.name() => listed.is_final || every_own || own.contains(&listed.id),
                true => listed.is_final || !jobs.owner.is_alive(&listed.owner),
            };
            let mut ours: Vec<OutboxEntry> = listed.into_iter().filter(is_ours).collect();
            if !ours.is_empty() {
                tracing::info!(outbox = outbox.key(), jobs = ours.len(), "taking on jobs that were left behind");
            }
            while !ours.is_empty() {
                let some = portion(&mut ours, jobs.limits.job_relay_bytes);
                let mut letters = Vec::new();
                self.left_behind(Arc::clone(&outbox), some, &mut letters);
                self.take_on(jobs, letters).await;
            }
        }
    }

    /// Puts jobs into their queues, a bounded number of bytes at a time. Those that are not taken wait as they are now.
    async fn take_on(&mut self, jobs: &Arc<Jobs>, mut letters: Vec<Letter>) {
        while !letters.is_empty() {
            let count = fitting(letters.iter().map(weight), jobs.limits.job_relay_bytes);
            let some = letters.drain(..count).collect();
            let Delivered { done, kept } = deliver(jobs, some, &mut self.down).await;
            let without_payload = |mut letter: Letter| {
                letter.message.payload = Vec::new();
                letter
            };
            self.done.extend(done.into_iter().map(without_payload));
            if self.done.len() >= REMOVED.0 {
                self.remove_done();
            }
            if kept.is_empty() {
                self.wait = RETRY.0;
            }
            let (new, old): (Vec<Letter>, Vec<Letter>) = kept.into_iter().partition(|letter| letter.is_new);
            for (outbox, messages) in by_outbox(new) {
                if let Err(error) = blocking(|| outbox.put(&messages)) {
                    tracing::error!(outbox = outbox.key(), %error, "jobs wait as their writes left them");
                }
                self.remember(&outbox, messages.into_iter().map(|message| message.id).collect());
            }
            for (outbox, messages) in by_outbox(old) {
                self.remember(&outbox, messages.into_iter().map(|message| message.id).collect());
            }
        }
    }

    /// Tries these again, later.
    fn remember(&mut self, outbox: &Arc<dyn Outbox>, ids: Vec<String>) {
        let waiting = self
            .waiting
            .entry(outbox.key())
            .or_insert_with(|| Waiting { outbox: Arc::clone(outbox), ids: BTreeSet::new() });
        let room = REMEMBERED.saturating_sub(waiting.ids.len());
        waiting.ids.extend(ids.into_iter().take(room));
        self.try_again();
    }

    fn try_again(&mut self) {
        let at = Instant::now() + self.wait;
        self.retry = Some(self.retry.map_or(at, |retry| retry.min(at)));
        self.wait = (self.wait * 2).min(RETRY.1);
    }
}

/// Takes the first messages off the list, at least one, as many as have that many bytes together.
fn portion(listed: &mut Vec<OutboxEntry>, bytes: usize) -> Vec<String> {
    let count = fitting(listed.iter().map(|listed| listed.bytes), bytes);
    listed.drain(..count).map(|listed| listed.id).collect()
}

/// How many of things with these sizes, at least one, have that many bytes together.
fn fitting(sizes: impl ExactSizeIterator<Item = usize>, bytes: usize) -> usize {
    let most = sizes.len().min(TOGETHER);
    let mut sum = 0;
    let fits = sizes.take_while(|size| {
        sum += size;
        sum <= bytes
    });
    fits.count().clamp(1, most.max(1))
}

/// The messages of each outbox.
pub(super) fn by_outbox(letters: Vec<Letter>) -> Vec<(Arc<dyn Outbox>, Vec<OutboxMessage>)> {
    let mut sorted: BTreeMap<String, (Arc<dyn Outbox>, Vec<OutboxMessage>)> = BTreeMap::new();
    for Letter { outbox, message, .. } in letters {
        sorted.entry(outbox.key()).or_insert_with(|| (outbox, Vec::new())).1.push(message);
    }
    sorted.into_values().collect()
}
