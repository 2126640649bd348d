//! Scripts and the rights of those whose calls they run in: a script can take away, and can't give.

use crate::support::{JANE, TestApp, Value, json};

const BEFORE: &str = "db._table.todo.get.pre_process";

/// Lets visitors see urgent todos only.
fn narrow_visitors(app: &TestApp) {
    let visitor = app.admin().get("system/role/2?related=role_service_access_by_role_id").expect(200);
    assert_eq!(visitor["name"], "visitor");
    let mut rows = visitor["role_service_access_by_role_id"].clone();
    let todo = rows.as_array_mut().unwrap().iter_mut().find(|row| row["component"] == "_table/todo/*").unwrap();
    todo["filters"] = json!([{"name": "priority", "operator": ">", "value": "1"}]);
    todo["requestor_mask"] = json!(3);
    app.admin().patch("system/role/2", json!({"role_service_access_by_role_id": rows})).expect(200);
}

#[test]
fn a_script_cannot_widen_what_the_role_lets_see() {
    let app = TestApp::start();
    narrow_visitors(&app);
    assert_eq!(app.key_only().get("db/_table/todo").values("id"), [2, 3]);
    for source in [
        "event.request.parameters = {};",
        "event.request.parameters.filter = 'id > 0 or 1 = 1';",
        "event.request.parameters.filter = 'id = 1) or (id = 1';",
        "event.request.parameters = {ids: '1,2,3', continue: true};",
    ] {
        app.attach(BEFORE, source);
        let answer = app.key_only().get("db/_table/todo");
        assert!(!answer.body().to_string().contains("buy milk"), "{source}: {answer:?}");
    }
}

#[test]
fn the_roles_filter_holds_for_calls_from_scripts() {
    let app = TestApp::start();
    narrow_visitors(&app);
    app.attach(
        BEFORE,
        "
        if (event.request.parameters.inner) return;
        const all = platform.api.get('db/_table/todo?fields=id&order=id&inner=1').content;
        const one = platform.api.get('db/_table/todo/1').status_code;
        event.response = {content: [all, one]};",
    );
    let told = app.key_only().get("db/_table/todo").expect(200);
    assert_eq!(told, json!([{"resource": [{"id": 2}, {"id": 3}]}, 404]));
}

#[test]
fn credentials_that_a_script_puts_into_headers_count_for_nothing() {
    let app = TestApp::start();
    let token = app
        .anonymous()
        .post("system/admin/session", json!({"email": "admin@example.com", "password": "AdminPassw0rd"}));
    let token = token.expect(200)["session_token"].clone();
    app.attach(
        BEFORE,
        &format!(
            "
        const headers = {{'X-DreamFactory-Session-Token': {token}, Authorization: 'Bearer ' + {token}}};
        Object.assign(event.request.headers, headers);
        event.request.parameters.session_token = {token};
        const nested = platform.api.get('system/user?session_token=' + {token}, null, {{headers}});
        event.response = {{content: [nested.status_code, platform.session.user.email]}};"
        ),
    );
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!([403, JANE.0]));
}

#[test]
fn a_script_cannot_send_the_call_elsewhere() {
    let app = TestApp::start();
    app.attach(
        BEFORE,
        "
        event.resource = 'vault';
        Object.assign(event.request, {resource: '_table/vault', uri: '/api/v2/db/_table/vault', service: 'system'});",
    );
    assert_eq!(app.user().get("db/_table/todo").values("name"), ["buy milk", "call Bob", "feed cat"]);
}

#[test]
fn a_forged_session_inside_a_script_gives_no_rights() {
    let app = TestApp::start();
    app.attach(
        BEFORE,
        "
        platform.session.user.is_sys_admin = true;
        platform.session = {user: {is_sys_admin: true}};
        event.response = {content: platform.api.get('system/user').status_code};",
    );
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!(403));
}

#[test]
fn who_lost_a_right_has_lost_it_in_scripts_too() {
    let app = TestApp::start();
    app.attach(BEFORE, "event.response = {content: platform.api.get('db/_table/vault').status_code};");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!(200));
    let clerk = app.admin().get("system/role/1?related=role_service_access_by_role_id").expect(200);
    let rows: Vec<Value> = clerk["role_service_access_by_role_id"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["component"] == "_table/vault/*")
        .map(|row| json!({"id": row["id"], "verb_mask": 0}))
        .collect();
    app.admin().patch("system/role/1", json!({"role_service_access_by_role_id": rows})).expect(200);
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!(403));

    app.admin().patch("system/role/1", json!({"is_active": false})).expect(200);
    app.user().get("db/_table/todo").refused(403);
}

#[test]
fn public_calls_run_scripts_with_nobodys_rights() {
    let app = TestApp::start();
    app.attach("system.environment.get.post_process", "
        event.response.content = {user: platform.session.user ?? 'nobody', todos: platform.api.get('db/_table/todo').status_code};");
    let told = app.anonymous().get("system/environment").expect(200);
    assert_eq!(told["user"], "nobody");
    assert!(told["todos"].as_u64().unwrap() >= 400, "{told}");
}

#[test]
fn a_logged_out_token_runs_no_script() {
    let app = TestApp::start();
    let caller = app.anonymous().with("X-DreamFactory-API-Key", app.desk_key());
    let session = caller.post("user/session", json!({"email": JANE.0, "password": JANE.1})).expect(200);
    let token = session["session_token"].as_str().unwrap();
    let caller = caller.with("X-DreamFactory-Session-Token", token);
    app.attach(BEFORE, "event.response = {content: 'ran'};");
    assert_eq!(caller.get("db/_table/todo").expect(200), "ran");
    caller.delete("user/session").expect(200);
    assert!(caller.get("db/_table/todo").refused(403).contains("Session terminated"));
}
