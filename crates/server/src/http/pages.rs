//! The few answers outside the API: the welcome page, the status, and paths that lead nowhere.

use super::encode::{self, HttpResponse};
use super::negotiate;
use super::wishes::Wishes;
use antiphon_model::{Content, Error, Headers, Object, Response, Value, json};
use hyper::Method;
use hyper::header::{ALLOW, HeaderValue};

/// Version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const WELCOME: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Antiphon</title></head>\n\
    <body><h1>Antiphon is running</h1>\n<p>The API is at <a href=\"/api/v2\">/api/v2</a>, the status at \
    <a href=\"/status\">/status</a>.</p></body></html>\n";

/// `GET /`: where to find what, as a page for browsers and as JSON for others.
pub fn welcome(accept: Option<&str>) -> HttpResponse {
    let response = if negotiate::names(accept, "text/html") {
        let content_type = Some("text/html".to_owned());
        // The page needs nothing but itself, and belongs in no frame.
        let policy = ("content-security-policy".to_owned(), "default-src 'none'; frame-ancestors 'none'".to_owned());
        let headers = Headers::from_iter([policy]);
        Response { status: 200, content: Content::Text(WELCOME.to_owned()), content_type, headers }
    } else {
        Response::ok(json!({ "name": "Antiphon", "version": VERSION, "api": "/api/v2", "status": "/status" }))
    };
    encode::encode(response, &Wishes { accept: accept.map(str::to_owned), ..Wishes::default() })
}

/// `GET /status`: that the server answers; with `details` for administrators, who alone learn anything else.
pub fn status(details: Option<Object>, wishes: &Wishes) -> HttpResponse {
    let mut body = Object::from_iter([("status".to_owned(), json!("ok")), ("version".to_owned(), json!(VERSION))]);
    body.extend(details.unwrap_or_default());
    encode::encode(Response::ok(Value::Object(body)), wishes)
}

/// A path outside the API that nobody serves.
pub fn nowhere(first: &str) -> Error {
    Error::not_found(format!("Could not find a service for {first}"))
}

/// A verb that can't be used here: 405 with the verbs that can.
pub fn not_allowed(method: &Method, allow: &'static str) -> HttpResponse {
    let message = format!("{method} requests are not supported here. Use one of {allow}.");
    let mut http = encode::error(&Error::new(405, message));
    http.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    http
}

/// What verbs get that a page does not answer.
pub fn options_or_refusal(method: &Method, allow: &'static str) -> HttpResponse {
    if *method == Method::OPTIONS { options(allow) } else { not_allowed(method, allow) }
}

/// `OPTIONS`: 200 and the verbs that can be used.
pub fn options(allow: &'static str) -> HttpResponse {
    let mut http = encode::encode(Response::ok(json!(null)), &Wishes::default());
    http.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    http
}
