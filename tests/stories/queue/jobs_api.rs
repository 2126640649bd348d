//! `system/job` and `system/queue`: seeing jobs, running them again, taking them out, holding them.

use super::jobs::{detail, id, jobs, wait_for_jobs};
use super::support::eventually;
use crate::administration::people::{SYSTEM, client, grant, person, role};
use crate::support::{TestApp, Value, json};

const EVENT: &str = "db._table.todo.get.queued";
const CALL: &str = "db/_table/todo?limit=1&fields=id";
/// Fails when the call says so.
const FAILS_WHEN_TOLD: &str = "print('at work'); if (event.request.parameters.fail == '1') throw 'told to fail';";

/// A queued script on reads of todos that is given up after so many tries, one right after the other.
fn attach(app: &TestApp, source: &str, tries: u32) {
    app.store(EVENT, json!({"content": source, "config": {"tries": tries, "backoff": 0}}));
}

/// A call that leaves a job behind.
fn call(app: &TestApp, more: &str) {
    app.admin().get(&format!("{CALL}{more}")).expect(200);
}

fn hold(app: &TestApp, queue: &str, is_paused: bool) {
    app.admin().patch(&format!("system/queue/{queue}"), json!({"is_paused": is_paused})).expect(200);
}

#[test]
fn a_dead_letter_tells_of_every_attempt_and_of_the_call_that_it_is_about() {
    let app = TestApp::start();
    attach(&app, FAILS_WHEN_TOLD, 2);
    call(&app, "&fail=1");
    let dead = &wait_for_jobs(&app, "status='dead'", 1)[0];
    let told = |field: &str| dead[field].clone();
    assert_eq!(
        ["connection", "queue", "script", "event"].map(told),
        ["default", "default", EVENT, EVENT].map(Value::from)
    );
    assert_eq!(["attempts", "failed", "tries", "priority"].map(told), [2, 2, 2, 0].map(Value::from));
    assert!(told("last_error").as_str().unwrap().contains("told to fail"), "{dead}");
    assert!(told("ended_date").is_string() && told("worker").is_null(), "{dead}");

    let whole = detail(&app.admin(), &id(dead));
    let history = whole["history"].as_array().unwrap();
    assert_eq!(history.len(), 2, "{whole}");
    for (attempt, number) in history.iter().zip(1..) {
        assert_eq!((&attempt["attempt"], &attempt["outcome"]), (&json!(number), &json!("failed")), "{attempt}");
        assert!(attempt["error"].as_str().unwrap().contains("told to fail"), "{attempt}");
        assert!(attempt["output"].as_str().unwrap().contains("at work"), "{attempt}");
        assert!(attempt["worker"].is_string() && attempt["started_date"].is_string(), "{attempt}");
        assert_eq!(attempt["script_version"], 1, "{attempt}");
    }
    assert_eq!(whole["request"]["method"], "GET");
    assert_eq!(whole["request"]["parameters"]["fail"], "1");
    assert_eq!(whole["response"]["status_code"], 200);
    assert!(whole["identity"]["user_id"].is_number(), "{whole}");
    assert_eq!(whole["saved_script"]["content"], FAILS_WHEN_TOLD);
    let token = app.admin().get("system/admin/session").expect(200)["session_token"].as_str().unwrap().to_owned();
    assert!(!whole.to_string().contains(&token), "no token is kept");
    let some = app.admin().get(&format!("system/job/{}?fields=status,history", id(dead))).expect(200);
    assert_eq!(some.as_object().unwrap().keys().collect::<Vec<_>>(), ["status", "history"]);
}

#[test]
fn a_dead_letter_runs_again_as_it_is_with_another_request_or_with_the_script_of_today() {
    let app = TestApp::start();
    attach(&app, FAILS_WHEN_TOLD, 1);
    for _ in 0..3 {
        call(&app, "&fail=1");
    }
    let dead: Vec<String> = wait_for_jobs(&app, "status='dead'", 3).iter().map(id).collect();
    attach(&app, "print('of today');", 1);
    let redrive = |id: &str, change: Value| app.admin().patch(&format!("system/job/{id}"), change);

    redrive(&dead[0], json!({"status": "waiting"})).expect(200);
    let again = eventually("the second attempt", || {
        Some(detail(&app.admin(), &dead[0])).filter(|job| job["attempts"] == 2 && job["status"] == "dead")
    });
    assert_eq!(again["history"][1]["script_version"], 1, "the script is the one of the call");

    redrive(&dead[1], json!({"status": "waiting", "request": {"parameters": {"fail": "0"}}})).expect(200);
    redrive(&dead[2], json!({"status": "waiting", "script_version": "current", "priority": 7, "tries": 5})).expect(200);
    wait_for_jobs(&app, "status='succeeded'", 2);
    let edited = detail(&app.admin(), &dead[1]);
    assert_eq!(
        (&edited["history"][1]["outcome"], &edited["history"][1]["output"]),
        (&json!("succeeded"), &json!("at work\n"))
    );
    let current = detail(&app.admin(), &dead[2]);
    assert_eq!(
        (&current["priority"], &current["tries"], &current["history"][1]["script_version"]),
        (&json!(7), &json!(5), &json!(2))
    );
    assert_eq!(current["history"][1]["output"], "of today\n");

    let refused = redrive(&dead[2], json!({"status": "waiting"})).refused(409);
    assert!(refused.contains("is succeeded"), "{refused}");
    let refused = redrive(&dead[0], json!({"status": "waiting", "script_version": 77})).refused(400);
    assert!(refused.contains("no version 77"), "{refused}");
    let refused = redrive(&dead[0], json!({"status": "waiting", "request": {"method": 5}})).refused(400);
    assert!(refused.contains("The request can't be used"), "{refused}");
    let refused = redrive(&dead[0], json!({"priority": 1})).refused(409);
    assert!(refused.contains("Say \"status\": \"waiting\""), "{refused}");
}

#[test]
fn dead_letters_run_again_in_bulk_and_those_that_can_not_are_told_of() {
    let app = TestApp::start();
    attach(&app, FAILS_WHEN_TOLD, 1);
    for fail in [1, 1, 1, 0] {
        call(&app, &format!("&fail={fail}"));
    }
    let dead: Vec<String> = wait_for_jobs(&app, "status='dead'", 3).iter().map(id).collect();
    let done = id(&wait_for_jobs(&app, "status='succeeded'", 1)[0]);
    attach(&app, "print('mended');", 1);
    let change = json!({"resource": [{"status": "waiting", "script_version": "current"}]});

    let answer =
        app.admin().patch(&format!("system/job?ids={},{done},{}&continue=true", dead[0], dead[1]), change.clone());
    let context = answer.body()["error"]["context"].clone();
    answer.refused(400);
    assert_eq!(context["error"], json!([1]));
    assert_eq!(context["resource"][0], json!({"id": dead[0]}));
    assert!(context["resource"][1]["message"].as_str().unwrap().contains("is succeeded"), "{context}");
    wait_for_jobs(&app, "status='succeeded'", 3);

    let answer =
        app.admin().patch("system/job?filter=(status='dead') and (queue='default')", change.clone()).expect(200);
    assert_eq!(answer["resource"], json!([{"id": dead[2]}]));
    wait_for_jobs(&app, "status='succeeded'", 4);
    let nothing = app.admin().patch("system/job?filter=status='dead'", change).expect(200);
    assert_eq!(nothing["resource"], json!([]));
}

#[test]
fn jobs_are_listed_with_the_parameters_of_all_records() {
    let app = TestApp::start();
    hold(&app, "default", true);
    attach(&app, "1", 1);
    for _ in 0..3 {
        call(&app, "");
    }
    app.store("db._table.todo.get", json!({"content": "1"}));
    let all = wait_for_jobs(&app, "status='waiting'", 3);
    app.admin().patch(&format!("system/job/{}", id(&all[1])), json!({"priority": 5})).expect(200);
    let get = |query: &str| app.admin().get(&format!("system/job?{query}")).expect(200);

    let page = get("fields=id,priority&order=priority desc&limit=1&include_count=true");
    assert_eq!(page["resource"], json!([{"id": all[1]["id"], "priority": 5}]));
    assert_eq!(page["meta"], json!({"count": 3, "next": 1}));
    assert_eq!(get("count_only=true&filter=priority > 4"), json!(1));
    assert_eq!(get(&format!("ids={}&fields=id", id(&all[2])))["resource"], json!([{"id": all[2]["id"]}]));
    assert_eq!(get("filter=status in ('dead','cancelled')")["resource"], json!([]));
    assert_eq!(
        get("group=queue,status&fields=queue,status")["resource"],
        json!([{"queue": "default", "status": "waiting"}])
    );
    assert_eq!(get(&format!("filter=script='{EVENT}'&as_list=true&limit=2"))["resource"].as_array().unwrap().len(), 2);
    app.admin().get("system/job?filter=nosuch=1").refused(400);
    app.admin().get("system/job/0190a5a5a5a5a5a5a5a5a5a5a5a5a5a5").refused(404);
    app.admin().get("system/job/17").refused(404);
    let hint = app.admin().post("system/job", json!({"resource": [{}]})).refused(400);
    assert!(hint.contains("PATCH it with {\"status\": \"waiting\"}"), "{hint}");
    let hint =
        app.admin().patch("system/job?ids=1&rollback=true", json!({"resource": [{"status": "waiting"}]})).refused(400);
    assert!(hint.contains("no rollback"), "{hint}");
}

#[test]
fn a_paused_queue_keeps_its_jobs_until_it_goes_on_and_others_run_meanwhile() {
    let app = TestApp::start();
    hold(&app, "slow", true);
    app.store(EVENT, json!({"content": "print('held')", "config": {"queue": "slow"}}));
    call(&app, "");
    app.store(EVENT, json!({"content": "print('free')", "config": {"queue": "fast"}}));
    call(&app, "");
    wait_for_jobs(&app, "queue='fast' and status='succeeded'", 1);
    assert_eq!(jobs(&app, "queue='slow'")[0]["status"], "waiting");
    let slow = app.admin().get("system/queue/slow").expect(200);
    let told = |name: &str| slow[name].clone();
    assert_eq!(["name", "connection"].map(told), ["slow", "default"].map(Value::from));
    assert_eq!(["ready", "delayed", "running", "dead"].map(told), [1, 0, 0, 0].map(Value::from));
    assert!(slow["is_paused"] == true && slow["oldest_date"].is_string(), "{slow}");
    let paused = app.admin().get("system/queue?filter=is_paused=true&fields=name").expect(200);
    assert_eq!(paused["resource"], json!([{"name": "slow"}]));
    let answer = app.admin().patch("system/queue?ids=slow", json!({"resource": [{"is_paused": false}]})).expect(200);
    assert_eq!(answer["resource"], json!([{"id": "slow"}]));
    wait_for_jobs(&app, "queue='slow' and status='succeeded'", 1);
    app.admin().get("system/queue/nosuch").refused(404);
    app.admin().patch("system/queue/slow", json!({"ready": 0})).refused(400);
    for neither in [json!("bogus"), json!({}), json!("")] {
        app.admin().patch("system/queue/slow", json!({"is_paused": neither})).refused(400);
    }
    for (word, is_paused) in [(json!("yes"), true), (json!("No"), false), (json!(1), true), (json!(0), false)] {
        let told = app.admin().patch("system/queue/slow?fields=*", json!({"is_paused": word})).expect(200);
        assert_eq!(told["is_paused"], is_paused, "{word}");
    }
}

#[test]
fn jobs_are_cancelled_moved_delayed_and_forgotten() {
    let app = TestApp::start();
    ["default", "other"].iter().for_each(|queue| hold(&app, queue, true));
    attach(&app, "1", 1);
    for _ in 0..3 {
        call(&app, "");
    }
    let all: Vec<String> = wait_for_jobs(&app, "status='waiting'", 3).iter().map(id).collect();
    let patch = |id: &str, change: Value| app.admin().patch(&format!("system/job/{id}?fields=*"), change);
    assert_eq!(patch(&all[0], json!({"status": "cancelled"})).expect(200)["status"], "cancelled");
    let refused = patch(&all[0], json!({"status": "cancelled"})).refused(409);
    assert!(refused.contains("has ended"), "{refused}");
    let moved = patch(&all[1], json!({"queue": "other", "delay": 3600})).expect(200);
    assert!(moved["queue"] == "other" && moved["run_date"].is_string(), "{moved}");
    let still = patch(&all[1], json!({"priority": 3})).expect(200);
    assert!(still["run_date"].is_string(), "another priority does not make it run at once: {still}");
    assert!(patch(&all[1], json!({"status": "waiting"})).expect(200)["run_date"].is_null());
    for wrong in [
        json!({"status": "running"}),
        json!({"priority": 99999}),
        json!({"tries": 0}),
        json!({"delay": -1}),
        json!({"queue": ""}),
        json!({"queue": "a\u{0}b"}),
        json!({"attempts": 0}),
    ] {
        patch(&all[1], wrong).refused(400);
    }
    app.admin().delete(&format!("system/job/{}", all[0])).expect(200);
    app.admin().get(&format!("system/job/{}", all[0])).refused(404);
    let gone = app.admin().delete("system/job?filter=status='waiting'&fields=id,queue").expect(200);
    assert_eq!(gone["resource"].as_array().unwrap().len(), 2, "{gone}");
    assert_eq!(jobs(&app, "id is not null"), Vec::<Value>::new());
    app.admin().delete("system/job").refused(400);
}

#[test]
fn lists_tell_the_beginning_of_an_error_and_a_job_by_itself_all_of_it() {
    let app = TestApp::start();
    attach(&app, "throw 'x'.repeat(3000);", 1);
    call(&app, "");
    let dead = wait_for_jobs(&app, "status='dead'", 1).remove(0);
    let told = |job: &Value| job["last_error"].as_str().unwrap().len();
    assert_eq!(told(&dead), 500);
    let whole = detail(&app.admin(), &id(&dead));
    assert_eq!(whole["last_error"], whole["history"][0]["error"]);
    assert!(told(&whole) > 500, "{whole}");
    let one = app.admin().get(&format!("system/job/{}?fields=status", id(&dead))).expect(200);
    assert_eq!(one, json!({"status": "dead"}));
}

#[test]
fn a_job_is_taken_up_to_its_limit_and_refused_beyond_it() {
    let app = TestApp::with_limits(&[("JOB_PAYLOAD_BYTES", 20_000)]);
    hold(&app, "default", true);
    attach(&app, "1", 1);
    call(&app, "");
    let path = format!("system/job/{}", id(&wait_for_jobs(&app, "status='waiting'", 1)[0]));
    let is_taken = |bytes: usize| {
        let answer = app.admin().patch(&path, json!({"request": {"payload": {"text": "x".repeat(bytes)}}}));
        match answer.status() {
            200 => true,
            413 => false,
            other => panic!("{bytes} bytes: {other} {}", answer.body()),
        }
    };
    // Down to the byte, so that the answer on both sides of the limit is seen.
    let (mut taken, mut refused) = (1, 20_000);
    assert!(is_taken(taken) && !is_taken(refused));
    while refused - taken > 1 {
        let middle = taken.midpoint(refused);
        if is_taken(middle) { taken = middle } else { refused = middle }
    }
}

#[test]
fn who_may_see_jobs_does_not_see_what_they_hold_nor_change_it() {
    let app = TestApp::start();
    attach(&app, FAILS_WHEN_TOLD, 1);
    call(&app, "&fail=1");
    let dead = id(&wait_for_jobs(&app, "status='dead'", 1)[0]);
    let keepers = role(&app, "keepers", &[grant(SYSTEM, "job/*", 31), grant(SYSTEM, "queue/*", 1)]);
    let office = client(&app, "office", None);
    let keeper = person(&app, "keeper", &[(&office, keepers)]);
    let keeper = office.session(&app, &keeper.token);
    let told = detail(&keeper, &dead);
    assert_eq!(told["history"].as_array().unwrap().len(), 1);
    for secret in ["request", "response", "identity", "saved_script"] {
        assert!(told.get(secret).is_none(), "{secret}: {told}");
    }
    let path = format!("system/job/{dead}");
    keeper.patch(&path, json!({"status": "waiting", "request": {"parameters": {}}})).refused(403);
    keeper.patch(&path, json!({"status": "waiting", "script_version": "current"})).refused(403);
    keeper.patch("system/queue/default", json!({"is_paused": true})).refused(403);
    keeper.patch(&path, json!({"status": "waiting"})).expect(200);
    app.user().get("system/job").refused(403);
}
