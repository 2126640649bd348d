//! The members of `event` that scripts may change, and the value each has before a script touches it.

use crate::event::Event;
use antiphon_model::{Value, json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// `event` itself.
    Event,
    /// `event.request`.
    Request,
    /// `event.response`.
    Response,
}

/// Owner and name; the position is the member's number.
pub(crate) const MEMBERS: [(Owner, &str); 21] = [
    (Owner::Event, "name"),
    (Owner::Event, "stage"),
    (Owner::Event, "script_name"),
    (Owner::Event, "resource"),
    (Owner::Event, "limit"),
    (Owner::Request, "api_version"),
    (Owner::Request, "method"),
    (Owner::Request, "parameters"),
    (Owner::Request, "headers"),
    (Owner::Request, "payload"),
    (Owner::Request, "content"),
    (Owner::Request, "content_encoding"),
    (Owner::Request, "content_type"),
    (Owner::Request, "uri"),
    (Owner::Request, "service"),
    (Owner::Request, "resource"),
    (Owner::Response, "status_code"),
    (Owner::Response, "content"),
    (Owner::Response, "content_type"),
    (Owner::Response, "format"),
    (Owner::Response, "headers"),
];

/// What a member is before the script touches it.
pub(crate) enum Given<'a> {
    Text(&'a str),
    Value(&'a Value),
    Object(&'a antiphon_model::Object),
    Headers(&'a antiphon_model::Headers),
    Made(Value),
}

/// The value of a member of this event.
pub(crate) fn given<'a>(event: &Event<'a>, member: usize) -> Option<Given<'a>> {
    let (owner, name) = *MEMBERS.get(member)?;
    let request = &event.request;
    let optional = |text: Option<&'a str>| text.map_or(Given::Made(Value::Null), Given::Text);
    Some(match (owner, name) {
        (Owner::Event, "name") => Given::Text(event.name),
        (Owner::Event, "stage") => Given::Text(event.phase.stage()),
        (Owner::Event, "script_name") => Given::Text(event.script_name),
        (Owner::Event, "limit") => Given::Value(event.limit?),
        (Owner::Event, _) => Given::Value(event.resource),
        (Owner::Request, "api_version") => Given::Text(request.api_version),
        (Owner::Request, "method") => Given::Text(request.method),
        (Owner::Request, "parameters") => Given::Object(request.parameters),
        (Owner::Request, "headers") => Given::Headers(request.headers),
        (Owner::Request, "payload") if request.payload.is_null() && request.content.is_empty() => {
            Given::Made(json!({}))
        }
        (Owner::Request, "payload") => Given::Value(request.payload),
        (Owner::Request, "content") => match std::str::from_utf8(request.content) {
            Ok(text) => Given::Text(text),
            Err(_) => Given::Made(Value::String(STANDARD.encode(request.content))),
        },
        (Owner::Request, "content_encoding") => match std::str::from_utf8(request.content) {
            Ok(_) => Given::Made(Value::Null),
            Err(_) => Given::Text("base64"),
        },
        (Owner::Request, "content_type") => Given::Text(request.content_type),
        (Owner::Request, "uri") => optional(request.uri),
        (Owner::Request, "service") => optional(request.service),
        (Owner::Request, _) => optional(request.resource),
        (Owner::Response, name) => {
            let response = event.response.as_ref()?;
            match name {
                "status_code" => Given::Made(json!(response.status_code)),
                "content" => Given::Value(response.content),
                "content_type" => optional(response.content_type),
                "format" => Given::Made(json!(response.format)),
                _ => Given::Headers(response.headers),
            }
        }
    })
}

impl Given<'_> {
    /// Whether a value is what was given.
    pub(crate) fn equals(&self, now: &Value) -> bool {
        match self {
            Given::Text(text) => now.as_str() == Some(text),
            Given::Value(value) => *value == now,
            Given::Object(members) => now.as_object() == Some(members),
            Given::Made(value) => value == now,
            Given::Headers(headers) => now.as_object().is_some_and(|now| {
                now.len() == headers.len()
                    && headers.iter().all(|(name, value)| now.get(name).and_then(Value::as_str) == Some(value))
            }),
        }
    }

    /// A copy as JSON.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Given::Text(text) => Value::String((*text).to_owned()),
            Given::Value(value) => (*value).clone(),
            Given::Object(members) => Value::Object((*members).clone()),
            Given::Headers(headers) => {
                headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()
            }
            Given::Made(value) => value.clone(),
        }
    }
}
