//! The program as its operator meets it: what it prints, the first start, the demo, signals.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod process;

use process::{Server, antiphon};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str]) -> Output {
    antiphon(arguments).current_dir(std::env::temp_dir()).output().unwrap()
}

#[test]
fn a_level_that_cannot_be_understood_is_named() {
    let data = tempfile::tempdir().unwrap();
    let output = run(&["serve", "--data", data.path().to_str().unwrap(), "--log-level", "a=b=c"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("a=b=c") && !text.contains("panicked"), "{text}");
}

#[test]
fn version_and_limits_are_printed() {
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    assert_eq!(text(run(&["--version"])).trim(), format!("antiphon {}", env!("CARGO_PKG_VERSION")));
    let limits = text(antiphon(&["limits"]).env("ANTIPHON_LIMITS__BODY_BYTES", "123").output().unwrap());
    let line = limits.lines().find(|line| line.starts_with("body_bytes")).unwrap();
    assert!(line.contains(" 123 ") && line.contains("16777216"), "{line}");
}

/// The answer to a `GET` with this header.
fn get(address: &str, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_signal_stops_the_server_cleanly() {
    for name in ["-TERM", "-INT"] {
        let data = tempfile::tempdir().unwrap();
        let mut server = Server::start(data.path(), &[], &[]);
        assert!(get(&server.address, "/status", "X: y").contains("{\"status\":\"ok\""));
        let sent = Command::new("kill").args([name, &server.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{name}");
    }
}

#[test]
fn without_an_administrator_calls_are_refused_with_the_remedy() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[], &[]);
    let refused = get(&server.address, "/api/v2/db", "X: y");
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("ANTIPHON_ADMIN_PASSWORD"), "{refused}");
    let environment = get(&server.address, "/api/v2/system/environment", "X: y");
    assert!(environment.starts_with("HTTP/1.1 200"), "{environment}");
}

/// The value that the demo prints after this word.
fn printed(guide: &str, word: &str) -> String {
    let line = guide.lines().find_map(|line| line.trim().strip_prefix(word));
    line.unwrap_or_else(|| panic!("no {word} in:\n{guide}")).trim().to_owned()
}

#[test]
fn the_demo_prints_a_key_that_works_at_every_start() {
    let data = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let mut server = Server::start(data.path(), &["--demo"], &[]);
        // The answer comes after the demo is installed and its guide is printed.
        get(&server.address, "/status", "X: y");
        server.child.kill().unwrap();
        let mut guide = String::new();
        server.child.stdout.take().unwrap().read_to_string(&mut guide).unwrap();
        assert_eq!(printed(&guide, "administrator"), "admin@example.com");
        keys.push((printed(&guide, "API key"), printed(&guide, "password")));
    }
    assert_eq!(keys[0], keys[1]);
    let server = Server::start(data.path(), &["--demo"], &[]);
    let todos = get(&server.address, "/api/v2/db/_table/todo", &format!("X-DreamFactory-API-Key: {}", keys[0].0));
    assert!(todos.starts_with("HTTP/1.1 200") && todos.contains("\"resource\":[{"), "{todos}");
}

#[test]
fn a_worker_runs_until_it_is_told_to_stop() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut worker = antiphon(&["worker", "--data", folder, "--queues", "mail", "--jobs", "2"])
        .current_dir(data.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(worker.stderr.take().unwrap()).lines().map(Result::unwrap);
    let start = log.by_ref().find(|line| line.contains("running jobs")).unwrap();
    assert!(start.contains("queues=\"mail\"") && start.contains("jobs=2"), "{start}");
    assert!(Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap().success());
    assert!(log.all(|line| !line.contains("ERROR")));
    assert_eq!(worker.wait().unwrap().code(), Some(0));
}

#[test]
fn a_queue_that_lacks_its_address_is_named_and_passwords_are_not() {
    let data = tempfile::tempdir().unwrap();
    let start = |variables: &[(&str, &str)]| {
        let folder = data.path().to_str().unwrap();
        let output = antiphon(&["worker", "--data", folder]).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = start(&[("ANTIPHON_QUEUE__DRIVER", "postgres")]);
    assert!(missing.contains("queue.url is missing"), "{missing}");
    for url in ["mysql://me:s3cr3t@host/db", "postgres://me:s3cr3t@:port/db"] {
        let wrong = start(&[("ANTIPHON_QUEUE__DRIVER", "postgres"), ("ANTIPHON_QUEUE__URL", url)]);
        assert!(!wrong.contains("s3cr3t") && !wrong.contains("panicked"), "{wrong}");
    }
}

#[test]
fn the_help_of_workers_names_their_flags() {
    let help = String::from_utf8(run(&["worker", "--help"]).stdout).unwrap();
    for flag in ["--data", "--queues", "--jobs", "--config", "--log-level"] {
        assert!(help.contains(flag), "{flag} in:\n{help}");
    }
    assert!(!help.contains("--listen") && !help.contains("--demo"), "{help}");
}
