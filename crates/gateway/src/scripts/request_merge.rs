//! What a pre-process script changed in `event.request`, taken over into the request (events-and-scripting 2.5).

use antiphon_model::{Error, Headers, Object, Request, Value, Verb};
use bytes::Bytes;

/// Takes over the members that a script changed. The verb is read-only: a valid one is ignored, another is an error, so that
/// nobody believes to have changed it.
pub(super) fn apply(request: &mut Request, changed: &Object) -> Result<(), Error> {
    if let Some(method) = changed.get("method") {
        let name = text(method);
        if Verb::parse(&name).is_none() {
            return Err(Error::new(500, format!("Invalid method '{name}'")));
        }
    }
    if let Some(parameters) = changed.get("parameters") {
        request.parameters = parameters.as_object().cloned().unwrap_or_default();
    }
    if let Some(headers) = changed.get("headers") {
        request.headers = headers_of(headers);
    }
    if let Some(content_type) = changed.get("content_type") {
        request.content_type = content_type.as_str().map(str::to_owned);
    }
    match (changed.get("payload"), changed.get("content")) {
        (Some(payload), _) if *payload != request.payload => {
            request.content = Bytes::from(payload.to_string());
            request.payload = payload.clone();
        }
        (_, Some(content)) => set_content(request, content),
        _ => {}
    }
    Ok(())
}

fn set_content(request: &mut Request, content: &Value) {
    let Value::String(text) = content else {
        request.payload = content.clone();
        request.content = Bytes::from(content.to_string());
        return;
    };
    if text.as_bytes() == &*request.content {
        return;
    }
    let is_json = request.content_type.as_deref().is_none_or(|kind| kind.contains("json"));
    request.content = Bytes::from(text.clone());
    if is_json {
        request.payload = serde_json::from_str(text).unwrap_or(Value::Null);
    }
}

/// Header fields from an object: lower-case names; lists are joined, null leaves a field out.
pub(super) fn headers_of(value: &Value) -> Headers {
    let Some(members) = value.as_object() else { return Headers::new() };
    let present = members.iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.to_lowercase(), text(value))).collect()
}

/// A header's or status's value as text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
