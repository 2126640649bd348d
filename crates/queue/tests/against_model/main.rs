//! Random sequences of operations on the SQLite store, each compared with a model so simple that it can be checked by reading.
//!
//! Time goes in half hours: the clock only jumps, and what real time adds meanwhile is too little to matter. The lease is 0, so that
//! every `maintain` takes back all that runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod model;

use antiphon_queue::{
    Attempt, AttemptOutcome, ClaimRequest, Clock, Edit, Enqueued, Finish, Held, Job, JobFilter, JobId, JobRecord,
    NewJob, Outcome, SqliteStore, Store as _, StoreSettings,
};
use model::{HALF_HOUR_MS, Model};
use proptest::prelude::*;
use std::path::Path;

/// Different jobs of one sequence.
const JOBS: usize = 10;

/// What is done; `job` is one of [`JOBS`], `held` one of all claims so far, stale ones too.
#[derive(Debug, Clone)]
enum Operation {
    Enqueue(Vec<Kind>),
    Claim { most: usize, queues: Vec<usize> },
    Renew { held: usize },
    Finish { held: usize, outcome: Outcome },
    Maintain,
    Cancel { job: usize },
    Redrive { job: usize, edit: Edit },
    Discard { job: usize },
    Pause { queue: usize, is_paused: bool },
    Jump { half_hours: i64 },
    Reopen,
    List { filter: JobFilter, jobs: Vec<usize> },
}

/// A job to be taken in.
#[derive(Debug, Clone)]
struct Kind {
    job: usize,
    queue: usize,
    script: usize,
    priority: i16,
    delay: i64,
    order_key: Option<usize>,
    dedup_key: Option<usize>,
    concurrency: Option<u32>,
    tries: u32,
    created: i64,
}

fn queue_name(number: usize) -> String {
    format!("queue {number}")
}

fn script_name(number: usize) -> String {
    format!("script {number}")
}

fn half_hours_ms(count: i64) -> u64 {
    u64::try_from(count * HALF_HOUR_MS).unwrap()
}

fn kind() -> impl Strategy<Value = Kind> {
    let place = (0..JOBS, 0..2usize, 0..3usize, -1..=1i16, prop_oneof![3 => Just(0i64), 1 => 1..=4i64]);
    let rules = (
        prop_oneof![2 => Just(None), 1 => (0..2usize).prop_map(Some)],
        prop_oneof![4 => Just(None), 1 => (0..2usize).prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => (1..=2u32).prop_map(Some)],
        1..=3u32,
        0..5i64,
    );
    (place, rules).prop_map(
        |((job, queue, script, priority, delay), (order_key, dedup_key, concurrency, tries, created))| Kind {
            job,
            queue,
            script,
            priority,
            delay,
            order_key,
            dedup_key,
            concurrency,
            tries,
            created,
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    let payload = proptest::option::of(Just("edited".into()));
    let numbers = (proptest::option::of(-1..=1i16), proptest::option::of(1..=3u32));
    (payload, numbers, proptest::option::of(0..2usize), 0..=2i64).prop_map(
        |(payload, (priority, tries), queue, delay)| Edit {
            payload,
            priority,
            tries,
            queue: queue.map(queue_name),
            delay_ms: half_hours_ms(delay),
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Succeeded),
        3 => (0..=2i64).prop_map(|delay| Outcome::Retry { delay_ms: half_hours_ms(delay) }),
        2 => Just(Outcome::Dead),
        1 => Just(Outcome::Released),
        1 => Just(Outcome::Cancelled),
    ]
}

fn list() -> impl Strategy<Value = Operation> {
    use antiphon_queue::JobStatus::{Cancelled, Dead, Running, Succeeded, Waiting};
    let statuses = proptest::sample::subsequence(vec![Waiting, Running, Succeeded, Dead, Cancelled], 0..4);
    let names = (proptest::option::of(0..2usize), proptest::option::of(0..3usize));
    let jobs = prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(0..JOBS, 1..5)];
    (statuses, names, jobs, proptest::option::of(0..4i64), 1..6usize).prop_map(
        |(statuses, (queue, script), jobs, created_after_ms, most)| {
            let (queue, script) = (queue.map(queue_name), script.map(script_name));
            let filter = JobFilter { statuses, queue, script, ids: Vec::new(), created_after_ms, most };
            Operation::List { filter, jobs }
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => proptest::collection::vec(kind(), 1..4).prop_map(Operation::Enqueue),
        8 => (1..4usize, proptest::collection::vec(0..2usize, 0..2))
            .prop_map(|(most, queues)| Operation::Claim { most, queues }),
        1 => (0..100usize).prop_map(|held| Operation::Renew { held }),
        8 => (0..100usize, outcome()).prop_map(|(held, outcome)| Operation::Finish { held, outcome }),
        1 => Just(Operation::Maintain),
        2 => (0..JOBS).prop_map(|job| Operation::Cancel { job }),
        3 => (0..JOBS, edit()).prop_map(|(job, edit)| Operation::Redrive { job, edit }),
        1 => (0..JOBS).prop_map(|job| Operation::Discard { job }),
        1 => (0..2usize, any::<bool>()).prop_map(|(queue, is_paused)| Operation::Pause { queue, is_paused }),
        3 => (-3..=5i64).prop_map(|half_hours| Operation::Jump { half_hours }),
        1 => Just(Operation::Reopen),
        3 => list(),
    ]
}

/// The store and the model, with what both are told by.
struct Pair {
    store: SqliteStore,
    model: Model,
    clock: Clock,
    ids: Vec<JobId>,
    held: Vec<Held>,
}

fn open(folder: &Path, clock: &Clock) -> SqliteStore {
    let mut settings = StoreSettings { clock: clock.clone(), ..StoreSettings::default() };
    settings.limits.job_lease_ms = 0;
    settings.limits.job_attempts = model::ATTEMPTS_KEPT;
    settings.limits.job_keep_ended_ms = u64::try_from(model::KEEP_ENDED_MS).unwrap();
    settings.limits.job_keep_dead_ms = u64::try_from(model::KEEP_DEAD_MS).unwrap();
    settings.limits.job_memory_ms = u64::try_from(model::MEMORY_MS).unwrap();
    SqliteStore::open(&folder.join("queue.sqlite3"), settings).unwrap()
}

impl Pair {
    async fn apply(&mut self, folder: &Path, operation: Operation) {
        match operation {
            Operation::Enqueue(kinds) => {
                let jobs: Vec<NewJob> = kinds.iter().map(|kind| self.job(kind)).collect();
                let expected: Vec<Enqueued> = jobs.iter().map(|new| self.model.enqueue(new)).collect();
                assert_eq!(self.store.enqueue(jobs).await.unwrap(), expected);
            }
            Operation::Claim { most, queues } => {
                let queues = queues.into_iter().map(queue_name).collect();
                let request = ClaimRequest { worker: "w".to_owned(), queues, most };
                let claimed = self.store.claim(&request).await.unwrap();
                assert_eq!(claimed, self.model.claim(&request));
                self.held.extend(claimed.into_iter().map(|claimed| claimed.held));
            }
            Operation::Renew { held } => {
                let Some(held) = self.held(held) else { return };
                let is_lost = !self.model.is_held(&held);
                assert_eq!(!self.store.renew(&[held]).await.unwrap().is_empty(), is_lost);
            }
            Operation::Finish { held, outcome } => {
                let Some(held) = self.held(held) else { return };
                let finish = Finish { record: Some(record(&held)), held, outcome };
                let expected = self.model.finish(&finish);
                assert_eq!(self.store.finish(vec![finish]).await.unwrap(), [expected]);
            }
            Operation::Maintain => assert_eq!(self.store.maintain().await.unwrap(), self.model.maintain()),
            Operation::Cancel { job } => {
                let id = &self.ids[job];
                assert_eq!(self.store.cancel(id).await.unwrap(), self.model.cancel(id));
            }
            Operation::Redrive { job, edit } => {
                let id = &self.ids[job];
                assert_eq!(self.store.redrive(id, edit.clone()).await.unwrap(), self.model.redrive(id, &edit));
            }
            Operation::Discard { job } => {
                let id = &self.ids[job];
                assert_eq!(self.store.discard(id).await.unwrap(), self.model.discard(id));
            }
            Operation::Pause { queue, is_paused } => {
                self.store.pause(&queue_name(queue), is_paused).await.unwrap();
                self.model.pause(&queue_name(queue), is_paused);
            }
            Operation::Jump { half_hours } => {
                self.clock.jump(half_hours * HALF_HOUR_MS);
                self.model.now_ms += half_hours * HALF_HOUR_MS;
            }
            Operation::Reopen => self.store = open(folder, &self.clock),
            Operation::List { filter, jobs } => {
                let ids = jobs.into_iter().map(|job| self.ids[job].clone()).collect();
                self.compare_list(&JobFilter { ids, ..filter }).await;
            }
        }
    }

    fn job(&self, kind: &Kind) -> NewJob {
        let job = Job {
            id: self.ids[kind.job].clone(),
            queue: queue_name(kind.queue),
            script: script_name(kind.script),
            event: "event".to_owned(),
            priority: kind.priority,
            delay_ms: half_hours_ms(kind.delay),
            order_key: kind.order_key.map(|key| key.to_string()),
            dedup_key: kind.dedup_key.map(|key| key.to_string()),
            concurrency: kind.concurrency,
            tries: kind.tries,
            backoff_ms: 1,
            backoff_max_ms: 2,
            created_ms: kind.created,
        };
        NewJob { payload: format!("payload of {}", kind.job).into(), job }
    }

    fn held(&self, number: usize) -> Option<Held> {
        (!self.held.is_empty()).then(|| self.held[number % self.held.len()].clone())
    }

    /// The same jobs in the same order, and of their moments, whether they are told.
    async fn compare_list(&self, filter: &JobFilter) {
        let comparable = |record: JobRecord| JobRecord {
            run_at_ms: record.run_at_ms.map(|_| 0),
            started_ms: record.started_ms.map(|_| 0),
            ended_ms: record.ended_ms.map(|_| 0),
            last_error: record
                .last_error
                .map(|error| if error.contains("worker was lost") { "lost".into() } else { error }),
            ..record
        };
        let listed: Vec<JobRecord> = self.store.list(filter).await.unwrap().into_iter().map(comparable).collect();
        assert_eq!(listed, self.model.list(filter));
    }

    /// Everything that is told is alike.
    async fn compare(&self) {
        self.compare_list(&JobFilter { most: 1000, ..JobFilter::default() }).await;
        assert_eq!(self.store.queues().await.unwrap(), self.model.queues());
        for id in &self.ids {
            let detail = self.store.get(id).await.unwrap();
            let told = detail.map(|detail| {
                let attempts = detail.attempts.iter().map(|attempt| (attempt.attempt, attempt.outcome)).collect();
                (detail.payload, attempts)
            });
            assert_eq!(told, self.model.get(id));
        }
    }
}

fn record(held: &Held) -> Attempt {
    Attempt {
        attempt: held.attempt,
        worker: "w".to_owned(),
        started_ms: 1,
        ended_ms: 2,
        outcome: AttemptOutcome::Failed,
        error: Some(format!("error of {}", held.attempt)),
        output: String::new(),
        script_version: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_does(operations in proptest::collection::vec(operation(), 1..80)) {
        let folder = tempfile::TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = Clock::default();
            let ids = (0..JOBS).map(|_| JobId::new()).collect();
            let store = open(folder.path(), &clock);
            let mut pair = Pair { store, model: Model::default(), clock, ids, held: Vec::new() };
            for operation in operations {
                pair.apply(folder.path(), operation).await;
                pair.compare().await;
            }
        });
    }
}
