//! While the queue's server is away, calls are answered as always, and their jobs run when it is back.

use super::support::{entries, eventually, telling};
use crate::support::{TestApp, fixture_folder, json};
use antiphon_test_servers::PostgresServer;

#[test]
fn calls_are_answered_while_the_queue_is_away_and_their_jobs_run_when_it_is_back() {
    let server = PostgresServer::start().unwrap();
    let url = server.url(&server.create_database().unwrap());
    let variables = [("ANTIPHON_QUEUE__DRIVER", "postgres"), ("ANTIPHON_QUEUE__URL", &url)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut app = TestApp::in_folder(fixture_folder(), &variables);
    app.attach("db._table.todo.post.queued", &telling("event.request.payload.resource[0].name"));
    app.attach("db._table.todo.{id}.get.queued", &telling("event.resource"));
    let create = |app: &TestApp, name: &str| {
        app.user().post("db/_table/todo", json!({"resource": [{"name": name}]})).expect(200);
    };
    create(&app, "before");
    assert_eq!(entries(&app, 1), ["before"]);
    // Else it would be tried again: its end could not be told.
    eventually("the books to have its end", || {
        let ended = app.admin().get("system/job?filter=status=succeeded").values("id");
        (ended.len() == 1).then_some(())
    });
    server.stop().unwrap();
    create(&app, "meanwhile");
    app.user().get("db/_table/todo/2").expect(200);
    app.wait_for_log("they are kept until it does");
    // Also those of a process that ends while the queue is away.
    assert!(app.stop().success());
    let app = app.again();
    create(&app, "after a restart");
    server.restart().unwrap();
    let mut told: Vec<String> = entries(&app, 4).iter().map(|entry| entry.to_string()).collect();
    told.sort_unstable();
    assert_eq!(told, ["\"2\"", "\"after a restart\"", "\"before\"", "\"meanwhile\""]);
}

#[test]
fn a_job_that_the_queue_refuses_is_a_dead_letter_and_holds_up_nobody() {
    let server = PostgresServer::start().unwrap();
    let url = server.url(&server.create_database().unwrap());
    let variables = |longest_key: &str| {
        let limit = ("ANTIPHON_LIMITS__JOB_KEY_BYTES", longest_key);
        let variables = [("ANTIPHON_QUEUE__DRIVER", "postgres"), ("ANTIPHON_QUEUE__URL", &url), limit];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let mut app = TestApp::in_folder(fixture_folder(), &variables("255"));
    let name = "request.payload.resource[0].name";
    let config = json!({"order_key": "{request.payload.resource.0.name}"});
    app.store("db._table.todo.post.queued", json!({"content": telling(&format!("event.{name}")), "config": config}));
    server.stop().unwrap();
    for name in ["one", "far longer than keys will be allowed to be", "two"] {
        app.user().post("db/_table/todo", json!({"resource": [{"name": name}]})).expect(200);
    }
    assert!(app.stop().success());
    server.restart().unwrap();
    // What was written under other limits is refused now.
    let app = app.another_with(&variables("20"));
    let mut told: Vec<String> = entries(&app, 2).iter().map(|entry| entry.to_string()).collect();
    told.sort_unstable();
    assert_eq!(told, ["\"one\"", "\"two\""]);
    let dead = eventually("a dead letter", || {
        app.admin().get("system/job?filter=status=dead").expect(200)["resource"].as_array().unwrap().first().cloned()
    });
    let error = dead["last_error"].as_str().unwrap();
    assert!(error.contains("refused the job of 'db._table.todo.post.queued'"), "{error}");
}
