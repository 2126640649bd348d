//! One call's request and response, whoever sent it and whichever service answers.

use crate::{Error, Object, Requestor, Result, Verb};
use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::Value;

/// Header fields: lower-case names, several values joined with `, `.
pub type Headers = IndexMap<String, String>;

/// Query parameters by name. Values from a URL are strings; scripts and tunnelled bodies may put any JSON value here.
pub type Parameters = Object;

/// A file that a client sent within a multipart form.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// Name of the form's field.
    pub field: String,
    /// Name of the file, without folders.
    pub file_name: String,
    /// Media type of the file, if the client named one.
    pub content_type: Option<String>,
    /// The file.
    pub content: Bytes,
}

/// A call on its way to a service.
#[derive(Debug, Clone)]
pub struct Request {
    /// The effective verb, after tunnelling.
    pub verb: Verb,
    /// Service name as the caller typed it.
    pub service: String,
    /// Path below the service, decoded, without leading slash; a trailing slash is kept (it matters to file services).
    pub resource: String,
    /// Query parameters.
    pub parameters: Parameters,
    /// Header fields.
    pub headers: Headers,
    /// The parsed body; null when there is none or it can't be parsed as its type says.
    pub payload: Value,
    /// The raw body; empty on calls from inside, whose `payload` is all there is.
    pub content: Bytes,
    /// Media type of the body.
    pub content_type: Option<String>,
    /// The files of a multipart form; its other fields are the payload.
    pub uploads: Vec<Upload>,
    /// Path and query as received; none on calls from inside.
    pub uri: Option<String>,
    /// Who asks: a client, or a script for one.
    pub requestor: Requestor,
    /// How many scripts are above this call: 0 for a client's.
    pub depth: u8,
    /// A copy between installations: no script runs on it, nothing in its values is replaced, and stamps keep what is given. The caller's
    /// rights hold as always. Nobody outside can ask for it.
    pub verbatim: bool,
}

impl Request {
    /// A call from inside, with nothing but verb, service and path.
    pub fn new(verb: Verb, service: impl Into<String>, resource: impl Into<String>) -> Request {
        Request {
            verb,
            service: service.into(),
            resource: resource.into(),
            parameters: Parameters::new(),
            headers: Headers::new(),
            payload: Value::Null,
            content: Bytes::new(),
            content_type: None,
            uploads: Vec::new(),
            uri: None,
            requestor: Requestor::Api,
            depth: 0,
            verbatim: false,
        }
    }

    /// The first parameter of these names that is there, as text; numbers and booleans are written out.
    pub fn parameter(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.parameters.get(*name)).and_then(|value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        })
    }

    /// Whether a boolean parameter is there and true: `true`, `1`, `yes`, `on`, `y`, `t`, in any case.
    pub fn flag(&self, name: &str) -> bool {
        self.parameters.get(name).is_some_and(truthy)
    }

    /// Refuses a write whose body is in no format that is understood; services that store bodies as they are don't ask.
    ///
    /// # Errors
    /// 400 `Unrecognized payload type`; for a body without media type that begins like JSON, where it stops being JSON
    /// (system-and-users 1.7).
    pub fn require_readable_payload(&self) -> Result<()> {
        let is_write = matches!(self.verb, Verb::Post | Verb::Put | Verb::Patch);
        let content = self.content.trim_ascii();
        if !is_write || !self.payload.is_null() || content.is_empty() || content == b"null" {
            return Ok(());
        }
        match self.content_type.as_deref() {
            Some(kind) if kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) => return Ok(()),
            None if matches!(content[0], b'{' | b'[') => {
                if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&self.content) {
                    return Err(Error::bad_request(format!(
                        "The request body is not valid JSON: {error}. Correct it and send it again."
                    )));
                }
            }
            _ => {}
        }
        Err(Error::bad_request(
            "Unrecognized payload type. Send JSON, XML or CSV, and say which in the Content-Type header.",
        ))
    }

    /// A header's value, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// The truth of a parameter or a body option: `true`, `1`, `yes`, `on`, `y`, `t` in any case; everything else is false.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => {
            ["true", "1", "yes", "on", "y", "t"].iter().any(|word| word.eq_ignore_ascii_case(text.trim()))
        }
        _ => false,
    }
}

/// What a response carries.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Content {
    /// No body.
    #[default]
    Empty,
    /// A native value, written in the format that the client asks for.
    Value(Value),
    /// Text in the response's own content type.
    Text(String),
    /// Bytes in the response's own content type.
    Bytes(Bytes),
}

impl Content {
    /// The value that scripts see: text as a string, bytes as null.
    pub fn to_value(&self) -> Value {
        match self {
            Content::Empty | Content::Bytes(_) => Value::Null,
            Content::Value(value) => value.clone(),
            Content::Text(text) => Value::String(text.clone()),
        }
    }
}

/// A service's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub content: Content,
    /// Media type of the body; none = native value, negotiated at the edge.
    pub content_type: Option<String>,
    /// Further header fields.
    pub headers: Headers,
}

impl Response {
    /// 200 with a native value.
    pub fn ok(value: Value) -> Response {
        Response::with_status(200, value)
    }

    /// 201 with a native value.
    pub fn created(value: Value) -> Response {
        Response::with_status(201, value)
    }

    /// A native value under this status.
    pub fn with_status(status: u16, value: Value) -> Response {
        Response { status, content: Content::Value(value), content_type: None, headers: Headers::new() }
    }

    /// The error that this response reports, for a caller inside that must fail with it.
    pub fn into_error(self) -> Error {
        let error = match &self.content {
            Content::Value(body) => body.get("error").cloned().unwrap_or_default(),
            _ => Value::Null,
        };
        let message = error.get("message").and_then(Value::as_str).unwrap_or("The call failed.");
        let context = error.get("context").cloned().unwrap_or_default();
        let code = error.get("code").cloned().unwrap_or_else(|| Value::from(self.status));
        Error::new(self.status, message).with_context(context).with_code(code)
    }

    /// `{"resource": [...]}`.
    pub fn resource(list: Vec<Value>) -> Response {
        Response::ok(serde_json::json!({ "resource": list }))
    }
}

impl From<&Error> for Response {
    fn from(error: &Error) -> Response {
        let mut response = Response::with_status(error.status, error.to_body());
        if let Some(seconds) = error.retry_after {
            response.headers.insert("retry-after".into(), seconds.to_string());
        }
        response
    }
}
