//! What queued scripts see, in whose name they run, and what they can't do to the call (statements 3, 110, 127, 128).

use super::support::{entries, eventually, telling};
use crate::support::{JANE, TestApp, Value, json};
use std::time::{Duration, Instant};

const NEW_TODO: &str = "db/_table/todo";
const QUEUED: &str = "db._table.todo.post.queued";

fn create(app: &TestApp, name: &str) -> Value {
    app.user().post(NEW_TODO, json!({"resource": [{"name": name}]})).expect(200)
}

#[test]
fn statement_003_queued_events_fire_generic_first_then_concrete() {
    let app = TestApp::start();
    // What the scripts themselves write fires events of POST.
    let events = ["db._table.{table_name}.patch.queued", "db._table.todo.patch.queued"];
    for event in events {
        let config = json!({"order_key": "one line"});
        app.store(event, json!({"content": telling("event._event.name"), "config": config}));
    }
    app.user().patch("db/_table/todo", json!({"resource": [{"id": 1, "priority": 5}]})).expect(200);
    assert_eq!(entries(&app, 2), events.map(|event| json!(event)));
}

#[test]
fn statement_110_a_queued_service_answers_at_once_and_its_script_runs_afterwards() {
    let app = TestApp::start();
    let config = json!({"content": telling("[event.request.payload.z, event.request.method]"), "queued": true});
    let service = json!({"name": "later", "label": "l", "type": "javascript", "is_active": true, "config": config});
    app.admin().post("system/service", json!({"resource": [service]})).expect(201);
    let answer = app.admin().post("later", json!({"z": 7}));
    let job = answer.header("x-job-id").unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(format!("/api/v2/system/job/{job}").as_str()));
    assert_eq!(answer.expect(202), json!({"success": true}));
    assert_eq!(entries(&app, 1), [json!([7, "POST"])]);
}

#[test]
fn statement_127_a_queued_script_sees_the_final_call_and_its_failure_reaches_nobody() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.request.payload.resource[0].name = 'before';");
    app.attach(
        "db._table.todo.post.post_process",
        "event.response.content.after = true; event.response.status_code = 201;",
    );
    let tell = telling(
        "{name: event.request.payload.resource[0].name, status: event.response.status_code, content: event.response.content}",
    );
    app.attach(QUEUED, &format!("{tell} event.response.content = 'spoiled'; throw 'nobody hears this';"));
    let created = app.user().post(NEW_TODO, json!({"resource": [{"name": "x"}]})).expect(201);
    assert_eq!(created, json!({"resource": [{"id": 4}], "after": true}));
    let told = json!({"name": "before", "status": 201, "content": created});
    assert_eq!(entries(&app, 1)[0], told);
    app.wait_for_log("nobody hears this");
}

#[test]
fn statement_127_a_call_that_wrote_nothing_has_its_job_too_with_its_error() {
    let app = TestApp::start();
    app.attach("db._table.todo.{id}.get.queued", &telling("event.response.status_code"));
    app.user().get("db/_table/todo/99").refused(404);
    app.user().get("db/_table/todo/1").expect(200);
    let mut told = entries(&app, 2);
    told.sort_by_key(|status| status.as_u64());
    assert_eq!(told, [json!(200), json!(404)]);
}

#[test]
fn a_write_that_is_undone_takes_its_job_with_it() {
    let app = TestApp::start();
    app.attach(QUEUED, &telling("event.response.content"));
    let batch = json!({"resource": [{"name": "good"}, {"nothing": 1}]});
    let refused = app.admin().post("db/_table/todo?rollback=true&trace_events=true", batch);
    assert!(refused.status() >= 400, "{refused:?}");
    assert!(refused.header("x-script-trace").unwrap().contains("the write was undone"), "{refused:?}");
    create(&app, "kept");
    assert_eq!(entries(&app, 1), [json!({"resource": [{"id": 4}]})]);
}

#[test]
fn statement_128_both_spellings_are_honoured() {
    let app = TestApp::start();
    for (event, config) in [
        (QUEUED, json!({"queue": "mail", "delay": 0.2})),
        ("db._table.todo.patch.queued", json!({"QUEUED_QUEUE": "post", "QUEUED_DELAY": "0.2"})),
    ] {
        app.store(event, json!({"content": telling("event._event.name"), "config": config}));
    }
    let before = Instant::now();
    create(&app, "x");
    app.user().patch("db/_table/todo", json!({"resource": [{"id": 1, "priority": 5}]})).expect(200);
    entries(&app, 2);
    assert!(before.elapsed() >= Duration::from_millis(200), "both waited for their delay");
    let jobs = app.admin().get("system/job?fields=queue").expect(200);
    let mut queues: Vec<&str> =
        jobs["resource"].as_array().unwrap().iter().map(|job| job["queue"].as_str().unwrap()).collect();
    queues.sort_unstable();
    assert_eq!(queues, ["mail", "post"]);
    let warned = app.admin().post(
        "system/event_script/db.get.queued",
        json!({"type": "javascript", "content": "", "config": {"QUEUED_CONNECTION": "nowhere", "delay": "soon"}}),
    );
    let warning = warned.header("warning").unwrap();
    assert!(warning.contains("nowhere") && warning.contains("delay"), "{warning}");
}

#[test]
fn statement_128_a_failing_job_is_tried_again_and_then_listed_as_dead() {
    let app = TestApp::start();
    let config = json!({"tries": 2, "backoff": 0});
    let content = format!("print('trying'); {} throw 'no luck';", telling("'tried'"));
    app.store(QUEUED, json!({"content": content, "config": config}));
    create(&app, "x");
    let dead = eventually("a dead letter", || {
        let found = app.admin().get("system/job?filter=status=dead").expect(200);
        found["resource"].as_array().unwrap().first().cloned()
    });
    assert_eq!((&dead["attempts"], &dead["script"]), (&json!(2), &json!(QUEUED)));
    assert!(dead["last_error"].as_str().unwrap().contains("no luck"), "{dead}");
    assert_eq!(entries(&app, 2).len(), 2);
}

#[test]
fn statement_128_a_queued_script_works_when_the_token_has_ended() {
    let app = TestApp::start();
    let config = json!({"queue": "held"});
    let tell = telling("{email: platform.session.user.email, token: platform.session.session_token || null}");
    app.store(QUEUED, json!({"content": tell, "config": config}));
    app.admin().patch("system/queue/held", json!({"is_paused": true})).expect(200);
    create(&app, "x");
    // It ended: nobody can use it any more, as when its time is over.
    app.user().delete("user/session").expect(200);
    app.user().get("db/_table/todo").refused(403);
    app.admin().patch("system/queue/held", json!({"is_paused": false})).expect(200);
    let told = &entries(&app, 1)[0];
    assert_eq!((&told["email"], &told["token"]), (&json!(JANE.0), &Value::Null));
}

#[test]
fn what_a_job_holds_can_be_read_by_nobody_who_reads_the_files() {
    let app = TestApp::start();
    app.store(QUEUED, json!({"content": telling("1"), "config": {"delay": 3600}}));
    create(&app, "a very secret todo");
    eventually("the job", || {
        let jobs = app.admin().get("system/job").expect(200);
        jobs["resource"].as_array().unwrap().first().cloned()
    });
    for file in std::fs::read_dir(app.folder()).unwrap().flatten().filter(|file| file.path().is_file()) {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("queue") {
            let bytes = std::fs::read(file.path()).unwrap();
            let found = bytes.windows(18).any(|window| window == b"a very secret todo");
            assert!(!found, "{name}");
        }
    }
}

#[test]
fn scripts_that_queue_each_other_come_to_an_end() {
    let app = TestApp::start();
    let again = "platform.api.post('db/_table/todo', {resource: [{name: 'again'}]});";
    app.attach(QUEUED, again);
    create(&app, "x");
    app.wait_for_log("its jobs would go on making each other for ever");
    assert_eq!(app.count("todo"), 3 + 1 + 3);
}

#[test]
fn a_script_that_is_deleted_or_switched_off_does_not_run_any_more() {
    let app = TestApp::start();
    let held =
        |event: &str| app.store(event, json!({"content": telling("event._event.name"), "config": {"queue": "held"}}));
    let events = [QUEUED, "db._table.{table_name}.post.queued"];
    app.admin().patch("system/queue/held", json!({"is_paused": true})).expect(200);
    events.iter().for_each(|event| held(event));
    create(&app, "x");
    app.admin().delete(&format!("system/event_script/{QUEUED}")).expect(200);
    app.admin().patch(&format!("system/event_script/{}", events[1]), json!({"is_active": false})).expect(200);
    app.admin().patch("system/queue/held", json!({"is_paused": false})).expect(200);
    let ended = eventually("both jobs to end", || {
        let found = app.admin().get("system/job?filter=status=cancelled&fields=last_error").expect(200);
        let found = found["resource"].as_array().unwrap().clone();
        (found.len() == 2).then_some(found)
    });
    let reasons = json!(ended).to_string();
    assert!(reasons.contains("deleted") && reasons.contains("deactivated"), "{reasons}");
    assert_eq!(app.count("journal"), 0);
}
