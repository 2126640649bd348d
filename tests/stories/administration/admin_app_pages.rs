//! The older console (AngularJS), page by page: its calls in their order, with its headers and parameters, and what each page
//! takes from the answers (system-and-users 8.1, statement 186).

use crate::support::{ADMIN, Answer, Caller, TestApp, Value, json};

/// The key that is part of the console's own program text.
const CONSOLE_KEY: &str = "6498a8ad1beb9d84d63035c5d1120c007fad6de706734db9689f8996707e0f7d";

/// The console in a browser: it says `Content-Type: application/json` on every call, on those without a body too.
struct Console<'a> {
    caller: Caller<'a>,
}

impl<'a> Console<'a> {
    /// Before log-in.
    fn open(app: &'a TestApp) -> Console<'a> {
        Console { caller: app.anonymous().with("X-DreamFactory-API-Key", CONSOLE_KEY) }
    }

    /// After log-in as the administrator.
    fn logged_in(app: &'a TestApp) -> Console<'a> {
        let console = Console::open(app);
        let credentials = json!({"email": ADMIN.0, "password": ADMIN.1});
        assert_eq!(console.post("user/session", credentials.clone()).refused(401), "Invalid credentials supplied.");
        let session = console.post("system/admin/session", credentials).expect(200);
        let token = session["session_token"].as_str().unwrap().to_owned();
        Console { caller: console.caller.with("X-DreamFactory-Session-Token", &token) }
    }

    fn get(&self, path: &str) -> Value {
        self.try_get(path).expect(200)
    }

    fn try_get(&self, path: &str) -> Answer {
        self.caller.clone().with("Content-Type", "application/json").get(path)
    }

    fn delete(&self, path: &str) -> Value {
        self.caller.clone().with("Content-Type", "application/json").delete(path).expect(200)
    }

    fn post(&self, path: &str, body: Value) -> Answer {
        self.caller.post(path, body)
    }

    fn put(&self, path: &str, body: Value) -> Value {
        self.caller.put(path, body).expect(200)
    }

    fn patch(&self, path: &str, body: Value) -> Value {
        self.caller.patch(path, body).expect(200)
    }

    /// Creates one record as a page does; the page goes on with what comes back.
    fn create(&self, path: &str, record: Value) -> Value {
        self.post(path, json!({"resource": [record]})).expect(201)["resource"][0].clone()
    }
}

/// The records of a list page, which needs their number, too.
#[track_caller]
fn page(body: &Value) -> &Vec<Value> {
    assert!(body["meta"]["count"].is_u64(), "no count: {body}");
    body["resource"].as_array().unwrap_or_else(|| panic!("no list: {body}"))
}

#[track_caller]
fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    let records = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    records.iter().find(|record| record["name"] == name).unwrap_or_else(|| panic!("{name} is missing in {list}"))
}

#[test]
fn statement_186_start_log_in_and_menu() {
    let app = TestApp::start();
    let anonymous = Console::open(&app).get("system/environment");
    assert_eq!(anonymous["authentication"]["admin"]["path"], "system/admin/session");
    for member in ["oauth", "adldap", "saml"] {
        assert!(anonymous["authentication"][member].is_array(), "{member}: {anonymous}");
    }
    assert_eq!(anonymous["authentication"]["allow_open_registration"], false);
    let console = Console::logged_in(&app);
    let session = console.get("system/admin/session");
    for member in ["session_token", "id", "name", "is_sys_admin"] {
        assert!(!session[member].is_null(), "{member}: {session}");
    }
    let environment = console.get("system/environment");
    assert!(named(&environment["apps"], "admin")["url"].is_string());
    assert!(environment["platform"]["version"].is_string());
    let menu = console.get("system/");
    for resource in
        ["event_script", "script_type", "limit", "service_report", "package", "cors", "email_template", "lookup"]
    {
        named(&menu["resource"], resource);
    }
    let data = console.get("?fields=*");
    assert!(named(&data["services"], "db")["label"].is_string());
    assert!(named(&data["service_types"], "sqlite")["group"].is_string());
    let files = console.get("?group=source%20control,file");
    assert!(files["services"].as_array().unwrap().iter().all(|service| service["type"] == "local_file"), "{files}");
    named(&files["services"], "files");
}

#[test]
fn statement_186_a_wrong_password_shows_a_message_and_a_refreshed_token_replaces_the_old_one() {
    let app = TestApp::start();
    let wrong = json!({"email": ADMIN.0, "password": "not this one"});
    assert_eq!(Console::open(&app).post("system/admin/session", wrong).refused(401), "Invalid credentials supplied.");
    let console = Console::logged_in(&app);
    let fresh = console.put("system/admin/session", json!({}));
    let token = fresh["session_token"].as_str().unwrap();
    assert!(console.try_get("system/role").refused(403).contains("The token has been blacklisted"));
    Console { caller: Console::open(&app).caller.with("X-DreamFactory-Session-Token", token) }.get("system/role");
}

#[test]
fn statement_186_services() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let kinds = console.get("system/service_type");
    let schema = &named(&kinds["resource"], "sqlite")["config_schema"];
    for member in ["name", "label", "description", "type", "required", "default"] {
        assert!(schema[0].get(member).is_some(), "{member}: {schema}");
    }
    let list = console.get("system/service?include_count=true&limit=100&related=service_doc_by_service_id");
    assert!(page(&list).iter().all(|service| service.get("service_doc_by_service_id").is_some()));
    let path = "system/service?fields=*&related=service_doc_by_service_id";
    let created = console.create(
        path,
        json!({
            "id": null, "name": "shop", "label": "Shop", "description": "", "is_active": true, "type": "sqlite",
            "config": {"database": "shop.sqlite3"}, "service_doc_by_service_id": null,
        }),
    );
    assert_eq!((&created["name"], &created["config"]["database"]), (&json!("shop"), &json!("shop.sqlite3")));
    assert_eq!((&created["mutable"], &created["deletable"]), (&json!(true), &json!(true)));
    console.get("shop/_schema");
    let id = &created["id"];
    let mut edited = created.clone();
    edited["label"] = json!("Other Shop");
    let by_id = format!("system/service/{id}?fields=*&related=service_doc_by_service_id");
    assert_eq!(console.patch(&by_id, edited.clone())["label"], "Other Shop");
    edited["label"] = json!("Third Shop");
    assert_eq!(console.put(&by_id, edited)["label"], "Third Shop");
    let bad = console.post(path, json!({"resource": [{"name": "a b", "type": "sqlite", "config": {"database": "x"}}]}));
    assert_eq!(bad.status(), 400);
    assert!(bad.body()["error"]["context"]["resource"][0]["message"].is_string(), "{bad:?}");
    let second =
        console.create(path, json!({"name": "shop2", "label": "s", "type": "sqlite", "config": {"database": "s2"}}));
    console.delete(&format!("system/service?rollback=true&ids={id},{}", second["id"]));
    app.admin().get("shop/_schema").refused(404);
}

#[test]
fn statement_186_users_with_import_and_export() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let related = "related=lookup_by_user_id,user_to_app_to_role_by_user_id";
    let list = console.get(&format!("system/user?include_count=true&limit=100&{related}"));
    assert_eq!(page(&list)[0]["user_to_app_to_role_by_user_id"].as_array().unwrap().len(), 1);
    let roles = console.get("system/role?fields=id,name&limit=0");
    let apps = console.get("system/app?fields=id,name&limit=0");
    let (role, desk) = (&named(&roles["resource"], "clerk")["id"], &named(&apps["resource"], "desk")["id"]);
    let created = console.create(
        &format!("system/user?fields=*&{related}"),
        json!({
            "email": "joe@example.com", "name": "Joe", "first_name": "Joe", "last_name": "", "is_active": true, "phone": "",
            "password": "joes password 1", "lookup_by_user_id": [{"name": "region", "value": "eu", "private": false}],
            "user_to_app_to_role_by_user_id": [{"app_id": desk, "role_id": role}],
        }),
    );
    assert_eq!(created["lookup_by_user_id"][0]["name"], "region");
    assert_eq!(created["user_to_app_to_role_by_user_id"][0]["role_id"], *role);
    assert!(created.get("password").is_none());
    let mut edited = created.clone();
    edited["phone"] = json!("555");
    let answer = console.put(&format!("system/user/{}?fields=*&{related}", created["id"]), edited);
    assert_eq!((&answer["phone"], answer["lookup_by_user_id"].as_array().map(Vec::len)), (&json!("555"), Some(1)));
    let csv = "name,first_name,last_name,email,password,is_active\nAnn,Ann,Lee,ann@example.com,anns password 1,true\n";
    let imported = console.caller.send_as("POST", "system/user", "text/csv", csv.as_bytes()).expect(201);
    assert!(imported["resource"][0]["id"].is_i64());
    let export = console.try_get("system/user?file=user.csv");
    assert!(export.header("content-disposition").is_some_and(|value| value.starts_with("attachment")), "{export:?}");
    assert!(export.body().as_str().is_some_and(|text| text.contains("ann@example.com") && !text.contains("password")));
    console.delete(&format!("system/user?rollback=true&ids={},{}", created["id"], imported["resource"][0]["id"]));
}

#[test]
fn statement_186_administrators() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let list = console.get("system/admin?include_count=true&limit=100&related=lookup_by_user_id");
    assert_eq!(page(&list)[0]["email"], ADMIN.0);
    let created = console.create(
        "system/admin?fields=*&related=lookup_by_user_id",
        json!({"email": "second@example.com", "name": "Second", "password": "the second one", "lookup_by_user_id": []}),
    );
    assert!(created.get("is_sys_admin").is_none(), "the flag is nobody's business: {created}");
    let path = format!("system/admin/{}", created["id"]);
    console.put(&format!("{path}?fields=*"), json!({"name": "Renamed"}));
    assert_eq!(console.get(&path)["name"], "Renamed");
    console.delete(&path);
}

#[test]
fn statement_186_roles_with_access_lists() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let related = "related=role_service_access_by_role_id,lookup_by_role_id";
    let list = console.get(&format!("system/role?include_count=true&limit=100&{related}"));
    assert!(page(&list).iter().any(|role| !role["role_service_access_by_role_id"].as_array().unwrap().is_empty()));
    for service in console.get("?fields=*")["resource"].as_array().unwrap() {
        let components = console.try_get(&format!("{}/?as_access_list=true", service.as_str().unwrap()));
        // Types that are still to come say so; the page then offers no components.
        if components.status() != 501 {
            let body = components.expect(200);
            assert!(body["resource"].as_array().unwrap().iter().all(Value::is_string), "{service}: {body}");
        }
    }
    let created = console.create(
        &format!("system/role?fields=*&{related}"),
        json!({
            "name": "editors", "description": "", "is_active": true, "lookup_by_role_id": [],
            "role_service_access_by_role_id": [{
                "service_id": 5, "component": "_table/*", "verb_mask": 31, "requestor_mask": 3, "filters": [], "filter_op": "AND",
            }],
        }),
    );
    assert_eq!(created["role_service_access_by_role_id"][0]["filters"], json!([]));
    let id = &created["id"];
    console.get(&format!("system/role/{id}?accessible_tabs=true"));
    let row = &created["role_service_access_by_role_id"][0];
    let answer = console.put(
        &format!("system/role/{id}?fields=*&{related}"),
        json!({"role_service_access_by_role_id": [{"id": row["id"], "role_id": null}]}),
    );
    assert_eq!(answer["role_service_access_by_role_id"], json!([]));
    console.delete(&format!("system/role?rollback=true&ids={id}"));
}

#[test]
fn statement_186_apps() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let list = console.get("system/app?include_count=true&limit=100&related=role_by_role_id");
    assert!(page(&list).iter().all(|app| app["api_key"].is_string() && app.get("launch_url").is_some()), "{list}");
    let role = named(&console.get("system/role")["resource"], "clerk").clone();
    let created = console.create(
        "system/app?fields=*&related=role_by_role_id",
        json!({
            "name": "web", "description": "", "type": "2", "url": "https://example.com", "is_active": true, "role_id": role["id"],
            "storage_service_id": null, "storage_container": null, "path": "",
        }),
    );
    assert_eq!((&created["role_by_role_id"]["name"], &created["type"]), (&json!("clerk"), &json!(2)));
    assert_eq!(created["launch_url"], "https://example.com");
    let path = format!("system/app/{}?fields=*&related=role_by_role_id", created["id"]);
    let renewed = console.put(&format!("{path}&regenerate=true"), json!({}));
    assert_ne!(renewed["api_key"], created["api_key"]);
    assert_eq!(renewed["api_key"].as_str().unwrap().len(), 64);
    console.delete(&format!("system/app/{}", created["id"]));
}

#[test]
fn statement_186_scripts() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let map = console.get("system/event?service=db&scriptable=true");
    for (path, entry) in map["db"].as_object().unwrap() {
        assert!(entry["type"].is_string() && entry["endpoints"].is_array(), "{path}: {entry}");
        assert!(entry["parameter"].is_null() || entry["parameter"].is_object(), "{path}: {entry}");
    }
    assert_eq!(console.get("system/event_script?as_list=true"), json!({"resource": []}));
    let name = "db._table.todo.get.post_process";
    let missing = console.try_get(&format!("system/event_script/{name}"));
    assert_eq!((missing.status(), &missing.body()["error"]["code"]), (404, &json!(404)));
    assert!(!console.get("system/script_type")["resource"].as_array().unwrap().is_empty());
    let script = json!({
        "name": name, "type": "v8js", "content": "var x = 1;", "config": null, "is_active": true,
        "allow_event_modification": false, "storage_service_id": null, "storage_path": null, "scm_repository": null,
        "scm_reference": null,
    });
    console.post(&format!("system/event_script/{name}"), script.clone()).expect(201);
    assert_eq!(console.delete(&format!("system/cache/_event/{name}")), json!({"success": true}));
    assert_eq!(console.get(&format!("system/event_script/{name}"))["content"], "var x = 1;");
    console.post(&format!("system/event_script/{name}"), script).expect(200);
    assert_eq!(console.get("system/event_script?as_list=true"), json!({"resource": [name]}));
    console.delete(&format!("system/event_script/{name}"));
}

#[test]
fn statement_186_data_schema_and_documentation() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    named(&console.get("db/_schema")["resource"], "todo");
    let table = console.get("db/_schema/todo?refresh=true");
    assert!(table["field"].as_array().unwrap().len() > 3 && table["primary_key"].is_array(), "{table}");
    let rows = console.get("db/_table/todo?limit=50&offset=0&include_count=true");
    assert_eq!(page(&rows).len(), 3);
    assert!(console.get("api_docs")["paths"].is_object());
    assert_eq!(console.get("api_docs/db")["info"]["group"], "Database");
}

#[test]
fn statement_186_settings() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let rule = json!({
        "path": "api/v2/*", "origin": "https://a.example", "header": "*", "method": ["GET", "POST"], "max_age": 600, "enabled": true,
    });
    let rule = console.create("system/cors?fields=*", rule);
    let patched = console.patch(&format!("system/cors/{}?fields=*", rule["id"]), json!({"method": ["GET"]}));
    assert_eq!(patched["method"], json!(["GET"]));
    page(&console.get("system/cors?include_count=true&limit=100"));
    let templates = console.get("system/email_template?include_count=true&limit=100");
    assert!(page(&templates).len() >= 3);
    let id = &templates["resource"][0]["id"];
    let template = console.patch(&format!("system/email_template/{id}?fields=*"), json!({"to": "ops@x.io,it@x.io"}));
    assert_eq!(template["to"], json!(["ops@x.io", "it@x.io"]));
    let lookup = json!({"name": "secret", "value": "s3", "private": true});
    assert_eq!(console.create("system/lookup?fields=*", lookup)["value"], "**********");
    console.post("system/custom", json!({"resource": [{"name": "theme", "value": {"dark": true}}]})).expect(201);
    assert_eq!(named(&console.get("system/custom")["resource"], "theme")["value"], json!({"dark": true}));
    let caches = console.get("system/cache?fields=*");
    assert!(caches["resource"][0]["name"].is_string() && caches["resource"][0]["label"].is_string(), "{caches}");
    assert_eq!(console.delete("system/cache"), json!({"success": true}));
    assert_eq!(console.delete("system/cache/system"), json!({"success": true}));
    let environment = console.get("system/environment");
    for member in ["platform", "server", "client", "config"] {
        assert!(environment[member].is_object(), "{member}: {environment}");
    }
}

#[test]
fn statement_186_packages() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let manifest = console.get("system/package?system_only=true");
    assert!(manifest["version"].is_string() && manifest["service"]["system"]["role"].is_array(), "{manifest}");
}

#[test]
fn statement_186_profile_and_password() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let profile = console.get("system/admin/profile");
    assert_eq!(profile["email"], ADMIN.0);
    let mut edited = profile.clone();
    edited["phone"] = json!("555");
    assert_eq!(console.put("system/admin/profile", edited)["success"], true);
    let change = json!({"old_password": ADMIN.1, "new_password": "another password 2"});
    let changed = console.post("system/admin/password?login=true", change).expect(200);
    assert!(changed["success"] == true && changed["session_token"].is_string(), "{changed}");
    let reset = Console::open(&app).post("system/admin/password?reset=true", json!({"email": "nobody@example.com"}));
    assert!(reset.body()["error"]["message"].is_string() || reset.body()["success"] == true, "{reset:?}");
}

#[test]
fn statement_186_limits_and_reports() {
    let app = TestApp::start();
    let console = Console::logged_in(&app);
    let related = "related=service_by_service_id,role_by_role_id,user_by_user_id,limit_cache_by_limit_id";
    let limit = json!({
        "type": "instance.each_user.service", "name": "db per user", "rate": 100, "period": "minute", "service_id": 5,
        "is_active": true, "user_id": null, "role_id": null, "description": null,
    });
    let created = console.create(&format!("system/limit?fields=*&{related}"), limit);
    assert_eq!((&created["period"], &created["limit_cache_by_limit_id"]), (&json!("minute"), &json!([])));
    assert_eq!(created["service_by_service_id"]["name"], "db");
    page(&console.get(&format!("system/limit?include_count=true&limit=100&{related}")));
    console.delete(&format!("system/limit_cache/{}", created["id"]));
    console.delete(&format!("system/limit/{}", created["id"]));
    console.create(
        "system/service?fields=*",
        json!({"name": "n", "label": "n", "type": "sqlite", "config": {"database": "n"}}),
    );
    let report = console.get("system/service_report?include_count=true&limit=100");
    let row = page(&report).iter().find(|row| row["service_name"] == "n").unwrap_or_else(|| panic!("{report}"));
    assert_eq!((&row["user_email"], &row["request_verb"]), (&json!(ADMIN.0), &json!("POST")));
}
