//! Scripts' calls to other servers (events-and-scripting 3.4): `platform.api.get('https://…')`.

use crate::Gateway;
use crate::blocking::wait_for;
use antiphon_model::{Value, json};
use antiphon_outbound::{Answer, Call, Failure, Guard};
use antiphon_script::{ApiCall, ApiResponse, Script};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Headers of an answer that tell of its connection only. A script that passes the answer on must not pass them on.
const CONNECTION: [&str; 6] = ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];
/// Script types whose `platform.api` is an HTTP client: a failure reads like any answer.
const PLAIN: [&str; 3] = ["nodejs", "python", "python3"];

/// The calls to other servers that one run makes.
pub(crate) struct Outside {
    deadline: Instant,
    calls: AtomicU32,
    notes: Mutex<String>,
}

/// Whether a path leads to another server. One's own is another, too.
pub(crate) fn is_outside(path: &str) -> bool {
    let path = path.trim_start();
    let begins = |scheme: &str| path.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

impl Outside {
    /// Those of a run that may take so long.
    pub(crate) fn new(wall: Duration) -> Outside {
        Outside { deadline: Instant::now() + wall, calls: AtomicU32::new(0), notes: Mutex::default() }
    }

    /// What the script's author should know, a line each.
    pub(crate) fn notes(&self) -> String {
        std::mem::take(&mut self.notes.lock())
    }

    /// Makes a call. Nothing of the caller's or the server's credentials goes with it.
    pub(crate) fn call(&self, gateway: &Gateway, script: &Script, runtime: &Handle, call: ApiCall) -> ApiResponse {
        let most = gateway.limits().outbound_calls;
        if self.calls.fetch_add(1, Ordering::Relaxed) >= most {
            let message = format!("A script may call other servers {most} times in one run.");
            return failed(&Failure::Refused(message));
        }
        let hosts = script.hosts();
        let hosts = hosts.as_ref().map(|hosts| hosts.iter().map(String::as_str).collect());
        let guard = Guard { hosts, deadline: Some(self.deadline) };
        let ApiCall { verb, path, payload, headers, parameters, options } = call;
        let call = Call { verb, address: path, parameters, headers, payload, options };
        match wait_for(runtime, gateway.outbound().call(call, &guard)) {
            Ok(answer) => {
                self.note(&answer.notes);
                answered(answer, PLAIN.contains(&script.kind.as_str()))
            }
            Err(failure) => failed(&failure),
        }
    }

    fn note(&self, notes: &[String]) {
        let mut all = self.notes.lock();
        for note in notes {
            let line = format!("platform.api: {note}.\n");
            if !all.contains(&line) {
                all.push_str(&line);
            }
        }
    }
}

/// The answer as scripts see it. Where `platform.api` is no HTTP client, a failure has the body's text as its message.
fn answered(answer: Answer, plain: bool) -> ApiResponse {
    let Answer { status, mut headers, content, content_type, .. } = answer;
    for name in CONNECTION {
        headers.shift_remove(name);
    }
    if status < 300 || plain {
        let content_type = if content.is_string() { content_type } else { None };
        return ApiResponse { status_code: status, content, content_type, headers };
    }
    let message = match content {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let content = json!({ "error": { "code": status, "context": null, "message": message, "status_code": status } });
    ApiResponse { status_code: status, content, content_type: None, headers }
}

fn failed(failure: &Failure) -> ApiResponse {
    let status = failure.status();
    let message = failure.to_string();
    let content = json!({ "error": { "code": status, "context": null, "message": message, "status_code": status } });
    ApiResponse { status_code: status, content, content_type: None, headers: Default::default() }
}
