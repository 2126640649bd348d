//! The newer console (Angular), page by page: its calls in their order, with its headers and parameters, and what each page takes
//! from the answers (system-and-users 8.2, statements 187 and 188).

use crate::support::{ADMIN, Caller, JANE, TestApp, Value, json};

/// The console in a browser. It sends an empty API key, and headers that are meant for its own code.
fn browser(app: &TestApp) -> Caller<'_> {
    app.anonymous()
        .with("X-DreamFactory-API-Key", "")
        .with("show-loading", "")
        .with("snackbar-success", "Saved")
        .with("skip-error", "true")
        .with("Cache-Control", "no-cache, private")
}

/// The console after log-in: it tries users first and, on any error, administrators.
fn log_in<'a>(app: &'a TestApp, (email, password): (&str, &str)) -> Caller<'a> {
    let credentials = json!({"email": email, "password": password});
    let mut answer = browser(app).with("X-DreamFactory-Session-Token", "").post("user/session", credentials.clone());
    if answer.status() != 200 {
        answer = browser(app).with("X-DreamFactory-Session-Token", "").post("system/admin/session", credentials);
    }
    let session = answer.expect(200);
    browser(app).with("X-DreamFactory-Session-Token", session["session_token"].as_str().unwrap())
}

/// The message of its error page.
#[track_caller]
fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {body}"))
}

#[test]
fn statement_187_bootstrap_session_check_and_log_out() {
    let app = TestApp::start();
    let environment = browser(&app).get("system/environment").expect(200);
    assert!(environment["authentication"].is_object());
    let host = environment.pointer("/server/host");
    assert!(host.is_none_or(|host| host.is_string() || host.is_null()), "{environment}");
    let console = log_in(&app, ADMIN);
    let session = console.get("user/session").expect(200);
    assert_eq!((&session["is_sys_admin"], &session["is_root_admin"]), (&json!(true), &json!(true)));
    let environment = console.get("system/environment").expect(200);
    for member in ["version", "license"] {
        assert!(environment["platform"][member].is_string(), "{member}: {}", environment["platform"]);
    }
    assert_eq!(environment["platform"]["root_admin_exists"], true);
    assert!(environment["server"]["host"].is_string());
    assert_eq!(log_in(&app, JANE).get("user/session").expect(200)["is_sys_admin"], false);
    assert_eq!(console.delete("system/admin/session").expect(200), json!({"success": true}));
    assert!(console.get("system/role").refused(403).contains("The token has been blacklisted"));
}

#[test]
fn statement_187_errors_have_the_message_where_the_error_page_looks() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    for (answer, status) in [
        (browser(&app).get("system/role"), 400),
        (browser(&app).with("X-DreamFactory-Session-Token", "rubbish").get("system/role"), 401),
        (console.get("nosuch"), 404),
        (console.get("system/role/999"), 404),
        (console.delete("system/environment"), 400),
    ] {
        assert_eq!(answer.status(), status, "{answer:?}");
        assert!(!message(answer.body()).is_empty());
    }
}

#[test]
fn statement_187_lists_filters_and_the_dashboard() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    for (resource, sort) in [
        ("service", "name"),
        ("role", "name"),
        ("app", "name"),
        ("user", "name"),
        ("admin", "name"),
        ("cors", "path"),
        ("lookup", "name"),
        ("email_template", "name"),
        ("event_script", "name"),
        ("limit", "name"),
    ] {
        let path = format!("system/{resource}?limit=50&offset=0&include_count=true&sort={sort}");
        let list = console.get(&path).expect(200);
        assert!(list["resource"].is_array() && list["meta"]["count"].is_u64(), "{resource}: {list}");
        console.get(&format!("system/{resource}?limit=0&fields=*")).expect(200);
    }
    for resource in ["service", "role", "app"] {
        let count = console.get(&format!("system/{resource}?include_count=true&limit=1")).expect(200);
        assert_eq!(count["resource"].as_array().unwrap().len(), 1);
        assert!(count["meta"]["count"].as_u64().unwrap() >= 1);
    }
    let filters = [
        r#"(type in ("nodejs","php")) and (created_by_id is null) and (name != "api_docs")"#,
        r#"(type not like "%swagger%")"#,
        r#"(name like "%db%") or (label like "%db%")"#,
    ];
    let counts = filters.map(|filter| {
        let list = console.get(&format!("system/service?filter={filter}&limit=50").replace('%', "%25")).expect(200);
        list["resource"].as_array().unwrap().len()
    });
    assert_eq!((counts[0], counts[2]), (0, 1));
    assert!(counts[1] > 3);
}

#[test]
fn statement_187_service_types_by_group_then_in_full() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    let names = console.get("system/service_type?fields=name&group=Database").expect(200);
    assert!(names["resource"].as_array().unwrap().contains(&json!({"name": "sqlite"})), "{names}");
    for group in ["File", "Script", "Email", "Remote%20Service"] {
        console.get(&format!("system/service_type?fields=name&group={group}")).expect(200);
    }
    assert!(console.get("system/service_type/sqlite").expect(200)["config_schema"].is_array());
}

#[test]
fn statement_187_create_edit_and_delete_a_service() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    let service = json!({
        "id": null, "name": "shop", "label": "Shop", "description": "", "is_active": true, "type": "sqlite",
        "config": {"database": "shop.sqlite3"}, "service_doc_by_service_id": null,
    });
    let path = "system/service?fields=*&related=service_doc_by_service_id";
    let created = console.post(path, json!({"resource": [service]})).expect(201)["resource"][0].clone();
    console.get("shop/_table").expect(200);
    let mut whole = created.clone();
    whole["label"] = json!("Renamed");
    let by_id = format!("system/service/{}", created["id"]);
    console.put(&by_id, whole).expect(200);
    console.delete("system/cache/shop").expect(200);
    assert_eq!(console.get(&by_id).expect(200)["label"], "Renamed");
    let twice = console.post(path, json!({"resource": [service]}));
    assert_eq!(twice.status(), 400);
    assert!(twice.body()["error"]["context"]["resource"][0]["message"].is_string(), "{twice:?}");
    let tunnelled = console.clone().with("X-Http-Method", "DELETE");
    tunnelled.post(&by_id, json!({})).expect(200);
    console.get(&by_id).refused(404);
}

#[test]
fn statement_187_the_security_wizard_makes_a_role_and_an_app() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    let role = json!({
        "name": "reader", "description": "", "is_active": true, "lookup_by_role_id": [],
        "role_service_access_by_role_id": [{
            "service_id": 5, "component": "_table/*", "verb_mask": 1, "requestor_mask": 3, "filters": [], "filter_op": "AND",
        }],
    });
    let related = "related=role_service_access_by_role_id,lookup_by_role_id";
    let path = format!("system/role?fields=*&{related}");
    let role = console.post(&path, json!({"resource": [role]})).expect(201)["resource"][0].clone();
    let made = json!({"name": "reader app", "description": "", "type": 0, "is_active": true, "role_id": role["id"]});
    let made = console.post("system/app?fields=*&related=role_by_role_id", json!({"resource": [made]})).expect(201);
    let key = made["resource"][0]["api_key"].as_str().unwrap().to_owned();
    app.anonymous().with("X-DreamFactory-API-Key", &key).get("db/_table/todo").expect(200);
    let mut whole = role.clone();
    whole["description"] = json!("edited");
    console.put(&format!("system/role/{}?{related}", role["id"]), whole.clone()).expect(200);
    assert_eq!(
        console.get(&format!("system/role/{}?{related}", role["id"])).expect(200)["role_service_access_by_role_id"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "a whole record sent back changes only what was edited"
    );
    whole["role_service_access_by_role_id"][0]["role_id"] = Value::Null;
    console.put(&format!("system/role/{}?{related}", role["id"]), whole).expect(200);
    app.anonymous().with("X-DreamFactory-API-Key", &key).get("db/_table/todo").refused(401);
    console.delete(&format!("system/app?ids={}", made["resource"][0]["id"])).expect(200);
    console.delete(&format!("system/role?ids={}", role["id"])).expect(200);
}

#[test]
fn statement_187_create_edit_and_delete_a_user() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    let related = "related=user_to_app_to_role_by_user_id,lookup_by_user_id";
    let id_of = |resource: &str, name: &str| {
        let found = console.get(&format!("system/{resource}?filter=name='{name}'")).expect(200);
        found["resource"][0]["id"].clone()
    };
    let user = json!({
        "name": "Ann", "username": "ann_lee", "first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "phone": null,
        "is_active": true, "password": "anns password 1", "lookup_by_user_id": [],
        "user_to_app_to_role_by_user_id": [{"app_id": id_of("app", "desk"), "role_id": id_of("role", "clerk")}],
    });
    let path = format!("system/user?fields=*&{related}");
    let created = console.post(&path, json!({"resource": [user.clone()]})).expect(201)["resource"][0].clone();
    let row = created["user_to_app_to_role_by_user_id"][0].clone();
    let mut whole = created.clone();
    whole["user_to_app_to_role_by_user_id"] = json!([{"id": row["id"], "user_id": null, "app_id": row["app_id"]}]);
    whole["last_name"] = json!("Li");
    let by_id = format!("system/user/{}?{related}", created["id"]);
    console.put(&by_id, whole).expect(200);
    let read = console.get(&by_id).expect(200);
    assert_eq!((&read["last_name"], &read["user_to_app_to_role_by_user_id"]), (&json!("Li"), &json!([])));
    let mut other = user;
    other["username"] = json!("ann_other");
    let twice = console.post(&path, json!({"resource": [other]}));
    let text = &twice.body()["error"]["context"]["resource"][0]["message"];
    assert!(text.as_str().unwrap().contains("for key 'user_email_unique'"), "{twice:?}");
    console.delete(&format!("system/user?ids={}", created["id"])).expect(200);
}

#[test]
fn statement_187_event_scripts_documentation_and_schema() {
    let app = TestApp::start();
    let console = log_in(&app, ADMIN);
    let services = console.get("system/event?services_only=true").expect(200);
    assert!(services["resource"].as_array().unwrap().contains(&json!("db")));
    let map = console.get("system/event?service=db").expect(200);
    for (path, entry) in map["db"].as_object().unwrap() {
        assert!(entry.get("parameter").is_some() && entry["endpoints"].is_array(), "{path}: {entry}");
    }
    let name = "db._table.todo.post.pre_process";
    let script =
        json!({"name": name, "type": "v8js", "content": "", "is_active": true, "allow_event_modification": true});
    console.post(&format!("system/event_script/{name}"), script.clone()).expect(201);
    console.put(&format!("system/event_script/{name}"), script).expect(200);
    console.delete(&format!("system/event_script?ids={name}")).expect(200);
    for service in ["db", "system", "user", "files"] {
        let document = console.get(&format!("api_docs/{service}")).expect(200);
        assert!(document["info"]["group"].is_string() && document["paths"].is_object(), "{service}");
        assert!(document["components"]["schemas"].is_object(), "{service}");
    }
    let tables = console.get("db/_schema?fields=name,label").expect(200);
    assert!(tables["resource"][0]["label"].is_string(), "{tables}");
    console.get("db/_schema/todo?refresh=true").expect(200);
    assert!(console.get("db/_schema/todo/_field").expect(200)["resource"].is_array());
    assert!(console.get("db/_schema/contact/_related").expect(200)["resource"].is_array());
    let field = json!({"resource": [{"name": "colour", "label": "Colour", "type": "string", "length": 20, "allow_null": true}]});
    console.post("db/_schema/todo/_field", field).expect(200);
    console.delete("db/_schema/todo/_field/colour").expect(200);
}

#[test]
fn statement_188_headers_of_the_consoles_own_pass_and_mean_nothing() {
    let app = TestApp::start();
    let rule = json!({"path": "api/v2/*", "origin": "https://console.example", "header": "*", "method": ["GET"], "enabled": true});
    app.admin().post("system/cors", json!({"resource": [rule]})).expect(201);
    let preflight = app
        .anonymous()
        .with("Origin", "https://console.example")
        .with("Access-Control-Request-Method", "GET")
        .with("Access-Control-Request-Headers", "show-loading,snackbar-success,x-dreamfactory-session-token")
        .exactly("OPTIONS", "/api/v2/system/role");
    assert_eq!(preflight.status(), 204, "{preflight:?}");
    let allowed = preflight.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(allowed.contains("show-loading") && allowed.contains("snackbar-success"), "{allowed}");
    let plain = app.admin().get("system/role").expect(200);
    let marked = app.admin().with("show-loading", "").with("snackbar-success", "x").get("system/role").expect(200);
    assert_eq!(plain, marked);
}
