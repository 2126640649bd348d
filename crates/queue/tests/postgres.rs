//! What is PostgreSQL's own: lost connections, too many of them, restarts, and news between processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use antiphon_model::Limits;
use antiphon_queue::{
    ClaimRequest, Clock, Enqueued, Finish, Held, Job, JobId, JobStatus, NewJob, Outcome, PostgresStore, QueueError,
    Store, StoreSettings,
};
use antiphon_test_servers::PostgresServer;
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a condition may take to come true. Only a failing test waits that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs what blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// A new database of the server that the tests share.
async fn database() -> (&'static PostgresServer, String) {
    blocking(|| {
        let server = PostgresServer::shared().unwrap();
        (server, server.create_database().unwrap())
    })
    .await
}

fn open_with(url: &str, change: impl FnOnce(&mut Limits)) -> Arc<PostgresStore> {
    let mut settings = StoreSettings::default();
    change(&mut settings.limits);
    Arc::new(PostgresStore::open(url, settings).unwrap())
}

fn open(url: &str) -> Arc<PostgresStore> {
    open_with(url, |_limits| ())
}

fn job(script: &str) -> NewJob {
    let job = Job {
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
        backoff_ms: 10,
        backoff_max_ms: 100,
        created_ms: Clock::default().now_ms(),
    };
    NewJob { job, payload: Bytes::from_static(b"payload") }
}

fn request(most: usize) -> ClaimRequest {
    ClaimRequest { worker: "a worker".to_owned(), queues: Vec::new(), most }
}

fn succeeded(held: Held) -> Finish {
    Finish { held, outcome: Outcome::Succeeded, record: None }
}

/// Repeats what may be repeated until the database answers.
async fn until_reached<T>(mut operation: impl AsyncFnMut() -> Result<T, QueueError>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match operation().await {
            Ok(answer) => return answer,
            Err(QueueError::Unreachable(why)) => assert!(Instant::now() < end, "{why}"),
            Err(other) => unreachable!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loses_nothing_and_is_noticed_by_nobody_for_long() {
    let server = Arc::new(blocking(|| PostgresServer::start().unwrap()).await);
    let url = server.url(&server.create_database().unwrap());
    let store = open(&url);
    store.enqueue(vec![job("a"), job("b")]).await.unwrap();
    let held = store.claim(&request(1)).await.unwrap().remove(0).held;

    let (stopped, news) = (Arc::clone(&server), job("while it is away"));
    blocking(move || stopped.stop().unwrap()).await;
    let refused = store.enqueue(vec![news.clone()]).await;
    assert!(matches!(refused, Err(QueueError::Unreachable(_))), "{refused:?}");
    let started = Arc::clone(&server);
    blocking(move || started.restart().unwrap()).await;

    assert_eq!(until_reached(|| store.enqueue(vec![news.clone()])).await, [Enqueued::Stored]);
    assert_eq!(until_reached(|| store.renew(std::slice::from_ref(&held))).await, [], "it still holds its job");
    assert_eq!(until_reached(|| store.finish(vec![succeeded(held.clone())])).await, [true]);
    let rest = until_reached(async || store.claim(&request(10)).await).await;
    let scripts: Vec<&str> = rest.iter().map(|claimed| claimed.job.script.as_str()).collect();
    assert_eq!(scripts, ["b", "while it is away"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_are_replaced_at_once() {
    let (server, database) = database().await;
    let store = open(&server.url(&database));
    for round in 0..5 {
        // Several connections in the pool.
        let jobs: Vec<_> = (0..4).map(|_| store.enqueue(vec![job("a")])).collect();
        for enqueued in futures_util::future::join_all(jobs).await {
            assert_eq!(enqueued.unwrap(), [Enqueued::Stored]);
        }
        let killed = database.clone();
        blocking(move || server.kill_connections(&killed).unwrap()).await;
        let queues = store.queues().await.unwrap();
        assert_eq!(queues[0].ready, 4 * (round + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_connection_it_says_so_and_goes_on_when_there_is_one() {
    let (server, database) = database().await;
    let store = open(&server.url(&database));
    store.enqueue(vec![job("a")]).await.unwrap();
    let full = database.clone();
    blocking(move || {
        server.limit_connections(&full, Some(0)).unwrap();
        server.kill_connections(&full).unwrap();
    })
    .await;
    match store.claim(&request(1)).await {
        Err(QueueError::Unreachable(why)) => assert!(why.contains("too many connections"), "{why}"),
        other => unreachable!("{other:?}"),
    }
    blocking(move || server.limit_connections(&database, None).unwrap()).await;
    assert_eq!(until_reached(async || store.claim(&request(1)).await).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_come_from_another_process_without_a_poll() {
    let (server, database) = database().await;
    // Whoever polls so rarely finds nothing before the test has failed.
    let waiting = open_with(&server.url(&database), |limits| limits.job_poll_ms = 600_000);
    let other = open(&server.url(&database));
    for round in 0..3 {
        let (worker, id) = (Arc::clone(&waiting), job("a"));
        let claimed = tokio::spawn(async move {
            loop {
                if let Some(claimed) = worker.claim(&request(1)).await.unwrap().pop() {
                    return claimed.held;
                }
                worker.wait(DEADLINE * 2).await;
            }
        });
        other.enqueue(vec![id.clone()]).await.unwrap();
        let held = tokio::time::timeout(DEADLINE, claimed).await.expect("nobody told it").unwrap();
        assert_eq!(held.id, id.job.id, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_claimers_are_given_each_job_once() {
    const EACH: usize = 1000;
    const CLAIMERS: usize = 5;
    let (server, database) = database().await;
    let url = server.url(&database);
    let first = open(&url);
    for _batch in 0..CLAIMERS {
        first.enqueue((0..EACH).map(|_| job("a")).collect()).await.unwrap();
    }
    let claimers: Vec<_> = (0..CLAIMERS)
        .map(|_| {
            let store = open(&url);
            tokio::spawn(async move {
                let mut given = Vec::new();
                loop {
                    let claimed = store.claim(&request(64)).await.unwrap();
                    let ends: Vec<Finish> = claimed.iter().map(|claimed| succeeded(claimed.held.clone())).collect();
                    if ends.is_empty() && store.queues().await.unwrap().iter().all(|queue| queue.ready == 0) {
                        return given;
                    }
                    assert!(store.finish(ends).await.unwrap().into_iter().all(|is_ended| is_ended));
                    given.extend(claimed.into_iter().map(|claimed| claimed.held));
                }
            })
        })
        .collect();
    let mut given = Vec::new();
    for claimer in claimers {
        given.extend(claimer.await.unwrap());
    }
    assert_eq!(given.len(), CLAIMERS * EACH);
    assert!(given.iter().all(|held| held.attempt == 1));
    assert_eq!(given.into_iter().map(|held| held.id).collect::<HashSet<_>>().len(), CLAIMERS * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_of_many_processes_are_one_job() {
    let (server, database) = database().await;
    let url = server.url(&database);
    open(&url).queues().await.unwrap();
    let producers: Vec<_> = (0..4)
        .map(|_| {
            let store = open(&url);
            tokio::spawn(async move {
                let mut stored = 0;
                for key in 0..20 {
                    // Keys in different orders in one batch: whoever locked them as given would wait for each other.
                    let mut keys = [key, (key + 7) % 20];
                    if fastrand::bool() {
                        keys.reverse();
                    }
                    let jobs = keys.map(|key| {
                        let mut new = job("a");
                        new.job.dedup_key = Some(key.to_string());
                        new
                    });
                    let enqueued = store.enqueue(jobs.to_vec()).await.unwrap();
                    stored += enqueued.iter().filter(|enqueued| **enqueued == Enqueued::Stored).count();
                }
                stored
            })
        })
        .collect();
    let mut stored = 0;
    for producer in producers {
        stored += producer.await.unwrap();
    }
    assert_eq!(stored, 20);
    assert_eq!(open(&url).queues().await.unwrap()[0].ready, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_with_wrong_clocks_agree_on_delays() {
    let (server, database) = database().await;
    let url = server.url(&database);
    let store = open(&url);
    let mut delayed = job("a");
    // The sender's clock is years ahead; the wait is told by the database's.
    delayed.job.created_ms += 100_000_000_000;
    delayed.job.delay_ms = 1;
    store.enqueue(vec![delayed]).await.unwrap();
    let other = open(&url);
    let end = Instant::now() + DEADLINE;
    while other.claim(&request(1)).await.unwrap().is_empty() {
        assert!(Instant::now() < end, "it waits for the sender's clock");
        other.wait(DEADLINE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_may_hold_what_text_in_postgresql_may_not() {
    let (server, database) = database().await;
    let store = open(&server.url(&database));
    store.enqueue(vec![job("a")]).await.unwrap();
    let held = store.claim(&request(1)).await.unwrap().remove(0).held;
    let record = antiphon_queue::Attempt {
        attempt: 1,
        worker: "a worker".to_owned(),
        started_ms: 1,
        ended_ms: 2,
        outcome: antiphon_queue::AttemptOutcome::Failed,
        error: Some("zero: \0".to_owned()),
        output: "\0".to_owned(),
        script_version: None,
    };
    let end = Finish { held: held.clone(), outcome: Outcome::Dead, record: Some(record.clone()) };
    assert_eq!(store.finish(vec![end]).await.unwrap(), [true]);
    let detail = store.get(&held.id).await.unwrap().unwrap();
    assert_eq!((detail.record.status, detail.attempts), (JobStatus::Dead, vec![record]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_told_why_but_not_the_password() {
    let (server, _database) = database().await;
    let url = format!("postgres://nobody:hush@127.0.0.1:{}/nowhere", server.port());
    match open(&url).queues().await {
        Err(QueueError::Refused(why)) => assert!(why.contains("nobody") && !why.contains("hush"), "{why}"),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_encrypted_for_the_certificate_that_is_trusted_only() {
    let certified = || rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (server_side, other) = (certified(), certified());
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    let untrusted = folder.path().join("untrusted.pem");
    std::fs::write(&trusted, server_side.cert.pem()).unwrap();
    std::fs::write(&untrusted, other.cert.pem()).unwrap();
    let (server, url) = blocking(move || {
        let server = PostgresServer::start().unwrap();
        server.encrypt(&server_side.cert.pem(), &server_side.signing_key.serialize_pem()).unwrap();
        let url = server.url(&server.create_database().unwrap());
        (server, url)
    })
    .await;
    let store = open(&format!("{url}?sslmode=require&sslrootcert={}", trusted.display()));
    until_reached(async || store.queues().await).await;
    let told = blocking(move || {
        let sessions =
            "select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where a.usename = 'antiphon'";
        (server.tell("postgres", sessions).unwrap(), server)
    })
    .await;
    assert_eq!(told.0, "t");
    for trusts in [format!("&sslrootcert={}", untrusted.display()), String::new()] {
        match open(&format!("{url}?sslmode=verify-full{trusts}")).queues().await {
            Err(QueueError::Unreachable(why)) => assert!(why.contains("certificate"), "{why}"),
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_loses_nothing_that_was_taken_in() {
    let (server, database) = database().await;
    let store = open(&server.url(&database));
    store.enqueue(vec![job("before")]).await.unwrap();
    let full = database.clone();
    // What PostgreSQL says when a write finds no room.
    let no_room = "create function no_room() returns trigger language plpgsql as $$ begin \
        raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$; \
        create trigger no_room before insert or update on antiphon_queue.job for each row execute function no_room()";
    blocking(move || server.tell(&full, no_room).unwrap()).await;
    for refused in
        [store.enqueue(vec![job("refused"), job("refused")]).await.err(), store.claim(&request(1)).await.err()]
    {
        assert!(matches!(&refused, Some(QueueError::Full(why)) if why.contains("No space left")), "{refused:?}");
    }
    blocking(move || server.tell(&database, "drop trigger no_room on antiphon_queue.job").unwrap()).await;
    store.enqueue(vec![job("after")]).await.unwrap();
    let claimed = store.claim(&request(10)).await.unwrap();
    let scripts: Vec<&str> = claimed.iter().map(|claimed| claimed.job.script.as_str()).collect();
    assert_eq!(scripts, ["before", "after"]);
    assert!(claimed.iter().all(|claimed| claimed.held.attempt == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_jobs_leave_behind_is_swept_out() {
    let (server, database) = database().await;
    let store = open(&server.url(&database));
    for _batch in 0..6 {
        store.enqueue((0..1000).map(|_| job("a")).collect()).await.unwrap();
        let claimed = store.claim(&request(1000)).await.unwrap();
        let ends = claimed.into_iter().map(|claimed| succeeded(claimed.held)).collect();
        assert!(store.finish(ends).await.unwrap().into_iter().all(|is_ended| is_ended));
    }
    let end = Instant::now() + DEADLINE;
    loop {
        store.maintain().await.unwrap();
        let database = database.clone();
        // Sweeps by order only, not those that PostgreSQL does by itself.
        let count =
            "select vacuum_count > 0 from pg_stat_user_tables where schemaname = 'antiphon_queue' and relname = 'job'";
        if blocking(move || server.tell(&database, count).unwrap()).await == "t" {
            return;
        }
        assert!(Instant::now() < end, "nobody sweeps");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
