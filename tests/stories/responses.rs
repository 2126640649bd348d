//! Answers that scripts give or change: statements 39 to 49.

use crate::support::{TestApp, json};

const BEFORE: &str = "db._table.todo.get.pre_process";
const AFTER: &str = "db._table.todo.get.post_process";

#[test]
fn statement_039_a_script_answers_in_the_services_place() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.response = {status_code: 400, content: {sorry: 'closed'}};");
    let answer = app.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]}));
    assert_eq!(answer.expect(400), json!({"sorry": "closed"}));
    assert_eq!(app.count("todo"), 3, "the service must not have run");
}

#[test]
fn statement_040_a_status_alone_is_an_answer() {
    let app = TestApp::start();
    app.attach(BEFORE, "event.response = {status_code: 403};");
    assert_eq!(app.user().get("db/_table/todo").expect(403), json!(""));
}

#[test]
fn statement_041_an_answer_may_have_headers_and_a_type_of_its_own() {
    let app = TestApp::start();
    app.attach(
        BEFORE,
        "event.response = {content: '<b>hi</b>', content_type: 'text/html', headers: {'X-Made-By': 'script', 'X-Count': 2}};",
    );
    let answer = app.user().get("db/_table/todo");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=UTF-8"));
    assert_eq!((answer.header("x-made-by"), answer.header("x-count")), (Some("script"), Some("2")));
    assert_eq!(answer.expect(200), json!("<b>hi</b>"));
}

#[test]
fn statement_042_a_plain_value_is_the_body() {
    let app = TestApp::start();
    app.attach(BEFORE, "event.response = {answer: 42};");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!({"answer": 42}));
}

#[test]
fn an_empty_response_is_no_answer() {
    let app = TestApp::start();
    for empty in ["{}", "[]", "null", "0", "''", "false"] {
        app.attach(BEFORE, &format!("event.response = {empty};"));
        assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 2, 3], "{empty}");
    }
    app.attach_read_only(BEFORE, "return {response: {status_code: 403}};");
    let answer = app.user().get("db/_table/todo");
    assert!(answer.header("warning").is_some_and(|warning| warning.contains(BEFORE)), "{answer:?}");
    assert_eq!(answer.values("id"), [1, 2, 3]);
}

#[test]
fn statement_043_edits_of_the_content_reach_the_client() {
    let app = TestApp::start();
    app.attach(AFTER, "for (const todo of event.response.content.resource) { todo.loud = todo.name.toUpperCase(); delete todo.name; }");
    let answer = app.user().get("db/_table/todo?fields=name&limit=2").expect(200);
    assert_eq!(answer, json!({"resource": [{"loud": "BUY MILK"}, {"loud": "CALL BOB"}]}));
}

#[test]
fn statement_044_edits_of_the_status_reach_the_client_and_an_impossible_one_is_500() {
    let app = TestApp::start();
    app.attach(AFTER, "event.response.status_code = 202;");
    assert_eq!(app.user().get("db/_table/todo").expect(202)["resource"].as_array().unwrap().len(), 3);
    for status in ["999", "'many'", "-1", "42"] {
        app.attach(AFTER, &format!("event.response.status_code = {status};"));
        app.user().get("db/_table/todo").refused(500);
    }
}

#[test]
fn statement_045_headers_are_added_and_null_removes_one() {
    let app = TestApp::start();
    app.attach(BEFORE, "event.response = {content: {}, headers: {'X-First': '1', 'X-Second': '2'}};");
    app.attach(AFTER, "event.response.headers['x-first'] = null; event.response.headers['X-Third'] = '3';");
    let answer = app.user().get("db/_table/todo");
    let headers = ["x-first", "x-second", "x-third"].map(|name| answer.header(name));
    assert_eq!(headers, [None, Some("2"), Some("3")]);
}

#[test]
fn statement_046_a_returned_envelope_replaces_the_response() {
    let app = TestApp::start();
    app.attach(AFTER, "return {content: {count: event.response.content.resource.length}, status_code: 203};");
    assert_eq!(app.user().get("db/_table/todo").expect(203), json!({"count": 3}));
}

#[test]
fn statement_047_a_returned_plain_object_becomes_the_body() {
    let app = TestApp::start();
    app.attach(
        AFTER,
        "event.response.status_code = 202; return {names: event.response.content.resource.map(todo => todo.name)};",
    );
    let answer = app.user().get("db/_table/todo").expect(200);
    assert_eq!(answer, json!({"names": ["buy milk", "call Bob", "feed cat"]}));
}

#[test]
fn statement_048_a_returned_error_is_a_500() {
    let app = TestApp::start();
    for (source, message) in [
        ("return {error: 'went wrong'};", "went wrong"),
        ("return {error: {message: 'went very wrong', code: 7}};", "went very wrong"),
    ] {
        app.attach(AFTER, source);
        assert_eq!(app.user().get("db/_table/todo").refused(500), message);
        app.attach_read_only(BEFORE, source);
        app.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]})).expect(200);
        assert_eq!(app.user().get("db/_table/todo").refused(500), message);
        app.admin().delete(&format!("system/event_script/{BEFORE}")).expect(200);
    }
}

#[test]
fn statement_049_a_false_error_is_none() {
    let app = TestApp::start();
    for falsy in ["false", "0", "null", "''"] {
        app.attach(BEFORE, &format!("return {{error: {falsy}}};"));
        assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 2, 3], "{falsy}");
    }
}

#[test]
fn the_last_answer_counts_and_silence_keeps_the_one_before() {
    let app = TestApp::start();
    app.attach("db._table.{table_name}.get.pre_process", "event.response = {content: {from: 'generic'}};");
    app.attach(BEFORE, "event.response = {content: {from: 'concrete', saw: 'response' in event}};");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!({"from": "concrete", "saw": false}));
    app.attach(BEFORE, "// nothing");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!({"from": "generic"}));
}

#[test]
fn both_scripts_before_and_both_after_leave_their_mark() {
    let app = TestApp::start();
    let before = |word: &str| format!("const p = event.request.parameters; p.trail = (p.trail ?? '') + '{word} ';");
    let after = |word: &str| {
        format!("const c = event.response.content; c.trail = (c.trail ?? event.request.parameters.trail) + '{word} ';")
    };
    app.attach("db._table.{table_name}.get.pre_process", &before("generic"));
    app.attach(BEFORE, &before("concrete"));
    app.attach("db._table.{table_name}.get.post_process", &after("generic-after"));
    app.attach(AFTER, &after("concrete-after"));
    let answer = app.user().get("db/_table/todo").expect(200);
    assert_eq!(answer["trail"], "generic concrete generic-after concrete-after ");
}

#[test]
fn whatever_a_script_makes_of_the_content_is_the_body() {
    let app = TestApp::start();
    for (source, body) in [
        ("event.response.content = 'plain';", json!("plain")),
        ("event.response.content = null;", json!("")),
        ("event.response.content = [1, {a: 2}];", json!([1, {"a": 2}])),
        ("return 'a text';", json!("a text")),
        ("return [1, 2, 3];", json!([1, 2, 3])),
        ("return true;", json!(true)),
        ("return 7;", json!(7)),
        ("return {response: {content: {via: 'return'}}};", json!({"via": "return"})),
        ("event.response = {content: {replaced: true}};", json!({"replaced": true})),
    ] {
        app.attach(AFTER, source);
        assert_eq!(app.user().get("db/_table/todo").expect(200), body, "{source}");
    }
}

#[test]
fn a_failure_can_be_turned_into_a_success_and_a_success_into_a_redirect() {
    let app = TestApp::start();
    app.attach(
        AFTER,
        "if (event.response.status_code >= 400) event.response = {content: {recovered: true}, status_code: 200};",
    );
    assert_eq!(app.user().get("db/_table/todo?filter=bogus = 1").expect(200), json!({"recovered": true}));
    app.attach(AFTER, "event.response.status_code = 302; event.response.headers = {Location: '/elsewhere'};");
    let answer = app.user().get("db/_table/todo");
    assert_eq!((answer.status(), answer.header("location")), (302, Some("/elsewhere")));
    app.attach(BEFORE, "event.response = {status_code: 204};");
    app.admin().delete(&format!("system/event_script/{AFTER}")).expect(200);
    let answer = app.user().get("db/_table/todo");
    assert_eq!((answer.status(), answer.header("content-type"), answer.body()), (204, None, &json!("")));
}

#[test]
fn a_script_on_a_table_that_does_not_exist_can_stand_in_for_it() {
    let app = TestApp::start();
    app.attach("db._table.nosuch.get.pre_process", "event.response = {content: {standing: 'in'}};");
    assert_eq!(app.admin().get("db/_table/nosuch").expect(200), json!({"standing": "in"}));
}
