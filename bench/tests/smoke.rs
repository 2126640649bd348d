//! The load generator against the bare handler: it counts what it sends and takes no wrong answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use antiphon_bench::client::request;
use antiphon_bench::load::{Exchange, Load, run};
use antiphon_bench::process::{Process, free_address};
use antiphon_bench::{bare, platform};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ENOUGH: Duration = Duration::from_secs(60);

fn create_database(file: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(file).unwrap();
    let record = platform::todo("1");
    let fields = record.as_object().unwrap();
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    let columns = names.join(", ");
    connection.execute_batch(&format!("CREATE TABLE todo (id INTEGER PRIMARY KEY, {columns})")).unwrap();
    let marks = vec!["?"; names.len()].join(", ");
    let values = fields.values().map(|value| match value {
        Value::Bool(flag) => rusqlite::types::Value::Integer((*flag).into()),
        Value::Number(number) if number.is_f64() => rusqlite::types::Value::Real(number.as_f64().unwrap()),
        Value::Number(number) => rusqlite::types::Value::Integer(number.as_i64().unwrap()),
        other => rusqlite::types::Value::Text(other.as_str().unwrap().to_owned()),
    });
    let insert = format!("INSERT INTO todo ({columns}) VALUES ({marks})");
    connection.execute(&insert, rusqlite::params_from_iter(values)).unwrap();
    connection
}

fn start_bare(folder: &Path) -> Process {
    let address = free_address().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon-bench"));
    command.arg("bare").args(["--listen", &address.to_string()]).arg("--database").arg(folder.join("db"));
    Process::start("bare", command, address, &folder.join("log")).unwrap()
}

fn learn(process: &Process) -> Exchange {
    let call = request("GET", bare::TARGET, &[], None);
    Exchange::learn("bare", process.address, call, |body| body["priority"] == 3 && body["complete"] == false).unwrap()
}

#[test]
fn every_exchange_is_counted_and_the_row_is_about_1_kb() {
    let folder = tempfile::tempdir().unwrap();
    let _database = create_database(&folder.path().join("db"));
    let process = start_bare(folder.path());
    let exchange = learn(&process);
    assert!((900..1100).contains(&exchange.answer_bytes()), "{} bytes", exchange.answer_bytes());
    let measured = run(&exchange, Load { connections: 3, time: ENOUGH, exchanges: 100 }).unwrap();
    assert_eq!(measured.latencies.len(), 300);
    assert!(measured.rate > 0.0 && measured.latencies.iter().all(|nanoseconds| *nanoseconds > 0));
    assert!(process.memory("VmRSS").unwrap() > 0 && !process.processor_time().unwrap().is_zero());
}

#[test]
fn an_answer_that_changes_ends_the_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let database = create_database(&folder.path().join("db"));
    let process = start_bare(folder.path());
    let exchange = learn(&process);
    database.execute("UPDATE todo SET owner = 'somebody else'", []).unwrap();
    let error = run(&exchange, Load { connections: 1, time: ENOUGH, exchanges: 10 }).unwrap_err();
    assert!(error.to_string().contains("somebody else"), "{error}");
}

#[test]
fn an_answer_that_the_judge_refuses_is_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let _database = create_database(&folder.path().join("db"));
    let process = start_bare(folder.path());
    let missing = request("GET", "/todo/2", &[], None);
    assert!(Exchange::learn("bare", process.address, missing, |_| true).is_err());
    let call = request("GET", bare::TARGET, &[], None);
    assert!(Exchange::learn("bare", process.address, call, |body| body["owner"] == "nobody").is_err());
}
