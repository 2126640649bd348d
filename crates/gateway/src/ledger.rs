//! What happened to one call: which events fired, which scripts ran, which were skipped and why.

use antiphon_model::{Object, Phase, Response, Value, json};
use antiphon_script::Script;
use std::collections::BTreeMap;
use std::time::Duration;

/// One script's part in a call.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptRun {
    /// Full name of the event and so of the script.
    pub script: String,
    /// Version of the script that was looked at.
    pub version: u64,
    /// How it ended.
    pub outcome: String,
    /// Time from start to end, nested calls included; zero when it did not run.
    pub wall: Duration,
    /// What it printed.
    pub output: String,
    /// The stored libraries that it loaded, with their versions.
    pub libraries: BTreeMap<String, u64>,
}

impl ScriptRun {
    /// The entry of a script that does not run, and why.
    pub(crate) fn skipped(script: &Script, why: &str) -> ScriptRun {
        ScriptRun {
            script: script.name.clone(),
            version: script.version,
            outcome: why.to_owned(),
            wall: Duration::ZERO,
            output: String::new(),
            libraries: BTreeMap::new(),
        }
    }
}

/// The record of one call, written while it goes on.
#[derive(Debug, Default)]
pub struct Ledger {
    events: Vec<String>,
    runs: Vec<ScriptRun>,
    warnings: Vec<String>,
}

impl Ledger {
    /// An event fired.
    pub(crate) fn fired(&mut self, base: &str, phase: Phase) {
        self.events.push(match phase.suffix() {
            Some(suffix) => format!("{base}.{suffix}"),
            None => base.to_owned(),
        });
    }

    /// A script ran or was skipped.
    pub(crate) fn ran(&mut self, run: ScriptRun) {
        if !run.output.is_empty() {
            tracing::info!(target: "antiphon::script", script = %run.script, "Script '{}' output: {}", run.script, run.output);
        }
        tracing::debug!(target: "antiphon::script", script = %run.script, version = run.version, outcome = %run.outcome, libraries = ?run.libraries,
            wall_us = run.wall.as_micros() as u64, "script");
        self.runs.push(run);
    }

    /// What its scripts printed.
    pub(crate) fn output(&self) -> String {
        self.runs.iter().map(|run| run.output.as_str()).collect()
    }

    /// Something that the author of a script should know although the call went on.
    pub(crate) fn warn(&mut self, warning: String) {
        tracing::warn!(target: "antiphon::script", "{warning}");
        self.warnings.push(warning);
    }

    /// Tells the client what concerns it: warnings always, everything when an administrator asked for a trace.
    pub(crate) fn annotate(&self, response: &mut Response, trace: bool) {
        if !self.warnings.is_empty() {
            let texts: Vec<String> = self.warnings.iter().map(|text| format!("299 antiphon {}", json!(text))).collect();
            response.headers.insert("warning".into(), ascii(&texts.join(", ")));
        }
        if trace {
            response.headers.insert("x-script-trace".into(), ascii(&self.to_value().to_string()));
        }
    }

    /// The whole ledger as `X-Script-Trace` shows it. Outputs are cut to a line that fits a header.
    fn to_value(&self) -> Value {
        let scripts: Vec<Value> = self
            .runs
            .iter()
            .map(|run| {
                let mut entry = Object::new();
                entry.insert("script".into(), json!(run.script));
                entry.insert("version".into(), json!(run.version));
                entry.insert("outcome".into(), json!(run.outcome));
                entry.insert("wall_us".into(), json!(run.wall.as_micros() as u64));
                if !run.libraries.is_empty() {
                    entry.insert("libraries".into(), json!(run.libraries));
                }
                if !run.output.is_empty() {
                    entry.insert("output".into(), json!(run.output.chars().take(200).collect::<String>()));
                }
                Value::Object(entry)
            })
            .collect();
        json!({ "events": self.events, "scripts": scripts, "warnings": self.warnings })
    }
}

/// Header fields hold ASCII only: everything else is written as JSON would escape it.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for unit in text.chars() {
        if unit.is_ascii_graphic() || unit == ' ' {
            out.push(unit);
        } else {
            let mut units = [0; 2];
            for code in unit.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{code:04x}"));
            }
        }
    }
    out
}
