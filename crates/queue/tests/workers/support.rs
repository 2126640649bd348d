//! A file of jobs, runners made of functions, and a store that fails when told to.

use antiphon_model::Limits;
use antiphon_queue::{
    ClaimRequest, Claimed, Clock, Edit, End, Enqueued, Finish, Held, Job, JobDetail, JobFilter, JobId, JobRecord,
    JobStatus, NewJob, QueueError, QueueResult, QueueState, Queues, Ran, Runner, SqliteStore, Store, StoreSettings,
    WorkerPoolSettings, Workers,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a condition may take to come true. Only a failing test waits that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A file of jobs.
pub struct Place {
    folder: TempDir,
    pub limits: Limits,
    pub store: Arc<dyn Store>,
}

impl Place {
    /// An empty one with these limits.
    pub fn new(limits: Limits) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, &limits);
        Place { folder, limits, store }
    }

    /// Another handle on the file, as another process has.
    pub fn another(&self) -> Arc<dyn Store> {
        open(&self.folder, &self.limits)
    }

    /// Workers on a handle of their own.
    pub fn workers(&self, runner: Arc<dyn Runner>) -> Workers {
        self.workers_on(self.another(), runner)
    }

    /// Workers on that store.
    pub fn workers_on(&self, store: Arc<dyn Store>, runner: Arc<dyn Runner>) -> Workers {
        let settings = WorkerPoolSettings { limits: self.limits.clone(), ..WorkerPoolSettings::default() };
        Workers::start(&Queues::over(store), runner, settings)
    }

    /// Takes in that many jobs of a script.
    pub async fn put(&self, script: &str, count: usize) -> Vec<JobId> {
        self.put_with(script, count, |_| ()).await
    }

    /// The same with changes.
    pub async fn put_with(&self, script: &str, count: usize, change: impl Fn(&mut Job)) -> Vec<JobId> {
        self.take_in((0..count).map(|_| job(script, &change)).collect()).await
    }

    /// Takes in that many jobs of a script, each with a payload of so many bytes.
    pub async fn put_holding(&self, script: &str, count: usize, bytes: usize) -> Vec<JobId> {
        let large = |_| NewJob { payload: Bytes::from(vec![0; bytes]), ..job(script, &|_| ()) };
        self.take_in((0..count).map(large).collect()).await
    }

    async fn take_in(&self, jobs: Vec<NewJob>) -> Vec<JobId> {
        let count = jobs.len();
        let ids = jobs.iter().map(|new| new.job.id.clone()).collect();
        assert_eq!(self.store.enqueue(jobs).await.unwrap(), vec![Enqueued::Stored; count]);
        ids
    }

    /// Everything about a job.
    pub async fn detail(&self, id: &JobId) -> JobDetail {
        self.store.get(id).await.unwrap().unwrap()
    }

    /// Waits until the job stands there.
    pub async fn reaches(&self, id: &JobId, status: JobStatus) -> JobDetail {
        eventually(&format!("{id} is {}", status.as_str()), async || {
            Some(self.detail(id).await).filter(|detail| detail.record.status == status)
        })
        .await
    }

    /// Waits until all of them stand there.
    pub async fn all_reach(&self, ids: &[JobId], status: JobStatus) {
        for id in ids {
            self.reaches(id, status).await;
        }
    }
}

fn open(folder: &TempDir, limits: &Limits) -> Arc<dyn Store> {
    let settings = StoreSettings { limits: limits.clone(), clock: Clock::default() };
    Arc::new(SqliteStore::open(&folder.path().join("queue.sqlite3"), settings).unwrap())
}

fn job(script: &str, change: &impl Fn(&mut Job)) -> NewJob {
    let mut job = Job {
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
        backoff_ms: 1,
        backoff_max_ms: 5,
        created_ms: Clock::default().now_ms(),
    };
    change(&mut job);
    NewJob { job, payload: Bytes::new() }
}

/// Waits until there is an answer.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct Does<F>(F);

#[async_trait]
impl<F, A> Runner for Does<F>
where
    F: Fn(Claimed) -> A + Send + Sync + 'static,
    A: Future<Output = End> + Send,
{
    async fn run(&self, claimed: &Claimed) -> Ran {
        let end = (self.0)(claimed.clone()).await;
        Ran { end, output: format!("attempt {}", claimed.held.attempt), script_version: Some(7) }
    }
}

/// What runs jobs that way.
pub fn runner<F, A>(run: F) -> Arc<dyn Runner>
where
    F: Fn(Claimed) -> A + Send + Sync + 'static,
    A: Future<Output = End> + Send + 'static,
{
    Arc::new(Does(run))
}

/// Runs every job to a good end at once.
pub fn succeeds() -> Arc<dyn Runner> {
    runner(|_| async { End::Succeeded })
}

/// Holds jobs of the script `slow` until it is opened; all others succeed at once.
#[derive(Clone, Default)]
pub struct Gate {
    begun: Arc<AtomicUsize>,
    open: Arc<tokio::sync::Notify>,
}

impl Gate {
    /// The runner behind it.
    pub fn runner(&self) -> Arc<dyn Runner> {
        let gate = self.clone();
        runner(move |claimed| {
            let gate = gate.clone();
            async move {
                if claimed.job.script == "slow" {
                    gate.begun.fetch_add(1, Ordering::SeqCst);
                    gate.open.notified().await;
                }
                End::Succeeded
            }
        })
    }

    /// Waits until that many slow jobs have begun.
    pub async fn begun(&self, count: usize) {
        eventually("slow jobs begin", async || (self.begun.load(Ordering::SeqCst) >= count).then_some(())).await;
    }

    /// Lets one slow job end.
    pub fn open(&self) {
        self.open.notify_one();
    }
}

/// A store that can't be reached while it is told to be away, and that counts renewals.
pub struct Fragile {
    inner: Arc<dyn Store>,
    is_away: AtomicBool,
    pub renewals: AtomicUsize,
    pub panics: AtomicUsize,
}

impl Fragile {
    pub fn over(inner: Arc<dyn Store>) -> Arc<Fragile> {
        Arc::new(Fragile {
            inner,
            is_away: AtomicBool::new(false),
            renewals: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
        })
    }

    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    fn reach(&self) -> QueueResult<&dyn Store> {
        let is_away = self.is_away.load(Ordering::SeqCst);
        if is_away { Err(QueueError::Unreachable("the cable is out".to_owned())) } else { Ok(&*self.inner) }
    }
}

#[async_trait]
impl Store for Fragile {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> QueueResult<Vec<Enqueued>> {
        self.reach()?.enqueue(jobs).await
    }

    async fn claim(&self, request: &ClaimRequest) -> QueueResult<Vec<Claimed>> {
        let has_panics = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(has_panics.is_err(), "a defect of the store");
        self.reach()?.claim(request).await
    }

    async fn renew(&self, held: &[Held]) -> QueueResult<Vec<Held>> {
        let lost = self.reach()?.renew(held).await?;
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Ok(lost)
    }

    async fn finish(&self, ends: Vec<Finish>) -> QueueResult<Vec<bool>> {
        self.reach()?.finish(ends).await
    }

    async fn maintain(&self) -> QueueResult<usize> {
        self.reach()?.maintain().await
    }

    async fn wait(&self, most: Duration) {
        self.inner.wait(most).await;
    }

    async fn list(&self, filter: &JobFilter) -> QueueResult<Vec<JobRecord>> {
        self.reach()?.list(filter).await
    }

    async fn get(&self, id: &JobId) -> QueueResult<Option<JobDetail>> {
        self.reach()?.get(id).await
    }

    async fn cancel(&self, id: &JobId) -> QueueResult<bool> {
        self.reach()?.cancel(id).await
    }

    async fn redrive(&self, id: &JobId, edit: Edit) -> QueueResult<bool> {
        self.reach()?.redrive(id, edit).await
    }

    async fn discard(&self, id: &JobId) -> QueueResult<bool> {
        self.reach()?.discard(id).await
    }

    async fn queues(&self) -> QueueResult<Vec<QueueState>> {
        self.reach()?.queues().await
    }

    async fn pause(&self, queue: &str, is_paused: bool) -> QueueResult<()> {
        self.reach()?.pause(queue, is_paused).await
    }
}
