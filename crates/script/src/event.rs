//! What a script is told about a call (reference 3.1). Everything is borrowed: what the script never touches is never
//! converted.

use antiphon_model::{Headers, Object, Phase, Value};

/// The event that a script runs on.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Full name, with the type.
    pub name: &'a str,
    /// Point in time.
    pub phase: Phase,
    /// Name of the script that runs; differs from `name` for script services.
    pub script_name: &'a str,
    /// The part of the path that the event's name leaves open: text, a map, or null.
    pub resource: &'a Value,
    /// The limit that was exceeded, for the event of that; none for all others.
    pub limit: Option<&'a Value>,
    /// The request as it stands.
    pub request: EventRequest<'a>,
    /// The response as it stands; none in pre_process.
    pub response: Option<EventResponse<'a>>,
}

/// `event.request`.
#[derive(Debug, Clone, Copy)]
pub struct EventRequest<'a> {
    /// `2.0`.
    pub api_version: &'a str,
    /// Upper case.
    pub method: &'a str,
    /// Query parameters.
    pub parameters: &'a Object,
    /// Lower-case names.
    pub headers: &'a Headers,
    /// The parsed body. Null shows as an empty object when there is no body.
    pub payload: &'a Value,
    /// The raw body. Bytes that are no text show as base64, with `content_encoding` set to `base64`.
    pub content: &'a [u8],
    /// Media type of the body.
    pub content_type: &'a str,
    /// Path and query; none on calls from inside.
    pub uri: Option<&'a str>,
    /// The service of the path; none on calls from inside.
    pub service: Option<&'a str>,
    /// The rest of the path, query included; none on calls from inside.
    pub resource: Option<&'a str>,
}

/// `event.response`.
#[derive(Debug, Clone, Copy)]
pub struct EventResponse<'a> {
    /// HTTP status.
    pub status_code: u16,
    /// Native value, or text.
    pub content: &'a Value,
    /// None = native value, negotiated later.
    pub content_type: Option<&'a str>,
    /// Internal number of the content's format.
    pub format: i64,
    /// Further header fields.
    pub headers: &'a Headers,
}
