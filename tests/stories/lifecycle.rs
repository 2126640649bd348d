//! What scripts before and after a call do to it: order, exceptions, the right to modify, edits of the request, limits
//! (statements 23 to 38 and 50 to 57).

use crate::support::{TestApp, json};

const NEW_TODO: &str = "db/_table/todo";

#[test]
fn statement_023_a_throw_before_the_call_leaves_the_table_as_it_was() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "throw 'not today';");
    let message = app.user().post(NEW_TODO, json!({"resource": [{"name": "x"}]})).refused(500);
    assert_eq!((message.as_str(), app.count("todo")), ("not today", 3));
}

#[test]
fn statement_024_a_throw_after_the_call_is_an_error_although_the_row_exists() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.post_process", "throw 'too late';");
    let message = app.user().post(NEW_TODO, json!({"resource": [{"name": "x"}]})).refused(500);
    assert_eq!((message.as_str(), app.count("todo")), ("too late", 4));
}

#[test]
fn statement_025_a_script_after_the_call_sees_its_failure() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.{id}.get.post_process",
        "event.response.content.seen = [event.response.status_code, event.response.content.error.code];",
    );
    let answer = app.user().get("db/_table/todo/99").expect(404);
    assert_eq!(answer["seen"], json!([404, 404]));
    assert_eq!(answer["error"]["message"], "Record with identifier '99' not found.");
}

#[test]
fn statement_026_a_script_after_the_call_runs_when_the_one_before_threw() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "throw 'refused';");
    app.attach(
        "db._table.todo.get.post_process",
        "event.response.content = {because: event.response.content.error.message};",
    );
    assert_eq!(app.user().get("db/_table/todo").expect(500), json!({"because": "refused"}));
}

#[test]
fn statement_027_a_script_after_the_call_runs_when_the_one_before_answered() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "event.response = {content: {from: ['before']}};");
    app.attach("db._table.todo.get.post_process", "event.response.content.from.push('after');");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!({"from": ["before", "after"]}));
}

#[test]
fn statement_028_a_throw_in_the_generic_script_prevents_the_concrete_one() {
    let app = TestApp::start();
    app.attach("db._table.{table_name}.patch.pre_process", "throw 'no';");
    app.journal(&["db._table.todo.patch.pre_process", "db._table.todo.patch.post_process", "db._table.todo.patch"]);
    app.user().patch("db/_table/todo?filter=id=1", json!({"resource": [{"priority": 9}]})).refused(500);
    assert_eq!(app.ran(), ["db._table.todo.patch.post_process", "db._table.todo.patch"]);
}

#[test]
fn statement_029_an_inactive_script_is_not_run() {
    let app = TestApp::start();
    app.attach_inactive("db._table.todo.get.pre_process", "throw 'must not run';");
    app.user().get("db/_table/todo").expect(200);
}

#[test]
fn statement_030_without_the_right_to_modify_edits_of_the_request_have_no_effect() {
    let app = TestApp::start();
    app.attach_read_only("db._table.todo.get.pre_process", "event.request.parameters.limit = 1;");
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 3);
    app.attach_read_only("db._table.todo.post.pre_process", "event.request.payload.resource[0].name = 'edited';");
    app.user().post(NEW_TODO, json!({"resource": [{"name": "mine"}]})).expect(200);
    assert_eq!(app.todo(4)["name"], "mine");
}

#[test]
fn statement_031_without_the_right_to_modify_responses_have_no_effect_and_a_warning_says_so() {
    let app = TestApp::start();
    app.attach_read_only("db._table.todo.get.pre_process", "event.response = {status_code: 403};");
    app.attach_read_only(
        "db._table.todo.get.post_process",
        "event.response.content = 'edited'; return {status_code: 418};",
    );
    let answer = app.user().get("db/_table/todo");
    let warning = answer.header("warning").unwrap_or_default().to_owned();
    assert_eq!(answer.values("id"), [1, 2, 3]);
    assert!(
        warning.contains("db._table.todo.get.pre_process") && warning.contains("allow_event_modification"),
        "{warning}"
    );
}

#[test]
fn statement_032_without_the_right_to_modify_a_throw_still_aborts() {
    let app = TestApp::start();
    app.attach_read_only("db._table.todo.post.pre_process", "throw {message: 'closed', status_code: 403};");
    let message = app.user().post(NEW_TODO, json!({"resource": [{"name": "x"}]})).refused(403);
    assert_eq!((message.as_str(), app.count("todo")), ("closed", 3));
}

#[test]
fn statement_033_a_filter_set_before_the_call_changes_the_result() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "event.request.parameters.filter = 'priority > 1';");
    assert_eq!(app.user().get("db/_table/todo").values("id"), [2, 3]);
    assert_eq!(app.user().get("db/_table/todo?filter=priority=1").values("id"), [2, 3]);
}

#[test]
fn statement_034_emptied_parameters_take_the_clients_filter_away() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "event.request.parameters = {};");
    assert_eq!(app.user().get("db/_table/todo?filter=id=1").values("id"), [1, 2, 3]);
    app.attach("db._table.todo.get.pre_process", "delete event.request.parameters.filter;");
    assert_eq!(app.user().get("db/_table/todo?filter=id=1").values("id"), [1, 2, 3]);
}

#[test]
fn statement_035_an_edit_of_the_payload_changes_the_stored_row() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.post.pre_process",
        "for (const todo of event.request.payload.resource) todo.priority = 5;",
    );
    app.user().post(NEW_TODO, json!({"resource": [{"name": "a"}, {"name": "b", "priority": 1}]})).expect(200);
    assert_eq!((&app.todo(4)["priority"], &app.todo(5)["priority"]), (&json!(5), &json!(5)));
}

#[test]
fn statement_036_an_edit_of_the_content_counts_and_the_payload_wins_over_it() {
    let app = TestApp::start();
    let content = "event.request.content = event.request.content.replace('typed', 'content');";
    app.attach("db._table.todo.post.pre_process", content);
    app.user().post(NEW_TODO, json!({"resource": [{"name": "typed"}]})).expect(200);
    assert_eq!(app.todo(4)["name"], "content");

    let both = format!("{content} event.request.payload.resource[0].name = 'payload';");
    app.attach("db._table.todo.post.pre_process", &both);
    app.user().post(NEW_TODO, json!({"resource": [{"name": "typed"}]})).expect(200);
    assert_eq!(app.todo(5)["name"], "payload");
}

#[test]
fn statement_037_a_header_added_before_the_call_is_seen_after_it() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "event.request.headers['x-mark'] = 'made before';");
    app.attach("db._table.todo.get.post_process", "event.response.content = event.request.headers['x-mark'];");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!("made before"));
}

#[test]
fn statement_038_a_changed_method_changes_neither_the_operation_nor_the_event() {
    let app = TestApp::start();
    app.attach("db._table.todo.{id}.get.pre_process", "event.request.method = 'DELETE';");
    app.journal(&["db._table.todo.{id}.get.post_process", "db._table.todo.{id}.delete.post_process"]);
    app.user().get("db/_table/todo/1").expect(200);
    assert_eq!(app.ran(), ["db._table.todo.{id}.get.post_process"]);
    assert_eq!(app.count("todo"), 3);

    app.attach("db._table.todo.{id}.get.pre_process", "event.request.method = 'FETCH';");
    assert_eq!(app.user().get("db/_table/todo/1").refused(500), "Invalid method 'FETCH'");
}

#[test]
fn statement_050_a_returned_true_keeps_the_edits_of_the_request() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "event.request.parameters.limit = 1; return true;");
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1]);
    app.attach("db._table.todo.get.pre_process", "event.request.parameters.limit = 2; return {ok: 'yes'};");
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 2]);
}

#[test]
fn statement_051_a_script_that_returns_nothing_or_null_has_edited_the_event() {
    let app = TestApp::start();
    for end in ["", "return;", "return null;", "return event;"] {
        app.attach("db._table.todo.get.pre_process", &format!("event.request.parameters.limit = 1; {end}"));
        app.attach("db._table.todo.get.post_process", &format!("event.response.content.end = 'after'; {end}"));
        let answer = app.user().get("db/_table/todo").expect(200);
        assert_eq!((answer["resource"].as_array().unwrap().len(), &answer["end"]), (1, &json!("after")), "{end}");
    }
}

#[test]
fn statement_053_an_accept_header_set_before_the_call_chooses_the_format() {
    let app = TestApp::start();
    app.attach("db._table.todo.{id}.get.pre_process", "event.request.headers.accept = 'application/xml';");
    let answer = app.user().with("Accept", "application/json").get("db/_table/todo/1");
    assert_eq!(answer.header("content-type"), Some("application/xml"));
    assert!(answer.body().as_str().unwrap().contains("<name>buy milk</name>"), "{answer:?}");
}

#[test]
fn statement_054_stop_propagation_skips_the_concrete_script_and_the_call_goes_on() {
    let app = TestApp::start();
    app.attach(
        "db._table.{table_name}.get.pre_process",
        "event.stop_propagation = true; event.request.parameters.limit = 1;",
    );
    app.attach("db._table.todo.get.pre_process", "throw 'must not run';");
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1]);
}

#[test]
fn statement_055_a_base_script_comes_last_and_cannot_change_the_response() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.post_process", "db._table.{table_name}.get"]);
    app.user().get("db/_table/todo").expect(200);
    assert_eq!(app.ran(), ["db._table.todo.get.post_process", "db._table.{table_name}.get"]);

    for source in ["event.response.content = 'edited';", "return {status_code: 500};", "throw 'in vain';"] {
        app.attach("db._table.todo.get", source);
        let answer = app.user().get("db/_table/todo");
        assert_eq!(answer.header("warning"), None, "{source}");
        assert_eq!(answer.values("id"), [1, 2, 3], "{source}");
    }
}

#[test]
fn statement_056_a_script_that_calls_its_own_endpoint_is_stopped() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "return {response: platform.api.get('db/_table/todo')};");
    assert_eq!(app.user().get("db/_table/todo").refused(500), "Script recursion limit exceeded");
    app.user().get("db/_table/todo/1").expect(200);
}

#[test]
fn statement_057_an_endless_loop_is_stopped() {
    let app = TestApp::with_limits(&[("SCRIPT_WALL_MS", 700)]);
    app.attach("db._table.todo.get.pre_process", "for (;;) {}");
    let message = app.user().get("db/_table/todo").refused(500);
    assert!(message.contains("time") && message.contains("700"), "{message}");
    app.user().get("db/_table/todo/1").expect(200);
}
