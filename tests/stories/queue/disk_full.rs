//! The queue's file can't grow: calls are answered, what they accepted is not lost, and what can't be accepted is said.

use super::support::{entries, telling};
use super::workers::worker;
use crate::support::{TestApp, fixture_folder, json};
use std::collections::BTreeSet;
use std::process::Command;

/// Largest file in bytes while the disk is small: the queue's grows beyond it, the others don't.
const SMALL: u64 = 6 << 20;
/// Too small for any file to change.
const NOTHING: u64 = 1;
/// What each job holds besides, in bytes.
const LOAD: usize = 100_000;
/// Calls that are more than enough to fill the queue's file, and its log of the same size.
const CALLS: usize = 400;
/// Calls beyond the one that found the disk full.
const BEYOND: usize = 3;

#[test]
fn a_full_disk_loses_nothing_that_was_accepted() {
    // The server's own workers don't touch these jobs.
    let variables = [("ANTIPHON_QUEUE__SERVE".to_owned(), "another queue".to_owned())];
    let app = TestApp::on_a_small_disk(fixture_folder(), &variables);
    app.admin().patch("db/_table/todo/1", json!({"note": "x".repeat(LOAD)})).expect(200);
    app.attach("db._table.todo.{id}.get.queued", &telling("event.request.parameters.number"));
    limit_files(&app, &SMALL.to_string());
    let read = |number: usize| app.user().get(&format!("db/_table/todo/1?number={number}"));
    let full = "the queue takes no jobs; they are kept until it does";
    let mut accepted = BTreeSet::new();
    for number in 0..CALLS {
        assert_eq!(read(number).header("warning"), None);
        accepted.insert(number.to_string());
        if app.has_logged(full) {
            break;
        }
    }
    let log = app.wait_for_log(full);
    assert!(log.contains("Look at the disk of the data folder"), "{log}");
    for number in CALLS..CALLS + BEYOND {
        assert_eq!(read(number).header("warning"), None, "kept elsewhere");
        accepted.insert(number.to_string());
    }
    limit_files(&app, &NOTHING.to_string());
    let unkept = read(CALLS + BEYOND);
    assert!(unkept.header("warning").unwrap().contains("could not be queued"), "{:?}", unkept.header("warning"));
    assert_eq!(unkept.expect(200)["id"], 1);
    assert!(app.has_logged("a job could not be queued"));
    limit_files(&app, "unlimited");
    let _worker = worker(&app, &[]);
    let ran: BTreeSet<String> =
        entries(&app, accepted.len()).iter().map(|number| number.as_str().unwrap().to_owned()).collect();
    assert_eq!(ran, accepted);
}

/// Sets the largest size of files that the server may write.
fn limit_files(app: &TestApp, bytes: &str) {
    let process = app.process_id().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap().success());
}
