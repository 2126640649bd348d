//! The members of `event` that are converted on the first touch, and the numbers of the host calls. The prelude gets both as
//! a table, so that they are written down once.

use super::libraries::LIBRARIES;
use crate::event::Event;
use antiphon_model::{Value, json};
use antiphon_quickjs::{BridgeError, HostCall};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A lazily converted member.
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

/// What the prelude asks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// (member): its value.
    Member,
    /// (member, value): it was touched; this is its value now.
    Changed,
    /// (value): `event.response` was set or replaced.
    Response,
    /// (): it was set by a script that may not.
    Ignored,
    /// (): propagation stops.
    Stop,
    /// (value): the script's result.
    Returned,
    /// (message, code, status, stack, is an error): the script threw.
    Thrown,
    /// (): the script waits for a promise that never settles.
    Unsettled,
    /// (verb, path, payload, options): `platform.api`.
    Api,
    /// (): `platform.session`.
    Session,
    /// (): `platform.config`.
    Config,
    /// (name): text of a library.
    Library,
    /// (text): the same text with its lookups replaced.
    Lookup,
    /// (text): a line of output.
    Print,
    /// (seconds).
    Sleep,
    /// (): two random numbers.
    Seed,
}

impl Call {
    const NAMED: [(&'static str, Call); 16] = [
        ("MEMBER", Call::Member),
        ("CHANGED", Call::Changed),
        ("RESPONSE", Call::Response),
        ("IGNORED", Call::Ignored),
        ("STOP", Call::Stop),
        ("RETURNED", Call::Returned),
        ("THROWN", Call::Thrown),
        ("UNSETTLED", Call::Unsettled),
        ("API", Call::Api),
        ("SESSION", Call::Session),
        ("CONFIG", Call::Config),
        ("LIBRARY", Call::Library),
        ("LOOKUP", Call::Lookup),
        ("PRINT", Call::Print),
        ("SLEEP", Call::Sleep),
        ("SEED", Call::Seed),
    ];

    /// The call of that number.
    pub(crate) fn of(number: u32) -> Option<Call> {
        Self::NAMED.get(number as usize).map(|(_, call)| *call)
    }
}

/// The table that the prelude is given, as JSON.
pub(crate) fn table() -> String {
    let mut table = json!({});
    for (number, (name, _)) in Call::NAMED.iter().enumerate() {
        table[*name] = json!(number);
    }
    table["MEMBERS"] = MEMBERS.iter().map(|(_, name)| json!(name)).collect();
    table["OWNERS"] = MEMBERS
        .iter()
        .map(|(owner, _)| match owner {
            Owner::Event => json!("event"),
            Owner::Request => json!("request"),
            Owner::Response => json!("response"),
        })
        .collect();
    table["ALIASES"] = json!({});
    for library in LIBRARIES {
        for alias in library.aliases {
            table["ALIASES"][*alias] = json!(library.name);
        }
    }
    table.to_string()
}

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
    /// Makes it the answer of a host call.
    pub(crate) fn answer(&self, call: &mut HostCall<'_>) -> Result<(), BridgeError> {
        match self {
            Given::Text(text) => call.answer_text(text),
            Given::Value(value) => call.answer(value),
            Given::Object(members) => call.answer_object(members),
            Given::Headers(headers) => {
                call.answer_texts(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            }
            Given::Made(value) => call.answer(value),
        }
    }

    /// The new value of a touched member, if an argument of a host call differs from it; undefined doesn't count.
    pub(crate) fn changed(&self, call: &HostCall<'_>, index: usize) -> Result<Option<Value>, BridgeError> {
        let quick = match self {
            Given::Value(value) => call.same(index, value)?,
            Given::Object(members) => call.same_object(index, members)?,
            Given::Made(value) => call.same(index, value)?,
            Given::Text(_) | Given::Headers(_) => false,
        };
        if quick {
            return Ok(None);
        }
        let Some(now) = call.json(index)? else { return Ok(None) };
        Ok(if self.equals(&now) { None } else { Some(now) })
    }

    fn equals(&self, now: &Value) -> bool {
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
