//! What the root of the API and the roots of services list, and to whom.

use super::people::{DB, SYSTEM, client, create, grant, role};
use crate::support::{Answer, TestApp, Value, json};

fn names(answer: Answer) -> Vec<Value> {
    let body = answer.expect(200);
    assert_eq!(
        body["resource"].as_array().unwrap(),
        &body["services"].as_array().unwrap().iter().map(|service| service["name"].clone()).collect::<Vec<_>>()
    );
    body["resource"].as_array().unwrap().clone()
}

#[test]
fn statement_001_strangers_see_an_empty_list() {
    let app = TestApp::start();
    for path in ["/api/v2", "/api/v2/", "/api", "/api/"] {
        let body = app.anonymous().exactly("GET", path).expect(200);
        assert_eq!((&body["services"], &body["resource"]), (&json!([]), &json!([])), "{path}");
        assert!(body["service_types"].as_array().unwrap().iter().any(|kind| kind["name"] == "sqlite"), "{path}");
    }
}

#[test]
fn statement_002_administrators_see_every_active_service() {
    let app = TestApp::start();
    let body = app.admin().get("").expect(200);
    let services = body["services"].as_array().unwrap();
    assert_eq!(services.len(), app.admin().get("system/service?filter=is_active=true").values("id").len());
    for service in services {
        for member in ["id", "name", "label", "type"] {
            assert!(!service[member].is_null(), "{service}");
        }
    }
    let kind = body["service_types"].as_array().unwrap().iter().find(|kind| kind["name"] == "sqlite").unwrap();
    assert_eq!((&kind["label"], &kind["group"]), (&json!("SQLite"), &json!("Database")));
    assert_eq!(app.admin().get("?as_list=true").expect(200), json!({"resource": body["resource"]}));

    app.admin().patch(&format!("system/service/{DB}"), json!({"is_active": false})).expect(200);
    assert!(!names(app.admin().get("")).contains(&json!("db")));
}

#[test]
fn statement_003_groups_and_types_choose_services_in_any_case() {
    let app = TestApp::start();
    assert_eq!(names(app.admin().get("?group=Database")), ["db"]);
    assert_eq!(names(app.admin().get("?group=dataBASE, file")), ["files", "logs", "db"]);
    assert_eq!(names(app.admin().get("?type=SQLite")), ["db"]);
    assert_eq!(names(app.admin().get("?group=nosuch")), Vec::<Value>::new());
    let body = app.admin().get("?group=database&fields=id,name").expect(200);
    assert_eq!(body["services"], json!([{"id": DB, "name": "db"}]));
    assert!(body["service_types"].as_array().unwrap().iter().all(|kind| kind["group"] == "Database"));
}

#[test]
fn callers_with_a_role_see_what_it_reaches() {
    let app = TestApp::start();
    assert_eq!(names(app.user().get("")), ["db"]);
    assert_eq!(names(app.key_only().get("")), ["db"]);
    let only_scripts = json!({"service_id": SYSTEM, "component": "*", "verb_mask": 31, "requestor_mask": 2});
    let nothing = json!({"service_id": 7, "component": "*", "verb_mask": 0, "requestor_mask": 3});
    let narrow = client(&app, "narrow", Some(role(&app, "narrow", &[only_scripts, nothing, grant(3, "x/*", 1)])));
    assert_eq!(names(narrow.key_only(&app).get("")), ["files"]);
    let row = json!({"service_id": null, "component": "*", "verb_mask": 1, "requestor_mask": 1});
    let wide = client(&app, "wide", Some(role(&app, "wide", &[row])));
    assert_eq!(names(wide.key_only(&app).get("")), names(app.admin().get("")));
    let bad = app.anonymous().with("X-DreamFactory-Session-Token", "no.such.token");
    bad.get("").refused(401);
}

#[test]
fn statement_004_the_version_may_be_left_out() {
    let app = TestApp::start();
    for path in ["system/role", "system/service/5", "user/session", "db/_table/todo"] {
        let with = app.admin().exactly("GET", &format!("/api/v2/{path}")).expect(200);
        assert_eq!(app.admin().exactly("GET", &format!("/api/{path}")).expect(200), with, "{path}");
    }
    let keys = |body: Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(app.admin().exactly("GET", "/api/system/environment").expect(200)),
        keys(app.admin().get("system/environment").expect(200))
    );
}

#[test]
fn statements_006_007_008_010_services_by_name() {
    let app = TestApp::start();
    app.admin().get("DB/_table/todo/1").expect(200);
    assert_eq!(app.admin().get("nosuch/x").refused(404), "Could not find a service for nosuch");
    let message = app.user().get("nosuch/x").refused(403);
    assert!(message.contains("'x' of service 'nosuch'"), "{message}");
    app.key_only().get("nosuch").refused(401);
    app.anonymous().get("nosuch").refused(400);
    app.admin().patch(&format!("system/service/{DB}"), json!({"is_active": false})).expect(200);
    for caller in [app.admin(), app.user(), app.key_only()] {
        assert_eq!(caller.get("db/_table/todo").refused(403), "Service db is deactivated.");
    }
    app.admin().patch(&format!("system/service/{DB}"), json!({"is_active": true})).expect(200);
    app.user().get("db/_table/todo").expect(200);
}

#[test]
fn statement_127_access_lists_name_what_roles_can_grant() {
    let app = TestApp::start();
    let list =
        |service: &str| app.admin().get(&format!("{service}?as_access_list=true")).expect(200)["resource"].clone();
    let has = |list: &Value, wanted: &[&str]| {
        let items: Vec<&str> = list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect();
        for component in wanted {
            assert!(items.contains(component), "{component} is not in {items:?}");
        }
    };
    has(&list("system"), &["", "*", "admin/", "admin/*", "admin/session", "app/", "app/*", "event_script/*", "user/*"]);
    has(&list("user"), &["", "*", "custom/", "password/", "profile/", "register/", "session/"]);
    has(&list("db"), &["", "*", "_schema/", "_schema/*", "_schema/todo/", "_table/", "_table/*", "_table/todo/*"]);
    assert_eq!(list("files"), json!(["", "*"]));
    // Every one of them is accepted as a component, and reaches something.
    for component in list("system").as_array().unwrap() {
        let component = component.as_str().unwrap();
        let row = json!({"service_id": SYSTEM, "component": component, "verb_mask": 1, "requestor_mask": 1});
        create(&app, "role", json!({"name": format!("on {component}"), "role_service_access_by_role_id": [row]}));
    }
}

#[test]
fn an_access_list_is_there_without_its_database() {
    let app = TestApp::start();
    let config = json!({"database": "/no/such/folder/x.sqlite3"});
    create(
        &app,
        "service",
        json!({"name": "lost", "label": "Lost", "is_active": true, "type": "sqlite", "config": config}),
    );
    assert!(app.admin().get("lost/_table").status() >= 500);
    let list = app.admin().get("lost?as_access_list=true").expect(200);
    assert_eq!(list["resource"], json!(["", "*", "_schema/", "_schema/*", "_table/", "_table/*"]));
}

#[test]
fn listings_tell_what_the_caller_may_do_when_asked() {
    let app = TestApp::start();
    let rows = [grant(SYSTEM, "", 1), grant(SYSTEM, "role", 3), grant(DB, "", 1), grant(DB, "_table/*", 1)];
    let reader = client(&app, "reader", Some(role(&app, "reader", &rows)));
    let access = |path: &str, name: &str| {
        let body = reader.key_only(&app).get(path).expect(200);
        let list = if path.starts_with('?') { &body["services"] } else { &body["resource"] };
        list.as_array().unwrap().iter().find(|item| item["name"] == name).unwrap()["access"].clone()
    };
    assert_eq!(access("system?include_access=true", "role"), json!(["GET", "POST"]));
    assert_eq!(access("system?include_access=true", "app"), json!([]));
    assert_eq!(access("db?include_access=true", "_table"), json!(["GET"]));
    assert_eq!(access("db?include_access=true", "_schema"), json!([]));
    assert_eq!(access("?include_access=true", "system"), json!(["GET"]));
}
