//! A server of its own, and processes with workers over it.

use antiphon_model::Limits;
use antiphon_queue::{
    AttemptOutcome, Claimed, Clock, End, Enqueued, Job, JobFilter, JobId, JobStatus, NewJob, PostgresStore, QueueError,
    QueueResult, Queues, Ran, Runner, Store, StoreSettings, WorkerPoolSettings, Workers,
};
use antiphon_test_servers::PostgresServer;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take. Only a failing test waits that long.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Jobs of one batch that is put in.
const BATCH: usize = 100;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs jobs that do nothing. When it is told to hang, jobs that begin never end.
#[derive(Default)]
pub struct Counting {
    pub hangs: AtomicBool,
    pub stuck: Mutex<HashSet<JobId>>,
}

#[async_trait]
impl Runner for Counting {
    async fn run(&self, claimed: &Claimed) -> Ran {
        if self.hangs.load(Ordering::SeqCst) {
            self.stuck.lock().unwrap().insert(claimed.job.id.clone());
            std::future::pending::<()>().await;
        }
        Ran { end: End::Succeeded, output: String::new(), script_version: None }
    }
}

/// One process with workers.
pub struct Process {
    pub workers: Workers,
    pub runner: Arc<Counting>,
}

impl Process {
    /// Whether its workers can't reach the database now.
    pub fn is_failing(&self) -> bool {
        self.workers.status().connections[0].is_failing
    }
}

/// The server, a client, and two processes with workers.
pub struct Site {
    pub server: Arc<PostgresServer>,
    pub database: String,
    pub processes: Vec<Process>,
    client: Arc<PostgresStore>,
    lease: Duration,
}

impl Site {
    /// Workers whose leases are that long, over an empty database.
    pub async fn start(lease: Duration) -> Site {
        let start = || {
            // So few connections that a test can take them all.
            let server = PostgresServer::start_with(&[("max_connections", "40")]).unwrap();
            let database = server.create_database().unwrap();
            (Arc::new(server), database)
        };
        let (server, database) = tokio::task::spawn_blocking(start).await.unwrap();
        let client = PostgresStore::open(&server.url(&database), StoreSettings::default()).unwrap();
        let mut site = Site { server, database, processes: Vec::new(), client: Arc::new(client), lease };
        for _process in 0..2 {
            site.add_process();
        }
        site
    }

    /// Another process with workers.
    pub fn add_process(&mut self) {
        let limits = Limits { job_lease_ms: self.lease.as_millis() as u64, ..Limits::default() };
        let settings = StoreSettings { limits: limits.clone(), ..StoreSettings::default() };
        let store = PostgresStore::open(&self.server.url(&self.database), settings).unwrap();
        let runner = Arc::new(Counting::default());
        let settings = WorkerPoolSettings { limits, ..WorkerPoolSettings::default() };
        let workers = Workers::start(&Queues::over(Arc::new(store)), runner.clone(), settings);
        self.processes.push(Process { workers, runner });
    }

    /// Asks the server for something that blocks.
    pub async fn ask_server(&self, ask: impl FnOnce(&PostgresServer, &str) + Send + 'static) {
        let (server, database) = (Arc::clone(&self.server), self.database.clone());
        tokio::task::spawn_blocking(move || ask(&server, &database)).await.unwrap();
    }

    /// Takes in that many jobs, as often as it must be tried; each is taken in for sure, and once.
    pub async fn put(&self, count: usize) -> Vec<JobId> {
        put(&self.client, count).await
    }

    /// Takes in jobs while `fault` happens, so that there is work before, during and after it; tells which.
    pub async fn put_during(&mut self, fault: impl AsyncFnOnce(&mut Site)) -> Vec<JobId> {
        let (client, is_over) = (Arc::clone(&self.client), AtomicBool::new(false));
        let feed = async {
            let mut jobs = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                jobs.extend(put(&client, BATCH).await);
                // Enough that there is always something to do, not so much that it never ends.
                while waiting(&client).await > 2 * BATCH as u64 && !is_over.load(Ordering::SeqCst) {
                    tokio::time::sleep(LOOK).await;
                }
            }
            jobs
        };
        let happen = async {
            fault(self).await;
            is_over.store(true, Ordering::SeqCst);
        };
        tokio::join!(feed, happen).0
    }

    /// Waits until all of them have ended well.
    pub async fn all_end(&self, jobs: &[JobId]) {
        for part in jobs.chunks(BATCH) {
            let filter = JobFilter {
                ids: part.to_vec(),
                statuses: vec![JobStatus::Succeeded],
                most: part.len(),
                ..JobFilter::default()
            };
            until("all jobs have ended", async || {
                reached(async || self.client.list(&filter).await).await.len() == part.len()
            })
            .await;
        }
    }

    /// Each of these jobs has succeeded, in exactly one of its attempts; what failed were lost workers only.
    pub async fn each_ended_once(&self, jobs: &[JobId]) {
        for id in jobs {
            let detail = reached(async || self.client.get(id).await).await.expect("the job is known");
            assert_eq!(detail.record.status, JobStatus::Succeeded);
            let outcomes: Vec<AttemptOutcome> = detail.attempts.iter().map(|attempt| attempt.outcome).collect();
            let (last, before) = outcomes.split_last().expect("its end is written down");
            assert_eq!(*last, AttemptOutcome::Succeeded);
            assert!(before.iter().all(|outcome| *outcome == AttemptOutcome::Lost), "{outcomes:?}");
            assert_eq!(detail.record.failed as usize, before.len());
        }
    }

    /// No job waits, runs or is dead.
    pub async fn nothing_is_left(&self) {
        assert_eq!(reached(async || self.client.queues().await).await, []);
    }
}

async fn put(client: &PostgresStore, count: usize) -> Vec<JobId> {
    let jobs: Vec<NewJob> = (0..count).map(|_| job()).collect();
    for batch in jobs.chunks(BATCH) {
        let enqueued = reached(async || client.enqueue(batch.to_vec()).await).await;
        // Known are those whose first try was done though it could not be told.
        assert!(enqueued.iter().all(|one| matches!(one, Enqueued::Stored | Enqueued::Known)), "{enqueued:?}");
    }
    jobs.into_iter().map(|new| new.job.id).collect()
}

async fn waiting(client: &PostgresStore) -> u64 {
    reached(async || client.queues().await).await.iter().map(|queue| queue.ready).sum()
}

fn job() -> NewJob {
    let job = Job {
        id: JobId::new(),
        queue: "default".to_owned(),
        script: "nothing".to_owned(),
        event: "nothing".to_owned(),
        priority: 0,
        delay_ms: 0,
        order_key: None,
        dedup_key: None,
        concurrency: None,
        // Each lost worker uses one up, and there may be many.
        tries: 100,
        backoff_ms: 1,
        backoff_max_ms: 1,
        created_ms: Clock::default().now_ms(),
    };
    NewJob { job, payload: Bytes::from_static(b"nothing") }
}

/// Tries until the database is reached.
async fn reached<T>(mut operation: impl AsyncFnMut() -> QueueResult<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match operation().await {
            Ok(answer) => return answer,
            Err(QueueError::Unreachable(why)) => assert!(Instant::now() < end, "not reached again: {why}"),
            Err(other) => panic!("{other}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < end, "still not: {what}");
        tokio::time::sleep(LOOK).await;
    }
}
