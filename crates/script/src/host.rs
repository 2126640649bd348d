//! What a script reaches of the world outside its engine.

use antiphon_model::{Headers, Object, Value, Verb, json};
use std::sync::Arc;

/// Formats of a response as scripts know them: a native value, and one in a type of its own (reference 3.1).
const NATIVE: i64 = 201;
const RAW: i64 = 0;

/// The world as a script may use it. Calls block, and may come on another thread than the one that runs the script's
/// caller, one at a time.
pub trait Host: Sync {
    /// `platform.api`: makes a call with the rights of the session. A failed call is a response too.
    fn call(&self, call: ApiCall) -> ApiResponse;
    /// `platform.session`; asked for only when the script touches it.
    fn session(&self) -> Value;
    /// `platform.config`; asked for only when the script touches it.
    fn config(&self) -> Value;
    /// The text for `{name}` in a string of the script, or none to leave it as it is. The names of callers' own data
    /// (`user.*`, `role.*`, `session.*`) are asked for only by scripts whose configuration says `"lookups": "raw"`.
    fn lookup(&self, name: &str) -> Option<String>;
    /// The library that a script of type `kind` asks for by that name: what administrators stored, or a file of theirs. Its
    /// language is one that the script's engine loads.
    ///
    /// # Errors
    /// Why there is none, for the script's author.
    fn library(&self, name: &str, kind: &str) -> Result<Library, String>;
    /// How many scripts of the call are running, this one included: those above it wait for it.
    fn depth(&self) -> u8 {
        1
    }
}

/// Code that scripts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// As stored.
    pub name: String,
    /// Number of the save that it is from; none for a file.
    pub version: Option<u64>,
    /// The script type that it is written for.
    pub kind: String,
    /// Its text.
    pub source: Arc<str>,
}

/// A call that a script makes.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiCall {
    /// What to do.
    pub verb: Verb,
    /// `service/path?query` in any of its spellings, or an `http(s)` address.
    pub path: String,
    /// The body; null for none. JSON text for calls to the inside is parsed already.
    pub payload: Value,
    /// `options.headers`, names in lower case.
    pub headers: Headers,
    /// `options.parameters`.
    pub parameters: Object,
    /// Everything else in `options`, such as `CURLOPT_*` names.
    pub options: Object,
}

/// The answer to a script's call.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiResponse {
    /// HTTP status.
    pub status_code: u16,
    /// Parsed content; `{"error": {...}}` when the call failed.
    pub content: Value,
    /// Media type, when the content is not a native value.
    pub content_type: Option<String>,
    /// Header fields.
    pub headers: Headers,
}

impl ApiCall {
    /// The call that `platform.api` was asked for.
    ///
    /// # Errors
    /// Why it is none, for the script's author.
    pub(crate) fn of_script(verb: &str, path: String, payload: Value, options: Value) -> Result<ApiCall, String> {
        let verb =
            Verb::parse(verb).ok_or_else(|| format!("'{verb}' is no verb; use GET, POST, PUT, PATCH or DELETE."))?;
        if path.trim().is_empty() {
            return Err("platform.api needs a path such as 'db/_table/todo'.".to_owned());
        }
        let outside = ["http://", "https://"].iter().any(|scheme| {
            path.trim_start().get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let payload = match payload {
            Value::String(text) if !outside => match text.is_empty() {
                true => Value::Null,
                false => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            },
            other => other,
        };
        let mut options = match options {
            Value::Object(options) => options,
            _ => Object::new(),
        };
        let headers = options.shift_remove("headers").map(headers).unwrap_or_default();
        let parameters = match options.shift_remove("parameters") {
            Some(Value::Object(parameters)) => parameters,
            _ => Object::new(),
        };
        Ok(ApiCall { verb, path, payload, headers, parameters, options })
    }
}

impl ApiResponse {
    /// The response as scripts see it.
    pub(crate) fn into_value(self) -> Value {
        let headers: Object = self.headers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        json!({
            "status_code": self.status_code,
            "content": self.content,
            "format": if self.content_type.is_none() { NATIVE } else { RAW },
            "content_type": self.content_type,
            "headers": headers,
        })
    }
}

/// Headers from a map, or from a list of `Name: value` lines.
fn headers(value: Value) -> Headers {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    match value {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect()
        }
        Value::Array(lines) => lines
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        _ => Headers::new(),
    }
}
