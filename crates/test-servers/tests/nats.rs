//! The server is there, and gone with whoever started it.
#![allow(clippy::unwrap_used, reason = "tests")]

use antiphon_test_servers::NatsServer;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn answers(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("nats://")).is_ok()
}

#[test]
fn it_keeps_its_place_when_it_is_killed_and_goes_with_its_owner() {
    let mut server = NatsServer::start().unwrap();
    let url = server.url();
    assert!(answers(&url));
    server.stop("KILL");
    assert!(!answers(&url));
    server.run().unwrap();
    server.restart().unwrap();
    server.kill().unwrap();
    assert!(answers(&url));
    assert_eq!(server.url(), url);
    drop(server);
    assert!(!answers(&url));
}

/// Not a test of its own: the process that is killed below.
#[test]
#[ignore = "started by another test"]
fn a_process_with_a_server() {
    println!("url {}", NatsServer::shared().unwrap().url());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn it_does_not_outlive_a_killed_process() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--nocapture", "--exact", "a_process_with_a_server"]).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("nats://")).unwrap();
    let url = &line[line.find("nats://").unwrap()..];
    assert!(answers(url));
    process.kill().unwrap();
    process.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while answers(url) {
        assert!(Instant::now() < end, "it is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
