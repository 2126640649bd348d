//! The server is killed at random moments while clients write: what was committed has its job done, and nothing else has one.
//!
//! `ANTIPHON_TEST_KILLS` and `ANTIPHON_TEST_WRITES` make it longer.

use super::support::{eventually, telling};
use crate::support::{TestApp, fixture_folder, json};
use antiphon_model::{Limits, QueueSettings};
use antiphon_queue::{AttemptOutcome, JobFilter, JobStatus, Queues, Store, StoreSettings};
use antiphon_test_servers::{NatsServer, PostgresServer};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Kills and writes, unless the environment says otherwise.
const KILLS: usize = 10;
const WRITES: usize = 600;
/// Clients that write at the same time.
const CLIENTS: usize = 6;
/// Every so many writes one is undone.
const UNDONE: usize = 5;
/// Rows that one look at a table brings.
const PAGE: usize = 1000;
/// Jobs that one look at the queue brings.
const JOBS: usize = 1_000_000;

#[test]
fn kills_lose_and_invent_no_job_in_sqlite() {
    survives("sqlite", None);
}

#[test]
fn kills_lose_and_invent_no_job_in_postgres() {
    let server = PostgresServer::shared().unwrap();
    survives("postgres", Some(server.url(&server.create_database().unwrap())));
}

#[test]
fn kills_lose_and_invent_no_job_in_nats() {
    let server = NatsServer::shared().unwrap();
    survives("nats", Some(format!("{}/{}", server.url(), NatsServer::prefix())));
}

/// Where the server is now, and how far its clients are.
struct Scene {
    /// The number of the server, and its address.
    place: Mutex<(usize, String)>,
    begun: AtomicUsize,
    writes: usize,
    acknowledged: Mutex<BTreeSet<String>>,
}

fn survives(driver: &str, url: Option<String>) {
    let (kills, writes) = (number("ANTIPHON_TEST_KILLS", KILLS), number("ANTIPHON_TEST_WRITES", WRITES));
    let mut variables = vec![
        ("ANTIPHON_QUEUE__DRIVER".to_owned(), driver.to_owned()),
        // What a killed server was doing is taken over soon.
        ("ANTIPHON_LIMITS__JOB_LEASE_MS".to_owned(), "2000".to_owned()),
    ];
    variables.extend(url.clone().map(|url| ("ANTIPHON_QUEUE__URL".to_owned(), url)));
    let mut app = TestApp::in_folder(fixture_folder(), &variables);
    // An attempt that a kill cut off counts as failed.
    let config = json!({"tries": 100, "backoff": 0.1});
    let content = telling("event.request.payload.resource[0].name");
    app.store("db._table.todo.post.queued", json!({"content": content, "config": config}));
    let scene = Scene {
        place: Mutex::new((0, app.address().to_owned())),
        begun: AtomicUsize::new(0),
        writes,
        acknowledged: Mutex::default(),
    };
    thread::scope(|scope| {
        (0..CLIENTS).for_each(|_| drop(scope.spawn(|| scene.write())));
        let mut moments: Vec<usize> = (0..kills).map(|_| random(writes)).collect();
        moments.sort_unstable();
        for (index, moment) in moments.into_iter().enumerate() {
            eventually("the clients write", || (scene.begun.load(Ordering::SeqCst) >= moment).then_some(()));
            thread::sleep(Duration::from_micros(random(20_000) as u64));
            app.kill();
            app.ended();
            app = app.another_with(&variables);
            *scene.place.lock().unwrap() = (index + 1, app.address().to_owned());
        }
    });
    let acknowledged = scene.acknowledged.into_inner().unwrap();
    let books = books(&app, driver, url);
    judge(&app, &books, &acknowledged);
}

impl Scene {
    /// Writes until everything is written. What has no answer was perhaps committed.
    fn write(&self) {
        loop {
            let number = self.begun.fetch_add(1, Ordering::SeqCst);
            if number >= self.writes {
                return;
            }
            let (server, address) = self.place.lock().unwrap().clone();
            let admin = TestApp::admin_at(&address);
            let is_undone = number.is_multiple_of(UNDONE);
            let name = format!("{} {number}", if is_undone { "undone" } else { "kept" });
            let status = match is_undone {
                true => admin.post("db/_table/todo?rollback=true", json!({"resource": [{"name": name}, {"no": 1}]})),
                false => admin.post("db/_table/todo", json!({"resource": [{"name": name}]})),
            }
            .status();
            match status {
                0 => eventually("another server", || (self.place.lock().unwrap().0 != server).then_some(())),
                200 => {
                    assert!(!is_undone, "{name} was accepted");
                    self.acknowledged.lock().unwrap().insert(name);
                }
                status => assert!(is_undone, "{name}: {status}"),
            }
        }
    }
}

fn judge(app: &TestApp, books: &Arc<dyn Store>, acknowledged: &BTreeSet<String>) {
    let first_rows = 3;
    let committed: BTreeSet<String> = texts(app, "todo", "name").into_iter().skip(first_rows).collect();
    assert!(acknowledged.is_subset(&committed), "rows of answered calls are gone");
    assert!(committed.iter().all(|name| name.starts_with("kept")), "a write that was undone is there");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let is_done = || {
        let queues = runtime.block_on(books.queues()).unwrap();
        let left: u64 = queues.iter().map(|queue| queue.ready + queue.delayed + queue.running).sum();
        left == 0 && app.count("journal") >= committed.len() as u64
    };
    while !is_done() {
        let before = app.count("journal");
        eventually("more jobs are done", || (is_done() || app.count("journal") > before).then_some(()));
    }
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    for entry in texts(app, "journal", "entry") {
        *runs.entry(serde_json::from_str(&entry).unwrap()).or_default() += 1;
    }
    let ran: BTreeSet<String> = runs.keys().cloned().collect();
    assert_eq!(committed.difference(&ran).collect::<Vec<_>>(), Vec::<&String>::new(), "committed without a job");
    assert_eq!(ran.difference(&committed).collect::<Vec<_>>(), Vec::<&String>::new(), "jobs of nothing");
    let attempts = runtime.block_on(attempts(&**books, committed.len()));
    let runs: usize = runs.values().sum();
    assert!(runs <= attempts, "{runs} runs in {attempts} attempts");
    eprintln!(
        "{}: {} acknowledged, {} committed, {runs} runs, {attempts} attempts",
        books.kind(),
        acknowledged.len(),
        committed.len()
    );
}

/// How many attempts were made of all jobs, each of which must have ended well once, at its last attempt.
async fn attempts(books: &dyn Store, jobs: usize) -> usize {
    let listed = books.list(&JobFilter { most: JOBS, ..JobFilter::default() }).await.unwrap();
    assert_eq!(listed.len(), jobs, "one job for each committed write");
    let mut count = 0;
    for record in listed {
        assert_eq!(record.status, JobStatus::Succeeded, "{record:?}");
        let detail = books.get(&record.job.id).await.unwrap().unwrap();
        let ends: Vec<_> = detail.attempts.iter().filter(|kept| kept.outcome == AttemptOutcome::Succeeded).collect();
        assert!(ends.len() == 1 && ends[0].attempt == record.attempts, "two ends: {detail:?}");
        assert!(detail.attempts.is_sorted_by_key(|kept| kept.attempt), "{detail:?}");
        count += record.attempts as usize;
    }
    count
}

/// The queue as another process sees it.
fn books(app: &TestApp, driver: &str, url: Option<String>) -> Arc<dyn Store> {
    let settings: QueueSettings = serde_json::from_value(json!({"driver": driver, "url": url})).unwrap();
    let limits = Limits { job_list: JOBS, ..Limits::default() };
    let stores = StoreSettings { limits, ..StoreSettings::default() };
    let queues = Queues::open(&settings, &app.folder().join("queue.sqlite3"), stores).unwrap();
    Arc::clone(queues.store(None).1)
}

/// A field of all rows, in the order in which they were written.
fn texts(app: &TestApp, table: &str, field: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let page = format!("db/_table/{table}?fields={field}&order=id&limit={PAGE}&offset={}", texts.len());
        let rows = app.admin().get(&page).values(field);
        texts.extend(rows.iter().map(|text| text.as_str().unwrap().to_owned()));
        if rows.len() < PAGE {
            return texts;
        }
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn random(below: usize) -> usize {
    RandomState::new().build_hasher().finish() as usize % below
}
