//! One job in full: every attempt, and for administrators what it runs and on what.

use super::asked;
use crate::system::dates::date;
use crate::system::listing::wants;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Request, Result, Value, json};
use antiphon_queue::{Attempt, AttemptOutcome, JobId, Queues};

/// Adds to the record of a job what lists don't tell.
pub(super) fn complete(call: &Call<'_>, queues: &Queues, id: &JobId, answer: &mut Value) -> Result<()> {
    let Some(record) = answer.as_object_mut() else { return Ok(()) };
    let mut found = None;
    for (_, store) in queues.stores() {
        if found.is_none() {
            found = asked(store.get(id))?;
        }
    }
    // It may be gone since its record was read.
    let detail = found.ok_or_else(|| Error::record_not_found(id))?;
    let mut add = |name: &str, value: Value| {
        if wants(call.request, name) {
            record.insert(name.to_owned(), value);
        }
    };
    add("last_error", json!(detail.record.last_error));
    add("history", detail.attempts.iter().map(described).collect());
    let (true, Some(jobs)) = (call.session.is_admin(), call.gateway.jobs()) else { return Ok(()) };
    let Some(sealed) = &detail.payload else { return Ok(()) };
    match jobs.open(sealed) {
        Ok(payload) => {
            let value = |part: serde_json::Result<Value>| part.unwrap_or_default();
            add("request", value(serde_json::to_value(&payload.request)));
            add("response", value(serde_json::to_value(&payload.response)));
            add("identity", value(serde_json::to_value(&payload.identity)));
            add("saved_script", value(serde_json::to_value(&payload.script)));
        }
        Err(error) => add("payload_error", json!(error.message)),
    }
    Ok(())
}

/// The names of what this adds.
const ADDED: [&str; 6] = ["history", "request", "response", "identity", "saved_script", "payload_error"];

/// Takes the names of what is added out of the fields that the record code is asked for.
pub(super) fn without_added(request: &Request, parameters: &mut Object) {
    let Some(fields) = request.parameter(&["fields", "select"]).filter(|fields| !fields.trim().is_empty()) else {
        return;
    };
    let mut names: Vec<&str> = fields.split(',').map(str::trim).filter(|name| !ADDED.contains(name)).collect();
    if names.is_empty() {
        names.push("id");
    }
    parameters.shift_remove("select");
    parameters.insert("fields".into(), json!(names.join(",")));
}

fn described(attempt: &Attempt) -> Value {
    let outcome = match attempt.outcome {
        AttemptOutcome::Succeeded => "succeeded",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::Lost => "lost",
        AttemptOutcome::Skipped => "skipped",
    };
    json!({
        "attempt": attempt.attempt,
        "worker": attempt.worker,
        "started_date": date(attempt.started_ms),
        "ended_date": date(attempt.ended_ms),
        "outcome": outcome,
        "error": attempt.error,
        "output": attempt.output,
        "script_version": attempt.script_version,
    })
}
