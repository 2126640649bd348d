//! Replays recorded exchanges against a fresh server and judges its answers; tests/conformance/README.md says how.

mod client;
mod judge;
mod mask;
mod memory;

use crate::process::Server;
use client::Client;
use memory::Memory;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What every area expects to be there: tables, roles, apps, users.
const SETUP: &str = "00_setup";
/// The first administrator of the recordings.
pub const ADMIN: (&str, &str) = ("admin@example.com", "AdminPassw0rd12345");

/// One judged exchange.
struct Row {
    name: String,
    call: String,
    /// What is wrong with the answer; none when it matches.
    difference: Option<String>,
    /// Whether the list of deviations names it.
    listed: Listed,
}

/// Replays an area on a server of its own. The error is the report: every difference that is not listed, and every listed
/// one that is gone.
pub fn replay(area: &str) -> Result<String, String> {
    let deviations = deviations();
    let data = tempfile::tempdir().unwrap();
    let administrator = [("ANTIPHON_ADMIN_EMAIL", ADMIN.0), ("ANTIPHON_ADMIN_PASSWORD", ADMIN.1)];
    let server = Server::start(data.path(), &[], &administrator);
    let client = Client::new(&server.address);
    let mut memory = Memory::new(&server.address);
    let mut rows = Vec::new();
    for file in [SETUP, area] {
        for item in exchanges(file) {
            let answer = client.send(&memory.request(&item));
            memory.learn(&item, &answer.body);
            if file == area && !item["response"].is_null() {
                let name = item["name"].as_str().unwrap_or_default().to_owned();
                rows.push(Row {
                    listed: Listed::of(deviations.get(&format!("{area}/{name}"))),
                    difference: judge::difference(&item, &answer, &server.address),
                    call: format!("{} {}", text(&item["request"]["method"]), text(&item["request"]["path"])),
                    name,
                });
            }
        }
    }
    report(area, &rows)
}

/// Whether an exchange is meant to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    No,
    Always,
    /// It depends on whether a queued script has run by then, which nothing promises: its reason begins so.
    AtTimes,
}

impl Listed {
    fn of(reason: Option<&String>) -> Listed {
        match reason {
            None => Listed::No,
            Some(reason) if reason.starts_with("at times: ") => Listed::AtTimes,
            Some(_) => Listed::Always,
        }
    }
}

fn report(area: &str, rows: &[Row]) -> Result<String, String> {
    let mut out = String::new();
    let (mut passed, mut failed, mut deviating) = (0, 0, 0);
    for row in rows {
        match (&row.difference, row.listed) {
            (None, Listed::No | Listed::AtTimes) => passed += 1,
            (Some(_), Listed::Always | Listed::AtTimes) => deviating += 1,
            (Some(difference), Listed::No) => {
                failed += 1;
                let _ = writeln!(out, "FAIL {area}/{}\n     {}\n     {difference}", row.name, row.call);
            }
            (None, Listed::Always) => {
                failed += 1;
                let _ = writeln!(out, "FAIL {area}/{}\n     matches, so it must leave deviations.json", row.name);
            }
        }
    }
    let _ = write!(out, "{area}: {passed} passed, {failed} failed, {deviating} listed deviations, of {}", rows.len());
    if failed == 0 { Ok(out) } else { Err(out) }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance")
}

fn read(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn exchanges(area: &str) -> Vec<Value> {
    serde_json::from_str(&read(&format!("{area}.json"))).unwrap_or_else(|error| panic!("{area}: {error}"))
}

/// `area/name` and why it is meant to differ.
fn deviations() -> BTreeMap<String, String> {
    serde_json::from_str(&read("deviations.json")).unwrap_or_else(|error| panic!("deviations.json: {error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

mod tests {
    use super::*;

    fn row(difference: Option<&str>, listed: Listed) -> Row {
        Row { name: "x".into(), call: "GET /".into(), difference: difference.map(str::to_owned), listed }
    }

    #[test]
    fn only_unlisted_differences_and_outdated_deviations_fail() {
        assert!(report("a", &[row(None, Listed::No), row(Some("differs"), Listed::Always)]).is_ok());
        assert!(report("a", &[row(None, Listed::AtTimes), row(Some("differs"), Listed::AtTimes)]).is_ok());
        assert!(report("a", &[row(Some("differs"), Listed::No)]).unwrap_err().contains("FAIL a/x"));
        assert!(report("a", &[row(None, Listed::Always)]).unwrap_err().contains("must leave deviations.json"));
    }

    #[test]
    fn every_listed_deviation_names_a_judged_exchange_and_gives_a_reason() {
        for (key, reason) in deviations() {
            let (area, name) = key.split_once('/').unwrap_or_else(|| panic!("{key} is not area/name"));
            let judged = |item: &Value| text(&item["name"]) == name && !item["response"].is_null();
            assert!(exchanges(area).iter().any(judged), "{key} is no judged exchange");
            assert!(!reason.trim().is_empty(), "{key} has no reason");
        }
    }
}
