//! Web pages of other origins: the rules of `system/cors`, from the preflight to errors that pages can read.

use crate::support::{Caller, TestApp, Value, json};

const PAGE: &str = "https://page.example";

/// Stores a rule; its identifier.
fn rule(app: &TestApp, record: Value) -> i64 {
    app.admin().post("system/cors", json!({"resource": [record]})).expect(201)["resource"][0]["id"].as_i64().unwrap()
}

/// A page of that origin, asking the browser to ask first.
fn preflight<'a>(app: &'a TestApp, origin: &str, verb: &str) -> Caller<'a> {
    app.anonymous().with("Origin", origin).with("Access-Control-Request-Method", verb)
}

fn allowed_origin(caller: &Caller, path: &str) -> Option<String> {
    caller.exactly("GET", path).header("access-control-allow-origin").map(str::to_owned)
}

#[test]
fn statement_182_a_preflight_is_204_with_a_matching_rule_and_405_without() {
    let app = TestApp::start();
    let todo = "/api/v2/db/_table/todo";
    let before = preflight(&app, PAGE, "GET").exactly("OPTIONS", todo);
    assert_eq!(before.header("access-control-allow-origin"), None);
    assert!(before.refused(405).contains("system/cors"));
    let id = rule(
        &app,
        json!({"path": "api/v2/db/*", "origin": PAGE, "header": "X-A,X-B", "method": ["GET", "POST"], "max_age": 60,
            "exposed_header": "X-Z"}),
    );
    let asked = preflight(&app, PAGE, "POST").with("Access-Control-Request-Headers", "x-a");
    let answer = asked.exactly("OPTIONS", todo);
    assert_eq!(answer.status(), 204, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, HEAD"));
    assert_eq!(answer.header("access-control-max-age"), Some("60"));
    assert!(answer.header("access-control-allow-headers").unwrap().starts_with("X-A, X-B, "), "{answer:?}");
    assert!(answer.header("vary").unwrap().contains("Origin"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    for (origin, verb, path) in [
        ("https://other.example", "GET", todo),
        (PAGE, "DELETE", todo),
        (PAGE, "FETCH", todo),
        (PAGE, "GET", "/api/v2/system/role"),
        (PAGE, "GET", "/status"),
    ] {
        preflight(&app, origin, verb).exactly("OPTIONS", path).refused(405);
    }
    app.admin().patch(&format!("system/cors/{id}"), json!({"enabled": false})).expect(200);
    preflight(&app, PAGE, "POST").exactly("OPTIONS", todo).refused(405);
    app.admin().patch(&format!("system/cors/{id}"), json!({"enabled": true})).expect(200);
    assert_eq!(preflight(&app, PAGE, "POST").exactly("OPTIONS", todo).status(), 204);
    app.admin().delete(&format!("system/cors/{id}")).expect(200);
    preflight(&app, PAGE, "POST").exactly("OPTIONS", todo).refused(405);
}

#[test]
fn statement_183_errors_carry_the_headers_too() {
    let app = TestApp::with_limits(&[("BODY_BYTES", 20_000)]);
    rule(&app, json!({"path": "*", "origin": PAGE, "header": "*", "exposed_header": "X-Z"}));
    let page = app.anonymous().with("Origin", PAGE);
    let key = app.key_only().with("Origin", PAGE);
    let admin = app.admin().with("Origin", PAGE);
    let answers = [
        (400, page.get("db/_table/todo")),
        (401, key.get("db/_table/vault")),
        (401, page.clone().with("X-DreamFactory-Session-Token", "no.such.token").get("db")),
        (403, app.user().with("Origin", PAGE).get("system/role")),
        (404, admin.get("nosuch")),
        (404, page.exactly("GET", "/nosuch/path")),
        (400, page.exactly("GET", "/api/v2/db/%00")),
        (413, admin.post("db/_table/todo", json!({"resource": [{"name": "x".repeat(30_000)}]}))),
        (431, admin.clone().with("X-Long", &"x".repeat(70_000)).get("db")),
        (200, admin.get("db/_table/todo")),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status(), status, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "{answer:?}");
        assert_eq!(answer.header("access-control-expose-headers"), Some("X-Z"), "{answer:?}");
    }
    let silent = app.admin().get("db");
    assert_eq!(silent.header("access-control-allow-origin"), None, "no page, no permission");
    assert_eq!(silent.header("vary"), Some("Origin"), "a cache must not answer a page with this");
}

#[test]
fn statement_184_credentials_never_come_with_every_origin() {
    let app = TestApp::start();
    let one = |record: Value| json!({"resource": [record]});
    let open = json!({"path": "*", "origin": "*", "supports_credentials": true});
    let refused = app.admin().post("system/cors", one(open)).expect(400);
    assert!(refused["error"]["context"]["resource"][0]["context"]["supports_credentials"].is_array(), "{refused}");
    let id = rule(&app, json!({"path": "*", "origin": "*"}));
    let answer = app.admin().with("Origin", PAGE).get("db");
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "repeated, never *");
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let path = format!("system/cors/{id}");
    app.admin().patch(&path, json!({"supports_credentials": true})).refused(400);
    app.admin().patch(&path, json!({"supports_credentials": true, "origin": PAGE})).expect(200);
    let answer = app.admin().with("Origin", PAGE).get("db");
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    app.admin().patch(&path, json!({"origin": "*"})).refused(400);
}

#[test]
fn statement_188_marks_of_an_administration_page_pass_and_mean_nothing() {
    let app = TestApp::start();
    rule(&app, json!({"path": "api/v2/*", "origin": PAGE, "header": "X-A"}));
    let asked = preflight(&app, PAGE, "GET").with("Access-Control-Request-Headers", "show-loading,snackbar-success");
    let answer = asked.exactly("OPTIONS", "/api/v2/system/role");
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in ["show-loading", "snackbar-success", "X-DreamFactory-API-Key", "Content-Type"] {
        assert!(allowed.contains(name), "{name}: {allowed}");
    }
    let marked = app.admin().with("show-loading", "").with("snackbar-success", "roles.saved").get("system/role");
    assert_eq!(marked.expect(200), app.admin().get("system/role").expect(200));
}

#[test]
fn every_header_is_allowed_by_repeating_what_is_asked_for() {
    let app = TestApp::start();
    rule(&app, json!({"path": "*", "origin": PAGE, "header": "*"}));
    let asked = preflight(&app, PAGE, "PATCH").with("Access-Control-Request-Headers", "x-anything, y");
    let answer = asked.exactly("OPTIONS", "/api/v2/db");
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-anything, y"));
}

#[test]
fn the_longest_path_decides_however_the_request_is_spelled() {
    let app = TestApp::start();
    rule(&app, json!({"path": "*", "origin": "*"}));
    rule(&app, json!({"path": "api/v2/system/*", "origin": "https://admin.example"}));
    rule(&app, json!({"path": "^api/v2/(files|logs)/", "origin": "^https://[a-z]+\\.example"}));
    let page = app.anonymous().with("Origin", PAGE);
    assert_eq!(allowed_origin(&page, "/api/v2/db").as_deref(), Some(PAGE));
    for spelling in [
        "/api/v2/system/role",
        "/api/v2/system",
        "/api/system/role",
        "/api/v2/SYSTEM/role",
        "/api/v2//system//role",
        "/api/v2/%73ystem/role",
        "/api/v2.0/system/role",
    ] {
        assert_eq!(allowed_origin(&page, spelling), None, "{spelling}");
    }
    assert_eq!(allowed_origin(&page, "/api/v2/files/a.txt").as_deref(), Some(PAGE));
    let evil = app.anonymous().with("Origin", "https://page.example.evil");
    assert_eq!(allowed_origin(&evil, "/api/v2/files/a.txt"), None);
}

#[test]
fn a_rule_that_could_not_be_in_force_is_not_stored() {
    let app = TestApp::with_limits(&[("CORS_RULES", 2)]);
    let admin = app.admin();
    for (field, record) in [
        ("path", json!({"origin": "*"})),
        ("origin", json!({"path": "*"})),
        ("path", json!({"path": "^(", "origin": "*"})),
        ("origin", json!({"path": "*", "origin": "^(a{1000}){1000}"})),
        ("header", json!({"path": "*", "origin": "*", "header": "a\r\nb"})),
    ] {
        let refused = admin.post("system/cors", json!({"resource": [record]})).expect(400);
        assert!(refused["error"]["context"]["resource"][0]["context"][field].is_array(), "{field}: {refused}");
    }
    let id = rule(&app, json!({"path": "a", "origin": "*"}));
    rule(&app, json!({"path": "b", "origin": "*"}));
    let third = json!({"resource": [{"path": "c", "origin": "*"}]});
    assert!(admin.post("system/cors", third).refused(400).contains("cors_rules"));
    admin.patch(&format!("system/cors/{id}"), json!({"path": "^["})).refused(400);
    assert_eq!(admin.get("system/cors").values("path"), ["a", "b"]);
}

#[test]
fn rules_survive_a_restart() {
    let app = TestApp::start();
    rule(&app, json!({"path": "api/*", "origin": PAGE}));
    let app = app.restart();
    assert_eq!(allowed_origin(&app.anonymous().with("Origin", PAGE), "/api/v2").as_deref(), Some(PAGE));
}
