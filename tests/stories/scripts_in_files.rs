//! `antiphon scripts`: the scripts of a server as files, with the real program.

use crate::support::{ADMIN, TestApp, antiphon, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const BEFORE: &str = "db._table.{table_name}.get.pre_process";

/// Runs `antiphon scripts ...` as the administrator of that server.
fn scripts(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = antiphon(&[&["scripts"], arguments].concat());
    command.env("ANTIPHON_SERVER", format!("http://{}", app.address()));
    command.env("ANTIPHON_EMAIL", ADMIN.0).env("ANTIPHON_PASSWORD", ADMIN.1).output().unwrap()
}

/// What a command that must end with that code printed.
#[track_caller]
fn printed(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for section in std::fs::read_dir(folder).unwrap() {
        let section = section.unwrap().path();
        for file in std::fs::read_dir(&section).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// A server with scripts of several kinds.
fn with_scripts() -> TestApp {
    let app = TestApp::start();
    app.attach(BEFORE, "event.request.parameters.limit = 1;\n");
    app.store(
        "db._table.todo.post.post_process",
        json!({"type": "python3", "content": "pass", "is_active": false, "config": {"timeout_ms": 50, "a": [1, {}]}}),
    );
    let service = json!({"resource": [{
        "name": "math", "label": "Math", "type": "v8js", "is_active": true, "description": "adds",
        "config": {"content": "return {sum: Number(event.request.parameters.a) + 1};"},
        "service_doc_by_service_id": {"format": 0, "content": "{\"paths\": {\"/add\": {\"get\": {}}}}"},
    }]});
    app.admin().post("system/service", service).expect(201);
    app
}

#[test]
fn a_pull_writes_every_script_with_its_settings_and_twice_the_same() {
    let (app, folder) = (with_scripts(), TempDir::new().unwrap());
    let path = folder.path().to_str().unwrap();
    let told = printed(&scripts(&app, &["pull", path]), 0);
    assert!(told.contains("new     events/db._table.{table_name}.get.pre_process.js"), "{told}");
    let written = files(folder.path());
    let names: Vec<_> = written.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "events/db._table.todo.post.post_process.json",
            "events/db._table.todo.post.post_process.py",
            "events/db._table.{table_name}.get.pre_process.js",
            "events/db._table.{table_name}.get.pre_process.json",
            "services/math.js",
            "services/math.json",
        ]
    );
    assert_eq!(written["events/db._table.{table_name}.get.pre_process.js"], "event.request.parameters.limit = 1;\n");
    assert_eq!(
        written["events/db._table.{table_name}.get.pre_process.json"],
        "{\n  \"allow_event_modification\": true,\n  \"is_active\": true\n}\n"
    );
    assert!(written["services/math.json"].contains("\"type\": \"v8js\""), "{written:?}");
    assert_eq!(printed(&scripts(&app, &["pull", path]), 0), "");
    assert_eq!(files(folder.path()), written);
    assert_eq!(printed(&scripts(&app, &["diff", path]), 0), "");
}

#[test]
fn a_push_makes_another_server_the_same() {
    let (app, folder) = (with_scripts(), TempDir::new().unwrap());
    let path = folder.path().to_str().unwrap();
    printed(&scripts(&app, &["pull", path]), 0);
    let other = TestApp::start();
    let would = printed(&scripts(&other, &["push", path, "--dry-run"]), 0);
    assert!(would.contains("would be created script service math"), "{would}");
    assert_eq!(other.user().get("db/_table/todo").values("id").len(), 3, "nothing was done");
    let told = printed(&scripts(&other, &["push", path]), 0);
    assert_eq!(told.lines().count(), 3, "{told}");
    assert_eq!(other.user().get("db/_table/todo").values("id").len(), 1);
    assert_eq!(other.admin().get("math/add?a=2").expect(200), json!({"sum": 3}));
    assert_eq!(printed(&scripts(&other, &["diff", path]), 0), "");
    assert_eq!(printed(&scripts(&other, &["push", path]), 0), "", "a second push has nothing to do");
    let stored = other.admin().get("system/event_script/db._table.todo.post.post_process").expect(200);
    assert_eq!(stored["config"], json!({"a": [1, {}], "timeout_ms": 50}));
    assert_eq!(stored["is_active"], false);
}

#[test]
fn a_difference_is_shown_line_by_line_and_pushed() {
    let (app, folder) = (with_scripts(), TempDir::new().unwrap());
    let path = folder.path().to_str().unwrap();
    printed(&scripts(&app, &["pull", path]), 0);
    std::fs::write(folder.path().join(format!("events/{BEFORE}.js")), "event.request.parameters.limit = 2;\n").unwrap();
    std::fs::write(folder.path().join(format!("events/{BEFORE}.json")), "{\"is_active\": true}").unwrap();
    let difference = printed(&scripts(&app, &["diff", path]), 1);
    for line in [
        "--- server/events/db._table.{table_name}.get.pre_process.js",
        "-event.request.parameters.limit = 1;",
        "+event.request.parameters.limit = 2;",
        "-  \"allow_event_modification\": true,",
    ] {
        assert!(difference.lines().any(|found| found == line), "{line} is not in\n{difference}");
    }
    assert_eq!(printed(&scripts(&app, &["push", path]), 0), format!("changed event script {BEFORE}\n"));
    let stored = app.admin().get(&format!("system/event_script/{BEFORE}")).expect(200);
    assert_eq!(stored["allow_event_modification"], false, "what the settings leave out is off");
    assert_eq!(printed(&scripts(&app, &["diff", path]), 0), "");
}

#[test]
fn what_is_gone_on_one_side_goes_on_the_other_when_asked() {
    let (app, folder) = (with_scripts(), TempDir::new().unwrap());
    let path = folder.path().to_str().unwrap();
    printed(&scripts(&app, &["pull", path]), 0);
    for file in ["services/math.js", "services/math.json"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    assert_eq!(printed(&scripts(&app, &["push", path]), 0), "", "without --delete nothing goes");
    let only_events = printed(&scripts(&app, &["push", path, "--delete", "--only", "events"]), 0);
    assert_eq!(only_events, "");
    assert_eq!(printed(&scripts(&app, &["push", path, "--delete"]), 0), "deleted script service math\n");
    app.admin().get("math/add").refused(404);

    app.admin().delete(&format!("system/event_script/{BEFORE}")).expect(200);
    let kept = printed(&scripts(&app, &["pull", path]), 0);
    assert!(kept.contains("kept") && folder.path().join(format!("events/{BEFORE}.js")).exists(), "{kept}");
    printed(&scripts(&app, &["pull", path, "--delete"]), 0);
    assert!(!folder.path().join(format!("events/{BEFORE}.js")).exists());
    assert_eq!(printed(&scripts(&app, &["diff", path]), 0), "");
}

#[test]
fn a_data_folder_needs_no_server() {
    let (app, folder) = (with_scripts(), TempDir::new().unwrap());
    let (path, data) = (folder.path().to_str().unwrap(), app.folder().to_str().unwrap());
    printed(&antiphon(&["scripts", "pull", path, "--data", data]).output().unwrap(), 0);
    assert_eq!(printed(&scripts(&app, &["diff", path]), 0), "", "both ways tell the same");
    std::fs::write(folder.path().join(format!("events/{BEFORE}.js")), "event.request.parameters.limit = 2;").unwrap();
    printed(&antiphon(&["scripts", "push", path, "--data", data]).output().unwrap(), 0);
    assert_eq!(app.user().get("db/_table/todo").values("id").len(), 2, "the running server knows at once");
}

#[test]
fn what_cannot_be_done_is_said_in_plain_words_and_nothing_is_stored() {
    let (app, folder) = (with_scripts(), TempDir::new().unwrap());
    let path = folder.path().to_str().unwrap();
    let complaint = |output: Output| {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    std::fs::create_dir(folder.path().join("events")).unwrap();
    std::fs::write(folder.path().join("events/a.get.js"), "1").unwrap();
    std::fs::write(folder.path().join("events/b.get.js"), "1").unwrap();
    std::fs::write(folder.path().join("events/b.get.json"), "{").unwrap();
    let told = complaint(scripts(&app, &["push", path]));
    assert!(told.contains("b.get.js") && told.contains("JSON"), "{told}");
    app.admin().get("system/event_script/a.get").refused(404);

    let nobody =
        antiphon(&["scripts", "diff", path, "--server", &format!("http://{}", app.address())]).output().unwrap();
    assert!(complaint(nobody).contains("ANTIPHON_SESSION_TOKEN"));
    let mut wrong = antiphon(&["scripts", "diff", path, "--server", &format!("http://{}", app.address())]);
    wrong.env("ANTIPHON_EMAIL", ADMIN.0).env("ANTIPHON_PASSWORD", "not the password");
    let told = complaint(wrong.output().unwrap());
    assert!(told.contains(ADMIN.0) && !told.contains("not the password"), "{told}");
    assert!(complaint(antiphon(&["scripts", "diff", path]).output().unwrap()).contains("--server"));
    let nowhere = folder.path().join("nosuch");
    let told = complaint(antiphon(&["scripts", "diff", path, "--data", nowhere.to_str().unwrap()]).output().unwrap());
    assert!(told.contains("no data folder"), "{told}");
    assert!(!nowhere.exists());
}
