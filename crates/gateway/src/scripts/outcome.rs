//! What a script's outcome means for the call (events-and-scripting 2.2 to 2.4).

use super::response_merge;
use crate::Ledger;
use antiphon_model::{Error, Object, Phase, Response, Value, json};
use antiphon_script::{Finished, Outcome, Run, Script, Thrown};

/// What a script does to its call.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Effect {
    /// Members of `event.request` to take over; empty when the script may not modify.
    pub request: Object,
    /// The response, or the parts of it, to take over.
    pub response: Option<Value>,
    /// The remaining events of this phase do not fire.
    pub stop_propagation: bool,
}

/// The effect of a run, or the error that the client gets instead.
pub(super) fn interpret(script: &Script, phase: Phase, run: Run, ledger: &mut Ledger) -> Result<Effect, Error> {
    let Finished { returned, edits } = finished(run)?;
    let returned = returned.filter(|value| !is_empty(value));
    let mut effect = Effect {
        request: edits.request,
        response: edits.response.filter(|response| !is_empty(response)),
        stop_propagation: edits.stop_propagation,
    };
    if let Some(returned) = returned {
        take_returned(&mut effect, phase, returned);
    }
    if !script.allow_event_modification {
        if edits.response_ignored || (phase == Phase::PreProcess && effect.response.is_some()) {
            ledger.warn(format!(
                "Script '{}' set a response that was ignored: allow_event_modification is off.",
                script.name
            ));
        }
        effect.request = Object::new();
        effect.response = None;
    }
    Ok(effect)
}

/// The answer of a service that is a script: what it returned, falsy values too, else what it made of the response that it was
/// `given` (2.3, 5.2, D16).
pub(super) fn answer_of_service(run: Run, mut given: Response) -> Result<Response, Error> {
    let Finished { returned, edits } = finished(run)?;
    match returned.filter(|value| !value.is_null()) {
        Some(Value::Object(mut members)) => {
            if let Some(response) = members.shift_remove("response").filter(|response| !is_empty(response)) {
                return response_merge::from_script(&response);
            }
            match members.contains_key("content") {
                true => response_merge::from_script(&Value::Object(members)),
                false => Ok(Response::ok(Value::Object(members))),
            }
        }
        Some(body) => Ok(Response::ok(body)),
        None => match edits.response {
            Some(response) if edits.response_replaced => response_merge::from_script(&response),
            Some(changed) => {
                response_merge::apply(&mut given, &changed);
                Ok(given)
            }
            None => Ok(given),
        },
    }
}

/// What a run came to, or the error that the client gets instead: also for a script that returned one.
fn finished(run: Run) -> Result<Finished, Error> {
    let finished = match run.outcome {
        Outcome::Finished(finished) => finished,
        Outcome::Threw(thrown) => return Err(thrown_error(thrown)),
        Outcome::Stopped(_, message) => return Err(Error::new(500, message)),
        Outcome::Failed(error) => return Err(error),
    };
    match finished.returned.as_ref().and_then(error_message) {
        Some(message) => Err(Error::new(500, message)),
        None => Ok(finished),
    }
}

/// A short word for the ledger.
pub(super) fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished(_) => "finished".to_owned(),
        Outcome::Threw(thrown) => format!("threw: {}", thrown.message),
        Outcome::Stopped(_, message) => format!("stopped: {message}"),
        Outcome::Failed(error) => format!("failed: {}", error.message),
    }
}

/// A returned value takes the event's place. In pre_process one without `request` and `response` says nothing about either, so
/// the edits on `event` stay.
fn take_returned(effect: &mut Effect, phase: Phase, returned: Value) {
    let Value::Object(mut object) = returned else {
        if phase == Phase::PostProcess {
            effect.response = Some(raw_answer(returned));
        }
        return;
    };
    if object.get("stop_propagation").is_some_and(|value| !is_empty(value)) {
        effect.stop_propagation = true;
    }
    let response = object.get("response").filter(|value| !is_empty(value)).cloned();
    match phase {
        Phase::PreProcess => {
            if let Some(Value::Object(request)) = object.shift_remove("request") {
                effect.request = request;
            }
            effect.response = response.or(effect.response.take());
        }
        Phase::PostProcess => {
            effect.response = match response {
                Some(response) => Some(response),
                None if object.contains_key("content") || object.contains_key("status_code") => {
                    Some(Value::Object(object))
                }
                None => Some(raw_answer(Value::Object(object))),
            };
        }
        Phase::Base | Phase::Queued | Phase::Service => {}
    }
}

fn raw_answer(content: Value) -> Value {
    json!({ "content": content, "status_code": 200 })
}

fn error_message(returned: &Value) -> Option<String> {
    let error = returned.get("error").filter(|error| !is_empty(error))?;
    let text = error.get("message").unwrap_or(error);
    Some(match text {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

fn thrown_error(thrown: Thrown) -> Error {
    let status = thrown.status_code.filter(|status| (400..600).contains(status)).unwrap_or(500);
    let message = match thrown.message.is_empty() {
        true => "Unknown scripting error.".to_owned(),
        false => thrown.message,
    };
    let error = Error::new(status, message).with_context(thrown.context.unwrap_or_default());
    let cause = thrown.stack.or(thrown.line.map(|line| format!("line {line}")));
    let error = match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    };
    match thrown.code.filter(|code| !is_empty(code)) {
        Some(code) => error.with_code(code),
        None => error,
    }
}

/// Empty as the original's language has it: null, false, 0, "", "0", [], {}.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "0",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}
