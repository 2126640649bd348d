//! `antiphon worker` beside servers, and queues that are not there yet.

use super::support::{entries, eventually, telling};
use crate::support::{TestApp, antiphon, fixture_folder, json};
use antiphon_test_servers::PostgresServer;
use std::process::{Child, Command, Stdio};

const QUEUED: &str = "db._table.todo.post.queued";

/// A process that runs jobs; ended when dropped.
pub struct Worker(Child);

/// A worker over the data of that server, with these arguments.
pub fn worker(app: &TestApp, arguments: &[&str]) -> Worker {
    worker_with(app, arguments, &[])
}

fn worker_with(app: &TestApp, arguments: &[&str], variables: &[(&str, &str)]) -> Worker {
    let data = app.folder().to_str().unwrap();
    let mut command = antiphon(&["worker", "--data", data]);
    command.args(arguments).envs(variables.iter().copied()).current_dir(data).stderr(Stdio::null());
    Worker(command.spawn().unwrap())
}

impl Worker {
    fn signal(&mut self, signal: &str) -> Option<i32> {
        assert!(Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that runs no jobs.
fn without_workers() -> TestApp {
    TestApp::in_folder(fixture_folder(), &[("ANTIPHON_QUEUE__WORKERS".to_owned(), "false".to_owned())])
}

fn create(app: &TestApp, name: &str) {
    app.user().post("db/_table/todo", json!({"resource": [{"name": name}]})).expect(200);
}

#[test]
fn a_server_without_workers_leaves_its_jobs_to_others() {
    let app = without_workers();
    app.attach(QUEUED, &telling("event.request.payload.resource[0].name"));
    create(&app, "first");
    let mut other = worker(&app, &["--jobs", "1"]);
    assert_eq!(entries(&app, 1), [json!("first")]);
    create(&app, "second");
    assert_eq!(entries(&app, 2), [json!("first"), json!("second")]);
    assert_eq!(other.signal("-TERM"), Some(0));
}

#[test]
fn a_worker_serves_the_queues_that_it_is_told() {
    let app = without_workers();
    let read = "db._table.todo.get.queued";
    for (event, queue) in [(QUEUED, "mail"), (read, "bulk")] {
        app.store(event, json!({"content": telling("event._event.name"), "config": {"queue": queue}}));
    }
    create(&app, "x");
    app.user().get("db/_table/todo").expect(200);
    let _mail = worker(&app, &["--queues", "mail"]);
    assert_eq!(entries(&app, 1), [json!(QUEUED)]);
    let _bulk = worker(&app, &["--queues", "bulk"]);
    assert_eq!(entries(&app, 2), [json!(QUEUED), json!(read)]);
}

#[test]
fn the_jobs_of_a_killed_worker_are_run_by_another() {
    let app = without_workers();
    // The first run waits for its end, the second finds that it had begun.
    app.attach(
        QUEUED,
        "const begun = platform.api.get('db/_table/journal?count_only=true').content;
         platform.api.post('db/_table/journal', {resource: [{entry: begun ? 'again' : 'begun'}]});
         if (!begun) sleep(25);",
    );
    create(&app, "x");
    let mut first = worker(&app, &[]);
    eventually("the job begins", || (app.count("journal") > 0).then_some(()));
    assert_eq!(first.signal("-KILL"), None);
    let _second = worker_with(&app, &[], &[("ANTIPHON_LIMITS__JOB_LEASE_MS", "1000")]);
    assert_eq!(entries(&app, 2), [json!("begun"), json!("again")]);
}

#[test]
fn jobs_wait_beside_their_rows_until_the_queue_is_there() {
    let server = PostgresServer::start().unwrap();
    let url = server.url(&server.create_database().unwrap());
    server.stop().unwrap();
    let variables = [("ANTIPHON_QUEUE__DRIVER", "postgres"), ("ANTIPHON_QUEUE__URL", url.as_str())];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let app = TestApp::in_folder(fixture_folder(), &variables);
    app.attach(QUEUED, &telling("event.request.payload.resource[0].name"));
    create(&app, "patient");
    app.wait_for_log("the queue fails");
    app.wait_for_log("they wait where they were left behind");
    server.restart().unwrap();
    assert_eq!(entries(&app, 1), [json!("patient")]);
    app.wait_for_log("the queue works again");
}
