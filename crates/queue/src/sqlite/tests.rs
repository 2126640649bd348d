use super::error::QueueErrorExt as _;
use super::*;
use crate::{Job, JobStatus, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&folder.path().join("queue.sqlite3"), StoreSettings::default()).unwrap()
}

fn job(script: &str, change: impl FnOnce(&mut Job)) -> NewJob {
    let mut job = Job {
        id: JobId::new(),
        queue: "default".to_owned(),
        script: script.to_owned(),
        event: script.to_owned(),
        priority: 0,
        delay_ms: 0,
        order_key: None,
        dedup_key: None,
        concurrency: None,
        tries: 3,
        backoff_ms: 1,
        backoff_max_ms: 1,
        created_ms: 0,
    };
    change(&mut job);
    NewJob { job, payload: vec![b'p'; 200].into() }
}

fn request(most: usize) -> ClaimRequest {
    ClaimRequest { worker: "w".to_owned(), queues: Vec::new(), most }
}

/// Instructions of SQLite's machine that `work` takes: a cost that does not depend on what else this machine does.
fn cost<T>(folder: &TempDir, work: impl FnOnce(&Connection) -> QueueResult<T>) -> (T, u64) {
    let mut connection = schema::open_for_writing(&folder.path().join("queue.sqlite3")).unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let step = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(1, Some(step)).unwrap();
    let done = work(&connection).unwrap();
    (done, count.load(Ordering::Relaxed))
}

/// Jobs of every kind that may not be claimed, with higher priority than those that may.
fn crowd(count: usize) -> Vec<NewJob> {
    let kinds: [fn(&mut Job); 4] = [
        |job| job.queue = "paused".to_owned(),
        |job| job.concurrency = Some(1),
        |job| job.order_key = Some("x".to_owned()),
        |job| job.delay_ms = 3_600_000,
    ];
    let of_kind = |number: usize| {
        job("crowd", |job| {
            job.priority = 9;
            kinds[number % kinds.len()](job);
        })
    };
    (0..count).map(of_kind).collect()
}

#[tokio::test]
async fn a_claim_costs_the_same_however_many_wait() {
    let mut costs = Vec::new();
    for count in [100, 20_000] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        store.pause("paused", true).await.unwrap();
        store.enqueue(crowd(count)).await.unwrap();
        assert_eq!(store.claim(&request(2)).await.unwrap().len(), 2, "the limited and the ordered one");
        store.enqueue((0..count).map(|_| job("free", |_| ())).collect()).await.unwrap();
        let ending = store.ending();
        let (claimed, cost) = cost(&folder, |connection| claim::claim(connection, &request(8), &ending));
        assert!(claimed.len() == 8 && claimed.iter().all(|claimed| claimed.job.script == "free"));
        costs.push(cost);
    }
    assert!(costs[1] < costs[0] * 3 / 2, "{costs:?}");
}

#[tokio::test]
async fn the_end_of_an_ordered_job_costs_the_same_however_many_follow() {
    let mut costs = Vec::new();
    for count in [100, 20_000] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        let ordered = |_: usize| job("ordered", |job| job.order_key = Some("x".to_owned()));
        store.enqueue((0..count).map(ordered).collect()).await.unwrap();
        let held = store.claim(&request(8)).await.unwrap().remove(0).held;
        let end = Finish { held, outcome: Outcome::Succeeded, record: None };
        let (is_ended, cost) = cost(&folder, |connection| store.ending().finish(connection, &end));
        assert!(is_ended);
        costs.push(cost);
    }
    assert!(costs[1] < costs[0] * 3 / 2, "{costs:?}");
}

#[tokio::test]
async fn dead_letters_are_found_among_many_that_succeeded() {
    let mut costs = Vec::new();
    for count in [100, 5_000] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        store.enqueue((0..count).map(|_| job("a", |_| ())).collect()).await.unwrap();
        let mut outcome = Outcome::Dead;
        let mut ends = Vec::new();
        for claimed in store.claim(&request(count)).await.unwrap() {
            let outcome = std::mem::replace(&mut outcome, Outcome::Succeeded);
            ends.push(Finish { held: claimed.held, outcome, record: None });
        }
        store.finish(ends).await.unwrap();
        let filter =
            JobFilter { statuses: vec![JobStatus::Dead, JobStatus::Running], most: 50, ..JobFilter::default() };
        let (listed, cost) = cost(&folder, |connection| look::list(connection, &filter, 50, 500));
        assert_eq!(listed.len(), 1);
        costs.push(cost);
    }
    assert!(costs[1] < costs[0] * 3 / 2, "{costs:?}");
}

/// Lets the file grow to that many pages more than it has; none when there is no limit.
async fn limit_growth(store: &SqliteStore, pages: Option<i64>) {
    let limit = move |connection: &Connection| {
        let count: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).or_queue_error()?;
        let most = pages.map_or(1 << 30, |pages| count + pages);
        connection.pragma_update_and_check(None, "max_page_count", most, |_row| Ok(())).or_queue_error()
    };
    store.writer.write(limit).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing_that_was_taken_in() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    store.enqueue(vec![job("before", |_| ())]).await.unwrap();
    limit_growth(&store, Some(20)).await;
    let mut taken_in = 1;
    let error = loop {
        match store.enqueue(vec![job("a", |_| ()), job("b", |_| ())]).await {
            Ok(enqueued) => taken_in += enqueued.len(),
            Err(error) => break error,
        }
        assert!(taken_in < 100_000, "it never gets full");
    };
    assert!(matches!(error, QueueError::Full(_)), "{error:?}");
    assert!(error.to_string().contains("no room is left on the disk"), "{error}");
    let is_there = async |store: &SqliteStore| {
        let all = JobFilter { most: 10_000, ..JobFilter::default() };
        assert_eq!(store.list(&all).await.unwrap().len(), taken_in);
    };
    is_there(&store).await;
    drop(store);
    let store = open(&folder);
    is_there(&store).await;
    assert_eq!(store.claim(&request(10_000)).await.unwrap().len(), taken_in);
    store.enqueue(vec![job("after", |_| ())]).await.unwrap();
}

#[tokio::test]
async fn ended_jobs_make_room_for_others() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let large = || NewJob { payload: vec![7; 200_000].into(), ..job("large", |_| ()) };
    store.enqueue(vec![large()]).await.unwrap();
    limit_growth(&store, Some(20)).await;
    let full = store.enqueue(vec![large()]).await;
    assert!(matches!(full, Err(QueueError::Full(_))), "{full:?}");
    let held = store.claim(&request(1)).await.unwrap().remove(0).held;
    let end = Finish { held, outcome: Outcome::Succeeded, record: None };
    assert_eq!(store.finish(vec![end]).await.unwrap(), [true]);
    assert_eq!(store.enqueue(vec![large()]).await.unwrap(), [Enqueued::Stored]);
}

#[tokio::test]
async fn a_job_that_lost_its_payload_is_given_up_and_holds_up_no_other() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let ordered = |script: &str| job(script, |job| job.order_key = Some("key".to_owned()));
    let (bad, next, free) = (ordered("bad"), ordered("next"), job("free", |_| ()));
    let id = bad.job.id.clone();
    store.enqueue(vec![bad, next, free]).await.unwrap();
    let seq = "SELECT seq FROM job WHERE script = 'bad'";
    let lose =
        move |at: &Connection| at.execute(&format!("DELETE FROM payload WHERE seq = ({seq})"), []).or_queue_error();
    assert_eq!(store.writer.write(lose).await.unwrap(), 1);
    let scripts = async || -> Vec<String> {
        store.claim(&request(3)).await.unwrap().into_iter().map(|claimed| claimed.job.script).collect()
    };
    assert_eq!(scripts().await, ["free"]);
    assert_eq!(scripts().await, ["next"]);
    let dead = store.get(&id).await.unwrap().unwrap();
    assert_eq!((dead.record.status, dead.attempts.len()), (JobStatus::Dead, 1));
    assert!(dead.record.last_error.unwrap().contains("payload"));
}

#[test]
fn files_that_are_none_of_ours_are_refused_with_a_reason() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let refused = || match SqliteStore::open(&path, StoreSettings::default()) {
        Err(error @ QueueError::Refused(_)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    std::fs::write(&path, "no database at all, but some text that is long enough").unwrap();
    assert!(refused().contains("damaged"), "{}", refused());
    std::fs::remove_file(&path).unwrap();
    schema::open_for_writing(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(refused().contains("newer version"), "{}", refused());
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let folder = TempDir::new().unwrap();
    let missing = SqliteStore::open(&folder.path().join("missing/queue.sqlite3"), StoreSettings::default());
    assert!(matches!(missing, Err(QueueError::Unreachable(_))), "{missing:?}");
}

#[test]
fn handles_that_open_a_new_file_together_all_succeed() {
    let folder = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&folder))).collect();
        opened.into_iter().for_each(|handle| drop(handle.join().unwrap()));
    });
}

#[tokio::test]
async fn lanes_in_which_nothing_is_left_are_let_go() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let in_queue = |number: usize, delay_ms: u64| {
        job("a", |job| {
            job.queue = format!("queue {number}");
            job.delay_ms = delay_ms;
        })
    };
    store.enqueue((0..20).map(|number| in_queue(number, 0)).collect()).await.unwrap();
    store.enqueue(vec![in_queue(20, 3_600_000), in_queue(21, 0)]).await.unwrap();
    let request = ClaimRequest { queues: (0..20).map(|number| format!("queue {number}")).collect(), ..request(20) };
    let mut claimed = store.claim(&request).await.unwrap();
    claimed.truncate(19);
    let end = |claimed: Claimed| Finish { held: claimed.held, outcome: Outcome::Dead, record: None };
    let dead = claimed[0].held.id.clone();
    store.finish(claimed.into_iter().map(end).collect()).await.unwrap();
    store.maintain().await.unwrap();
    let lanes = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM lane", [], |row| row.get::<_, i64>(0)).or_queue_error()
    };
    assert_eq!(store.writer.write(lanes).await.unwrap(), 3, "one waits, one waits for its time, one runs");
    assert!(store.redrive(&dead, Edit::default()).await.unwrap());
    let again = ClaimRequest { queues: Vec::new(), ..request };
    assert_eq!(store.claim(&again).await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_renews_just_before_a_job_is_taken_back_keeps_it() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    store.enqueue(vec![job("a", |_| ())]).await.unwrap();
    let held = store.claim(&request(1)).await.unwrap().remove(0).held;
    let seen = store.read(maintain::running).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(store.renew(std::slice::from_ref(&held)).await.unwrap(), []);
    let take_back = async |held: &Held, beat: i64| {
        let (ending, held) = (store.ending(), held.clone());
        store.writer.write(move |connection| ending.take_back(connection, &held, beat)).await.unwrap()
    };
    assert!(!take_back(&held, seen[0].1).await, "it was renewed since that look");
    let seen_again = store.read(maintain::running).await.unwrap();
    assert!(take_back(&held, seen_again[0].1).await);
    let other = store.claim(&request(1)).await.unwrap().remove(0).held;
    assert!(!take_back(&held, seen_again[0].1).await, "another attempt runs");
    assert!(store.renew(&[other]).await.unwrap().is_empty());
}
