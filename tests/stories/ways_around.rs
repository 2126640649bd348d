//! Ways around what a role grants or a limit bounds: all of them must be closed.

use crate::support::{Caller, TestApp, Value, json};

const BEFORE: &str = "db._table.todo.get.pre_process";

/// The key of an app whose role may read the whole database except for what these rows say of it.
fn key_of_role(app: &TestApp, further: &[Value]) -> String {
    let admin = app.admin();
    let db = &admin.get("system/service?filter=name='db'&fields=id").expect(200)["resource"][0]["id"];
    let mut rows = vec![json!({"service_id": db, "component": "*", "verb_mask": 31, "requestor_mask": 3})];
    rows.extend(further.iter().cloned().map(|mut row| {
        row["service_id"] = db.clone();
        row["requestor_mask"] = json!(3);
        row
    }));
    let role = json!({"name": "most", "is_active": true, "role_service_access_by_role_id": rows});
    let role = admin.post("system/role?fields=id", json!({"resource": [role]})).expect(201);
    let client = json!({"name": "most", "is_active": true, "type": 0, "role_id": role["resource"][0]["id"]});
    let client = admin.post("system/app?fields=api_key", json!({"resource": [client]})).expect(201);
    client["resource"][0]["api_key"].as_str().unwrap().to_owned()
}

fn with_key<'a>(app: &'a TestApp, key: &str) -> Caller<'a> {
    app.anonymous().with("X-DreamFactory-API-Key", key)
}

/// Some letters fold to ASCII ones: the Kelvin sign to `k`, the long s to `s`.
#[test]
fn a_table_has_no_other_spelling_than_the_one_that_the_role_names() {
    let app = TestApp::start();
    let fields = json!([{"name": "id", "type": "id"}, {"name": "name", "type": "string"}]);
    app.admin().post("db/_schema", json!({"resource": [{"name": "task", "field": fields}]})).expect(200);
    app.admin().post("db/_table/task", json!({"resource": [{"name": "open"}, {"name": "hidden"}]})).expect(200);
    let filtered = json!({
        "component": "_table/task/*", "verb_mask": 31, "filters": [{"name": "id", "operator": "<", "value": 2}], "filter_op": "AND",
    });
    let key = key_of_role(&app, &[filtered]);
    let most = with_key(&app, &key);
    for spelling in ["task", "TASK", "Task"] {
        assert_eq!(most.get(&format!("db/_table/{spelling}")).values("id"), [1], "{spelling}");
    }
    for spelling in ["tas%E2%84%AA", "ta%C5%BFk"] {
        most.get(&format!("db/_table/{spelling}")).refused(404);
        most.get(&format!("db/_table/{spelling}/2")).refused(404);
        most.get(&format!("db/_schema/{spelling}")).refused(404);
    }
}

#[test]
fn a_denied_table_is_denied_in_every_spelling() {
    let app = TestApp::start();
    let key = key_of_role(&app, &[json!({"component": "_table/vault", "verb_mask": 0})]);
    let most = with_key(&app, &key);
    for path in ["vault", "vault/", "Vault", "%76ault", "vault//", "vault%2f", "vault?method=GET"] {
        most.get(&format!("db/_table/{path}")).refused(401);
    }
    for path in ["/vault", "vault%20", "vault;x=1", ".%2fvault", "vault%252f1"] {
        most.get(&format!("db/_table/{path}")).refused(404);
    }
    most.get("db/_table/contact/../vault").refused(400);
}

/// What is small inside of a script and huge outside.
#[test]
fn values_of_a_script_cannot_take_all_memory() {
    let app = TestApp::start();
    let many = "new Array(20000).fill('x'.repeat(1 << 20))";
    for source in [
        format!("platform.api.post('db/_table/journal', {{resource: [{{entry: {many}}}]}});"),
        format!("event.request.payload = {{resource: {many}}};"),
        format!("event.response = {{content: {many}}};"),
        format!("return {many};"),
        "event.response = {content: new Array(4294967295)};".to_owned(),
        "let list = ['x']; for (let i = 0; i < 40; i++) list = [list, list]; event.response = {content: list};"
            .to_owned(),
    ] {
        app.attach(BEFORE, &source);
        let message = app.user().get("db/_table/todo").refused(500);
        assert!(message.contains("memory"), "{source}: {message}");
        app.user().get("db/_table/todo/1").expect(200);
    }
}

#[test]
fn a_request_with_more_conditions_than_the_database_takes_is_refused_as_such() {
    let app = TestApp::start();
    let filter = vec!["id>0"; 1500].join(" and ");
    let answer = app.user().get(&format!("db/_table/todo?filter={filter}"));
    assert_eq!(answer.status(), 400, "{}", answer.body());
    let message = answer.refused(400);
    assert!(message.contains("Send fewer"), "{message}");
}

/// One LIKE on one long text is a single instruction of the database, in which it looks at no clock.
#[test]
fn a_pattern_that_fits_nearly_everywhere_ends_with_the_statements_time() {
    let app = TestApp::with_limits(&[("SQL_STATEMENT_MS", 300)]);
    let long = json!({"name": "long", "note": "a".repeat(8_000_000)});
    app.user().post("db/_table/todo", json!({"resource": [long]})).expect(200);
    let filter = format!("note like '%25{}b%25'", "a".repeat(8000));
    let answer = app.user().get(&format!("db/_table/todo?fields=id&filter={filter}"));
    assert_eq!(answer.status(), 503, "{}", answer.body());
    let message = answer.refused(503);
    assert!(message.contains("too long"), "{message}");
    assert_eq!(app.user().get("db/_table/contact?filter=first_name like 'a%25'").values("id"), [2]);
}

/// Whatever spelling reaches a record, the scripts of its events run.
#[test]
fn no_spelling_of_a_path_gets_around_a_script() {
    let app = TestApp::start();
    for event in ["db._table.todo.get", "db._table.todo.{id}.get", "db._table.todo.{id}.patch"] {
        app.attach(&format!("{event}.pre_process"), "throw {message: 'guarded', status_code: 418};");
    }
    for path in [
        "db/_table/todo/",
        "DB/_TABLE/Todo",
        "db//_table/todo//",
        "db/_table%2ftodo",
        "db%2f_table/todo",
        "db/_table/%74odo",
        "db/_table/todo/1",
        "db/_table/todo/1/",
        "db/_table/TODO/1",
        "db/_table/todo/1/x",
        "db/_table/todo/1/x/y",
        "db/_table/todo%2f1%2fx",
        "db/_table/todo?ids=1",
        "db/_table/todo?method=PATCH",
    ] {
        assert_eq!(app.user().get(path).refused(418), "guarded", "{path}");
    }
    for path in ["db/_table/todo/1", "db/_table/todo/1/x"] {
        app.user().patch(path, json!({"name": "changed"})).refused(418);
        app.user().with("X-HTTP-Method", "MERGE").post(path, json!({"name": "changed"})).refused(418);
    }
    for path in
        ["/api/db/_table/todo", "//api//v2//db//_table/todo", "/api%2fv2/db/_table/todo/1", "/api/v3/db/_table/todo"]
    {
        app.user().exactly("GET", path).refused(418);
    }
}
