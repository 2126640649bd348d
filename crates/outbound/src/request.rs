//! What is asked, and what comes back.

use crate::curl::Options;
use crate::error::Failure;
use crate::hosts::Hosts;
use antiphon_model::{Headers, Object, Value, Verb};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::{Duration, Instant};
use url::Url;

/// Headers that are the connection's own business, or would make the server another than the address says.
const OWN: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "accept-encoding",
    "proxy-authorization",
    "proxy-connection",
];

/// A call as a script asks for it.
#[derive(Debug, Clone)]
pub struct Call {
    /// What to do.
    pub verb: Verb,
    /// `http://` or `https://`.
    pub address: String,
    /// Added to the address's query.
    pub parameters: Object,
    /// Lower-case names.
    pub headers: Headers,
    /// A text is sent as it is, other values as JSON, null not at all.
    pub payload: Value,
    /// Options by their cURL names or numbers; others count for nothing.
    pub options: Object,
}

/// What limits one call beside the settings of the server.
#[derive(Debug, Clone, Default)]
pub struct Guard<'a> {
    /// The only hosts that may be called, when the script's configuration names some: then private ones too, as far as the server's
    /// settings allow them.
    pub hosts: Option<Vec<&'a str>>,
    /// When the script's time is over.
    pub deadline: Option<Instant>,
}

/// The answer of the other server.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Lower-case names.
    pub headers: Headers,
    /// Parsed JSON; a text; or base64 of bytes that are none, and then the header `content-transfer-encoding` says so.
    pub content: Value,
    /// Media type.
    pub content_type: Option<String>,
    /// What of the request was not heeded, for the log.
    pub notes: Vec<String>,
}

/// A call made ready to be sent, for each of the servers that it is redirected to.
pub(crate) struct Prepared {
    pub(crate) method: hyper::Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) follow: u8,
    pub(crate) connect: Duration,
    pub(crate) total: Duration,
    pub(crate) hosts: Option<Hosts>,
    pub(crate) notes: Vec<String>,
}

/// The limits of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) connect: Duration,
    pub(crate) total: Duration,
    pub(crate) redirects: u8,
    pub(crate) request_bytes: usize,
}

impl Prepared {
    pub(crate) fn new(call: Call, guard: &Guard<'_>, bounds: &Bounds) -> Result<Prepared, Failure> {
        let options = Options::read(&call.options)?;
        let mut url = Url::parse(call.address.trim())
            .map_err(|error| Failure::Invalid(format!("The address of the call can't be used: {error}.")))?;
        let mut headers = HeaderMap::new();
        let mut notes = options.notes;
        if let Some(credentials) = options.credentials.or_else(|| credentials_of(&url)) {
            headers.insert(hyper::header::AUTHORIZATION, secret(&credentials)?);
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        add_parameters(&mut url, &call.parameters);
        let (body, kind) = body(options.body.unwrap_or(call.payload));
        if body.len() > bounds.request_bytes {
            let most = bounds.request_bytes;
            return Err(Failure::Invalid(format!("A call to another server may send {most} bytes at most.")));
        }
        if let Some(kind) = kind {
            headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        headers.insert(hyper::header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(
            hyper::header::USER_AGENT,
            HeaderValue::from_static(concat!("antiphon/", env!("CARGO_PKG_VERSION"))),
        );
        for (name, value) in options.headers.into_iter().chain(call.headers) {
            add_header(&mut headers, &name, &value, &mut notes)?;
        }
        // Nothing is unpacked here: a few bytes can be made to fill any memory.
        headers.insert(hyper::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let left = guard.deadline.map_or(bounds.total, |deadline| deadline.saturating_duration_since(Instant::now()));
        let hosts = guard.hosts.as_ref().map(|hosts| Hosts::parse(hosts.iter().copied())).transpose();
        Ok(Prepared {
            method: options.method.unwrap_or_else(|| method(call.verb)),
            url,
            headers,
            body,
            follow: if options.follow {
                options.redirects.map_or(bounds.redirects, |most| most.min(bounds.redirects))
            } else {
                0
            },
            connect: options.connect.map_or(bounds.connect, |limit| limit.min(bounds.connect)),
            total: options.total.map_or(bounds.total, |limit| limit.min(bounds.total)).min(left),
            hosts: hosts.map_err(|error| {
                Failure::Invalid(format!("The script's configuration can't be used: in 'hosts', {error}."))
            })?,
            notes,
        })
    }
}

fn method(verb: Verb) -> hyper::Method {
    match verb {
        Verb::Get => hyper::Method::GET,
        Verb::Post => hyper::Method::POST,
        Verb::Put => hyper::Method::PUT,
        Verb::Patch => hyper::Method::PATCH,
        Verb::Delete => hyper::Method::DELETE,
    }
}

/// A user and password in the address, as cURL takes them.
fn credentials_of(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(basic(&format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or_default()))))
}

/// The header value for `user:password`.
pub(crate) fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

fn secret(text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Failure::Invalid("The credentials of the call hold characters that can't be sent.".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &str, notes: &mut Vec<String>) -> Result<(), Failure> {
    let name = name.to_ascii_lowercase();
    if OWN.contains(&name.as_str()) {
        notes.push(format!("the header '{name}' is not the script's to set"));
        return Ok(());
    }
    let (Ok(field), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
        return Err(Failure::Invalid(format!("The header '{name}' of the call holds characters that can't be sent.")));
    };
    headers.insert(field, value);
    Ok(())
}

/// Values are encoded; lists and objects in the notation with brackets that forms use.
fn add_parameters(url: &mut Url, parameters: &Object) {
    if parameters.is_empty() {
        return;
    }
    let mut pairs = url.query_pairs_mut();
    for (name, value) in parameters {
        flatten(name, value, &mut |name, value| {
            pairs.append_pair(name, value);
        });
    }
}

fn flatten(name: &str, value: &Value, add: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(member, value)| flatten(&format!("{name}[{member}]"), value, add));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| flatten(&format!("{name}[{index}]"), value, add));
        }
        Value::String(text) => add(name, text),
        Value::Null => add(name, ""),
        other => add(name, &other.to_string()),
    }
}

/// The body, and its media type when the script names none: a text may be JSON or a form, other values are JSON.
fn body(payload: Value) -> (Bytes, Option<&'static str>) {
    match payload {
        Value::Null => (Bytes::new(), None),
        Value::Object(members) if members.is_empty() => (Bytes::new(), None),
        Value::String(text) if text.is_empty() => (Bytes::new(), None),
        Value::String(text) => {
            let json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            (Bytes::from(text), Some(kind))
        }
        other => (Bytes::from(other.to_string()), Some("application/json")),
    }
}

/// A form of these fields.
pub(crate) fn form(fields: &Object) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        flatten(name, value, &mut |name, value| {
            form.append_pair(name, value);
        });
    }
    form.finish()
}
