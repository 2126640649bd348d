//! What cannot be understood or goes too far: every answer says what to do, and the next call works.

use crate::support::{Caller, TestApp, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const BEFORE: &str = "db._table.todo.get.pre_process";

/// The call that must work after every bad one.
fn still_works(app: &TestApp) {
    assert_eq!(app.user().get("db/_table/todo/1").expect(200)["name"], "buy milk");
}

#[test]
fn broken_json_is_told_with_line_and_column() {
    let app = TestApp::start();
    let body = b"{\"resource\": [\n  {\"name\": \"x\",}\n]}";
    let message = app.user().send_as("POST", "db/_table/todo", "application/json", body).refused(400);
    assert!(message.contains("line 2 column 16"), "{message}");
    assert_eq!(app.count("todo"), 3);
    still_works(&app);
}

#[test]
fn unknown_names_are_told() {
    let app = TestApp::start();
    let admin = app.admin();
    let record = json!({"resource": [{"name": "x", "label": "x", "type": "nosuch", "is_active": true}]});
    let refusals = [
        (admin.get("nosuch/x").refused(404), "Could not find a service for nosuch"),
        (admin.get("db/nosuch").refused(404), "Resource 'nosuch' not found for service 'db'."),
        (admin.get("db/_table/nosuch").refused(404), "nosuch"),
        (admin.get("db/_table/todo?fields=nosuch").refused(400), "Invalid field requested: nosuch"),
        (admin.get("db/_table/todo?order=nosuch").refused(400), "nosuch"),
        (admin.get("system/role?related=nosuch").refused(400), "nosuch"),
        (admin.delete("system/environment").refused(400), "are not currently supported by the 'environment' service"),
        (admin.exactly("FETCH", "/api/v2/db").refused(405), "FETCH"),
        (admin.clone().with("X-HTTP-Method", "FETCH").post("db", json!({})).refused(400), "FETCH"),
        (admin.exactly("GET", "/nowhere").refused(404), "nowhere"),
    ];
    for (message, wanted) in refusals {
        assert!(message.contains(wanted), "{wanted:?} is not told by {message:?}");
    }
    let batch = admin.post("system/service", record).expect(400);
    let message = batch["error"]["context"]["resource"][0]["message"].as_str().unwrap();
    assert!(message.contains("nosuch"), "{message}");
    still_works(&app);
}

#[test]
fn a_filter_that_makes_no_sense_is_refused() {
    let app = TestApp::start();
    let nested = format!("{}id=1{}", "(".repeat(1000), ")".repeat(1000));
    for filter in ["just text", "id = ", "(id = 1", "id = 1)", "id = 1) or (id = 2", "id between", nested.as_str()] {
        let message = app.user().get(&format!("db/_table/todo?filter={filter}")).refused(400);
        assert!(!message.contains("SQL") && !message.contains("syntax"), "{filter}: {message}");
    }
    let message = app.user().get("db/_table/todo?filter=nosuch = 1").refused(400);
    assert_eq!(message, "Invalid or unparsable field in filter request: 'nosuch'");
    still_works(&app);
}

#[test]
fn paths_and_names_with_control_characters_are_refused() {
    let app = TestApp::start();
    for name in ["db%0a.get.pre_process", "db%00.get", "%7F", "a%1b%5B31m"] {
        app.admin().send_as("POST", &format!("system/event_script/{name}"), "application/json", b"{}").refused(400);
    }
    let record = json!({"name": "db.\u{7}get", "type": "javascript", "content": ""});
    let message = app.admin().post("system/event_script", json!({"resource": [record]})).refused(400);
    assert!(message.contains("control character") || message.contains("Batch Error"), "{message}");
    let record = json!({"name": "x".repeat(256), "type": "javascript", "content": ""});
    app.admin().post("system/event_script", json!({"resource": [record]})).refused(400);
    assert_eq!(app.admin().get("system/event_script?as_list=true").expect(200), json!({"resource": []}));
    app.admin().exactly("GET", "/api/v2/db/../system/user").refused(400);
    app.admin().exactly("GET", "/api/v2/db/%2e%2e/system/user").refused(400);
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_next_call_works() {
    let app = TestApp::with_limits(&[("BODY_BYTES", 10_000)]);
    let mut stream = TcpStream::connect(app.address()).unwrap();
    stream.write_all(b"POST /api/v2/db/_table/todo HTTP/1.1\r\nHost: x\r\nContent-Length: 10001\r\n\r\n").unwrap();
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 413 "), "{status}");
    let mut body = String::new();
    answer.take(2000).read_to_string(&mut body).ok();
    assert!(body.contains("10000 bytes") && body.contains("body_bytes"), "{body}");
    still_works(&app);

    let largest = json!({"resource": [{"name": "x", "note": "n".repeat(9_900)}]});
    app.user().post("db/_table/todo", largest).expect(200);
}

#[test]
fn one_connection_serves_bad_and_good_calls_in_turn() {
    let app = TestApp::start();
    let mut stream = TcpStream::connect(app.address()).unwrap();
    for (path, body, wanted) in
        [("/api/v2/db/_table/todo", "{", "400"), ("/nowhere", "", "404"), ("/status", "", "200")]
    {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(&stream);
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).unwrap();
        assert_eq!(line.split(' ').nth(1), Some(wanted), "{path}");
        while !line.trim().is_empty() {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
    }
}

/// A script that goes too far, and what the refusal must say.
fn stopped(app: &TestApp, source: &str, wanted: &str) {
    app.attach(BEFORE, source);
    let message = app.user().get("db/_table/todo").refused(500);
    assert!(message.to_lowercase().contains(wanted), "{source}\nshould tell {wanted:?}, but says {message:?}");
    still_works(app);
}

#[test]
fn loops_are_stopped_by_the_time_limit() {
    let app = TestApp::with_limits(&[("SCRIPT_WALL_MS", 500)]);
    stopped(&app, "for (;;) {}", "time");
    stopped(&app, "while (true) { try { for (;;) {} } catch (error) {} finally { continue; } }", "time");
    stopped(&app, "for (;;) console.log('again and again');", "time");
    stopped(&app, "sleep(3600);", "time");
    stopped(&app, "for (;;) await null;", "time");
}

#[test]
fn hunger_is_stopped_by_the_memory_limit() {
    let app = TestApp::with_limits(&[("SCRIPT_MEMORY_BYTES", 8 << 20)]);
    stopped(&app, "const all = []; for (;;) all.push(new Array(1000).fill(0));", "memory");
    stopped(&app, "let text = 'x'; for (;;) text = (text + text).toLowerCase();", "memory");
    stopped(&app, "new Uint8Array(1 << 30);", "memory");
    stopped(
        &app,
        "try { const all = []; for (;;) all.push({}); } catch (error) {} event.response = {content: 'survived'};",
        "memory",
    );
}

#[test]
fn recursion_is_stopped_by_the_stack_limit() {
    let app = TestApp::start();
    for source in [
        "const down = () => down() + 1; down();",
        "const object = {toJSON() { return JSON.stringify(object); }}; JSON.stringify(object);",
        "const object = {get self() { return object.self; }}; object.self;",
    ] {
        stopped(&app, source, "deep");
    }
}

#[test]
fn prints_without_end_are_cut_and_the_script_goes_on() {
    let app = TestApp::with_limits(&[("SCRIPT_OUTPUT_BYTES", 1000)]);
    app.attach(BEFORE, "for (let i = 0; i < 1000; i++) print('a line to print'); event.response = {content: 'done'};");
    assert_eq!(app.user().get("db/_table/todo").expect(200), "done");
    app.wait_for_log("Script 'db._table.todo.get.pre_process' output:");
    assert!(!app.has_logged(&"a line to print\\n".repeat(100)) && !app.has_logged(&"a line to print\n".repeat(100)));
}

#[test]
fn results_that_cannot_be_written_are_refused() {
    let app = TestApp::start();
    for source in [
        "const cycle = {}; cycle.self = cycle; return cycle;",
        "event.response.content = {}; event.response.content.self = event.response.content;",
        "let deep = []; for (let i = 0; i < 100000; i++) deep = [deep]; event.response.content = deep;",
    ] {
        app.attach("db._table.todo.get.post_process", source);
        app.user().get("db/_table/todo").refused(500);
        still_works(&app);
    }
}

#[test]
fn a_throw_of_nothing_is_an_error() {
    let app = TestApp::start();
    app.attach(BEFORE, "throw undefined;");
    app.user().get("db/_table/todo").refused(500);
    still_works(&app);
}

#[test]
fn garbage_on_the_wire_is_answered_or_cut_off() {
    let app = TestApp::start();
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(app.address()).unwrap();
        stream.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&answer));
    }
    still_works(&app);
}

#[test]
fn credentials_that_are_wrong_are_refused_without_details() {
    let app = TestApp::start();
    let log_in = |email: &str, password: &str| {
        app.anonymous().post("system/admin/session", json!({"email": email, "password": password})).refused(401)
    };
    let unknown = log_in("nobody@example.com", "wrong-password");
    assert_eq!(log_in("admin@example.com", "wrong-password"), unknown, "who exists must not be told");
    let refuse = |caller: Caller| caller.get("system/user").refused(401);
    refuse(app.anonymous().with("X-DreamFactory-Session-Token", "a.b.c"));
    still_works(&app);
}
