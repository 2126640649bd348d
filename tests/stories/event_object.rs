//! What scripts are told: `event` and `platform` (statements 69 to 79).

use crate::support::{JANE, TestApp, Value, json};

/// Answers with what a script before the call makes of the event.
fn told(app: &TestApp, expression: &str) -> Value {
    app.attach("db._table.todo.get.pre_process", &format!("event.response = {{content: {expression}}};"));
    app.user().get("db/_table/todo").expect(200)
}

#[test]
fn statement_069_the_request_has_all_its_members() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.response = {content: event.request};");
    let body = json!({"resource": [{"name": "x"}]});
    let request = app.user().with("X-Mark", "here").post("db/_table/todo?fields=name", body.clone()).expect(200);
    let members: Vec<_> = request.as_object().unwrap().keys().map(String::as_str).collect();
    for name in [
        "api_version",
        "method",
        "parameters",
        "headers",
        "payload",
        "content",
        "content_type",
        "uri",
        "service",
        "resource",
    ] {
        assert!(members.contains(&name), "{name} is missing in {members:?}");
    }
    assert_eq!((&request["api_version"], &request["method"]), (&json!("2.0"), &json!("POST")));
    assert_eq!(request["parameters"], json!({"fields": "name"}));
    assert_eq!(request["headers"]["x-mark"], "here");
    assert_eq!(request["payload"], body);
    assert_eq!(request["content"], body.to_string());
    assert_eq!(request["content_type"], "application/json");
    assert_eq!(request["uri"], "/api/v2/db/_table/todo?fields=name");
    assert_eq!((&request["service"], &request["resource"]), (&json!("db"), &json!("_table/todo?fields=name")));
}

#[test]
fn the_event_says_its_name_stage_and_resource() {
    let app = TestApp::start();
    let told = told(
        &app,
        "{name: event.name, stage: event.stage, script: event.script_name, tag: event.__tag__,
                            inner: event._event.stage, resource: event.resource}",
    );
    let name = "db._table.todo.get.pre_process";
    assert_eq!(
        told,
        json!({
            "name": name, "stage": "pre_process", "script": name, "tag": "exposed_event", "inner": "pre_process",
            "resource": "todo",
        })
    );
}

#[test]
fn statement_070_header_names_are_lower_case_and_values_are_texts() {
    let app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", "event.response = {content: event.request.headers};");
    let headers = app.user().with("X-MiXeD", "Value").with("X-Number", "7").get("db/_table/todo").expect(200);
    assert_eq!((&headers["x-mixed"], &headers["x-number"]), (&json!("Value"), &json!("7")));
    for (name, value) in headers.as_object().unwrap() {
        assert!(value.is_string() && *name == name.to_lowercase(), "{name}: {value}");
    }
}

#[test]
fn statement_071_empty_members_are_objects_that_can_be_written_to() {
    let app = TestApp::start();
    let empty = told(&app, "{parameters: event.request.parameters, payload: event.request.payload}");
    assert_eq!(empty, json!({"parameters": {}, "payload": {}}));
    app.attach(
        "db._table.todo.get.post_process",
        "
        const nested = platform.api.get('db/_table/account');
        event.response.content.headers = nested.content.headers;",
    );
    app.attach(
        "db._table.account.get.post_process",
        "
        event.response.content = {headers: [typeof event.request.headers, Array.isArray(event.request.headers)]};",
    );
    app.attach("db._table.todo.get.pre_process", "event.request.parameters.limit = 1;");
    let answer = app.user().get("db/_table/todo").expect(200);
    assert_eq!(answer["resource"].as_array().unwrap().len(), 1);
    assert_eq!(answer["headers"], json!(["object", false]), "calls from inside have headers too");
}

#[test]
fn statement_072_the_response_is_there_after_the_call_only() {
    let app = TestApp::start();
    assert_eq!(
        told(&app, "{there: 'response' in event, value: event.response === undefined}"),
        json!({"there": false, "value": true})
    );
    app.admin().delete("system/event_script/db._table.todo.get.pre_process").expect(200);
    app.attach(
        "db._table.todo.get.post_process",
        "
        const {status_code, content_type, headers} = event.response;
        event.response.content = {status_code, content_type, headers, has: Object.keys(event.response)};",
    );
    let told = app.user().get("db/_table/todo").expect(200);
    assert_eq!(
        (&told["status_code"], &told["content_type"], &told["headers"]),
        (&json!(200), &Value::Null, &json!({}))
    );
    let members = told["has"].as_array().unwrap();
    for name in ["status_code", "content", "content_type", "headers"] {
        assert!(members.contains(&json!(name)), "{name} is missing in {members:?}");
    }
}

#[test]
fn statement_073_a_list_is_an_array_in_the_resource_member() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.get.post_process",
        "
        const list = event.response.content.resource;
        event.response.content = {array: Array.isArray(list), names: list.map(todo => todo.name)};",
    );
    let told = app.user().get("db/_table/todo").expect(200);
    assert_eq!(told, json!({"array": true, "names": ["buy milk", "call Bob", "feed cat"]}));
}

#[test]
fn statement_074_a_plain_text_is_no_obstacle_to_a_modifying_script() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "
        event.request.headers['x-seen'] = 'yes';
        event.response = {content: {content: event.request.content, payload: event.request.payload, type: event.request.content_type}};");
    let told = app.user().send_as("POST", "db/_table/todo", "text/plain", "just words".as_bytes()).expect(200);
    assert_eq!((&told["content"], &told["type"]), (&json!("just words"), &json!("text/plain")));
    assert_eq!(told["payload"], "just words");
}

#[test]
fn statement_075_xml_and_csv_arrive_parsed() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "event.response = {content: event.request.payload.resource};");
    let csv = app.user().send_as("POST", "db/_table/todo", "text/csv", b"name,priority\nsing,2\n").expect(200);
    assert_eq!((&csv[0]["name"], &csv[0]["priority"]), (&json!("sing"), &json!("2")));
    let xml = b"<?xml version=\"1.0\"?><dfapi><resource><name>sing</name><priority>2</priority></resource></dfapi>";
    let xml = app.user().send_as("POST", "db/_table/todo", "application/xml", xml).expect(200);
    assert!(xml.to_string().contains(r#""name":"sing""#), "{xml}");
}

#[test]
fn statement_076_the_session_says_who_calls() {
    let app = TestApp::start();
    app.admin().post("system/lookup", json!({"resource": [{"name": "town", "value": "Bonn"}]})).expect(201);
    let session = told(&app, "platform.session");
    let user = &session["user"];
    assert_eq!(
        (&user["email"], &user["first_name"], &user["is_sys_admin"]),
        (&json!(JANE.0), &json!("Jane"), &json!(false))
    );
    assert_eq!(session["role"]["name"], "clerk");
    assert_eq!(session["role"]["services"][0]["component"], "_table/todo/*");
    assert_eq!(session["api_key"], app.desk_key());
    assert!(session["session_token"].as_str().unwrap().split('.').count() == 3, "{session}");
    assert!(session["app"]["id"].is_u64(), "{session}");
    assert_eq!(session["lookup"], json!({"town": "Bonn"}));

    app.attach("db._table.todo.get.pre_process", "event.response = {content: platform.session};");
    let kiosk = app.key_only().get("db/_table/todo").expect(200);
    assert_eq!((kiosk.get("user"), &kiosk["session_token"]), (None, &Value::Null));
    assert_eq!(kiosk["role"]["name"], "visitor");
    let admin = app.admin().get("db/_table/todo").expect(200);
    assert_eq!((&admin["user"]["is_sys_admin"], admin.get("role")), (&json!(true), None));
}

#[test]
fn statement_077_after_a_log_in_the_session_is_the_users() {
    let app = TestApp::start();
    app.attach(
        "user.session.post.pre_process",
        "event.request.headers['x-before'] = String(platform.session.user?.email);",
    );
    app.attach("user.session.post.post_process", "
        event.response.content.who = [event.request.headers['x-before'], platform.session.user.email, platform.session.role.name];
        event.response.content.todos = platform.api.get('db/_table/todo').content.resource.length;");
    let caller = app.anonymous().with("X-DreamFactory-API-Key", app.desk_key());
    let session = caller.post("user/session", json!({"email": JANE.0, "password": JANE.1})).expect(200);
    assert_eq!(session["who"], json!(["undefined", JANE.0, "clerk"]));
    assert_eq!(session["todos"], 3, "the script calls with the rights of who just logged in");
}

#[test]
fn statement_078_private_lookups_are_not_told() {
    let app = TestApp::start();
    let lookups =
        json!({"resource": [{"name": "pin", "value": "1234", "private": true}, {"name": "town", "value": "Bonn"}]});
    app.admin().post("system/lookup", lookups).expect(201);
    let session = told(&app, "platform.session");
    assert_eq!((session.get("lookup_secret"), &session["lookup"]), (None, &json!({"town": "Bonn"})));
    assert!(!session.to_string().contains("1234"));
}

#[test]
fn statement_079_the_configuration_has_two_names() {
    let app = TestApp::start();
    let told = told(&app, "[platform.config.version, platform.config.df.version]");
    assert!(told[0].as_str().is_some_and(|version| !version.is_empty()), "{told}");
    assert_eq!(told[0], told[1]);
}
