//! Calls that scripts make, beyond the checklist: what they carry, whose rights they have, what they leave alone.

use crate::support::{JANE, TestApp, Value, json};

fn answer(app: &TestApp, source: &str) -> Value {
    app.attach("db._table.todo.get.pre_process", source);
    app.user().get("db/_table/todo").expect(200)
}

#[test]
fn the_event_of_a_call_from_a_script_says_where_it_comes_from() {
    let app = TestApp::start();
    app.attach(
        "db._table.contact.post.pre_process",
        "
        const {method, uri, service, resource, headers, parameters, payload} = event.request;
        event.response = {content: {method, uri, service, resource, mark: headers['x-mark'], parameters, payload,
                                    requestor: platform.session.requestor, user: platform.session.user.email}};",
    );
    let told = answer(&app, "
        const options = {headers: {'X-Mark': 'inner'}, parameters: {a: 'b c', n: 1}};
        event.response = {content: platform.api.post('db/_table/contact?q=1', {resource: [{first_name: 'Bran'}]}, options).content};");
    let expected = json!({
        "method": "POST", "uri": null, "service": null, "resource": null, "mark": "inner",
        "parameters": {"a": "b c", "n": 1, "q": "1"}, "payload": {"resource": [{"first_name": "Bran"}]},
        "requestor": 2, "user": JANE.0,
    });
    assert_eq!(told, expected);
}

#[test]
fn records_are_deleted_by_payload() {
    let app = TestApp::start();
    app.attach(
        "db._table.contact.get.pre_process",
        "return {response: platform.api.delete('db/_table/todo', {resource: [{id: 1}, {id: 3}]})};",
    );
    app.user().get("db/_table/contact").expect(200);
    assert_eq!(app.count("todo"), 1);
}

#[test]
fn a_log_in_inside_a_script_leaves_the_callers_session_alone() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.get.pre_process",
        &format!(
            "
        const inner = platform.api.post('user/session', {{email: '{}', password: '{}'}});
        event.response = {{content: [inner.status_code, inner.content.email, platform.session.user.email]}};",
            JANE.0, JANE.1
        ),
    );
    assert_eq!(app.admin().get("db/_table/todo").expect(200), json!([200, JANE.0, "admin@example.com"]));
}

#[test]
fn an_outer_call_goes_on_after_an_inner_one_was_refused_by_a_script() {
    let app = TestApp::start();
    app.attach("db._table.contact.get.pre_process", "throw {message: 'closed', status_code: 423, code: 'lock'};");
    let told = answer(
        &app,
        "const {status_code, content} = platform.api.get('db/_table/contact'); event.response = {content: [status_code, content.error.code]};",
    );
    assert_eq!(told, json!([423, "lock"]));
}

#[test]
fn what_is_no_call_is_told() {
    let app = TestApp::start();
    for (call, status) in [
        ("get('')", 500),
        ("get()", 500),
        ("call('FETCH', 'db')", 500),
        ("get('nosuch/x')", 403),
        ("get('db/../system/user')", 400),
        ("get('http://127.0.0.1/')", 403),
        ("patch('db/_table/todo/1', 'no json')", 400),
    ] {
        app.attach("db._table.todo.get.pre_process", &format!("return {{response: platform.api.{call}}};"));
        let answer = app.user().get("db/_table/todo");
        assert_eq!(answer.status(), status, "{call}: {answer:?}");
        assert!(
            answer.body()["error"]["message"].as_str().is_some_and(|message| !message.is_empty()),
            "{call}: {answer:?}"
        );
    }
}

#[test]
fn a_scripts_time_includes_that_of_its_calls() {
    let app = TestApp::with_limits(&[("SCRIPT_WALL_MS", 20_000)]);
    app.store(
        "db._table.todo.get.pre_process",
        json!({"content": "platform.api.get('db/_table/contact'); for (;;) {}", "config": {"timeout_ms": 600}}),
    );
    app.attach("db._table.contact.get.pre_process", "sleep(1);");
    let message = app.user().get("db/_table/todo").refused(500);
    assert!(message.contains("600ms"), "{message}");
}

#[test]
fn reading_the_head_runs_the_scripts_of_reading() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.pre_process"]);
    let answer = app.user().exactly("HEAD", "/api/v2/db/_table/todo/");
    assert_eq!((answer.status(), answer.body()), (200, &json!("")));
    assert_eq!(app.ran(), ["db._table.todo.get.pre_process"]);
}
