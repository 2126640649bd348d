//! Scripts in languages that have interpreters of their own: what one adds to a call, beside a server without a script and beside
//! starting the interpreter for every call.

use crate::error::{BenchError, Result, attempt};
use crate::platform::{Platform, TODO};
use crate::process::Process;
use crate::statistics::median;
use crate::turns::{Turn, Turns, take_turns};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A language: its script for the measured read, and how its interpreter is started for one call alone.
struct Language {
    kind: &'static str,
    script: &'static str,
    interpreter: &'static str,
    arguments: &'static [&'static str],
    /// A program that reads an event from standard input, does what the script does and writes the event to standard output.
    program: &'static str,
}

const LANGUAGES: [Language; 3] = [
    Language {
        kind: "nodejs",
        script: include_str!("scripts/summary.js"),
        interpreter: "node",
        arguments: &["-e"],
        program: include_str!("scripts/alone.js"),
    },
    Language {
        kind: "python3",
        script: include_str!("scripts/summary.py"),
        interpreter: "python3",
        arguments: &["-c"],
        program: include_str!("scripts/alone.py"),
    },
    Language {
        kind: "php",
        script: include_str!("scripts/summary.php"),
        interpreter: "php",
        arguments: &["-r"],
        program: include_str!("scripts/alone.php"),
    },
];

/// The event that the scripts are attached to.
const EVENT: &str = "db._table.todo.{id}.get.post_process";
/// Time for a server's processes to come to rest before their memory is read.
const REST: Duration = Duration::from_millis(500);
/// What a script may add to the median latency of a call, in microseconds.
const PROMISED: f64 = 300.0;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Rounds; in each, every server has one turn on one connection and one on several.
    pub rounds: usize,
    /// How long a turn is.
    pub turn: Turn,
    /// Starts of each interpreter, one after the other.
    pub starts: usize,
}

/// What was seen of one language.
struct Row {
    kind: &'static str,
    latency: f64,
    p99: f64,
    added: f64,
    rate: f64,
    /// Milliseconds of a call that starts the interpreter.
    alone: f64,
    /// Processes at rest, and MiB of memory of each that it shares with no other.
    workers: usize,
    memory: f64,
}

/// Measures all languages in turns and reports in Markdown.
///
/// # Errors
/// When a server or an interpreter does not start, or at the first wrong answer.
pub fn compare(binary: &Path, scratch: &Path, extent: Extent) -> Result<String> {
    let plain = Platform::start(binary, scratch, "languages-none")?;
    let mut turns = vec![read(&plain, |body| body.get("summary").is_none())?];
    let mut platforms = vec![plain];
    for language in &LANGUAGES {
        let platform = Platform::start(binary, scratch, language.kind)?;
        platform.attach_in(language.kind, EVENT, language.script)?;
        turns
            .push(read(&platform, |body| body["summary"] == "Hildegard Bingen: Task 1: tune the organ of the chapel")?);
        platforms.push(platform);
    }
    let mut alone: Vec<Vec<f64>> = LANGUAGES.iter().map(|_| Vec::new()).collect();
    let event = turns[0].exchange().body().to_vec();
    take_turns(&mut turns, extent.rounds, extent.turn, |round| {
        if round < extent.starts {
            for (language, times) in LANGUAGES.iter().zip(&mut alone) {
                times.push(language.call_alone(&event)?);
            }
        }
        Ok(())
    })?;
    std::thread::sleep(REST);
    let (base, scripted) = turns.split_at_mut(1);
    let rows: Result<Vec<Row>> = LANGUAGES
        .iter()
        .zip(scripted)
        .zip(alone)
        .zip(&platforms[1..])
        .map(|(((language, turns), alone), platform)| row(language, turns, &base[0], alone, &platform.process))
        .collect();
    Ok(markdown(&base[0], &rows?, extent))
}

fn read(platform: &Platform, judge: fn(&Value) -> bool) -> Result<Turns> {
    Turns::of(&platform.process, platform.with_key("GET", TODO, None), judge)
}

impl Language {
    /// Milliseconds of one call that starts the interpreter, gives it the event and takes its answer.
    fn call_alone(&self, event: &[u8]) -> Result<f64> {
        let start = Instant::now();
        let mut command = Command::new(self.interpreter);
        command.args(self.arguments).arg(self.program).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = attempt(self.interpreter, command.spawn())?;
        if let Some(mut input) = child.stdin.take() {
            attempt(self.interpreter, input.write_all(event))?;
        }
        let output = attempt(self.interpreter, child.wait_with_output())?;
        let right = serde_json::from_slice::<Value>(&output.stdout).is_ok_and(|event| event["summary"].is_string());
        if !right {
            let body = String::from_utf8_lossy(&output.stdout).into_owned();
            return Err(BenchError::Answer { what: self.interpreter.to_owned(), status: 0, body });
        }
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}

fn row(language: &Language, turns: &mut Turns, base: &Turns, alone: Vec<f64>, process: &Process) -> Result<Row> {
    let memories = process.memory_of_children()?;
    Ok(Row {
        kind: language.kind,
        latency: turns.latency(),
        p99: turns.p99(),
        added: turns.above(base),
        rate: turns.rate(),
        alone: median(alone),
        workers: memories.len(),
        memory: median(memories.iter().map(|kibibytes| *kibibytes as f64 / 1024.0)),
    })
}

fn markdown(base: &Turns, rows: &[Row], extent: Extent) -> String {
    let mut out = format!(
        "| Script | median µs | p99 µs | added µs | at most {PROMISED:.0} µs | calls/s with {} connections | \
         interpreter started per call, ms | so many times more | processes at rest | own MiB of each |\n\
         |---|--:|--:|--:|---|--:|--:|--:|--:|--:|\n| none | {:.1} | | | | {:.0} | | | | |\n",
        extent.turn.connections,
        base.latency(),
        base.rate(),
    );
    for row in rows {
        let Row { kind, latency, p99, added, rate, alone, workers, memory } = row;
        let verdict = if *added <= PROMISED { "PASS" } else { "**MISS**" };
        let times = alone * 1000.0 / added.max(1.0);
        out.push_str(&format!(
            "| {kind} | {latency:.1} | {p99:.0} | {added:.1} | {verdict} | {rate:.0} | {alone:.1} | {times:.0} | {workers} | {memory:.1} |\n"
        ));
    }
    out
}
