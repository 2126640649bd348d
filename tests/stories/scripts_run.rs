//! `antiphon scripts run`: a script in a file on an event in a file, with the real program.

use crate::support::{ADMIN, TestApp, Value, antiphon, json};
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;

const BEFORE: &str = "db._table.todo.get.pre_process";

/// A folder with a script, its settings and an event.
struct Bench {
    folder: TempDir,
    script: PathBuf,
}

impl Bench {
    fn new(extension: &str, source: &str) -> Bench {
        let folder = TempDir::new().unwrap();
        let bench = Bench { script: folder.path().join(format!("events/{BEFORE}.{extension}")), folder };
        bench.write(&format!("events/{BEFORE}.{extension}"), source);
        bench.write(&format!("events/{BEFORE}.json"), r#"{"allow_event_modification": true}"#);
        let event = json!({
            "resource": "todo",
            "request": {"method": "GET", "parameters": {"limit": "5"}, "headers": {"X-Mark": "1"}, "payload": {}},
            "session": {"user": {"email": "ann@example.com"}}, "lookups": {"town": "Bonn"},
        });
        bench.write("event.json", &event.to_string());
        bench
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run(&self, more: &[&str]) -> Output {
        let event = self.folder.path().join("event.json");
        let fixed = ["scripts", "run", self.script.to_str().unwrap(), "--event", event.to_str().unwrap()];
        antiphon(&[&fixed, more].concat()).output().unwrap()
    }

    /// What a run that must end with that code prints.
    #[track_caller]
    fn printed(&self, more: &[&str], code: i32) -> String {
        let output = self.run(more);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

#[test]
fn the_changed_event_is_a_difference_in_every_language() {
    for (extension, source) in [
        (
            "js",
            "event.request.parameters.limit = 1; console.log('town {town}', platform.session.user.email); return 'done';",
        ),
        (
            "ts",
            "const limit: number = 1; event.request.parameters.limit = limit; console.log('town {town}', platform.session.user.email); return 'done';",
        ),
        (
            "node.js",
            "event.request.parameters.limit = 1; console.log('town Bonn', platform.session.user.email); return 'done';",
        ),
        ("py", "event.request.parameters.limit = 1\nprint('town {town}', platform.session.user.email)\nreturn 'done'"),
        (
            "php",
            "$event['request']['parameters']['limit'] = 1; echo 'town {town} ', $platform['session']['user']['email']; return 'done';",
        ),
    ] {
        let told = Bench::new(extension, source).printed(&[], 0);
        for line in
            ["-      \"limit\": \"5\"", "+      \"limit\": 1", "returned: \"done\"", "  town Bonn ann@example.com"]
        {
            assert!(told.lines().any(|found| found == line), "{extension}: {line} is not in\n{told}");
        }
        assert!(told.contains("finished, after"), "{told}");
    }
}

#[test]
fn a_script_that_throws_fails_the_command_and_tells_the_line() {
    let bench = Bench::new("js", "const a = 1;\nthrow {message: 'refused', status_code: 403};");
    assert!(bench.printed(&[], 1).contains("threw: refused, status 403"));
    let bench = Bench::new("js", "const a = 1;\nnosuch();");
    assert!(bench.printed(&[], 1).contains("(line 2)"));
    let bench = Bench::new("js", "let = ;");
    assert!(bench.printed(&[], 1).contains("Syntax error"));
}

#[test]
fn the_limits_of_the_server_hold() {
    let bench = Bench::new("js", "for (;;) {}");
    bench.write(&format!("events/{BEFORE}.json"), r#"{"config": {"timeout_ms": 300}}"#);
    let told = bench.printed(&[], 1);
    assert!(told.contains("stopped:") && told.contains("300"), "{told}");
}

#[test]
fn calls_are_answered_from_a_recording_or_refused() {
    let source = "const got = platform.api.get('/api/v2/db/_table/todo/1'); event.response = {content: [got.status_code, got.content]};";
    let bench = Bench::new("js", source);
    let told = bench.printed(&[], 0);
    assert!(told.contains("501") && told.contains("--server"), "{told}");
    let recorded: Value =
        json!([{"verb": "GET", "path": "db/_table/todo/1", "content": {"name": "from the recording"}}]);
    bench.write("api.json", &recorded.to_string());
    let api = bench.folder.path().join("api.json");
    let told = bench.printed(&["--api", api.to_str().unwrap()], 0);
    assert!(told.contains("+      200") && told.contains("from the recording"), "{told}");
}

#[test]
fn calls_can_go_to_a_server() {
    let app = TestApp::start();
    let source = "const got = platform.api.get('db/_table/todo', null, {parameters: {fields: 'name', filter: \"name = 'call Bob'\"}});
                  event.response = {content: got.content.resource};";
    let bench = Bench::new("js", source);
    let event = bench.folder.path().join("event.json");
    let mut command = antiphon(&["scripts", "run", bench.script.to_str().unwrap(), "--event", event.to_str().unwrap()]);
    command.env("ANTIPHON_SERVER", format!("http://{}", app.address()));
    command.env("ANTIPHON_EMAIL", ADMIN.0).env("ANTIPHON_PASSWORD", ADMIN.1);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(told.contains("call Bob") && !told.contains("buy milk"), "{told}");
}

#[test]
fn libraries_of_the_folder_are_there() {
    let bench = Bench::new("js", "event.response = {content: require('tax').gross(100)};");
    bench.write("libraries/tax.js", "exports.gross = net => net * 119 / 100;");
    assert!(bench.printed(&[], 0).contains("119"));
}

#[test]
fn edits_that_would_not_count_are_said_not_to_count() {
    let bench = Bench::new("js", "event.response = {content: 1};");
    bench.write(&format!("events/{BEFORE}.json"), "{}");
    let told = bench.printed(&[], 0);
    assert!(told.contains("unchanged") && told.contains("allow_event_modification is off"), "{told}");
}

#[test]
fn what_cannot_be_used_is_said_in_plain_words() {
    let bench = Bench::new("js", "");
    for (event, reason) in [("[]", "'request'"), ("{}", "'request'"), ("{", "no JSON")] {
        bench.write("event.json", event);
        let output = bench.run(&[]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && told.contains(reason), "{told}");
    }
}
