//! Several processes over one SQLite file, killed again and again: what was taken in is there and runs, and each job's end counts once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use antiphon_queue::{
    ClaimRequest, Claimed, Finish, Job, JobFilter, JobId, JobStatus, NewJob, Outcome, SqliteStore, Store as _,
    StoreSettings,
};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Names the file to a process that was started for it.
const FILE: &str = "QUEUE_FILE_OF_PROCESS";

/// Processes at one time, and how many of them are killed.
const PROCESSES: usize = 3;
const KILLED: usize = 30;

fn open(file: &Path) -> SqliteStore {
    let mut settings = StoreSettings::default();
    settings.limits.job_lease_ms = 200;
    settings.limits.job_list = 1_000_000;
    SqliteStore::open(file, settings).unwrap()
}

fn job() -> NewJob {
    let job = Job {
        id: JobId::new(),
        queue: "default".to_owned(),
        script: "a".to_owned(),
        event: "a".to_owned(),
        priority: 0,
        delay_ms: 0,
        order_key: None,
        dedup_key: None,
        concurrency: None,
        tries: 1000,
        backoff_ms: 1,
        backoff_max_ms: 1,
        created_ms: 0,
    };
    NewJob { job, payload: vec![b'p'; 3000].into() }
}

fn request() -> ClaimRequest {
    ClaimRequest { worker: format!("process {}", std::process::id()), queues: Vec::new(), most: 3 }
}

/// The ends that counted.
async fn succeed(store: &SqliteStore, claimed: Vec<Claimed>) -> Vec<JobId> {
    let ids: Vec<JobId> = claimed.iter().map(|claimed| claimed.held.id.clone()).collect();
    let end = |claimed: Claimed| Finish { held: claimed.held, outcome: Outcome::Succeeded, record: None };
    let ended = store.finish(claimed.into_iter().map(end).collect()).await.unwrap();
    ids.into_iter().zip(ended).filter(|(_id, is_ended)| *is_ended).map(|(id, _)| id).collect()
}

/// One line on the standard output, at once.
fn tell(what: &str, id: &JobId) {
    std::io::stdout().write_all(format!("\n{what} {id}\n").as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other test starts it, in processes of its own"]
async fn takes_in_and_works_until_it_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let store = Arc::new(open(Path::new(&file)));
    let takes_in = Arc::clone(&store);
    tokio::spawn(async move {
        loop {
            let jobs = [job(), job()];
            let ids = jobs.clone().map(|new| new.job.id);
            takes_in.enqueue(jobs.to_vec()).await.unwrap();
            ids.iter().for_each(|id| tell("in", id));
        }
    });
    loop {
        let claimed = store.claim(&request()).await.unwrap();
        succeed(&store, claimed).await.iter().for_each(|id| tell("done", id));
        store.maintain().await.unwrap();
    }
}

/// A process, and what it told until its end.
struct Process {
    child: Child,
    count: Arc<AtomicUsize>,
    told: std::thread::JoinHandle<Vec<String>>,
}

impl Process {
    fn start(file: &Path) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "takes_in_and_works_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FILE, file)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let counted_lines = lines.inspect(move |_line| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        Process { child, count, told: std::thread::spawn(move || counted_lines.collect()) }
    }

    /// Kills it with SIGKILL after it told that many lines more, whatever it does just then.
    fn kill_after(mut self, lines: usize) -> Vec<String> {
        let enough = self.count.load(Ordering::SeqCst) + lines;
        let end = Instant::now() + Duration::from_secs(60);
        while self.count.load(Ordering::SeqCst) < enough {
            assert!(Instant::now() < end, "it does nothing");
            assert!(self.child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.told.join().unwrap()
    }
}

/// The identifiers of those lines.
fn told<'a>(lines: &'a [String], what: &'a str) -> impl Iterator<Item = JobId> + 'a {
    lines.iter().filter_map(move |line| JobId::parse(line.strip_prefix(what)?.trim()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_lose_nothing_and_end_nothing_twice() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("queue.sqlite3");
    let store = open(&file);
    let mut lines = Vec::new();
    let mut processes: Vec<Process> = (0..PROCESSES).map(|_| Process::start(&file)).collect();
    for _ in 0..KILLED {
        let killed = processes.swap_remove(fastrand::usize(..processes.len()));
        lines.extend(killed.kill_after(fastrand::usize(20..150)));
        processes.push(Process::start(&file));
    }
    lines.extend(processes.into_iter().flat_map(|process| process.kill_after(20)));

    let mut done: HashMap<JobId, usize> = HashMap::new();
    told(&lines, "done ").for_each(|id| *done.entry(id).or_default() += 1);
    // What they left behind; jobs that they held come back when their leases run out.
    let left = JobFilter { statuses: vec![JobStatus::Waiting, JobStatus::Running], most: 1, ..JobFilter::default() };
    while !store.list(&left).await.unwrap().is_empty() {
        let claimed = store.claim(&ClaimRequest { most: 1000, ..request() }).await.unwrap();
        if claimed.is_empty() {
            store.maintain().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for id in succeed(&store, claimed).await {
            *done.entry(id).or_default() += 1;
        }
    }
    let all = store.list(&JobFilter { most: 1_000_000, ..JobFilter::default() }).await.unwrap();
    assert!(all.iter().all(|record| record.status == JobStatus::Succeeded));
    let stored: HashSet<&JobId> = all.iter().map(|record| &record.job.id).collect();
    let taken_in: Vec<JobId> = told(&lines, "in ").collect();
    assert!(taken_in.len() > KILLED, "only {} jobs were taken in", taken_in.len());
    assert!(taken_in.iter().all(|id| stored.contains(id)), "a job that was taken in is gone");
    assert!(done.values().all(|count| *count == 1), "an end counted twice");
    let file = rusqlite::Connection::open(&file).unwrap();
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM payload"), 0, "payloads of jobs that ended well");
    assert_eq!(number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}
