//! What scripts say about the response, taken over into it (events-and-scripting 2.3, 2.6).

use super::request_merge::text;
use antiphon_model::{Content, Error, Headers, Object, Response, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

const ENVELOPE: [&str; 4] = ["status_code", "content", "content_type", "headers"];

/// The answer that a script gave in the service's place: an envelope when any of its members is there, else the body itself.
pub(super) fn from_script(value: &Value) -> Result<Response, Error> {
    let mut response =
        Response { status: 200, content: Content::Value(Value::Null), content_type: None, headers: Headers::new() };
    match value {
        Value::Object(members) if ENVELOPE.iter().any(|name| members.contains_key(*name)) => {
            apply_envelope(&mut response, members)?;
        }
        body => response.content = Content::Value(body.clone()),
    }
    Ok(response)
}

/// The parts of the response that a post-process script changed. A status that is none makes the response a 500.
pub(super) fn apply(response: &mut Response, changed: &Value) {
    let outcome = match changed {
        Value::Object(members) => apply_envelope(response, members),
        _ => Ok(()),
    };
    if let Err(error) = outcome {
        *response = Response::from(&error);
    }
}

fn apply_envelope(response: &mut Response, members: &Object) -> Result<(), Error> {
    if let Some(status) = members.get("status_code").filter(|status| !status.is_null()) {
        response.status = status_of(status)?;
    }
    if let Some(headers) = members.get("headers").and_then(Value::as_object) {
        for (name, value) in headers {
            let name = name.to_lowercase();
            match value {
                Value::Null => drop(response.headers.shift_remove(&name)),
                value => drop(response.headers.insert(name, text(value))),
            }
        }
    }
    if let Some(content) = members.get("content") {
        response.content_type = None;
        response.content = match members.get("content_encoding").and_then(Value::as_str) {
            Some("base64") => Content::Bytes(bytes_of(content)?),
            _ => Content::Value(content.clone()),
        };
    }
    if let Some(content_type) = members.get("content_type").and_then(Value::as_str).filter(|kind| !kind.is_empty()) {
        set_content_type(response, content_type);
    }
    Ok(())
}

/// Text under a type of its own goes out as it is; everything else is written by the edge as JSON, XML or CSV.
fn set_content_type(response: &mut Response, content_type: &str) {
    response.content_type = Some(content_type.to_owned());
    if let Content::Value(Value::String(body)) = &response.content {
        response.content = Content::Text(body.clone());
    }
}

/// The bytes that a script wrote as base64, in the way in which it is shown those of a request (D33).
fn bytes_of(content: &Value) -> Result<Bytes, Error> {
    let decoded = content.as_str().and_then(|text| STANDARD.decode(text).ok());
    decoded
        .map(Bytes::from)
        .ok_or_else(|| Error::new(500, "The script's content is not base64, as its content_encoding says."))
}

fn status_of(value: &Value) -> Result<u16, Error> {
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|status| (200..600).contains(status))
        .ok_or_else(|| Error::new(500, format!("The script set an invalid status code: {}", text(value))))
}
