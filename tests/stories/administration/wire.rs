//! How the API is spoken: paths, verbs, wrappers, parameters and errors, on resources of the system.

use crate::support::{Answer, Caller, TestApp, Value, json};

/// Creates roles of these names; their identifiers.
fn roles(app: &TestApp, names: &[&str]) -> Vec<i64> {
    let records: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    let created = app.admin().post("system/role", json!({"resource": records})).expect(201);
    created["resource"].as_array().unwrap().iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

/// An administrator whose POST stands for another verb.
fn tunnel<'a>(app: &'a TestApp, verb: &str) -> Caller<'a> {
    app.admin().with("X-HTTP-Method", verb)
}

fn names(answer: Answer) -> Vec<String> {
    answer.values("name").iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn statement_005_a_trailing_slash_changes_nothing() {
    let app = TestApp::start();
    let plain = app.admin().get("system/role").expect(200);
    for path in ["system/role/", "system//role", "/system/role", "system/role//"] {
        assert_eq!(app.admin().get(path).expect(200), plain, "{path}");
    }
    let via_rest = app.admin().exactly("GET", "/rest/system/role");
    assert_eq!(via_rest.expect(200), plain, "the prefix of before version 2");
}

#[test]
fn statement_009_an_unknown_resource_is_told_by_name() {
    let app = TestApp::start();
    let message = app.admin().get("system/foo").refused(404);
    assert_eq!(message, "Resource 'foo' not found for service 'system'.");
}

#[test]
fn statement_011_a_tunnelled_read_selects_by_its_body() {
    let app = TestApp::start();
    let ids = roles(&app, &["one", "two", "three"]);
    let read = tunnel(&app, "GET");
    for body in [
        json!({"ids": &ids[..2]}),
        json!({"ids": format!("{},{}", ids[0], ids[1])}),
        json!({"resource": [{"id": ids[0]}, {"id": ids[1]}]}),
        json!({"filter": format!("id in ({},{})", ids[0], ids[1])}),
        json!({"filter": "id in (:a,:b)", "params": {":a": ids[0], ":b": ids[1]}, "limit": 5}),
    ] {
        assert_eq!(names(read.post("system/role", body.clone())), ["one", "two"], "{body}");
    }
    let first = read.post("system/role?limit=1", json!({"order": "name desc", "fields": "name"})).expect(200);
    assert_eq!(first["resource"].as_array().unwrap().len(), 1, "both the URL's options and the body's count");
}

#[test]
fn statement_012_the_verb_may_come_in_the_query() {
    let app = TestApp::start();
    let id = roles(&app, &["before"])[0];
    for (parameter, name) in [("method=PATCH", "after"), ("_method=patch", "later")] {
        app.admin().post(&format!("system/role/{id}?{parameter}"), json!({"name": name})).expect(200);
        assert_eq!(app.admin().get(&format!("system/role/{id}")).expect(200)["name"], name);
    }
    app.admin().with("X-Http-Method", "DELETE").post(&format!("system/role/{id}"), json!({})).expect(200);
    app.admin().get(&format!("system/role/{id}")).refused(404);
}

#[test]
fn statement_013_a_get_stays_a_get() {
    let app = TestApp::start();
    let id = roles(&app, &["kept"])[0];
    let path = format!("system/role/{id}");
    for header in ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"] {
        assert_eq!(app.admin().with(header, "DELETE").get(&path).expect(200)["name"], "kept");
    }
    assert_eq!(app.admin().get(&format!("{path}?method=DELETE")).expect(200)["name"], "kept");
}

#[test]
fn statement_014_merge_is_patch() {
    let app = TestApp::start();
    let id = roles(&app, &["before"])[0];
    tunnel(&app, "MERGE").post(&format!("system/role/{id}"), json!({"description": "merged"})).expect(200);
    let role = app.admin().get(&format!("system/role/{id}")).expect(200);
    assert_eq!((&role["name"], &role["description"]), (&json!("before"), &json!("merged")));
}

#[test]
fn statement_015_head_is_a_get_without_body() {
    let app = TestApp::start();
    for path in ["/api/v2/system/role", "/api/v2/db/_table/todo", "/api/v2", "/status"] {
        let head = app.admin().exactly("HEAD", path);
        assert_eq!((head.status(), head.body()), (200, &json!("")), "{head:?}");
        let length = head.header("content-length").unwrap().parse::<usize>().unwrap();
        let get = app.admin().exactly("GET", path);
        assert_eq!(get.header("content-length").unwrap().parse::<usize>().unwrap(), length);
    }
    assert_eq!(app.admin().exactly("HEAD", "/api/v2/system/role/999").status(), 404);
    assert_eq!(app.key_only().exactly("HEAD", "/api/v2/db/_table/todo").status(), 200, "the right to GET is enough");
    assert_eq!(app.key_only().exactly("HEAD", "/api/v2/db/_table/vault").status(), 401);
    let options = app.anonymous().exactly("OPTIONS", "/api/v2/system/role");
    assert_eq!(options.status(), 200);
    assert!(options.header("allow").unwrap().contains("PATCH"), "{options:?}");
}

#[test]
fn statement_016_an_unsupported_verb_is_400_with_the_sentence() {
    let app = TestApp::start();
    let message = app.admin().delete("system/environment").refused(400);
    assert!(message.starts_with("DELETE requests "), "{message}");
    assert!(message.contains("are not currently supported by the 'environment' service"), "{message}");
    let message = app.admin().post("system", json!({})).refused(400);
    assert_eq!(message, "POST requests without a resource are not currently supported by the 'system' service.");
    assert!(app.admin().exactly("PURGE", "/api/v2/system/role").refused(405).contains("PURGE"));
}

#[test]
fn statement_017_018_lists_come_wrapped_unless_asked_otherwise() {
    let app = TestApp::start();
    let id = roles(&app, &["one"])[0];
    let list = app.admin().get("system/role").expect(200);
    assert!(list["resource"].is_array());
    assert_eq!(app.admin().get(&format!("system/role/{id}")).expect(200)["name"], "one");
    assert_eq!(app.admin().get("system/role?wrap=false").expect(200), list["resource"]);
    assert_eq!(app.admin().with("wrap", "false").get("system/role").expect(200), list["resource"]);
    assert_eq!(app.admin().get("system/role?wrap=true").expect(200), list);
    let counted = app.admin().get("system/role?wrap=false&include_count=true").expect(200);
    assert!(counted["resource"].is_array() && counted["meta"]["count"].is_number(), "a count needs the wrapper");
    let created = app.admin().post("system/role?wrap=false", json!([{"name": "bare"}])).expect(201);
    assert!(created[0]["id"].is_number(), "{created}");
}

#[test]
fn statement_019_020_records_come_in_a_list() {
    let app = TestApp::start();
    let admin = app.admin();
    let created = admin.post("system/role", json!([{"name": "a"}, {"name": "b"}])).expect(201);
    assert_eq!(created["resource"].as_array().unwrap().len(), 2);
    let one = admin.post("system/role", json!({"resource": {"name": "c"}})).expect(201);
    assert_eq!(one["resource"].as_array().unwrap().len(), 1, "one record in the wrapper is a batch of one");
    for body in [json!({"name": "d"}), json!({"resource": []}), json!([]), json!({}), Value::Null, json!("text")] {
        let message = admin.post("system/role", body.clone()).refused(400);
        assert!(message.contains("wrapped in a 'resource' tag"), "{body}: {message}");
    }
    let single = json!({"resource": [{"description": "first of a list"}]});
    let id = one["resource"][0]["id"].as_i64().unwrap();
    admin.patch(&format!("system/role/{id}"), single).expect(200);
    assert_eq!(admin.get(&format!("system/role/{id}")).expect(200)["description"], "first of a list");
}

#[test]
fn statement_021_022_fields_decide_what_is_told() {
    let app = TestApp::start();
    let admin = app.admin();
    let id = roles(&app, &["one"])[0];
    let one = admin.get(&format!("system/role/{id}?fields=id,name")).expect(200);
    assert_eq!(one, json!({"id": id, "name": "one"}));
    assert_eq!(admin.get(&format!("system/role/{id}?select=name")).expect(200), json!({"name": "one"}));
    let patched = admin.patch(&format!("system/role/{id}"), json!({"description": "x"})).expect(200);
    assert_eq!(patched, json!({"id": id}));
    let whole = admin.patch(&format!("system/role/{id}?fields=*"), json!({"description": "y"})).expect(200);
    assert_eq!((&whole["name"], &whole["description"]), (&json!("one"), &json!("y")));
    let created = admin.post("system/role?fields=*", json!([{"name": "two"}])).expect(201);
    assert_eq!(created["resource"][0]["name"], "two");
    assert!(admin.get("system/role?fields=id,nosuch").refused(400).contains("nosuch"));
}

#[test]
fn statement_023_to_027_lists_can_be_cut_counted_and_described() {
    let app = TestApp::start();
    let admin = app.admin();
    let ids = roles(&app, &["x1", "x2", "x3"]);
    let path = "system/role?filter=name like 'x%'&order=id";
    assert_eq!(admin.get(&format!("{path}&as_list=true")).expect(200), json!({"resource": ids}));
    assert_eq!(names(admin.get(&format!("{path}&limit=0"))), ["x1", "x2", "x3"]);
    assert_eq!(names(admin.get(&format!("{path}&limit=1&offset=1"))), ["x2"]);
    assert_eq!(names(admin.get(&format!("{path}&top=1&skip=2"))), ["x3"]);
    let counted = admin.get(&format!("{path}&limit=1&include_count=true")).expect(200);
    assert_eq!((counted["resource"].as_array().unwrap().len(), &counted["meta"]["count"]), (1, &json!(3)));
    assert_eq!(admin.get(&format!("{path}&count_only=true")).expect(200), json!(3));
    let described = admin.get(&format!("{path}&include_schema=true")).expect(200);
    let schema = &described["meta"]["schema"];
    assert_eq!((&schema["primary_key"], schema["field"].is_array()), (&json!(["id"]), true), "{schema}");
    assert!(schema["name"].is_string() && schema["related"].is_array());
}

#[test]
fn statement_028_029_order_and_filter_in_every_spelling() {
    let app = TestApp::start();
    let admin = app.admin();
    roles(&app, &["x1", "x3", "x2"]);
    for order in ["order=name desc", "sort=name desc", "order_by=name desc", "order=name desc,id asc"] {
        let path = format!("system/role?filter=(name like 'x%')&{order}");
        assert_eq!(names(admin.get(&path)), ["x3", "x2", "x1"], "{order}");
    }
    for filter in [
        "name='x1'",
        "(name = \"x1\")",
        "name=x1",
        "(name like \"%1%\") or (description like \"%1%\")",
        "(name in ('x1','y')) and (description is null)",
        "(name contains '1') && (name starts with 'x')",
        "not ((name ends with '2') or (name ends with '3')) and (name like 'x%')",
        "(name not like '%2%') and (name != 'x3') and (name eq 'x1')",
    ] {
        assert_eq!(names(admin.get(&format!("system/role?where={}", encoded(filter)))), ["x1"], "{filter}");
    }
    let scripts = encoded("(type in (\"nodejs\",\"php\")) and (created_by_id is null) and (name != \"api_docs\")");
    assert_eq!(names(admin.get(&format!("system/service?filter={scripts}"))), Vec::<String>::new());
    assert!(!names(admin.get("system/service?filter=(type not like \"%25swagger%25\")")).is_empty());
}

/// A text as the value of a parameter.
fn encoded(text: &str) -> String {
    text.replace('%', "%25").replace('&', "%26").replace('+', "%2B")
}

#[test]
fn statement_030_031_032_what_names_nothing_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    assert!(admin.get("system/role?filter=nosuch=1").refused(400).contains("nosuch"));
    for order in ["1;drop", "name;drop table role", "name sideways", "(select 1)", "nosuch"] {
        admin.get(&format!("system/role?order={order}")).refused(400);
    }
    assert!(admin.get("system/role?related=nosuch").refused(400).contains("nosuch"));
    assert!(admin.get("system/role").status() == 200);
}

#[test]
fn statement_033_there_is_no_jsonp() {
    let app = TestApp::start();
    let answer = app.admin().get("system/role?callback=x");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.expect(200), app.admin().get("system/role").expect(200));
}

#[test]
fn statement_039_040_bodies_that_cannot_be_read_are_refused_with_the_reason() {
    let app = TestApp::start();
    let admin = app.admin();
    let send = |kind: &str, body: &[u8]| admin.send_as("POST", "system/role", kind, body).refused(400);
    assert!(send("application/json", b"{\"resource\": [\n{\"name\": }]}").contains("line 2 column 10"));
    assert!(send("text/xml", b"<resource><name>x</resource>").contains("XML"));
    assert!(send("text/csv", b"name,description\nx\n").contains("CSV"));
    assert!(send("multipart/form-data; boundary=B", b"--B\r\n").contains("multipart"));
    assert!(send("application/json; charset=klingon", b"[]").contains("klingon"));
    assert!(send("application/json", "[".repeat(10_000).as_bytes()).contains("recursion"));
    for kind in ["application/zip", "image/png", "nonsense"] {
        assert!(send(kind, b"\x00\x01").starts_with("Unrecognized payload type"), "{kind}");
    }
    let untyped = app.admin().send_untyped("POST", "system/role", b"{\"resource\": [}").refused(400);
    assert!(untyped.contains("line 1 column 15"), "{untyped}");
    let typeless = app.admin().send_untyped("POST", "system/role", b"[{\"name\": \"typeless\"}]");
    assert_eq!(typeless.status(), 201, "{typeless:?}");
    assert_eq!(admin.get("system/role?filter=name=typeless&count_only=true").expect(200), json!(1));
}

#[test]
fn statement_041_every_error_is_an_envelope() {
    let app = TestApp::start();
    for (status, answer) in [
        (400, app.anonymous().get("db/_table/todo")),
        (401, app.key_only().get("db/_table/vault")),
        (403, app.user().get("db/_table/vault")),
        (404, app.admin().get("nosuch")),
        (404, app.anonymous().exactly("GET", "/nosuch/path")),
        (404, app.anonymous().exactly("GET", "/rest")),
        (405, app.anonymous().exactly("POST", "/nosuch/path")),
        (405, app.anonymous().exactly("TRACE", "/api/v2/db")),
        (400, app.anonymous().exactly("GET", "/api/v2/db/%00")),
        (400, app.anonymous().exactly("GET", "/api/v2/../secret.key")),
        (400, app.admin().exactly("GET", "/api/v2/db?filter=%FF")),
        (431, app.admin().with("X-Long", &"x".repeat(70_000)).get("db")),
    ] {
        assert!(!answer.refused(status).is_empty());
    }
    assert_eq!(app.admin().exactly("DELETE", "/api/v2").refused(404), "Could not find a service for v2");
}

#[test]
fn statement_042_slashes_and_letters_are_not_escaped() {
    let app = TestApp::start();
    let id = roles(&app, &["a/b"])[0];
    app.admin().patch(&format!("system/role/{id}"), json!({"description": "</b> ü ☃"})).expect(200);
    let answer = app.admin().get(&format!("system/role/{id}?fields=name,description"));
    let unescaped = "{\"name\":\"a/b\",\"description\":\"</b> ü ☃\"}";
    assert_eq!(answer.header("content-length"), Some(unescaped.len().to_string().as_str()), "{answer:?}");
    assert_eq!(answer.expect(200).to_string(), unescaped);
}

#[test]
fn a_failure_tells_a_number_that_the_log_has_and_nothing_else() {
    let app = TestApp::start();
    let file = app.folder().join("databases/broken.sqlite3");
    std::fs::write(&file, "this is no database, however long one looks at it".repeat(100)).unwrap();
    let record =
        json!({"name": "broken", "type": "sqlite", "config": {"database": "broken.sqlite3"}, "is_active": true});
    app.admin().post("system/service", json!({"resource": [record]})).expect(201);
    let failed = app.admin().get("broken/_table/x");
    assert!(!format!("{failed:?}").contains(app.folder().to_str().unwrap()), "{failed:?}");
    let body = failed.expect(503);
    let id = body["error"]["correlation_id"].as_str().unwrap();
    app.wait_for_log(id);
}

#[test]
fn the_status_tells_administrators_more_than_others() {
    let app = TestApp::start();
    let anonymous = app.anonymous().exactly("GET", "/status").expect(200);
    assert_eq!(anonymous.as_object().unwrap().keys().collect::<Vec<_>>(), ["status", "version"]);
    assert_eq!(app.user().exactly("GET", "/status").expect(200), anonymous);
    let forged = app.anonymous().with("X-DreamFactory-Session-Token", "no.such.token");
    assert_eq!(forged.exactly("GET", "/status").expect(200), anonymous, "a probe's bad token is no failure");
    let told = app.admin().exactly("GET", "/status").expect(200);
    assert_eq!(told["resources"]["admin"], 1);
    assert_eq!(told["uri"], format!("http://{}", app.address()));
    assert!(told["last_admin_login"].is_string() && told["host_os"].is_string());
}

#[test]
fn every_answer_says_how_it_may_be_used() {
    let app = TestApp::start();
    for answer in [
        app.admin().get("system/role"),
        app.anonymous().get("db"),
        app.anonymous().exactly("GET", "/"),
        app.anonymous().exactly("GET", "/status"),
        app.anonymous().exactly("GET", "/nosuch"),
    ] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:?}");
    }
    let page = app.anonymous().with("Accept", "text/html").exactly("GET", "/");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"), "{page:?}");
}

#[test]
fn ten_megabytes_of_headers_end_one_connection_and_nothing_else() {
    let app = TestApp::start();
    let flood = app.anonymous().with("X-Flood", &"x".repeat(10 << 20)).get("db");
    assert!([0, 431].contains(&flood.status()), "{}", flood.status());
    assert_eq!(app.admin().get("db").status(), 200);
}
