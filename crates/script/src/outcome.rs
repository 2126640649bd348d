//! How a run ended.

use antiphon_model::{Error, Object, Value};
use std::time::Duration;

/// One run of one script.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// What it printed, one line per call; says at its end if the rest was cut.
    pub output: String,
    /// Wall time, host calls included.
    pub wall: Duration,
    /// Processor time of the script's thread.
    pub cpu: Duration,
}

impl Run {
    /// A run that never began.
    pub fn failed(error: Error) -> Run {
        Run { outcome: Outcome::Failed(error), output: String::new(), wall: Duration::ZERO, cpu: Duration::ZERO }
    }
}

/// How a script ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It came to its end.
    Finished(Finished),
    /// It threw, a promise of it was rejected and not handled, or its result can't be used.
    Threw(Thrown),
    /// It reached a limit; the text says which, for people.
    Stopped(StopReason, String),
    /// It did not run: its language is unknown or absent, it has a syntax error, too many scripts run already.
    Failed(Error),
}

/// The limit that a script reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Wall time.
    WallTime,
    /// Processor time.
    CpuTime,
    /// Memory.
    Memory,
    /// Depth of recursion.
    Stack,
    /// Files in its scratch folder.
    Scratch,
}

/// The result of a script that came to its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finished {
    /// The returned value; none for undefined, null, functions, symbols, and for the event itself (its edits are in `edits`).
    pub returned: Option<Value>,
    /// What it changed. Empty but for `stop_propagation` and `response_ignored` when it may not modify the event.
    pub edits: Edits,
}

/// What a script changed of its event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edits {
    /// Members of `event.request` whose value differs from what was given, with their new values. Deleted members are not
    /// here: they count as untouched (reference 2.5 copies only what is there).
    pub request: Object,
    /// `event.response`: the whole new value when it was set or replaced; only the changed members (and with a changed
    /// `content` its `content_type` and `format`) when the given one was edited in place.
    pub response: Option<Value>,
    /// The members of `response` that changed; empty when it was set or replaced.
    pub response_changed: Vec<&'static str>,
    /// Whether `event.response` was set or replaced as a whole.
    pub response_replaced: bool,
    /// `event.response` was set in pre_process by a script that may not modify the event.
    pub response_ignored: bool,
    /// `event.stop_propagation` is true.
    pub stop_propagation: bool,
}

/// What a script threw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thrown {
    /// Its message; never empty.
    pub message: String,
    /// Its `code`, when it is a number or a text.
    pub code: Option<Value>,
    /// Its `status_code` or `statusCode`, when that is a number of three digits.
    pub status_code: Option<u16>,
    /// What its author wants told beside the message: the failed records of a batch, for example (reference 4.4).
    pub context: Option<Value>,
    /// Line of the script's own text.
    pub line: Option<u32>,
    /// Column in that line.
    pub column: Option<u32>,
    /// The script's own frames, innermost first.
    pub stack: Option<String>,
}

impl Thrown {
    /// The message of something thrown, also of something that has none (reference 2.4).
    pub(crate) fn message(message: String) -> String {
        if message.is_empty() { "Unknown scripting error.".to_owned() } else { message }
    }
}

/// A status of three digits, as a number or its text.
pub(crate) fn status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        other => u16::try_from(other.as_i64()?).ok()?,
    };
    (100..=999).contains(&number).then_some(number)
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Syntax error at line {line}, column {column}: {message}")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Line of the text, from 1.
    pub line: u32,
    /// Column of the line, from 1.
    pub column: u32,
}

impl SyntaxError {
    /// What a call gets whose script has it.
    pub(crate) fn in_script(self, name: &str) -> Error {
        let SyntaxError { message, line, column } = self;
        Error::new(500, format!("Syntax error in script '{name}' at line {line}, column {column}: {message}"))
    }
}
