//! Jobs are seen and changed alike wherever they are kept, and those of several connections together.

use super::jobs::{detail, id, jobs, wait_for_jobs};
use crate::support::{TestApp, Value, fixture_folder, json};
use antiphon_test_servers::{NatsServer, PostgresServer};

const EVENT: &str = "db._table.todo.get.queued";

fn server(variables: &[(&str, String)]) -> TestApp {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (format!("ANTIPHON_{name}"), value.clone())).collect();
    TestApp::in_folder(fixture_folder(), &variables)
}

fn over(driver: &str, url: String) -> TestApp {
    server(&[("QUEUE__DRIVER", driver.to_owned()), ("QUEUE__URL", url)])
}

/// Leaves a job behind for this script.
fn leave(app: &TestApp, source: &str, config: Value) {
    app.store(EVENT, json!({"content": source, "config": config}));
    app.admin().get("db/_table/todo?limit=1").expect(200);
}

/// Given up, looked at, run again with the script of today; held, cancelled, forgotten.
fn a_life_of_jobs(app: &TestApp) {
    leave(app, "throw 'no luck'", json!({"tries": 1, "queue": "mail"}));
    let dead = &wait_for_jobs(app, "status='dead' and queue='mail'", 1)[0];
    assert!(dead["last_error"].as_str().unwrap().contains("no luck"), "{dead}");
    assert_eq!(detail(&app.admin(), &id(dead))["request"]["method"], "GET");
    app.store(EVENT, json!({"content": "print('mended')"}));
    let again = json!({"resource": [{"status": "waiting", "script_version": "current", "priority": 3}]});
    let answer = app.admin().patch("system/job?filter=status='dead'", again).expect(200);
    assert_eq!(answer["resource"], json!([{"id": dead["id"]}]));
    wait_for_jobs(app, "status='succeeded' and priority=3", 1);
    let history = detail(&app.admin(), &id(dead))["history"].clone();
    assert_eq!((&history[0]["outcome"], &history[1]["outcome"]), (&json!("failed"), &json!("succeeded")), "{history}");

    app.admin().patch("system/queue/held", json!({"is_paused": true})).expect(200);
    leave(app, "1", json!({"queue": "held"}));
    let held = wait_for_jobs(app, "queue='held'", 1);
    let queue = app.admin().get("system/queue/held").expect(200);
    assert_eq!((&queue["ready"], &queue["is_paused"]), (&json!(1), &json!(true)));
    let path = format!("system/job/{}", id(&held[0]));
    app.admin().patch(&path, json!({"status": "cancelled"})).expect(200);
    app.admin().delete("system/job?filter=status in ('cancelled','succeeded')").expect(200);
    assert_eq!(jobs(app, "id is not null"), Vec::<Value>::new());
}

#[test]
fn jobs_in_sqlite_live_as_they_are_told_to() {
    a_life_of_jobs(&TestApp::start());
}

#[test]
fn jobs_in_postgres_live_as_they_are_told_to() {
    let postgres = PostgresServer::shared().unwrap();
    a_life_of_jobs(&over("postgres", postgres.url(&postgres.create_database().unwrap())));
}

#[test]
fn jobs_in_nats_live_as_they_are_told_to() {
    let nats = NatsServer::shared().unwrap();
    a_life_of_jobs(&over("nats", format!("{}/{}", nats.url(), NatsServer::prefix())));
}

#[test]
fn jobs_of_every_connection_are_listed_together_and_queues_are_told_apart() {
    let app = server(&[("QUEUE__CONNECTIONS__ARCHIVE__DRIVER", "sqlite".to_owned())]);
    app.admin().patch("system/queue/archive:mail", json!({"is_paused": true})).expect(200);
    leave(&app, "1", json!({"queue": "mail", "connection": "archive"}));
    leave(&app, "1", json!({"queue": "mail", "delay": 3600}));
    wait_for_jobs(&app, "queue='mail' and status='waiting'", 2);
    let connections =
        |filter: &str| -> Vec<Value> { jobs(&app, filter).iter().map(|job| job["connection"].clone()).collect() };
    assert_eq!(connections("queue='mail'"), ["archive", "default"]);
    assert_eq!(connections("connection='archive'"), ["archive"]);
    let queues = app.admin().get("system/queue?fields=id,connection,is_paused,ready,delayed&order=id").expect(200);
    let told = json!([
        {"id": "archive:mail", "connection": "archive", "is_paused": true, "ready": 1, "delayed": 0},
        {"id": "mail", "connection": "default", "is_paused": false, "ready": 0, "delayed": 1},
    ]);
    assert_eq!(queues["resource"], told);
    let held = id(&jobs(&app, "connection='archive'")[0]);
    app.admin().patch("system/queue/archive:mail", json!({"is_paused": false})).expect(200);
    wait_for_jobs(&app, "connection='archive' and status='succeeded'", 1);
    assert_eq!(detail(&app.admin(), &held)["connection"], "archive");
    let status = app.admin().exactly("GET", "/status").expect(200)["queue"].clone();
    let names: Vec<&Value> = status["connections"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["default", "archive"]);
    assert!(status["workers"]["concurrency"].is_number(), "{status}");
}

#[test]
fn a_list_that_is_cut_says_so_and_conditions_of_the_queue_reach_beyond_it() {
    let app = server(&[("LIMITS__JOB_LIST", "2".to_owned())]);
    leave(&app, "throw 'early'", json!({"tries": 1}));
    let early = id(&wait_for_jobs(&app, "status='dead'", 1)[0]);
    for _ in 0..2 {
        leave(&app, "1", json!({"tries": 1}));
    }
    wait_for_jobs(&app, "status='succeeded'", 2);
    let list = |query: &str| app.admin().get(&format!("system/job?fields=id&{query}")).expect(200);
    let all = list("");
    assert_eq!(all["resource"].as_array().unwrap().len(), 2);
    assert!(all["meta"]["note"].as_str().unwrap().contains("Only the latest 2 jobs"), "{all}");
    assert_eq!(list("filter=last_error like '%25early%25'")["resource"], json!([]));
    assert_eq!(
        list("filter=(status = 'dead') and (last_error like '%25early%25')"),
        json!({"resource": [{"id": early}]})
    );
    assert_eq!(list(&format!("ids={early}")), json!({"resource": [{"id": early}]}));
}
