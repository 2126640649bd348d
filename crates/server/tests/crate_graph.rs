//! The plan of the house, checked: which crate may know which, where `unsafe` may be, how long a file may get.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate of the workspace and the ones it may use. A new arrow is a decision to write down here and in
/// ARCHITECTURE.md, not an accident.
const ARROWS: [(&str, &[&str]); 13] = [
    ("antiphon-bench", &[]),
    ("antiphon-model", &[]),
    ("antiphon-formats", &["antiphon-model"]),
    ("antiphon-quickjs", &[]),
    ("antiphon-sandbox", &[]),
    ("antiphon-sql", &["antiphon-model"]),
    ("antiphon-script", &["antiphon-model", "antiphon-quickjs", "antiphon-sandbox"]),
    ("antiphon-outbound", &["antiphon-model"]),
    ("antiphon-queue", &["antiphon-model", "antiphon-test-servers"]),
    ("antiphon-test-servers", &[]),
    ("antiphon-gateway", &["antiphon-model", "antiphon-outbound", "antiphon-queue", "antiphon-script"]),
    (
        "antiphon-services",
        &[
            "antiphon-model",
            "antiphon-formats",
            "antiphon-queue",
            "antiphon-script",
            "antiphon-sql",
            "antiphon-gateway",
            "antiphon-test-servers",
        ],
    ),
    (
        "antiphon",
        &[
            "antiphon-model",
            "antiphon-formats",
            "antiphon-sandbox",
            "antiphon-script",
            "antiphon-gateway",
            "antiphon-queue",
            "antiphon-services",
            "antiphon-test-servers",
        ],
    ),
];
/// The one crate that may use `unsafe`.
const UNSAFE: &str = "antiphon-quickjs";
/// Longest file in lines; a longer one is two files.
const LINES: usize = 700;
/// Files whose length counts.
const SOURCES: [&str; 5] = ["rs", "js", "py", "css", "html"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The packages of the workspace as `cargo metadata` tells them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The arrows that `allowed` does not have.
fn forbidden_arrows(packages: &[Value], allowed: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut forbidden = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some(may) = allowed.get(name) else {
            forbidden.push(format!("{name} is not in the table"));
            continue;
        };
        let uses = package["dependencies"].as_array().into_iter().flatten();
        for used in uses.filter_map(|dependency| dependency["name"].as_str()).filter(|used| names.contains(used)) {
            if !may.contains(&used) {
                forbidden.push(format!("{name} -> {used}"));
            }
        }
    }
    forbidden
}

#[test]
fn dependencies_point_one_way() {
    assert_eq!(forbidden_arrows(&packages(), &BTreeMap::from(ARROWS)), [""; 0]);
}

#[test]
fn a_forbidden_arrow_is_found() {
    let mut allowed = BTreeMap::from(ARROWS);
    allowed.insert("antiphon-sql", &[]);
    allowed.remove("antiphon-model");
    let found = forbidden_arrows(&packages(), &allowed);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&"antiphon-sql -> antiphon-model".to_owned()), "{found:?}");
}

#[test]
fn only_one_crate_may_be_unsafe() {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert!(read(&root().join("Cargo.toml")).contains("unsafe_code = \"forbid\""));
    for package in packages() {
        let manifest = read(Path::new(package["manifest_path"].as_str().unwrap()));
        let inherits = manifest.contains("[lints]\nworkspace = true");
        assert_eq!(inherits, package["name"] != UNSAFE, "{}: the workspace's lints must apply", package["name"]);
    }
}

#[test]
fn no_file_is_too_long() {
    let mut files = Vec::new();
    for folder in ["bench", "crates", "workers", "console"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "the search for sources found only {} files", files.len());
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = files.iter().filter(|path| lines(path) > LINES).collect();
    assert!(long.is_empty(), "longer than {LINES} lines: {long:?}");
}

/// The source files below a folder; none when it is not there.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| SOURCES.iter().any(|source| kind == *source)) {
            files.push(path);
        }
    }
}
