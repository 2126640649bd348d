//! Storing, reading, changing and removing scripts: statements 116 to 123.

use crate::support::{TestApp, fixture_folder, json};

const NAME: &str = "db._table.todo.get.pre_process";
const PATH: &str = "system/event_script/db._table.todo.get.pre_process";

/// A script that refuses with that text.
fn refusing(text: &str) -> serde_json::Value {
    json!({"type": "javascript", "is_active": true, "content": format!("throw '{text}';")})
}

#[test]
fn statement_116_a_script_is_created_then_updated_and_in_force_at_once() {
    let app = TestApp::start();
    assert_eq!(app.admin().post(PATH, refusing("first")).expect(201), json!({"name": NAME}));
    assert_eq!(app.user().get("db/_table/todo").refused(500), "first");
    assert_eq!(app.admin().post(PATH, refusing("second")).expect(200), json!({"name": NAME}));
    assert_eq!(app.user().get("db/_table/todo").refused(500), "second");
    app.admin().post(PATH, json!({"content": "throw 'third';"})).expect(200);
    assert_eq!(
        app.user().get("db/_table/todo").refused(500),
        "third",
        "a POST to a stored script changes only what it names"
    );
}

#[test]
fn statement_117_a_write_answers_with_the_fields_asked_for() {
    let app = TestApp::start();
    let record = app.admin().post(&format!("{PATH}?fields=*"), refusing("x")).expect(201);
    assert_eq!(
        (&record["name"], &record["type"], &record["is_active"]),
        (&json!(NAME), &json!("javascript"), &json!(true))
    );
    assert_eq!((&record["allow_event_modification"], &record["config"]), (&json!(false), &json!(null)));
    assert!(record["created_date"].is_string() && record["created_by_id"].is_u64(), "{record}");
}

#[test]
fn statement_118_several_scripts_are_created_at_once() {
    let app = TestApp::start();
    let named = |name: &str| json!({"name": name, "type": "javascript", "content": "", "is_active": true});
    let body = json!({"resource": [named("db.get.pre_process"), named("db.get.post_process")]});
    let answer = app.admin().post("system/event_script", body).expect(201);
    assert_eq!(answer, json!({"resource": [{"name": "db.get.pre_process"}, {"name": "db.get.post_process"}]}));
    let message = app.admin().post("system/event_script", named("db.get")).refused(400);
    assert!(message.starts_with("No record(s) detected in request."), "{message}");
}

#[test]
fn statement_119_a_script_is_read_whole_or_in_parts() {
    let app = TestApp::start();
    app.store(NAME, json!({"content": "// nothing", "config": "{\"a\":1}"}));
    let record = app.admin().get(PATH).expect(200);
    assert_eq!((&record["content"], &record["config"]), (&json!("// nothing"), &json!("{\"a\":1}")));
    app.store(NAME, json!({"config": {"a": 1}}));
    assert_eq!(app.admin().get(PATH).expect(200)["config"], json!({"a": 1}), "what was stored comes back");
    for member in ["created_date", "last_modified_date", "created_by_id", "last_modified_by_id", "storage_path"] {
        assert!(record.get(member).is_some(), "{member} is missing in {record}");
    }
    let part = app.admin().get(&format!("{PATH}?fields=name,type")).expect(200);
    assert_eq!(part, json!({"name": NAME, "type": "javascript"}));
    let message = app.admin().get("system/event_script/x.get.pre_process").refused(404);
    assert_eq!(message, "Record with identifier 'x.get.pre_process' not found.");
}

#[test]
fn statement_120_scripts_are_listed_by_name_identifiers_and_filter() {
    let app = TestApp::start();
    app.attach("b.get.pre_process", "");
    app.attach_inactive("a.get.pre_process", "");
    app.attach("c.get.pre_process", "");
    let list = |query: &str| app.admin().get(&format!("system/event_script?{query}")).expect(200);
    let all = ["a.get.pre_process", "b.get.pre_process", "c.get.pre_process"];
    assert_eq!(list("as_list=true"), json!({"resource": all}));
    assert_eq!(
        list("fields=name&ids=a.get.pre_process,c.get.pre_process")["resource"],
        json!([{"name": all[0]}, {"name": all[2]}])
    );
    assert_eq!(list("fields=name&filter=is_active=true")["resource"], json!([{"name": all[1]}, {"name": all[2]}]));
    let counted = list("fields=name&include_count=true&limit=1");
    assert_eq!(counted, json!({"resource": [{"name": all[0]}], "meta": {"count": 3, "next": 1}}));
    let message = app.admin().get("system/event_script?filter=nosuch=1").refused(400);
    assert!(message.contains("nosuch"), "{message}");
}

#[test]
fn statement_121_patch_and_put_change_only_what_they_name() {
    let app = TestApp::start();
    app.admin().post(PATH, refusing("x")).expect(201);
    for (switch, off) in [("PATCH", true), ("PUT", false)] {
        let body = json!({"is_active": !off});
        let answer = if off { app.admin().patch(PATH, body) } else { app.admin().put(PATH, body) };
        assert_eq!(answer.expect(200), json!({"name": NAME}));
        let record = app.admin().get(&format!("{PATH}?fields=type,is_active,content")).expect(200);
        assert_eq!(record, json!({"type": "javascript", "is_active": !off, "content": "throw 'x';"}), "{switch}");
        assert_eq!(app.user().get("db/_table/todo").status(), if off { 200 } else { 500 }, "{switch}");
    }
    app.admin().patch("system/event_script/x.get", json!({"is_active": true})).refused(404);
}

#[test]
fn statement_122_a_deleted_script_stops_running_at_once() {
    let app = TestApp::start();
    app.admin().post(PATH, refusing("x")).expect(201);
    assert_eq!(app.admin().delete(PATH).expect(200), json!({"name": NAME}));
    app.user().get("db/_table/todo").expect(200);

    app.admin().post(PATH, refusing("x")).expect(201);
    assert_eq!(
        app.admin().delete("system/event_script").refused(400),
        "No filter or records given for delete request."
    );
    app.user().get("db/_table/todo").refused(500);
    app.admin().delete("system/event_script?force=true").expect(200);
    app.user().get("db/_table/todo").expect(200);

    app.admin().post(PATH, refusing("x")).expect(201);
    app.admin().delete("system/event_script?filter=is_active=true").expect(200);
    app.user().get("db/_table/todo").expect(200);
}

#[test]
fn a_script_that_is_stored_anew_after_its_removal_is_the_new_one() {
    let app = TestApp::start();
    for text in ["first", "second", "third"] {
        app.admin().post(PATH, refusing(text)).expect(201);
        assert_eq!(app.user().get("db/_table/todo").refused(500), text);
        app.admin().delete(PATH).expect(200);
    }
}

#[test]
fn statement_123_braces_may_be_encoded_or_not() {
    let app = TestApp::start();
    let name = "db._table.{table_name}.get.pre_process";
    app.attach(name, "// generic");
    for path in [name.to_owned(), name.replace('{', "%7B").replace('}', "%7d")] {
        let record = app.admin().exactly("GET", &format!("/api/v2/system/event_script/{path}")).expect(200);
        assert_eq!(record["content"], "// generic", "{path}");
    }
}

#[test]
fn what_will_not_run_is_stored_with_a_warning_or_refused_on_demand() {
    let missing = [("ANTIPHON_SCRIPTS__PYTHON3".to_owned(), "/nowhere/python3".to_owned())];
    let app = TestApp::in_folder(fixture_folder(), &missing);
    let save = |query: &str, name: &str, kind: &str, content: &str| {
        let record = json!({"type": kind, "is_active": true, "content": content});
        app.admin().post(&format!("system/event_script/{name}{query}"), record)
    };
    let broken = "let a = 1;\nlet b = = 2;";
    for (name, kind, content, wanted) in
        [(NAME, "javascript", broken, "line 2"), ("db.get.pre_process", "python3", "pass", "python3")]
    {
        let answer = save("", name, kind, content);
        assert_eq!(answer.status(), 201, "{answer:?}");
        assert!(answer.header("warning").is_some_and(|warning| warning.contains(wanted)), "{wanted}: {answer:?}");
    }
    let message = save("?validate=true", "db.get.post_process", "javascript", broken).refused(400);
    assert!(message.contains("line 2"), "{message}");
    app.admin().get("system/event_script/db.get.post_process").refused(404);
    assert_eq!(save("?validate=true", "db.get.post_process", "javascript", "let a = 1;").header("warning"), None);
}

#[test]
fn the_name_in_the_path_is_the_name() {
    let app = TestApp::start();
    let mut record = refusing("x");
    record["name"] = json!("db._table.contact.get.pre_process");
    assert_eq!(app.admin().post(PATH, record).expect(201), json!({"name": NAME}));
    app.user().get("db/_table/todo").refused(500);
    app.user().get("db/_table/contact").expect(200);
}

#[test]
fn who_may_not_write_scripts_can_not() {
    let app = TestApp::start();
    let refusal = "Access Forbidden. POST access to component 'event_script/db._table.todo.get.pre_process' of service \
                   'system' is not allowed by this user's role.";
    assert_eq!(app.user().post(PATH, refusing("x")).refused(403), refusal);
    app.key_only().post(PATH, refusing("x")).refused(401);
    app.user().get("db/_table/todo").expect(200);
}
