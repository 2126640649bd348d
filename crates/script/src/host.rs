//! What a script reaches of the world outside its engine.

use antiphon_model::{Headers, Object, Value, Verb};
use std::sync::Arc;

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
    /// The text of a library that administrators stored, for `require(name)`.
    fn library(&self, name: &str) -> Option<Arc<str>>;
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
