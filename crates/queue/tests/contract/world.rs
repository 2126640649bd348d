//! A store under test, and the words that behaviours are told in.

use antiphon_model::Limits;
use antiphon_queue::{
    Attempt, AttemptOutcome, ClaimRequest, Claimed, Clock, Enqueued, Finish, Job, JobDetail, JobId, JobStatus, NewJob,
    Outcome, Store, StoreSettings,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a condition may take to come true. Only a failing test waits that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a store keeps its jobs: empty at first, gone when dropped.
#[async_trait]
pub trait Place: Send + Sync + 'static {
    /// A handle as another process would have: nothing is shared but what is stored.
    async fn open(&self, settings: StoreSettings) -> Arc<dyn Store>;
}

/// One place, with a clock that all its handles go by.
pub struct World {
    place: Box<dyn Place>,
    /// The wall clock of every handle.
    pub clock: Clock,
}

impl World {
    /// An empty one.
    pub fn new(place: impl Place) -> World {
        World { place: Box::new(place), clock: Clock::default() }
    }

    /// A handle with the limits as they are by default.
    pub async fn open(&self) -> Arc<dyn Store> {
        self.open_with(|_limits| ()).await
    }

    /// A handle with other limits.
    pub async fn open_with(&self, change: impl FnOnce(&mut Limits)) -> Arc<dyn Store> {
        let mut limits = Limits::default();
        change(&mut limits);
        self.place.open(StoreSettings { limits, clock: self.clock.clone() }).await
    }

    /// The present moment by that clock.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// A job in the queue `default`, with three tries.
pub fn job(script: &str) -> NewJob {
    NewJob {
        job: Job {
            id: JobId::new(),
            queue: "default".to_owned(),
            script: script.to_owned(),
            event: format!("{script}.queued"),
            priority: 0,
            delay_ms: 0,
            order_key: None,
            dedup_key: None,
            concurrency: None,
            tries: 3,
            backoff_ms: 1000,
            backoff_max_ms: 60_000,
            created_ms: Clock::default().now_ms(),
        },
        payload: Bytes::from(format!("for {script}")),
    }
}

/// The same with changes.
pub fn job_with(script: &str, change: impl FnOnce(&mut Job)) -> NewJob {
    let mut new = job(script);
    change(&mut new.job);
    new
}

/// Takes one in that must be new.
pub async fn put(store: &dyn Store, new: NewJob) -> JobId {
    let id = new.job.id.clone();
    assert_eq!(store.enqueue(vec![new]).await.unwrap(), [Enqueued::Stored]);
    id
}

/// A request of a worker for that many jobs of any queue.
pub fn request(most: usize) -> ClaimRequest {
    ClaimRequest { worker: "a worker".to_owned(), queues: Vec::new(), most }
}

/// Claims until there are that many.
pub async fn claim(store: &dyn Store, count: usize) -> Vec<Claimed> {
    claim_from(store, &[], count).await
}

/// Claims from those queues until there are that many.
pub async fn claim_from(store: &dyn Store, queues: &[&str], count: usize) -> Vec<Claimed> {
    let mut claimed = Vec::new();
    let end = Instant::now() + DEADLINE;
    while claimed.len() < count {
        assert!(Instant::now() < end, "{} of {count} jobs were handed out", claimed.len());
        let queues = queues.iter().map(|&queue| queue.to_owned()).collect();
        let request = ClaimRequest { queues, ..request(count - claimed.len()) };
        let more = store.claim(&request).await.unwrap();
        if more.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        claimed.extend(more);
    }
    claimed
}

/// Claims the one job that there is.
pub async fn claim_one(store: &dyn Store) -> Claimed {
    claim(store, 1).await.remove(0)
}

/// Looks once; nothing may be handed out.
pub async fn claim_nothing(store: &dyn Store) {
    let claimed = store.claim(&request(10)).await.unwrap();
    assert_eq!(scripts(&claimed), Vec::<&str>::new());
}

/// Their scripts, in order.
pub fn scripts(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|claimed| claimed.job.script.as_str()).collect()
}

/// The end of that attempt.
pub fn end(claimed: &Claimed, outcome: Outcome) -> Finish {
    let (kept, error) = match outcome {
        Outcome::Succeeded => (AttemptOutcome::Succeeded, None),
        Outcome::Cancelled => (AttemptOutcome::Skipped, None),
        _ => (AttemptOutcome::Failed, Some(format!("attempt {} failed", claimed.held.attempt))),
    };
    let record = Attempt {
        attempt: claimed.held.attempt,
        worker: "a worker".to_owned(),
        started_ms: claimed.job.created_ms,
        ended_ms: claimed.job.created_ms + 1,
        outcome: kept,
        error,
        output: "printed".to_owned(),
        script_version: Some(7),
    };
    let record = (outcome != Outcome::Released).then_some(record);
    Finish { held: claimed.held.clone(), outcome, record }
}

/// Ends it; tells whether that counted.
pub async fn finish(store: &dyn Store, claimed: &Claimed, outcome: Outcome) -> bool {
    let ended = store.finish(vec![end(claimed, outcome)]).await.unwrap();
    assert_eq!(ended.len(), 1);
    ended[0]
}

/// Everything about a job that is there.
pub async fn detail(store: &dyn Store, id: &JobId) -> JobDetail {
    store.get(id).await.unwrap().expect("the job is known")
}

/// Where it stands.
pub async fn status(store: &dyn Store, id: &JobId) -> JobStatus {
    detail(store, id).await.record.status
}

/// Tries until there is an answer.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
