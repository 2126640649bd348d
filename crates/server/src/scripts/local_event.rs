//! An event in a file: what a script is told of it, and what it made of it.

use antiphon_model::{EventName, Headers, Object, Phase, Value, json};
use antiphon_script::{Edits, Event, EventRequest, EventResponse};
use similar::TextDiff;

/// Lines around a difference.
const CONTEXT: usize = 3;

/// An event as its file tells it.
pub struct LocalEvent {
    /// As it is in the file, without what is not of the event.
    given: Object,
    name: String,
    phase: Phase,
    resource: Value,
    request: Given,
    response: Option<Given>,
    /// `platform.session`.
    pub session: Value,
    /// Values of lookups by name.
    pub lookups: Object,
}

/// A request or response, with the parts that scripts are told in forms of their own.
struct Given {
    members: Object,
    parameters: Object,
    headers: Headers,
    payload: Value,
    content: Vec<u8>,
}

impl LocalEvent {
    /// The event in a file, for a script of that name.
    ///
    /// # Errors
    /// When the file holds no event.
    pub fn parse(file: Value, script: &str) -> Result<LocalEvent, String> {
        let Value::Object(mut given) = file else {
            return Err("An event is a JSON object with a member 'request'.".to_owned());
        };
        let name = given.get("name").and_then(Value::as_str).unwrap_or(script).to_owned();
        let phase = EventName::parse(&name).map_err(|error| error.to_string())?.phase;
        let object = |value: Option<Value>| match value {
            Some(Value::Object(members)) => members,
            _ => Object::new(),
        };
        let session = Value::Object(object(given.shift_remove("session")));
        let lookups = object(given.shift_remove("lookups"));
        let request =
            given.get("request").and_then(Value::as_object).ok_or("An event has a member 'request', an object.")?;
        let response = given.get("response").and_then(Value::as_object);
        Ok(LocalEvent {
            phase,
            resource: given.get("resource").cloned().unwrap_or_default(),
            request: Given::of(request),
            response: response.map(Given::of),
            name,
            session,
            lookups,
            given,
        })
    }

    /// What the script is told.
    pub fn event(&self) -> Event<'_> {
        let request = &self.request;
        Event {
            name: &self.name,
            phase: self.phase,
            script_name: &self.name,
            resource: &self.resource,
            limit: self.given.get("limit"),
            request: EventRequest {
                api_version: request.text("api_version").unwrap_or("2.0"),
                method: request.text("method").unwrap_or("GET"),
                parameters: &request.parameters,
                headers: &request.headers,
                payload: &request.payload,
                content: &request.content,
                content_type: request.text("content_type").unwrap_or("application/json"),
                uri: request.text("uri"),
                service: request.text("service"),
                resource: request.text("resource"),
            },
            response: self.response.as_ref().map(|response| EventResponse {
                status_code: response
                    .number("status_code")
                    .and_then(|status| u16::try_from(status).ok())
                    .unwrap_or(200),
                content: response.members.get("content").unwrap_or(&Value::Null),
                content_type: response.text("content_type"),
                format: response.number("format").unwrap_or(201),
                headers: &response.headers,
            }),
        }
    }

    /// What the script changed of the event, in the form of `diff -u`; a sentence when it changed nothing.
    pub fn difference(&self, edits: &Edits) -> String {
        let before = Value::Object(self.given.clone());
        let after = Value::Object(self.after(edits));
        if before == after {
            return "the event is unchanged".to_owned();
        }
        let (before, after) = (format!("{before:#}\n"), format!("{after:#}\n"));
        let texts = TextDiff::from_lines(&before, &after);
        texts.unified_diff().context_radius(CONTEXT).header("event before", "event after").to_string()
    }

    fn after(&self, edits: &Edits) -> Object {
        let mut event = self.given.clone();
        if let Some(Value::Object(request)) = event.get_mut("request") {
            request.extend(edits.request.clone());
        }
        match (&edits.response, event.get_mut("response")) {
            (None, _) => {}
            (Some(Value::Object(changed)), Some(Value::Object(response))) if !edits.response_replaced => {
                response.extend(changed.clone());
            }
            (Some(response), _) => {
                event.insert("response".into(), response.clone());
            }
        }
        if edits.stop_propagation {
            event.insert("stop_propagation".into(), json!(true));
        }
        event
    }
}

impl Given {
    fn of(members: &Object) -> Given {
        let object = |name: &str| members.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let text_of = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let headers = object("headers");
        let payload = members.get("payload").cloned().unwrap_or_default();
        let content = match members.get("content") {
            Some(Value::String(text)) => text.clone(),
            _ if payload.is_null() => String::new(),
            _ => payload.to_string(),
        };
        Given {
            parameters: object("parameters"),
            headers: headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), text_of(value))).collect(),
            content: content.into_bytes(),
            payload,
            members: members.clone(),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.members.get(name).and_then(Value::as_i64)
    }
}
