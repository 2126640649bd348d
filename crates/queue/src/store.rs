//! What a store of jobs must do. One folder for each kind; the same tests hold for all.

use crate::{
    Claimed, Clock, Edit, Enqueued, Finish, Held, JobDetail, JobId, JobRecord, JobStatus, NewJob, QueueResult,
};
use antiphon_model::Limits;
use async_trait::async_trait;
use std::time::Duration;

/// How any store behaves.
#[derive(Debug, Clone, Default)]
pub struct StoreSettings {
    /// The limits in force: lease, history, lists.
    pub limits: Limits,
    /// The time that delays are told by.
    pub clock: Clock,
}

/// What a worker asks for.
#[derive(Debug, Clone, Default)]
pub struct ClaimRequest {
    /// The worker's name, for people.
    pub worker: String,
    /// The queues that it serves, all alike; every queue when empty.
    pub queues: Vec<String>,
    /// Most jobs to be given.
    pub most: usize,
}

/// Which jobs a list tells of: those for which everything given holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobFilter {
    /// One of these; any when empty.
    pub statuses: Vec<JobStatus>,
    /// In this queue.
    pub queue: Option<String>,
    /// Of this script, to the letter.
    pub script: Option<String>,
    /// With these identifiers; any when empty.
    pub ids: Vec<JobId>,
    /// Created after that moment, in milliseconds since 1970.
    pub created_after_ms: Option<i64>,
    /// Most jobs; the latest created are told, latest first.
    pub most: usize,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Nothing of it is claimed.
    pub is_paused: bool,
    /// Jobs that may run now, as far as time is concerned.
    pub ready: u64,
    /// Jobs that wait for their time.
    pub delayed: u64,
    /// Jobs that run.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest ready job was created, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
}

/// A durable store of jobs, shared by any number of processes.
///
/// Every operation may be repeated after [`QueueError::Unreachable`](crate::QueueError::Unreachable). An operation that returned is
/// durable: a process that dies takes nothing with it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// `sqlite`, `postgres` or `nats`.
    fn kind(&self) -> &'static str;

    /// Takes jobs in, in that order, all or none; tells for each what came of it. An identifier stays known for at least
    /// `job_memory_ms` after its job ended. `Refused` when one of them is larger than the limits, or could never run.
    async fn enqueue(&self, jobs: Vec<NewJob>) -> QueueResult<Vec<Enqueued>>;

    /// Hands out jobs that may run: their queue is not paused, their time has come, no earlier one of their order key is
    /// waiting or running, and fewer of their script run than their limit. Highest priority first, then in the order in which they were taken in.
    /// No job is given to two workers. The lease begins.
    async fn claim(&self, request: &ClaimRequest) -> QueueResult<Vec<Claimed>>;

    /// Renews leases. Tells which of them are lost: somebody else took over, or the job was cancelled while it ran.
    async fn renew(&self, held: &[Held]) -> QueueResult<Vec<Held>>;

    /// Ends attempts. False for those that are no longer the job's latest, or whose job does not run any more: nothing of them was done.
    async fn finish(&self, ends: Vec<Finish>) -> QueueResult<Vec<bool>>;

    /// To be called regularly by every process with workers; whoever calls it twice with at least `lease_ms` in between finds what
    /// was lost. Takes back jobs whose lease was not renewed for `lease_ms` by this process's monotonic clock: such an attempt is written down as
    /// lost and counts as failed; the job waits again at once, or is dead when its tries are used up. Forgets ended jobs whose time has passed,
    /// and corrects waits that a clock that was set back made longer than they were meant to be. Tells how many jobs were taken back.
    async fn maintain(&self) -> QueueResult<usize>;

    /// Waits until there may be something to claim, at most that long. May return early for nothing; must not miss what other processes
    /// take in for longer than `job_poll_ms`, nor what this process takes in at all.
    async fn wait(&self, most: Duration);

    /// Jobs, latest created first, with at most `job_list_error_bytes` of their last errors.
    async fn list(&self, filter: &JobFilter) -> QueueResult<Vec<JobRecord>>;

    /// One job, with its payload and attempts.
    async fn get(&self, id: &JobId) -> QueueResult<Option<JobDetail>>;

    /// Takes a waiting or running job out; a running attempt goes on, but can't end it any more. False when it has ended already or is unknown.
    async fn cancel(&self, id: &JobId) -> QueueResult<bool>;

    /// Changes a waiting job, or lets a dead or cancelled one wait again, changed, with all its tries; its number of attempts goes on. False when it runs, has
    /// succeeded or is unknown; `Refused` when the change is larger than the limits, or the job could never run with it.
    async fn redrive(&self, id: &JobId, edit: Edit) -> QueueResult<bool>;

    /// Forgets an ended job and everything about it but its identifier. False when it has not ended or is unknown.
    async fn discard(&self, id: &JobId) -> QueueResult<bool>;

    /// Every queue that has jobs or is paused, by name.
    async fn queues(&self) -> QueueResult<Vec<QueueState>>;

    /// Holds a queue or lets it go on. What runs goes on.
    async fn pause(&self, queue: &str, is_paused: bool) -> QueueResult<()>;
}
