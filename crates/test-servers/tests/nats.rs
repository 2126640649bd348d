//! The server is there, and gone with whoever started it.
#![allow(clippy::unwrap_used, reason = "tests")]

use antiphon_test_servers::NatsServer;
use std::net::TcpStream;

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
