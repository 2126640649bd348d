//! The processes that run scripts, whatever their language: statements 103 and 106, and what happens when one dies.

use crate::support::{TestApp, Value, fixture_folder, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

const BEFORE: &str = "db._table.todo.get.pre_process";
const LANGUAGES: [&str; 3] = ["nodejs", "php", "python3"];

/// A server whose workers keep their files in a folder of the test's.
fn with_workers_in(folder: &TempDir, more: &[(&str, &str)]) -> TestApp {
    let mut variables = vec![("TMPDIR".to_owned(), folder.path().to_str().unwrap().to_owned())];
    variables.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    TestApp::in_folder(fixture_folder(), &variables)
}

/// Command lines of all processes that name that text.
fn command_lines_with(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).filter(|line| line.contains(text)).collect()
}

fn workers_of(folder: &TempDir) -> Vec<String> {
    command_lines_with(folder.path().to_str().unwrap()).into_iter().filter(|line| line.contains("worker.")).collect()
}

fn private_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("antiphon-workers-")).collect()
}

fn answer_seven(kind: &str) -> Value {
    let content = match kind {
        "php" => "$event['response'] = ['content' => 7];",
        "nodejs" => "event.response = {content: 7};",
        _ => "event.response = {'content': 7}",
    };
    json!({"type": kind, "content": content})
}

#[test]
fn statement_103_neither_a_large_script_nor_a_large_event_is_visible_in_the_process_list() {
    let folder = TempDir::new().unwrap();
    let app = with_workers_in(&folder, &[]);
    // Holds the outer script up long enough that the list of processes is read meanwhile.
    app.store("db._table.journal.get.pre_process", json!({"type": "javascript", "content": "sleep(0.5)"}));
    let needle = "Haystack5417";
    for (kind, comment, rest) in [
        (
            "nodejs",
            "//",
            "platform.api.get('db/_table/journal', '', () => {}); event.response = {content: event.request.payload.resource[0].name.length};",
        ),
        (
            "php",
            "//",
            "$platform['api']->get('db/_table/journal'); $event['response'] = ['content' => strlen($event['request']['payload']['resource'][0]['name'])];",
        ),
        (
            "python3",
            "#",
            "platform.api.get('db/_table/journal').read()\nevent.response = {'content': len(event.request.payload.resource[0].name)}",
        ),
    ] {
        let source = format!("{comment} {needle}{}\n{rest}", "x".repeat(100_000));
        app.store("db._table.todo.post.pre_process", json!({"type": kind, "content": source}));
        let body = json!({"resource": [{"name": format!("{needle}{}", "y".repeat(1_000_000))}]});
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                let answer = app.admin().post("db/_table/todo", body);
                is_over.store(true, Ordering::Release);
                answer.expect(200)
            });
            while !is_over.load(Ordering::Acquire) {
                assert_eq!(command_lines_with(needle), Vec::<String>::new(), "{kind}");
            }
            assert_eq!(call.join().unwrap(), json!(1_000_000 + needle.len()), "{kind}");
        });
    }
}

#[test]
fn statement_106_a_language_that_is_switched_off_is_refused_on_save_and_on_run_and_no_other_is() {
    let folder = fixture_folder();
    let app = TestApp::in_folder(folder, &[]);
    app.store(BEFORE, answer_seven("python3"));
    assert_eq!(app.admin().get("db/_table/todo").expect(200), 7);
    let data = fixture_folder();
    let app = TestApp::in_folder(data, &[("DF_SCRIPTING_DISABLE".into(), "python3".into())]);
    let event = format!("system/event_script/{BEFORE}");
    let disabled = "Scripting with python3 is disabled for this instance.";
    assert_eq!(app.admin().post(&event, answer_seven("python3")).refused(503), disabled);
    let service =
        json!({"resource": [{"name": "off", "type": "python3", "is_active": true, "config": {"content": ""}}]});
    let refused = app.admin().post("system/service", service).expect(400);
    let entry = &refused["error"]["context"]["resource"][0];
    assert_eq!((&entry["status_code"], &entry["message"]), (&json!(503), &json!(disabled)));
    app.store(BEFORE, answer_seven("python"));
    assert_eq!(app.admin().get("db/_table/todo").expect(200), 7);
    let types = app.admin().get("system/script_type").expect(200);
    let types = types["resource"].as_array().unwrap();
    let told = |name| &types.iter().find(|kind| kind["name"] == name).unwrap()["reason"];
    assert_eq!((told("python3"), told("python")), (&json!(disabled), &Value::Null));
}

#[test]
fn a_script_stored_before_its_language_was_switched_off_is_refused_when_it_would_run() {
    let mut first = TestApp::start();
    first.store(BEFORE, answer_seven("php"));
    assert!(first.stop().success());
    let copy = TempDir::new().unwrap();
    let everything = format!("{}/.", first.folder().display());
    assert!(Command::new("cp").args(["-r", &everything]).arg(copy.path()).status().unwrap().success());
    let app = TestApp::in_folder(copy, &[("DF_SCRIPTING_DISABLE".into(), "all".into())]);
    assert_eq!(app.admin().get("db/_table/todo").refused(503), "All scripting is disabled for this instance.");
}

#[test]
fn a_missing_interpreter_is_told_by_its_type_on_save_and_on_run() {
    let app = TestApp::in_folder(fixture_folder(), &[("ANTIPHON_SCRIPTS__NODE".into(), "/no/such/node".into())]);
    let saved = app.admin().post(
        &format!("system/event_script/{BEFORE}"),
        json!({
            "type": "nodejs", "is_active": true, "content": "return 1"
        }),
    );
    assert_eq!(saved.status(), 201);
    assert!(saved.header("warning").unwrap().contains("apt-get install nodejs"), "{saved:?}");
    assert!(app.admin().get("db/_table/todo").refused(503).contains("apt-get install nodejs"));
    let told = app.admin().get("system/script_type/nodejs").expect(200);
    assert_eq!(told["available"], false);
    assert!(told["reason"].as_str().unwrap().contains("/no/such/node"), "{told}");
    assert_eq!(app.admin().get("system/script_type/python3").expect(200)["available"], Value::Null);
}

#[test]
fn a_worker_that_dies_fails_its_own_call_only() {
    let app = TestApp::start();
    app.store("db._table.contact.get.pre_process", answer_seven("python3"));
    app.store(BEFORE, json!({"type": "python3", "content": "import os\nos._exit(7)"}));
    for _ in 0..3 {
        let refused = app.admin().get("db/_table/todo").refused(500);
        assert!(refused.contains("interpreter ended while it ran script"), "{refused}");
        assert_eq!(app.admin().get("db/_table/contact").expect(200), 7);
    }
}

#[test]
fn workers_end_with_their_server_and_leave_nothing() {
    let folder = TempDir::new().unwrap();
    let mut app = with_workers_in(&folder, &[]);
    for kind in LANGUAGES {
        app.store(BEFORE, answer_seven(kind));
        assert_eq!(app.admin().get("db/_table/todo").expect(200), 7, "{kind}");
    }
    assert!(workers_of(&folder).len() >= LANGUAGES.len());
    assert_eq!(private_folders(folder.path()).len(), 1);
    assert!(app.stop().success());
    assert_eq!((workers_of(&folder), private_folders(folder.path())), (Vec::new(), Vec::new()));
}

#[test]
fn workers_of_a_server_that_was_killed_end_and_the_next_one_clears_up() {
    let folder = TempDir::new().unwrap();
    let mut app = with_workers_in(&folder, &[]);
    app.store(BEFORE, answer_seven("python3"));
    assert_eq!(app.admin().get("db/_table/todo").expect(200), 7);
    app.kill();
    app.ended();
    while !workers_of(&folder).is_empty() {
        std::thread::yield_now();
    }
    let left = private_folders(folder.path());
    assert_eq!(left.len(), 1);
    let next = with_workers_in(&folder, &[]);
    next.store(BEFORE, answer_seven("python3"));
    assert_eq!(next.admin().get("db/_table/todo").expect(200), 7);
    assert!(!left[0].exists());
}

#[test]
fn administrators_see_workers_and_what_confines_them() {
    let app = TestApp::start();
    for kind in LANGUAGES {
        app.store(BEFORE, answer_seven(kind));
        app.admin().get("db/_table/todo").expect(200);
    }
    let scripts = app.admin().exactly("GET", "/status").expect(200)["scripts"].clone();
    let workers = scripts["workers"].as_array().unwrap();
    assert_eq!(workers.len(), LANGUAGES.len(), "{scripts}");
    assert!(workers.iter().all(|language| language["started"].as_u64() > Some(0) && language["version"].is_string()));
    assert!(scripts["sandbox"]["enforced"].as_array().unwrap().contains(&json!("seccomp")), "{scripts}");
    let stranger = app.anonymous().exactly("GET", "/status").expect(200);
    assert_eq!(stranger["scripts"], Value::Null);
}
