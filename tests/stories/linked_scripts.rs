//! Scripts whose text is kept elsewhere: in a folder of the server's, or by another service (statement 124).

use crate::support::{TestApp, antiphon, fixture_folder, json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use tempfile::TempDir;

const BEFORE: &str = "db._table.todo.get.pre_process";
const AFTER: &str = "db._table.todo.get.post_process";

/// A folder with these files below `events`.
fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("events")).unwrap();
    files.iter().for_each(|(file, text)| write(folder.path(), file, text));
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join("events").join(file), text).unwrap();
}

/// A server with that folder of scripts.
fn over(folder: &TempDir) -> TestApp {
    let variable = ("ANTIPHON_SCRIPTS__FOLDER".to_owned(), folder.path().to_str().unwrap().to_owned());
    TestApp::in_folder(fixture_folder(), &[variable])
}

/// Makes the server look at the script now, and not within the second.
fn refresh(app: &TestApp, name: &str) {
    assert_eq!(app.admin().delete(&format!("system/cache/_event/{name}")).expect(200), json!({"success": true}));
}

fn limit(limit: u8) -> String {
    format!("event.request.parameters.limit = {limit};")
}

#[test]
fn statement_124_a_linked_script_runs_and_a_changed_one_after_the_cache_is_told() {
    let folder = folder_with(&[
        (&format!("{BEFORE}.js"), &limit(1)),
        (&format!("{BEFORE}.json"), r#"{"allow_event_modification": true}"#),
    ]);
    let app = over(&folder);
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 1);
    write(folder.path(), &format!("{BEFORE}.js"), &limit(2));
    refresh(&app, BEFORE);
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 2);
    std::fs::remove_file(folder.path().join(format!("events/{BEFORE}.js"))).unwrap();
    app.admin().delete("system/cache").expect(200);
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 3);
    app.admin().get(&format!("system/event_script/{BEFORE}")).refused(404);
}

#[test]
fn a_changed_file_is_noticed_without_being_told() {
    let folder = folder_with(&[(&format!("{BEFORE}.py"), "pass")]);
    let app = over(&folder);
    write(folder.path(), &format!("{AFTER}.js"), "event.response.content = 'linked';");
    write(folder.path(), &format!("{AFTER}.json"), r#"{"allow_event_modification": true}"#);
    app.wait_for_log("changed=1");
    app.wait_for_log("from the folder of scripts");
    let mut looks = 0;
    // The settings may have come a look later than the text.
    while app.user().get("db/_table/todo").expect(200) != "linked" {
        looks += 1;
        assert!(looks < 600, "never noticed");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_linked_script_is_listed_and_cannot_be_changed_over_the_api() {
    let folder = folder_with(&[(&format!("{BEFORE}.js"), "// mine")]);
    let app = over(&folder);
    let path = format!("system/event_script/{BEFORE}");
    let record = app.admin().get(&path).expect(200);
    assert_eq!((&record["type"], &record["content"]), (&json!("javascript"), &json!("// mine")));
    assert_eq!((&record["is_active"], &record["allow_event_modification"]), (&json!(true), &json!(false)));
    assert_eq!(record["storage_path"], format!("events/{BEFORE}.js"), "the record tells its file");
    assert_eq!(record.get("linked_file"), None);
    for message in [
        app.admin().patch(&path, json!({"is_active": false})).refused(403),
        app.admin().post(&path, json!({"content": "x"})).refused(403),
        app.admin().delete(&path).refused(403),
    ] {
        assert!(message.contains(BEFORE) && message.contains("events/"), "{message}");
    }
    assert_eq!(app.admin().get(&path).expect(200), record);
}

#[test]
fn a_check_that_cannot_be_read_refuses_the_call_and_others_are_passed_over() {
    let settings = r#"{"allow_event_modification": true}"#;
    let folder = folder_with(&[
        (&format!("{AFTER}.js"), "event.response.content = 'changed';"),
        (&format!("{AFTER}.json"), settings),
        (&format!("{BEFORE}.js"), &limit(1)),
        (&format!("{BEFORE}.json"), settings),
    ]);
    let app = over(&folder);
    assert_eq!(app.user().get("db/_table/todo").expect(200), "changed");
    write(folder.path(), &format!("{AFTER}.json"), "{");
    refresh(&app, AFTER);
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1], "the call goes on without it");
    app.wait_for_log("can't be used as a script");
    std::fs::write(folder.path().join(format!("events/{BEFORE}.js")), [0xff, 0xfe]).unwrap();
    refresh(&app, BEFORE);
    let answer = app.user().get("db/_table/todo");
    assert!(answer.header("retry-after").is_some());
    assert!(answer.refused(503).contains(BEFORE));
    write(folder.path(), &format!("{BEFORE}.js"), &limit(2));
    refresh(&app, BEFORE);
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 2]);
}

#[test]
fn a_folder_that_goes_away_takes_no_script_with_it() {
    let folder = folder_with(&[(&format!("{BEFORE}.js"), "throw 'refused';")]);
    let app = over(&folder);
    std::fs::rename(folder.path(), folder.path().with_extension("away")).unwrap();
    app.wait_for_log("its scripts stay as they were");
    assert_eq!(app.user().get("db/_table/todo").refused(500), "refused");
    std::fs::rename(folder.path().with_extension("away"), folder.path()).unwrap();
}

#[test]
fn a_stored_script_stands_before_a_file_of_its_name() {
    let folder = folder_with(&[]);
    let app = over(&folder);
    app.attach(BEFORE, &limit(2));
    write(folder.path(), &format!("{BEFORE}.js"), "throw 'from the file';");
    app.wait_for_log("another of its name is stored");
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 2]);
    app.admin().delete(&format!("system/event_script/{BEFORE}")).expect(200);
    refresh(&app, BEFORE);
    assert_eq!(app.user().get("db/_table/todo").refused(500), "from the file");
}

#[test]
fn a_server_does_not_start_without_its_folder_of_scripts() {
    let data = TempDir::new().unwrap();
    let mut server = antiphon(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    let output = server.env("ANTIPHON_SCRIPTS__FOLDER", data.path().join("nosuch")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("nosuch") && told.contains("scripts.folder"), "{told}");
}

/// A service that keeps texts, as file services answer for them, and what it keeps.
fn file_service(app: &TestApp, text: &str) -> i64 {
    let content = format!(
        "if (event.resource !== 'code/check.js' || event.request.parameters.content !== '1') throw 'unexpected';
         if (!platform.session.user.is_sys_admin) throw 'not with the rights of the server';
         return {{content: {{path: event.resource, content: '{}'}}}};",
        STANDARD.encode(text)
    );
    let existing = app.admin().get("system/service?filter=name='texts'&fields=id").expect(200);
    let config = json!({ "content": content });
    if let Some(id) = existing["resource"][0]["id"].as_i64() {
        app.admin().patch(&format!("system/service/{id}"), json!({ "config": config })).expect(200);
        return id;
    }
    let service = json!({"resource": [{"name": "texts", "type": "javascript", "is_active": true, "config": config}]});
    app.admin().post("system/service", service).expect(201)["resource"][0]["id"].as_i64().unwrap()
}

#[test]
fn statement_124_a_script_linked_to_a_service_is_fetched_once_and_anew_when_told() {
    let app = TestApp::start();
    let service = file_service(&app, &limit(1));
    app.store(BEFORE, json!({"content": "", "storage_service_id": service, "storage_path": "code/check.js"}));
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 1, "fetched with the rights of the server");
    file_service(&app, &limit(2));
    refresh(&app, BEFORE);
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 2);
}

#[test]
fn a_linked_check_whose_service_fails_refuses_the_call() {
    let app = TestApp::start();
    let service = file_service(&app, "");
    let link = json!({"content": "", "storage_service_id": service, "storage_path": "code/nosuch.js"});
    app.store(AFTER, link.clone());
    app.user().get("db/_table/todo").expect(200);
    app.store(BEFORE, link);
    assert!(app.user().get("db/_table/todo").refused(503).contains(BEFORE));
    app.wait_for_log("unexpected");
}

#[test]
fn a_script_service_can_be_linked_too() {
    let app = TestApp::start();
    let service = file_service(&app, "return {sum: 9};");
    let config = json!({"content": "", "storage_service_id": service, "storage_path": "code/check.js"});
    let math = json!({"resource": [{"name": "math", "type": "javascript", "is_active": true, "config": config}]});
    app.admin().post("system/service", math).expect(201);
    assert_eq!(app.admin().get("math").expect(200), json!({"sum": 9}));
    file_service(&app, "return {sum: 10};");
    app.admin().delete("system/cache/math").expect(200);
    assert_eq!(app.admin().get("math").expect(200), json!({"sum": 10}));
    let broken = json!({"config": {"storage_path": "code/nosuch.js"}});
    let id = app.admin().get("system/service?filter=name='math'&fields=id").expect(200)["resource"][0]["id"].clone();
    app.admin().patch(&format!("system/service/{id}"), broken).expect(200);
    assert!(app.admin().get("math").refused(503).contains("service.math"));
}
