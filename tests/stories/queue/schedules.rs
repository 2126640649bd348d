//! Schedules: scripts that run at moments of a clock.

use super::jobs::{detail, id, jobs, wait_for_jobs};
use super::support::eventually;
use crate::administration::people::{SYSTEM, client, create, grant, person, role};
use crate::support::{TestApp, Value, fixture_folder, json};
use antiphon_test_servers::PostgresServer;
use std::collections::BTreeSet;

/// Writes into the journal for which moment it runs, in whose name and on what.
const TELLS: &str = "
    const told = {name: event._event.name, resource: event.resource, moment: event.request.parameters.moment,
        payload: event.request.payload, user: platform.session.user.email};
    platform.api.post('db/_table/journal', {resource: [{entry: JSON.stringify(told)}]});";

/// A schedule of which no moment comes while a test runs.
fn quiet(name: &str, more: Value) -> Value {
    let mut record = json!({"name": name, "cron": "0 0 29 2 *"});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn journal(app: &TestApp) -> Vec<Value> {
    let entries = app.admin().get("db/_table/journal?fields=entry&order=id").expect(200);
    let entries = entries["resource"].as_array().unwrap().iter().map(|row| row["entry"].as_str().unwrap());
    entries.map(|entry| serde_json::from_str(entry).unwrap()).collect()
}

#[test]
fn two_servers_over_one_folder_run_each_moment_once() {
    let first = TestApp::start();
    let second = first.another();
    first.attach("system.schedule.tick.run", TELLS);
    let record =
        json!({"name": "tick", "cron": "* * * * * *", "payload": {"for": "all"}, "config": {"queue": "ticks"}});
    let schedule = create(&first, "schedule", record);
    eventually("five moments", || (journal(&first).len() >= 5).then_some(()));
    second.admin().patch(&format!("system/schedule/{schedule}"), json!({"is_active": false})).expect(200);
    eventually("the end of every job", || {
        (jobs(&first, "queue='ticks' and status in ('waiting','running')").is_empty()).then_some(())
    });
    let told = journal(&first);
    let moments: BTreeSet<&str> = told.iter().map(|entry| entry["moment"].as_str().unwrap()).collect();
    assert_eq!(moments.len(), told.len(), "no moment twice: {told:?}");
    assert_eq!(jobs(&first, "script='system.schedule.tick.run'").len(), told.len());
    let entry = &told[0];
    assert_eq!((&entry["name"], &entry["resource"]), (&json!("system.schedule.tick.run"), &json!("tick")));
    assert_eq!((&entry["payload"], &entry["user"]), (&json!({"for": "all"}), &json!("admin@example.com")));
    let stored = first.admin().get(&format!("system/schedule/{schedule}")).expect(200);
    assert!(stored["last_run_date"].is_string() && stored["next_run_date"].is_null(), "{stored}");
}

#[test]
fn two_nodes_that_share_a_queue_run_each_moment_of_their_schedule_once() {
    let postgres = PostgresServer::shared().unwrap();
    let url = postgres.url(&postgres.create_database().unwrap());
    let variables = [("ANTIPHON_QUEUE__DRIVER", "postgres"), ("ANTIPHON_QUEUE__URL", &url)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // Folders of their own, with the same secret in them.
    let nodes = [(), ()].map(|()| TestApp::in_folder(fixture_folder(), &variables));
    let schedules = nodes.each_ref().map(|node| {
        node.attach("system.schedule.tick.run", TELLS);
        create(node, "schedule", json!({"name": "tick", "cron": "* * * * * *"}))
    });
    let told = || -> Vec<String> {
        let all = nodes.iter().flat_map(journal);
        all.map(|entry| entry["moment"].as_str().unwrap().to_owned()).collect()
    };
    eventually("five moments", || (told().len() >= 5).then_some(()));
    for (node, schedule) in nodes.iter().zip(schedules) {
        node.admin().patch(&format!("system/schedule/{schedule}"), json!({"is_active": false})).expect(200);
    }
    eventually("the end of every job", || jobs(&nodes[0], "status in ('waiting','running')").is_empty().then_some(()));
    let told = told();
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "no moment twice: {told:?}");
    assert_eq!(jobs(&nodes[0], "status='succeeded'").len(), told.len());
}

#[test]
fn what_was_missed_while_no_server_ran_is_made_up_for_once_or_skipped() {
    let mut app = TestApp::start();
    ["made_up", "skipped"].iter().for_each(|name| app.attach(&format!("system.schedule.{name}.run"), TELLS));
    // Twelve hours from now and before: no moment comes while this runs.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = (now / 3600 + 12) % 24;
    for (name, misfire) in [("made_up", "once"), ("skipped", "skip")] {
        create(&app, "schedule", json!({"name": name, "cron": format!("0 {hour} * * *"), "misfire": misfire}));
    }
    assert!(app.stop().success());
    let system = rusqlite::Connection::open(app.folder().join("system.sqlite3")).unwrap();
    let ago = i64::try_from(now).unwrap() * 1000 - 5 * 86_400_000;
    system.execute("UPDATE schedule SET since_ms = ?1, last_run_ms = ?1", [ago]).unwrap();
    drop(system);
    let app = app.again();
    let done = wait_for_jobs(&app, "status='succeeded'", 1);
    assert_eq!(done[0]["script"], "system.schedule.made_up.run");
    // The other one was looked at before: schedules are looked at in the order of their identifiers, and this one runs after both.
    let path = format!("system/schedule/{}", create(&app, "schedule", quiet("later", json!({}))));
    app.admin().post(&format!("{path}/run"), json!({})).expect(202);
    wait_for_jobs(&app, "status='succeeded'", 2);
    assert_eq!(jobs(&app, "script='system.schedule.skipped.run'"), Vec::<Value>::new());
    let told = journal(&app);
    let moment = told[0]["moment"].as_str().unwrap();
    assert!(told.len() == 1 && moment.ends_with(&format!("T{hour:02}:00:00Z")), "the latest of five: {told:?}");
}

#[test]
fn a_schedule_runs_now_when_asked_and_a_failure_is_tried_again_and_given_up() {
    let app = TestApp::start();
    let config = json!({"config": {"tries": 2, "backoff": 0, "queue": "night"}});
    let schedule = create(&app, "schedule", quiet("report", config));
    app.attach("system.schedule.report.run", "print('at night'); throw 'no paper';");
    let job = app.admin().post(&format!("system/schedule/{schedule}/run"), json!({})).expect(202);
    let dead = wait_for_jobs(&app, "status='dead'", 1);
    assert_eq!((&dead[0]["id"], &dead[0]["queue"], &dead[0]["attempts"]), (&job["id"], &json!("night"), &json!(2)));
    let whole = detail(&app.admin(), &id(&dead[0]));
    assert!(whole["history"][1]["error"].as_str().unwrap().contains("no paper"), "{whole}");
    app.attach("system.schedule.report.run", TELLS);
    app.admin().patch(&format!("system/job/{}", id(&dead[0])), json!({"status": "waiting"})).expect(200);
    wait_for_jobs(&app, "status='succeeded'", 1);
    assert_eq!(journal(&app)[0]["resource"], "report");
}

#[test]
fn the_event_has_scripts_by_its_documented_name_and_queued_ones_after_it() {
    let app = TestApp::start();
    let schedule = create(&app, "schedule", quiet("report", json!({})));
    app.attach("system.schedule.{name}.run", TELLS);
    app.attach("system.schedule.report.run.queued", TELLS);
    app.admin().post(&format!("system/schedule/{schedule}/run"), json!({})).expect(202);
    wait_for_jobs(&app, "status='succeeded'", 2);
    let told = journal(&app);
    let names: Vec<&Value> = told.iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["system.schedule.{name}.run", "system.schedule.report.run.queued"]);
    let map = app.admin().get("system/event?service=system&scriptable=true").expect(200);
    let base = "system.schedule.{name}.run";
    let listed = json!({
        "type": "service", "endpoints": [base, format!("{base}.queued")], "verb": {}, "parameter": {"name": ["report"]},
    });
    assert_eq!(map["system"][base], listed);
}

#[test]
fn a_schedule_tells_its_next_moment_and_what_is_wrong_with_it() {
    let app = TestApp::start();
    let post = |record: Value| app.admin().post("system/schedule?fields=*", json!({"resource": [record]}));
    let stored = post(quiet("leap", json!({"time_zone": "Europe/Berlin"}))).expect(201)["resource"][0].clone();
    assert!(stored["next_run_date"].as_str().unwrap().ends_with("-02-28 23:00:00"), "told in UTC: {stored}");
    assert!(stored["is_active"] == true && stored["misfire"] == "once" && stored["user_id"].is_number(), "{stored}");
    let wrong = |record: Value| {
        let answer = post(record);
        let message =
            answer.body()["error"]["context"]["resource"][0]["message"].as_str().unwrap_or_default().to_owned();
        answer.refused(400);
        message
    };
    for (record, reason) in [
        (json!({"cron": "@daily"}), "name field is required"),
        (json!({"name": "a"}), "cron field is required"),
        (json!({"name": "a b", "cron": "@daily"}), "only letters, digits, underscores and dashes"),
        (json!({"name": "a", "cron": "61 * * * *"}), "The cron expression '61 * * * *' can't be read"),
        (json!({"name": "a", "cron": "0 0 30 2 *"}), "no day that ever comes"),
        (json!({"name": "a", "cron": "@daily", "time_zone": "Mars"}), "The time zone 'Mars' is unknown"),
        (json!({"name": "a", "cron": "@daily", "misfire": "all"}), "'once' makes up for the latest"),
        (json!({"name": "a", "cron": "@daily", "config": {"tries": "many"}}), "tries"),
        (
            json!({"name": "a", "cron": "@daily", "config": {"queue": "a\u{0}b"}}),
            "'queue' may not have control characters",
        ),
        (json!({"name": "LEAP", "cron": "@daily"}), "already exists"),
    ] {
        let message = wrong(record.clone());
        assert!(message.contains(reason), "{record}: {message}");
    }
    let path = format!("system/schedule/{}", stored["id"]);
    app.admin().patch(&path, json!({"cron": "every day"})).refused(400);
    let found = app.admin().get("system/schedule?filter=cron like '%25 2 *'&fields=name,next_run_date").expect(200);
    assert_eq!(found["resource"][0]["name"], "leap");
    assert!(found["resource"][0]["next_run_date"].is_string());
}

#[test]
fn who_is_no_administrator_schedules_in_the_own_name_only() {
    let app = TestApp::start();
    let clerks = role(&app, "planners", &[grant(SYSTEM, "schedule/*", 31)]);
    let office = client(&app, "office", None);
    let planner = person(&app, "planner", &[(&office, clerks)]);
    let admins = create(&app, "schedule", quiet("admins", json!({})));
    let caller = office.session(&app, &planner.token);
    let own = caller.post("system/schedule", json!({"resource": [quiet("own", json!({}))]})).expect(201);
    let own = own["resource"][0]["id"].clone();
    let stored = app.admin().get(&format!("system/schedule/{own}")).expect(200);
    assert_eq!((&stored["user_id"], &stored["app_id"]), (&json!(planner.id), &json!(office.id)));
    caller.patch(&format!("system/schedule/{own}"), json!({"user_id": 1})).refused(403);
    caller.patch(&format!("system/schedule/{admins}"), json!({"payload": {"mine": true}})).refused(403);
    caller.delete(&format!("system/schedule/{admins}")).refused(403);
    caller.post(&format!("system/schedule/{admins}/run"), json!({})).refused(403);
    caller.post(&format!("system/schedule/{own}/run"), json!({})).expect(202);
    wait_for_jobs(&app, "script='system.schedule.own.run' and status='succeeded'", 1);
    app.admin().delete(&format!("system/user/{}", planner.id)).expect(200);
    let stored = app.admin().get(&format!("system/schedule/{own}")).expect(200);
    assert!(stored["is_active"] == false && stored["user_id"].is_null(), "{stored}");
    app.admin().post(&format!("system/schedule/{own}/run"), json!({})).refused(409);
}
