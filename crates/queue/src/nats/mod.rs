//! Jobs in NATS JetStream: one log of commands that every process applies to the same state.
//!
//! The order of the log decides who is given a job and whether an attempt may still be ended: acknowledgements of JetStream itself
//! can't, because they do not tell attempts apart. An operation writes its command to the log and waits until it comes back.

mod address;
mod blob;
mod command;
mod core;
mod data;
mod error;
mod follow;
mod link;
mod snapshot;
mod state;
mod upkeep;
mod view;
mod write;

use self::address::Address;
use self::command::{Arriving, Change, Command, Given, Reply};
use self::core::{Core, Running};
use self::error::refused;
use self::link::PATIENCE;
use self::state::State;
use self::upkeep::Upkeep;
use crate::{
    Attempt, AttemptOutcome, ClaimRequest, Claimed, Edit, Enqueued, Finish, Held, JobDetail, JobFilter, JobId,
    JobRecord, NewJob, Outcome, QueueError, QueueResult, QueueState, Store, StoreSettings, admission,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How often something is done again because the data that it refers to was let go meanwhile.
const TRIES: usize = 5;

/// The store.
pub struct NatsStore {
    address: Address,
    settings: StoreSettings,
    running: OnceCell<Running>,
    upkeep: Upkeep,
}

impl NatsStore {
    /// Jobs at `url` (`nats://user:password@host:4222`; several servers of a cluster with commas in between; `?replicas=3` at the end for so many
    /// copies), in streams whose names begin with `prefix`. The first operation connects and makes the streams.
    ///
    /// # Errors
    /// [`QueueError::Refused`] when URL or prefix are not valid.
    pub fn open(url: &str, prefix: &str, settings: StoreSettings) -> QueueResult<NatsStore> {
        let address = Address::read(url, prefix)?;
        Ok(NatsStore { address, settings, running: OnceCell::new(), upkeep: Upkeep::default() })
    }

    async fn core(&self) -> QueueResult<&Arc<Core>> {
        let start = || Running::start(self.address.clone(), self.settings.clone());
        let running = tokio::time::timeout(PATIENCE, self.running.get_or_try_init(start)).await;
        let core = &running.map_err(|_| error::unreachable("it does not answer"))??.core;
        core.be_ready().await?;
        Ok(core)
    }

    fn now_ms(&self) -> i64 {
        self.settings.clock.now_ms()
    }

    /// The payloads of jobs that were claimed; those whose payload has gone are given up, those that can't be read now are let go.
    async fn with_payloads(&self, core: &Core, given: Vec<Given>) -> QueueResult<Vec<Claimed>> {
        let blobs: Vec<_> = given.iter().map(|given| given.payload.clone()).collect();
        let payloads = match core.data.read(&core.link, &blobs).await {
            Ok(payloads) => payloads,
            Err(error) => {
                core.release(given.into_iter().map(|given| given.held).collect()).await;
                return Err(error);
            }
        };
        let mut claimed = Vec::with_capacity(given.len());
        for (given, payload) in given.into_iter().zip(payloads) {
            let payload = match payload {
                Some(payload) => Some(payload),
                None => payload_of(core, &given.held.id).await?,
            };
            match payload {
                Some(payload) => {
                    claimed.push(Claimed { job: given.job, payload, held: given.held, failed: given.failed })
                }
                None => self.give_up(core, given.held).await?,
            }
        }
        Ok(claimed)
    }

    async fn give_up(&self, core: &Core, held: Held) -> QueueResult<()> {
        let now_ms = self.now_ms();
        let record = Attempt {
            attempt: held.attempt,
            worker: String::new(),
            started_ms: now_ms,
            ended_ms: now_ms,
            outcome: AttemptOutcome::Failed,
            error: Some("Its payload is no longer in the stream of data.".to_owned()),
            output: String::new(),
            script_version: None,
        };
        let ends = vec![Finish { held, outcome: Outcome::Dead, record: Some(record) }];
        let keep = self.settings.limits.job_attempts;
        core.propose(&Command::Finish { now_ms, keep, ends }).await.map(drop)
    }
}

#[async_trait]
impl Store for NatsStore {
    fn kind(&self) -> &'static str {
        "nats"
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> QueueResult<Vec<Enqueued>> {
        admission::check(&jobs, &self.settings.limits)?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let core = self.core().await?;
        if core.view.read(State::is_tight) {
            return Err(QueueError::Full(
                "NATS was full: no jobs are taken in until others have ended, or it has more room".to_owned(),
            ));
        }
        if core.view.read(State::bytes) > self.settings.limits.job_view_bytes && !upkeep::make_room(core).await? {
            return Err(QueueError::Full(
                "its jobs take more memory than job_view_bytes: let workers catch up, or discard dead letters"
                    .to_owned(),
            ));
        }
        let payloads: Vec<Bytes> = jobs.iter().map(|new| new.payload.clone()).collect();
        for _ in 0..TRIES {
            let blobs = core.data.write(&core.link, &payloads).await?.into_iter();
            let jobs =
                jobs.iter().zip(blobs).map(|(new, payload)| Arriving { job: new.job.clone(), payload }).collect();
            match core.propose(&Command::Enqueue { now_ms: self.now_ms(), jobs }).await? {
                Reply::Enqueued(each) => return Ok(each),
                Reply::Again => {}
                _ => return Err(unexpected()),
            }
        }
        Err(again())
    }

    async fn claim(&self, request: &ClaimRequest) -> QueueResult<Vec<Claimed>> {
        let core = self.core().await?;
        let has_work = |state: &State| state.has_work(self.now_ms(), &request.queues);
        if request.most == 0 || !core.view.read(has_work) && !core.look(|state, _| has_work(state)).await? {
            return Ok(Vec::new());
        }
        let claim = Command::Claim {
            now_ms: self.now_ms(),
            worker: request.worker.clone(),
            queues: request.queues.clone(),
            most: request.most,
        };
        match core.propose(&claim).await? {
            Reply::Claimed(given) => self.with_payloads(core, given).await,
            _ => Err(unexpected()),
        }
    }

    async fn renew(&self, held: &[Held]) -> QueueResult<Vec<Held>> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        match self.core().await?.propose(&Command::Renew { held: held.to_vec() }).await? {
            Reply::Lost(lost) => Ok(lost),
            _ => Err(unexpected()),
        }
    }

    async fn finish(&self, ends: Vec<Finish>) -> QueueResult<Vec<bool>> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let keep = self.settings.limits.job_attempts;
        match self.core().await?.propose(&Command::Finish { now_ms: self.now_ms(), keep, ends }).await? {
            Reply::Finished(each) => Ok(each),
            _ => Err(unexpected()),
        }
    }

    async fn maintain(&self) -> QueueResult<usize> {
        self.upkeep.run(self.core().await?).await
    }

    async fn wait(&self, most: Duration) {
        let most = most.min(Duration::from_millis(self.settings.limits.job_poll_ms));
        match self.running.get() {
            Some(running) => drop(tokio::time::timeout(most, running.core.view.woken.notified()).await),
            None => tokio::time::sleep(most).await,
        }
    }

    async fn list(&self, filter: &JobFilter) -> QueueResult<Vec<JobRecord>> {
        let limits = &self.settings.limits;
        let look = |state: &State, now_ms| state.list(now_ms, filter, limits.job_list, limits.job_list_error_bytes);
        self.core().await?.look(look).await
    }

    async fn get(&self, id: &JobId) -> QueueResult<Option<JobDetail>> {
        let core = self.core().await?;
        let told = core.look(|state, now_ms| {
            let entry = state.entry(id)?;
            Some((entry.record(now_ms), entry.history.clone(), entry.payload.is_some()))
        });
        let Some((record, attempts, has_payload)) = told.await? else { return Ok(None) };
        let payload = if has_payload { payload_of(core, id).await? } else { None };
        Ok(Some(JobDetail { record, payload, attempts }))
    }

    async fn cancel(&self, id: &JobId) -> QueueResult<bool> {
        let command = Command::Cancel { now_ms: self.now_ms(), id: id.clone() };
        done(self.core().await?.propose(&command).await?)
    }

    async fn redrive(&self, id: &JobId, edit: Edit) -> QueueResult<bool> {
        admission::check_edit(id, &edit, &self.settings.limits)?;
        let core = self.core().await?;
        for _ in 0..TRIES {
            let payload = match &edit.payload {
                Some(payload) => core.data.write(&core.link, std::slice::from_ref(payload)).await?.pop(),
                None => None,
            };
            let Edit { priority, queue, tries, delay_ms, .. } = edit.clone();
            let change = Change { payload, priority, queue, tries, delay_ms };
            match core.propose(&Command::Redrive { now_ms: self.now_ms(), id: id.clone(), change }).await? {
                Reply::Again => {}
                reply => return done(reply),
            }
        }
        Err(again())
    }

    async fn discard(&self, id: &JobId) -> QueueResult<bool> {
        done(self.core().await?.propose(&Command::Discard { id: id.clone() }).await?)
    }

    async fn queues(&self) -> QueueResult<Vec<QueueState>> {
        self.core().await?.look(State::queues).await
    }

    async fn pause(&self, queue: &str, is_paused: bool) -> QueueResult<()> {
        self.core().await?.propose(&Command::Pause { queue: queue.to_owned(), is_paused }).await.map(drop)
    }
}

/// The payload of a job, which may be moved meanwhile; none when it has gone.
async fn payload_of(core: &Core, id: &JobId) -> QueueResult<Option<Bytes>> {
    for _ in 0..TRIES {
        let blob = core.look(|state, _| state.entry(id).and_then(|entry| entry.payload.clone())).await?;
        let Some(blob) = blob else { return Ok(None) };
        if let Some(payload) = core.data.read(&core.link, &[blob]).await?.pop().flatten() {
            return Ok(Some(payload));
        }
    }
    Ok(None)
}

fn done(reply: Reply) -> QueueResult<bool> {
    match reply {
        Reply::Done(done) => Ok(done),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> QueueError {
    refused("an answer does not belong to its question")
}

fn again() -> QueueError {
    error::unreachable("payloads take too long to be written")
}
