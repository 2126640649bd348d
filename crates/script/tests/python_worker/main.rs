//! The Python worker by itself: real `python3`, real frames, no server. The tests are Python programs, so that they can look at the
//! worker's own modules, too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; a failure should be loud")]

use std::path::Path;
use std::process::Command;

/// Runs one of the programs beside this file.
fn run(program: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_worker");
    let output = Command::new("python3").args(["-I", "-B"]).arg(folder.join(program)).output().unwrap();
    assert!(
        output.status.success(),
        "{program}:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn ordinary_scripts_are_contained_and_nothing_else_is() {
    run("contained.py");
}

#[test]
fn the_worker_keeps_to_the_protocol_and_the_calling_conventions() {
    run("conventions.py");
}

#[test]
fn no_contained_script_leaves_anything_to_a_later_run() {
    run("fresh.py");
}

#[test]
fn lookups_are_put_into_texts_and_nowhere_else() {
    run("lookups.py");
}

#[test]
fn libraries_are_imported_by_name() {
    run("libraries.py");
}
