//! Scripts that mean harm, in every language: to the machine, to the server, to other calls, to the runs after them. Each must end within
//! its limit, reach nothing, and leave everything as it was. A table for each language; this file tells what is done with it.

mod javascript;
mod nodejs;
mod php;
mod python;

use crate::support::{Answer, TestApp, Value, json};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A script that means harm.
struct Attack {
    /// What it tries.
    name: &'static str,
    /// Its text; `%PORT%`, `%DATA%`, `%SERVER%` and `%OUTSIDE%` stand for the server's port, data folder and process, and for a folder that
    /// is not the script's to write to.
    source: &'static str,
    end: End,
}

/// How it must end.
enum End {
    /// Stopped at one of these limits (words of the message).
    Limit(&'static [&'static str]),
    /// With an error that has one of these words.
    Fails(&'static [&'static str]),
    /// With this answer: what it tried was refused, and it tells how.
    Tells(&'static str),
    /// In any way, as long as it ends.
    Anyhow,
}

const fn attack(name: &'static str, source: &'static str, end: End) -> Attack {
    Attack { name, source, end }
}

/// Where the attacks are attached. There is no such table: nothing but the script answers.
const EVENT: &str = "db._table.attack.get.pre_process";
const ATTACK: &str = "db/_table/attack?trace_events=true";
/// Time limit of each attack.
const LIMIT: Duration = Duration::from_millis(700);
/// How far beyond its limit the server may let a script run. It looks every 25 ms; the rest is for machines that are busy with other tests.
const OVERSHOOT: Duration = Duration::from_millis(1500);
/// How long a caller may have to wait, whatever happens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A language with a script that tells whether its world is as it should be.
struct Bystander {
    kind: &'static str,
    table: &'static str,
    source: &'static str,
    told: &'static str,
}

const BYSTANDERS: [Bystander; 4] = [
    Bystander { kind: "javascript", table: "beside_javascript", source: javascript::INTACT, told: javascript::TOLD },
    Bystander { kind: "nodejs", table: "beside_nodejs", source: nodejs::INTACT, told: nodejs::TOLD },
    Bystander { kind: "python3", table: "beside_python", source: python::INTACT, told: python::TOLD },
    Bystander { kind: "php", table: "beside_php", source: php::INTACT, told: php::TOLD },
];

/// A server under attack.
struct Siege {
    app: TestApp,
    kind: &'static str,
    outside: tempfile::TempDir,
    /// Listens where scripts must not reach.
    neighbour: TcpListener,
}

impl Siege {
    fn of(kind: &'static str) -> Siege {
        let app = TestApp::with_limits(&[("WORKER_SCRATCH_BYTES", 8 << 20)]);
        for bystander in &BYSTANDERS {
            let record = json!({"type": bystander.kind, "content": bystander.source});
            app.store(&format!("db._table.{}.get.pre_process", bystander.table), record);
        }
        let neighbour = TcpListener::bind("127.0.0.1:0").unwrap();
        neighbour.set_nonblocking(true).unwrap();
        Siege { app, kind, outside: tempfile::tempdir().unwrap(), neighbour }
    }

    fn source(&self, source: &str) -> String {
        source
            .replace("%PORT%", &self.neighbour.local_addr().unwrap().port().to_string())
            .replace("%DATA%", self.app.folder().to_str().unwrap())
            .replace("%SERVER%", &self.app.process_id().to_string())
            .replace("%OUTSIDE%", self.outside.path().to_str().unwrap())
    }

    /// Attacks, and judges how that ended.
    fn attack(&self, attack: &Attack) -> Result<(), String> {
        let config = json!({"timeout_ms": LIMIT.as_millis() as u64});
        self.app.store(EVENT, json!({"type": self.kind, "content": self.source(attack.source), "config": config}));
        let begun = Instant::now();
        let answer = self.app.admin().get(ATTACK);
        let waited = begun.elapsed();
        if waited > PATIENCE {
            return Err(format!("its caller waited for {waited:?}"));
        }
        let ran = ran(&answer);
        if ran > LIMIT + OVERSHOOT {
            return Err(format!("it ran for {ran:?}"));
        }
        judge(&attack.end, &answer)
    }

    /// What must not have changed, has not.
    fn nothing_has_happened(&self) -> Result<(), String> {
        if let Ok((_, from)) = self.neighbour.accept() {
            return Err(format!("it reached a server: {from}"));
        }
        let left: Vec<_> = std::fs::read_dir(self.outside.path()).unwrap().collect();
        if !left.is_empty() {
            return Err(format!("it wrote outside: {left:?}"));
        }
        for bystander in &BYSTANDERS {
            self.is_served(bystander)?;
        }
        Ok(())
    }

    /// A bystander's call is answered, and its world is intact.
    fn is_served(&self, bystander: &Bystander) -> Result<(), String> {
        let answer = self.app.user().get("db/_table/todo?fields=id&ids=1");
        if answer.status() != 200 {
            return Err(format!("a call without scripts was answered by {answer:?}"));
        }
        let answer = self.app.admin().get(&format!("db/_table/{}?mine=7", bystander.table));
        let expected: Value = serde_json::from_str(bystander.told).unwrap();
        if (answer.status(), answer.body()) != (200, &expected) {
            return Err(format!("a {} script beside it was answered by {answer:?}", bystander.kind));
        }
        Ok(())
    }
}

/// How long the attack ran, as the server measured.
fn ran(answer: &Answer) -> Duration {
    let trace: Value =
        answer.header("x-script-trace").and_then(|trace| serde_json::from_str(trace).ok()).unwrap_or_default();
    let wall = trace["scripts"][0]["wall_us"].as_u64();
    Duration::from_micros(wall.unwrap_or_else(|| panic!("the attack left no trace: {answer:?}")))
}

fn judge(end: &End, answer: &Answer) -> Result<(), String> {
    let message = answer.body()["error"]["message"].as_str().unwrap_or_default();
    let has_one_of = |words: &[&str]| words.iter().any(|word| message.to_lowercase().contains(&word.to_lowercase()));
    let is_fine = match end {
        End::Limit(words) => answer.status() == 500 && message.contains("was stopped") && has_one_of(words),
        End::Fails(words) => answer.status() >= 400 && has_one_of(words),
        End::Tells(expected) => {
            answer.status() == 200 && *answer.body() == serde_json::from_str::<Value>(expected).unwrap()
        }
        End::Anyhow => answer.status() >= 200,
    };
    if is_fine { Ok(()) } else { Err(format!("it ended in another way: {answer:?}")) }
}

/// Lets all of them attack one server, one after the other, while other calls go on beside them.
#[track_caller]
fn withstand(kind: &'static str, attacks: &[&[Attack]]) {
    let siege = Siege::of(kind);
    siege.nothing_has_happened().unwrap();
    let mut failures = Vec::new();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let mut calls = 0;
            for bystander in BYSTANDERS.iter().cycle() {
                siege.is_served(bystander)?;
                calls += 1;
                if is_over.load(Ordering::Relaxed) && calls >= BYSTANDERS.len() {
                    break;
                }
            }
            Ok::<_, String>(())
        });
        for attack in attacks.iter().copied().flatten() {
            let outcome = siege.attack(attack).and_then(|()| siege.nothing_has_happened());
            if let Err(failure) = outcome {
                failures.push(format!("{}: {failure}", attack.name));
            }
        }
        is_over.store(true, Ordering::Relaxed);
        if let Err(failure) = beside.join().unwrap() {
            failures.push(format!("beside the attacks: {failure}"));
        }
    });
    assert!(failures.is_empty(), "{kind}: {} failed:\n{}", failures.len(), failures.join("\n\n"));
}
