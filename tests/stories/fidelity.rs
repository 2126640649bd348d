//! Values pass through scripts unharmed.

use crate::support::{TestApp, Value, json};

/// What a client gets back from a script that hands the payload's `value` on.
fn echoed(app: &TestApp, body: &str) -> Value {
    app.user().send_as("POST", "db/_table/todo", "application/json", body.as_bytes()).expect(200)
}

#[test]
fn texts_of_every_kind_arrive_as_sent() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.response = {content: [event.request.payload.value]};");
    for text in [
        "",
        "plain",
        "Zürich ☃ 🦀",
        "tab\tnew\nline",
        "\u{2028}\u{2029}",
        "nul \u{0} byte",
        "\"quoted\\",
        "</script>",
        "{town} ${x}",
    ] {
        assert_eq!(echoed(&app, &json!({"value": text}).to_string()), json!([text]), "{text:?}");
    }
}

#[test]
fn a_text_that_is_no_unicode_becomes_one_that_is() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", r"event.response = {content: ['a\ud800b', '\udc00']};");
    let told = app.user().get("db/_table/todo").expect(200);
    assert!(told[0].as_str().is_some_and(|text| text.starts_with('a') && text.ends_with('b')), "{told}");
}

#[test]
fn numbers_keep_their_kind_and_members_their_order() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.response = {content: event.request.payload};");
    let body = r#"{"z":1,"a":-0.5,"10":2,"2":9007199254740991,"m":1e300,"big":4294967296,"t":true,"n":null}"#;
    assert_eq!(
        echoed(&app, body).to_string(),
        r#"{"2":9007199254740991,"10":2,"z":1,"a":-0.5,"m":1e+300,"big":4294967296,"t":true,"n":null}"#
    );
    app.attach("db._table.todo.post.pre_process", "event.response = {content: [1/0, 0/0, -0, 1.0, 2**53]};");
    assert_eq!(echoed(&app, "{}"), json!([null, null, 0, 1, 9007199254740992u64]));
}

#[test]
fn what_no_script_touches_stays_exact() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.request.parameters.fields = 'priority,name';");
    app.attach("db._table.todo.post.post_process", "event.response.headers['x-seen'] = 'yes';");
    let answer = app.user().send_as(
        "POST",
        "db/_table/todo",
        "application/json",
        br#"{"resource": [{"name": "exact", "priority": 9007199254740993}]}"#,
    );
    assert_eq!(answer.header("x-seen"), Some("yes"));
    assert_eq!(answer.expect(200).to_string(), r#"{"resource":[{"priority":9007199254740993,"name":"exact"}]}"#);
}

#[test]
fn many_records_pass_through_a_script() {
    let app = TestApp::start();
    let records: Vec<Value> =
        (0..500).map(|number| json!({"name": format!("todo {number}"), "note": "n".repeat(200)})).collect();
    app.attach(
        "db._table.todo.post.pre_process",
        "event.request.payload.resource.forEach((todo, index) => todo.priority = index);",
    );
    app.attach("db._table.todo.get.post_process", "event.response.content.resource.forEach(todo => todo.name += '!');");
    app.user().post("db/_table/todo", json!({"resource": records})).expect(200);
    let todos = app.user().get("db/_table/todo?filter=id > 3&fields=name,priority&order=id").expect(200);
    let todos = todos["resource"].as_array().unwrap();
    assert_eq!(todos.len(), 500);
    assert!(
        todos
            .iter()
            .enumerate()
            .all(|(index, todo)| *todo == json!({"name": format!("todo {index}!"), "priority": index}))
    );
}

#[test]
fn dates_and_other_objects_are_written_as_json_writes_them() {
    let app = TestApp::start();
    let told = |source: &str| {
        app.attach("db._table.todo.get.pre_process", &format!("event.response = {{content: [{source}]}};"));
        app.user().get("db/_table/todo").expect(200)
    };
    assert_eq!(
        told("new Date(0), new Map([[1, 2]]), undefined, () => 1"),
        json!(["1970-01-01T00:00:00.000Z", {}, null, null])
    );
    assert_eq!(
        told("{toJSON: () => 'own'}, new String('boxed'), [, 1], Object.create({inherited: 1})"),
        json!(["own", "boxed", [null, 1], {}])
    );
    app.attach("db._table.todo.get.pre_process", "event.response = {content: 1n};");
    app.user().get("db/_table/todo").refused(500);
}
