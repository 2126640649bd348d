//! Limits on calls: statements 132 and 175 to 181. Windows are as long as a day where their length does not matter, so that none
//! ends while a test runs.

use super::people::{Client, DB, client, create, grant, person, role};
use crate::support::{Answer, Caller, TestApp, Value, json};

/// A limit on todos of that type and rate; its identifier.
fn limit(app: &TestApp, name: &str, kind: &str, rate: u64, more: Value) -> i64 {
    let mut record = json!({"name": name, "type": kind, "rate": rate, "period": "day"});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    create(app, "limit", record)
}

/// An app whose users may do everything with the database, and the role for that.
fn open_app(app: &TestApp) -> (Client, i64) {
    let role = role(app, "everything", &[grant(DB, "*", 31)]);
    (client(app, "open", None), role)
}

/// How many of six calls in a row pass.
fn passing(caller: &Caller) -> usize {
    (0..6).filter(|_| caller.get("db/_table/todo").status() == 200).count()
}

fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).unwrap_or_else(|| panic!("no {header}: {answer:?}")).parse().unwrap()
}

#[test]
fn statement_132_a_throttled_call_runs_no_script() {
    let app = TestApp::start();
    limit(&app, "one", "instance.service", 1, json!({"service_id": DB}));
    app.journal(&["db._table.todo.get.pre_process", "db._table.todo.get.post_process", "db._table.todo.get"]);
    app.user().get("db/_table/todo").expect(200);
    assert_eq!(app.ran().len(), 3);
    app.user().get("db/_table/todo").refused(429);
    assert!(app.ran().is_empty());
}

#[test]
fn statement_175_the_third_of_two_calls_a_minute_is_refused() {
    let app = TestApp::start();
    let id = limit(&app, "per minute", "instance", 2, json!({"period": "minute"}));
    let first = app.user().get("db/_table/todo");
    assert_eq!((number(&first, "x-ratelimit-limit"), number(&first, "x-ratelimit-remaining")), (2, 1));
    assert_eq!(number(&app.user().get("db/_table/todo"), "x-ratelimit-remaining"), 0);
    let third = app.user().get("db/_table/todo");
    assert!((1..=60).contains(&number(&third, "retry-after")), "{third:?}");
    assert_eq!(number(&third, "x-ratelimit-reset"), number(&first, "x-ratelimit-reset"), "the window became longer");
    assert_eq!((number(&third, "x-ratelimit-limit"), number(&third, "x-ratelimit-remaining")), (2, 0));
    let context = third.body()["error"]["context"].clone();
    assert_eq!(third.refused(429), "API limit(s) exceeded. ");
    assert_eq!(
        context,
        json!([{
            "id": id, "name": "per minute",
            "object": {"id": id, "name": "per minute", "type": "instance", "rate": 2, "period": "minute"},
        }])
    );
}

#[test]
fn statement_176_administrators_and_scripts_are_never_limited() {
    let app = TestApp::start();
    limit(&app, "none", "instance", 1, json!({}));
    assert_eq!(passing(&app.admin()), 6);
    app.attach(
        "db._table.account.get.post_process",
        "const answers = [1, 2, 3].map(() => platform.api.get('db/_table/todo').status_code);
         event.response.content = {answers};",
    );
    let nested = app.user().get("db/_table/account").expect(200);
    assert_eq!(nested, json!({"answers": [200, 200, 200]}));
    app.user().get("db/_table/account").refused(429);
}

#[test]
fn reads_of_related_records_are_not_calls_of_their_own() {
    let app = TestApp::start();
    limit(&app, "two", "instance", 2, json!({}));
    app.user().get("db/_table/contact?related=account_by_account_id").expect(200);
    let second = app.user().get("db/_table/contact?related=account_by_account_id");
    assert_eq!(number(&second, "x-ratelimit-remaining"), 0);
}

#[test]
fn statement_177_each_user_is_counted_for_himself_and_a_limit_of_his_own_wins() {
    let app = TestApp::start();
    let (open, role) = open_app(&app);
    let people = ["ann_example", "bob_example"].map(|name| person(&app, name, &[(&open, role)]));
    limit(&app, "each", "instance.each_user", 2, json!({}));
    limit(&app, "bob", "instance.user", 4, json!({"user_id": people[1].id}));
    let [ann, bob] = people.map(|person| passing(&open.session(&app, &person.token)));
    assert_eq!((ann, bob), (2, 4));
    assert_eq!(passing(&app.key_only()), 6, "nobody is no user");
}

#[test]
fn a_limit_of_a_role_of_an_endpoint_or_of_a_verb_counts_only_its_calls() {
    let app = TestApp::start();
    let (open, role) = open_app(&app);
    let ann = person(&app, "ann_example", &[(&open, role)]);
    let ann = open.session(&app, &ann.token);
    limit(&app, "role", "instance.role", 2, json!({"role_id": role}));
    assert_eq!(passing(&ann), 2);
    assert_eq!(passing(&app.user()), 6, "Jane has another role");
    app.admin().delete("system/limit?force=true").expect(200);
    let endpoint = json!({"service_id": DB, "endpoint": "/_table/todo/*"});
    limit(&app, "endpoint", "instance.service.endpoint", 2, endpoint.clone());
    let mut posts = endpoint;
    posts["verb"] = json!("post");
    limit(&app, "posts", "instance.service.endpoint", 1, posts);
    assert_eq!(passing(&ann), 2);
    ann.get("db/_table/account").expect(200);
    let todo = json!({"resource": [{"name": "wash up"}]});
    ann.post("db/_table/todo", todo.clone()).expect(200);
    ann.post("db/_table/todo", todo).refused(429);
}

#[test]
fn statement_178_a_counter_is_read_and_reset() {
    let app = TestApp::start();
    let id = limit(&app, "three", "instance", 3, json!({}));
    let path = format!("system/limit_cache/{id}");
    let fresh = json!({"id": id, "key": "instance.day", "max": 3, "attempts": 0, "remaining": 3});
    assert_eq!(app.admin().get(&path).expect(200), fresh);
    assert_eq!(passing(&app.user()), 3);
    let used_up = json!({"id": id, "key": "instance.day", "max": 3, "attempts": 3, "remaining": 0});
    assert_eq!(app.admin().get(&path).expect(200), used_up);
    assert_eq!(app.admin().get("system/limit_cache").expect(200), json!({"resource": [used_up]}));
    let related = app.admin().get(&format!("system/limit/{id}?related=limit_cache_by_limit_id")).expect(200);
    let related = &related["limit_cache_by_limit_id"][0];
    assert_eq!((&related["key"], &related["attempts"]), (&json!("instance.day"), &json!(3)));
    assert_eq!(app.admin().delete(&path).expect(200), json!({"id": id}));
    assert_eq!(app.admin().get(&path).expect(200), fresh);
    let none = app.admin().get(&format!("system/limit/{id}?related=limit_cache_by_limit_id")).expect(200);
    assert_eq!(none["limit_cache_by_limit_id"], json!([]));
    assert_eq!(passing(&app.user()), 3);
}

#[test]
fn counters_are_reset_together_only_when_that_is_meant() {
    let app = TestApp::start();
    let id = limit(&app, "one", "instance", 1, json!({}));
    let reset = |path: &str| {
        app.user().get("db/_table/todo");
        let answer = app.admin().delete(path).expect(200);
        assert_eq!(passing(&app.user()), 1, "{path}");
        answer
    };
    let ids = json!({"resource": [{"id": id}]});
    assert_eq!(reset(&format!("system/limit_cache?ids={id}")), ids);
    assert_eq!(reset("system/limit_cache?allow_delete=true"), ids);
    assert_eq!(reset("system/limit_cache?force=true"), ids);
    let tunnelled = app.admin().with("X-HTTP-Method", "DELETE").post("system/limit_cache", ids.clone()).expect(200);
    assert_eq!(tunnelled, ids);
    assert!(app.admin().delete("system/limit_cache").refused(400).contains("allow_delete=true"));
    app.admin().delete("system/limit_cache/999").refused(404);
    app.admin().get("system/limit_cache/999").refused(404);
    app.admin().delete(&format!("system/limit_cache?ids={id},999")).refused(400);
}

#[test]
fn statement_179_a_limit_is_there_once() {
    let app = TestApp::start();
    let record = |name: &str| json!({"resource": [{"name": name, "type": "instance", "rate": 5, "period": "day"}]});
    app.admin().post("system/limit", record("first")).expect(201);
    let again = app.admin().post("system/limit", record("second"));
    let inner = again.body()["error"]["context"]["resource"][0].clone();
    again.refused(400);
    assert_eq!(
        (&inner["status_code"], &inner["message"]),
        (&json!(400), &json!("A limit already exists with those parameters. No records added."))
    );
    let other = limit(&app, "other", "instance", 5, json!({"period": "hour"}));
    let message = app.admin().patch(&format!("system/limit/{other}"), json!({"period": "day"})).refused(400);
    assert!(message.starts_with("A limit already exists with those parameters."), "{message}");
}

#[test]
fn statement_180_a_period_has_its_name_wherever_it_is_read() {
    let app = TestApp::start();
    let periods = ["minute", "hour", "day", "7-day", "30-day"];
    for (number, name) in periods.iter().enumerate() {
        let id = limit(&app, name, "instance", 5, json!({"period": number}));
        assert_eq!(app.admin().get(&format!("system/limit/{id}")).expect(200)["period"], *name);
    }
    assert_eq!(app.admin().get("system/limit?order=id").values("period"), periods.map(|name| json!(name)));
}

#[test]
fn statement_181_an_exceeded_limit_runs_its_scripts_once_in_a_window() {
    let app = TestApp::start();
    let id = limit(&app, "one", "instance.service", 1, json!({"service_id": DB}));
    let tell = "platform.api.post('db/_table/journal', {resource: [{entry: JSON.stringify({
        name: event._event.name, resource: event.resource, limit: event.limit, path: event.request.resource,
        has_response: 'response' in event,
    })}]});
    print('told by ' + event.script_name);";
    app.attach("system.limit.{id}.exceeded", tell);
    app.attach(&format!("system.limit.{id}.exceeded"), tell);
    app.attach(&format!("system.limit.{id}.exceeded.queued"), "print('queued by ' + event.limit.name);");
    app.user().get("db/_table/todo").expect(200);
    for _ in 0..3 {
        app.user().get("db/_table/todo?limit=1").refused(429);
    }
    app.wait_for_log(&format!("told by system.limit.{id}.exceeded"));
    app.wait_for_log("queued by one");
    let told = app.ran();
    assert_eq!(told.len(), 2, "{told:?}");
    let limit = json!({
        "id": id, "name": "one", "type": "instance.service", "rate": 1, "period": "day",
        "cache_key": "instance.service:5.day",
    });
    for (told, name) in told.iter().zip(["{id}".to_owned(), id.to_string()]) {
        let told: Value = serde_json::from_str(told).unwrap();
        assert_eq!(
            told,
            json!({
                "name": format!("system.limit.{name}.exceeded"), "resource": id, "limit": limit,
                "path": "_table/todo?limit=1", "has_response": false,
            })
        );
    }
}

#[test]
fn the_event_of_an_exceeded_limit_is_listed() {
    let app = TestApp::start();
    let id = limit(&app, "one", "instance", 1, json!({}));
    let base = "system.limit.{id}.exceeded";
    let map = app.admin().get("system/event?service=system&scriptable=true").expect(200);
    assert_eq!(
        map["system"][base],
        json!({
            "type": "service", "endpoints": [base, format!("{base}.queued")], "verb": {},
            "parameter": {"id": [id.to_string()]},
        })
    );
    let lists = |query: &str, name: &str| {
        let list = app.admin().get(&format!("system/event?as_list=true&service=system{query}")).expect(200);
        list["resource"].as_array().unwrap().contains(&json!(name))
    };
    assert!(lists("", base) && !lists("&scriptable=true", base));
    assert!(lists("&scriptable=true", &format!("{base}.queued")) && lists("&scriptable=true&include_base=true", base));
}

#[test]
fn a_limit_must_be_whole() {
    let app = TestApp::start();
    let refused = |record: Value| {
        let answer = app.admin().post("system/limit", json!({"resource": [record]}));
        let message =
            answer.body()["error"]["context"]["resource"][0]["message"].as_str().unwrap_or_default().to_owned();
        answer.refused(400);
        message
    };
    let base = json!({"name": "X", "type": "instance", "rate": 5, "period": "day"});
    let with = |name: &str, value: Value| {
        let mut record = base.clone();
        record[name] = value;
        record
    };
    for rate in [json!("many"), json!(0), json!(-1), json!(1.5), Value::Null] {
        assert_eq!(refused(with("rate", rate)), "Limit rate must be an integer. Limit not saved.");
    }
    for (field, value) in [("type", "galaxy"), ("period", "decade"), ("verb", "FLY"), ("name", "")] {
        assert!(refused(with(field, json!(value))).contains(field), "{field}");
    }
    for (kind, field) in [
        ("instance.user", "user_id"),
        ("instance.role", "role_id"),
        ("instance.service", "service_id"),
        ("instance.each_user.service", "service_id"),
    ] {
        let message = format!("{field} must be specified with this limit type. Limit: X");
        assert_eq!(refused(with("type", json!(kind))), message);
        let mut unknown = with("type", json!(kind));
        unknown[field] = json!(999);
        assert_eq!(refused(unknown), format!("No {} exists for X limit.", field.trim_end_matches("_id")));
    }
    let mut no_endpoint = with("type", json!("instance.service.endpoint"));
    no_endpoint["service_id"] = json!(DB);
    assert_eq!(refused(no_endpoint), "endpoint must be specified with this limit type. Limit: X");
    assert_eq!(app.admin().get("system/limit").expect(200), json!({"resource": []}));
    let path = format!("system/limit/{}", create(&app, "limit", base.clone()));
    app.admin().patch(&path, json!({"type": "instance.user"})).refused(400);
    let changed = app.admin().put(&format!("{path}?fields=*"), json!({"rate": 7, "user_id": 1, "key_text": "mine"}));
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["rate"], &changed["user_id"], &changed["key_text"]),
        (&json!(7), &Value::Null, &json!("instance.day"))
    );
}

#[test]
fn the_documented_example_answers_as_documented() {
    let app = TestApp::start();
    let record = json!({
        "type": "instance.each_user.service", "name": "db per user", "rate": 100, "period": "minute",
        "service_id": DB, "is_active": true,
    });
    let path =
        "system/limit?fields=*&related=limit_cache_by_limit_id,service_by_service_id,user_by_user_id,role_by_role_id";
    let created = app.admin().post(path, json!({"resource": [record]})).expect(201)["resource"][0].clone();
    for (field, value) in [
        ("type", json!("instance.each_user.service")),
        ("name", json!("db per user")),
        ("rate", json!(100)),
        ("period", json!("minute")),
        ("service_id", json!(DB)),
        ("user_id", Value::Null),
        ("role_id", Value::Null),
        ("endpoint", Value::Null),
        ("verb", Value::Null),
        ("is_active", json!(true)),
        ("limit_cache_by_limit_id", json!([])),
        ("user_by_user_id", Value::Null),
        ("role_by_role_id", Value::Null),
    ] {
        assert_eq!(created[field], value, "{field} in {created}");
    }
    assert_eq!(created["service_by_service_id"]["name"], "db");
    assert!(created["key_text"].as_str().is_some_and(|key| !key.is_empty()));
}

#[test]
fn a_change_is_in_force_with_the_next_call() {
    let app = TestApp::start();
    let id = limit(&app, "one", "instance", 1, json!({}));
    assert_eq!(passing(&app.user()), 1);
    let path = format!("system/limit/{id}");
    app.admin().patch(&path, json!({"rate": 3})).expect(200);
    assert_eq!(passing(&app.user()), 2, "a higher rate goes on counting");
    app.admin().patch(&path, json!({"is_active": false})).expect(200);
    assert_eq!(passing(&app.user()), 6);
    app.admin().patch(&path, json!({"is_active": true, "type": "instance.service", "service_id": DB})).expect(200);
    assert_eq!(passing(&app.user()), 3);
    app.admin().delete(&path).expect(200);
    assert_eq!(passing(&app.user()), 6);
}

#[test]
fn a_limit_goes_with_its_user_role_or_service() {
    let app = TestApp::start();
    let (open, role) = open_app(&app);
    let ann = person(&app, "ann_example", &[(&open, role)]);
    let service =
        json!({"name": "other", "type": "sqlite", "is_active": true, "config": {"database": "other.sqlite3"}});
    let service = create(&app, "service", service);
    limit(&app, "user", "instance.user", 1, json!({"user_id": ann.id}));
    limit(&app, "role", "instance.role", 1, json!({"role_id": role}));
    limit(&app, "service", "instance.service", 1, json!({"service_id": service}));
    for path in [format!("user/{}", ann.id), format!("role/{role}"), format!("service/{service}")] {
        let before = app.admin().get("system/limit").values("id").len();
        app.admin().delete(&format!("system/{path}")).expect(200);
        assert_eq!(app.admin().get("system/limit").values("id").len(), before - 1, "{path}");
    }
}

#[test]
fn what_is_counted_survives_a_restart() {
    let app = TestApp::start();
    limit(&app, "day", "instance", 3, json!({}));
    limit(&app, "month", "instance.each_user", 2, json!({"period": "30-day"}));
    let before = app.user().get("db/_table/todo");
    assert_eq!(passing(&app.key_only()), 2);
    let app = app.restart();
    let after = app.user().get("db/_table/todo");
    assert_eq!(number(&after, "x-ratelimit-remaining"), 0);
    assert_eq!(after.refused(429), "API limit(s) exceeded. ");
    app.admin().delete("system/limit?filter=name='day'").expect(200);
    let last = app.user().get("db/_table/todo");
    assert_eq!(
        last.header("x-ratelimit-reset"),
        before.header("x-ratelimit-reset"),
        "a window must end when it was to end"
    );
    app.user().get("db/_table/todo").refused(429);
}

#[test]
fn racing_clients_get_exactly_as_many_answers_as_are_allowed() {
    let app = TestApp::start();
    limit(&app, "forty", "instance", 40, json!({}));
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| (0..10).filter(|_| app.user().get("db/_table/todo?limit=1").status() == 200).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 40);
}

#[test]
fn a_role_sees_limits_only_when_it_is_granted_them() {
    let app = TestApp::start();
    let id = limit(&app, "one", "instance.user", 1, json!({"user_id": 1}));
    for path in [format!("system/limit/{id}"), "system/limit_cache".to_owned()] {
        app.user().get(&path).refused(403);
    }
    app.user().delete(&format!("system/limit_cache/{id}")).refused(403);
}

#[test]
fn an_administrator_can_log_in_and_lift_a_limit_that_is_used_up() {
    let app = TestApp::start();
    let id = limit(&app, "none", "instance", 1, json!({}));
    app.user().get("db/_table/todo").expect(200);
    app.anonymous().get("system/environment").refused(429);
    let admin = json!({"email": "admin@example.com", "password": "AdminPassw0rd"});
    let session = app.anonymous().post("system/admin/session", admin).expect(200);
    let admin = app.anonymous().with("X-DreamFactory-Session-Token", session["session_token"].as_str().unwrap());
    admin.delete(&format!("system/limit_cache/{id}")).expect(200);
    app.user().get("db/_table/todo").expect(200);
}
