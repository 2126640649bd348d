//! Calls to other servers: `platform.api.get('http://…')` in every language.

use crate::support::{TestApp, Value, fixture_folder, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const EVENT: &str = "db._table.todo.get.pre_process";

/// A server that answers with what it was sent: the line of the request and its headers. `/teapot` is a failure.
fn other_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let line = lines.next().unwrap_or_default();
            let headers: serde_json::Map<String, Value> = lines
                .take_while(|line| !line.is_empty())
                .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), json!(value))))
                .collect();
            let (status, body) = match line.contains("/teapot") {
                true => ("418 Teapot", "short and stout".to_owned()),
                false => ("200 OK", json!({ "line": line, "headers": headers }).to_string()),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    port
}

/// A server whose scripts may call this machine, if their configuration says so.
fn app() -> TestApp {
    let allow = ("ANTIPHON_OUTBOUND__ALLOW".to_owned(), "127.0.0.1".to_owned());
    TestApp::in_folder(fixture_folder(), &[allow])
}

/// What a read of the todos answers with that script before it.
fn told(app: &TestApp, kind: &str, source: &str, config: Value) -> Value {
    app.store(EVENT, json!({ "type": kind, "content": source, "config": config }));
    app.user().get("db/_table/todo").expect(200)
}

/// The same call in each language: a header, parameters, and what came back.
fn asking(address: &str) -> Vec<(&'static str, String)> {
    let javascript = format!(
        "const answer = await platform.api.call('GET', '{address}', null, {{ headers: {{ 'X-Mine': '1' }}, parameters: {{ q: 'a b&c' }} }});
         event.response = {{ content: {{ status: answer.status_code, content: answer.content }} }};"
    );
    let python = format!(
        "import json
answer = platform.api.call('GET', '{address}', '', {{'headers': {{'X-Mine': '1'}}, 'parameters': {{'q': 'a b&c'}}}})
status, text = answer.status, answer.read()
text = text.decode() if isinstance(text, bytes) else text
event.response = {{'content': {{'status': status, 'content': json.loads(text) if text.startswith('{{') else text}}}}"
    );
    let php = format!(
        "$answer = $platform['api']->call('GET', '{address}', null, ['headers' => ['X-Mine: 1'], 'parameters' => ['q' => 'a b&c']]);
         $event['response'] = ['content' => ['status' => $answer['status_code'], 'content' => $answer['content']]];"
    );
    ["javascript", "v8js", "typescript", "nodejs"]
        .into_iter()
        .map(|kind| (kind, javascript.clone()))
        .chain(["python3", "python"].map(|kind| (kind, python.clone())))
        .chain([("php", php)])
        .collect()
}

#[test]
fn statement_087_other_servers_are_called_with_the_scripts_headers_and_nobodys_credentials() {
    let (app, port) = (app(), other_server());
    for (kind, source) in asking(&format!("http://127.0.0.1:{port}/echo?x=1")) {
        let told = told(&app, kind, &source, json!({ "hosts": ["127.0.0.1"] }));
        assert_eq!(told["status"], 200, "{kind}: {told}");
        assert_eq!(told["content"]["line"], "GET /echo?x=1&q=a+b%26c HTTP/1.1", "{kind}");
        let sent = told["content"]["headers"].as_object().unwrap();
        let mut names: Vec<&str> = sent.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent", "x-mine"], "{kind}");
        assert_eq!(sent["x-mine"], "1", "{kind}");
    }
}

#[test]
fn statement_088_credentials_by_their_curl_name() {
    let (app, port) = (app(), other_server());
    for (kind, source) in [
        (
            "v8js",
            format!(
                "return {{ response: {{ content: platform.api.get('http://127.0.0.1:{port}/', null, {{ CURLOPT_USERPWD: 'ann:secret', CURLOPT_PROXY: 'x' }}).content }} }}"
            ),
        ),
        (
            "php",
            format!(
                "$answer = $platform['api']->get('http://127.0.0.1:{port}/', null, ['CURLOPT_USERPWD' => 'ann:secret']); $event['response'] = ['content' => $answer['content']];"
            ),
        ),
    ] {
        let told = told(&app, kind, &source, json!({ "hosts": ["127.0.0.1"] }));
        assert_eq!(told["headers"]["authorization"], "Basic YW5uOnNlY3JldA==", "{kind}: {told}");
    }
    assert!(!app.has_logged("secret"), "credentials are not for the log");
}

#[test]
fn failures_of_other_servers_are_answers() {
    let (app, port) = (app(), other_server());
    for (kind, source) in asking(&format!("http://127.0.0.1:{port}/teapot")) {
        let told = told(&app, kind, &source, json!({ "hosts": ["127.0.0.1"] }));
        assert_eq!(told["status"], 418, "{kind}: {told}");
        let plain = ["nodejs", "python", "python3"].contains(&kind);
        let text = if plain { &told["content"] } else { &told["content"]["error"]["message"] };
        assert_eq!(text, "short and stout", "{kind}: {told}");
    }
}

#[test]
fn private_servers_are_refused_unless_server_and_script_name_them() {
    let (app, port) = (app(), other_server());
    let address = format!("http://127.0.0.1:{port}/");
    let source = format!("const answer = platform.api.get('{address}'); event.response = {{ content: answer }};");
    let private = told(&app, "javascript", &source, Value::Null);
    assert_eq!(private["status_code"], 403);
    assert!(private["content"]["error"]["message"].as_str().unwrap().contains("outbound.allow"), "{private}");
    let elsewhere = told(&app, "javascript", &source, json!({ "hosts": ["api.example.com"] }));
    assert!(elsewhere["content"]["error"]["message"].as_str().unwrap().contains("'hosts'"), "{elsewhere}");
    let closed = TestApp::start();
    assert_eq!(told(&closed, "javascript", &source, json!({ "hosts": ["127.0.0.1"] }))["status_code"], 403);
    let own = format!(
        "const answer = platform.api.get('http://{}/status'); event.response = {{ content: answer }};",
        closed.address()
    );
    assert_eq!(told(&closed, "javascript", &own, Value::Null)["status_code"], 403);
}

#[test]
fn a_run_makes_only_so_many_calls() {
    let (app, port) = (app(), other_server());
    let source = format!(
        "let count = 0; while (platform.api.get('http://127.0.0.1:{port}/').status_code === 200) count++;
         event.response = {{ content: {{ count }} }};"
    );
    assert_eq!(told(&app, "javascript", &source, json!({ "hosts": ["127.0.0.1"] })), json!({ "count": 100 }));
}
