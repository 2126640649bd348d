//! What a queued script adds to the call whose event it is attached to, with the queue of an installation as it comes: a file.

use crate::error::Result;
use crate::platform::{Platform, TODO, TODO_TO_PATCH, todo};
use crate::turns::{Turn, Turns, take_turns};
use serde_json::{Value, json};
use std::path::Path;

/// The share of its latency that a call may lose to the enqueuing of a job.
const PROMISED: f64 = 0.10;
/// What the jobs run.
const NOTHING: &str = "";

/// A call with and without a queued script.
struct Pair {
    title: &'static str,
    verb: &'static str,
    target: &'static str,
    /// Whether the promise is about it.
    is_promised: bool,
}

const PAIRS: [Pair; 2] = [
    Pair { title: "`PATCH` of 1 KB", verb: "PATCH", target: TODO_TO_PATCH, is_promised: true },
    Pair { title: "`GET` of 1 KB", verb: "GET", target: TODO, is_promised: false },
];

/// The servers, and how each one's row begins.
const SERVERS: [(&str, &str); 3] = [
    ("queue-none", "no script"),
    ("queue-only", "queued script, its jobs run elsewhere"),
    ("queue-run", "queued script, its jobs run in the same server"),
];

/// Measures calls with queued scripts beside the same calls without, in turns, and reports in Markdown.
///
/// # Errors
/// When a server does not start, or at the first wrong answer.
pub fn compare(binary: &Path, scratch: &Path, rounds: usize, turn: Turn) -> Result<String> {
    let no_workers: &[(&str, &str)] = &[("ANTIPHON_QUEUE__WORKERS", "false")];
    let platforms = [
        Platform::start(binary, scratch, SERVERS[0].0)?,
        Platform::start_with(binary, scratch, SERVERS[1].0, no_workers)?,
        Platform::start(binary, scratch, SERVERS[2].0)?,
    ];
    for platform in &platforms[1..] {
        for verb in ["get", "patch"] {
            platform.attach(&format!("db._table.todo.{{id}}.{verb}.queued"), NOTHING)?;
        }
    }
    let record = todo("2");
    let mut out = String::from(
        "| Call | median µs | p99 µs | added µs | added | at most 10 % | calls/s |\n|---|--:|--:|--:|--:|---|--:|\n",
    );
    for pair in &PAIRS {
        let body = (pair.verb == "PATCH").then_some(&record);
        let turns = platforms
            .iter()
            .map(|platform| Turns::of(&platform.process, platform.with_key(pair.verb, pair.target, body), is_todo));
        let mut turns = turns.collect::<Result<Vec<_>>>()?;
        take_turns(&mut turns, rounds, turn, |_| Ok(()))?;
        rows(pair, &mut turns, &mut out);
    }
    Ok(out)
}

fn rows(pair: &Pair, turns: &mut [Turns], out: &mut String) {
    for place in 0..turns.len() {
        let (latency, p99, rate) = (turns[place].latency(), turns[place].p99(), turns[place].rate());
        let added = turns[place].above(&turns[0]);
        let share = added / turns[0].latency();
        let verdict = match (pair.is_promised && place == 1, share <= PROMISED) {
            (false, _) => "",
            (true, true) => "PASS",
            (true, false) => "**MISS**",
        };
        let title = SERVERS[place].1;
        out.push_str(&format!(
            "| {}, {title} | {latency:.1} | {p99:.0} | {added:.1} | {:.1} % | {verdict} | {rate:.0} |\n",
            pair.title,
            share * 100.0
        ));
    }
}

fn is_todo(body: &Value) -> bool {
    body["owner"] == json!("Hildegard Bingen")
}
