//! Starting, stopping, and what a stop must not lose.

use crate::support::{TestApp, antiphon, json};
use std::process::Output;
use std::thread;
use tempfile::TempDir;

/// Tells the test that the script has begun.
const BEGAN: &str = "platform.api.post('db/_table/journal', {resource: [{entry: 'began'}]});";

/// A start that must fail: its exit code and what it says.
fn failed_start(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = TempDir::new().unwrap();
    let Output { status, stderr, .. } = antiphon(arguments).current_dir(folder.path()).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named_with_a_remedy() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").unwrap();
    let data = file.join("data");
    let (code, said) = failed_start(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(data.to_str().unwrap()) && said.contains("--data"), "{said}");
    assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
}

#[test]
fn an_address_in_use_is_named_with_a_remedy() {
    let app = TestApp::start();
    let data = TempDir::new().unwrap();
    let (code, said) = failed_start(&["serve", "--listen", app.address(), "--data", data.path().to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(app.address()) && said.contains("--listen"), "{said}");
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "[limits]\nbody_bites = 1\n").unwrap();
    let (code, said) = failed_start(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("body_bites"), "{said}");
}

#[test]
fn rows_scripts_and_tokens_survive_a_restart() {
    let app = TestApp::start();
    app.user().post("db/_table/todo", json!({"resource": [{"name": "stay"}]})).expect(200);
    app.attach("db._table.todo.get.pre_process", "event.request.parameters.filter = 'id = 4';");
    let app = app.restart();
    assert_eq!(app.user().get("db/_table/todo").values("name"), ["stay"]);
}

#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let app = TestApp::start();
    app.user().post("db/_table/todo", json!({"resource": [{"name": "stay"}]})).expect(200);
    app.attach("db._table.todo.get.pre_process", "event.request.parameters.filter = 'id = 4';");
    let app = app.restart_after_kill();
    assert_eq!(app.user().get("db/_table/todo").values("name"), ["stay"]);
}

#[test]
fn a_stop_lets_calls_in_flight_finish() {
    let mut app = TestApp::start();
    app.attach("db._table.todo.get.pre_process", &format!("{BEGAN} sleep(1.5);"));
    thread::scope(|scope| {
        let call = scope.spawn(|| app.user().get("db/_table/todo"));
        while app.count("journal") == 0 {}
        app.terminate();
        assert_eq!(call.join().unwrap().values("id"), [1, 2, 3]);
    });
    assert!(app.ended().success());
    assert!(app.has_logged("calls in flight may finish"));
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let mut app = TestApp::with_limits(&[("SHUTDOWN_MS", 300)]);
    app.attach("db._table.todo.get.pre_process", &format!("{BEGAN} sleep(25);"));
    thread::scope(|scope| {
        let call = scope.spawn(|| app.user().get("db/_table/todo").status());
        while app.count("journal") == 0 {}
        app.terminate();
        assert_eq!(call.join().unwrap(), 0, "the call was cut off");
    });
    assert!(app.ended().success());
}
