//! From a call's response to HTTP: format, status, headers.

use super::negotiate::{self, Offer};
use super::wishes::Wishes;
use antiphon_formats::{Format, csv, json, xml};
use antiphon_model::{Content, Error, Response, Value};
use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{
    CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// An HTTP response with its whole body.
pub type HttpResponse = hyper::Response<Full<Bytes>>;

/// Fields that belong to the connection or that the edge computes; services and scripts can't set them.
const OWN_FIELDS: [&str; 6] =
    ["connection", "content-length", "content-type", "keep-alive", "transfer-encoding", "upgrade"];

/// Writes a response as the caller wishes. When that is impossible the answer is a 400 that says so; errors then go out as
/// JSON, so that their reason is never lost.
pub fn encode(response: Response, wishes: &Wishes) -> HttpResponse {
    match body_of(&response, wishes) {
        Some(body) => assemble(&response, body, wishes),
        None if response.status >= 400 => encode(response, &Wishes::default()),
        None => error(&Error::bad_request(
            "Content in response can not be resolved to acceptable content type. Ask for application/json, \
             application/xml or text/csv, or leave the Accept header out.",
        )),
    }
}

/// An error as JSON, for failures before there is a call.
pub fn error(error: &Error) -> HttpResponse {
    encode(Response::from(error), &Wishes::default())
}

/// A body and its media type; no media type, no `Content-Type`.
struct Body {
    bytes: Bytes,
    content_type: Option<String>,
}

impl Body {
    fn new(bytes: impl Into<Bytes>, content_type: impl Into<String>) -> Option<Body> {
        Some(Body { bytes: bytes.into(), content_type: Some(content_type.into()) })
    }
}

/// None when nothing that the caller accepts can hold the content.
fn body_of(response: &Response, wishes: &Wishes) -> Option<Body> {
    if matches!(response.status, 204 | 304) {
        return Some(Body { bytes: Bytes::new(), content_type: None });
    }
    let own = response.content_type.as_deref().or_else(|| response.headers.get("content-type").map(String::as_str));
    match &response.content {
        Content::Bytes(bytes) => Body::new(bytes.clone(), own.unwrap_or("application/octet-stream")),
        Content::Text(text) => text_body(text, own, wishes),
        Content::Value(Value::String(text)) => text_body(text, own, wishes),
        Content::Value(value) => native_body(value, own, wishes),
        Content::Empty => native_body(&Value::Null, own, wishes),
    }
}

/// A text under the type that its service or script gave it. `text/plain` is what a JSON string can say as well, so only
/// callers who name that type get it raw; every other type goes out as it is to all who don't rule it out.
fn text_body(text: &str, own: Option<&str>, wishes: &Wishes) -> Option<Body> {
    let accept = wishes.accept.as_deref();
    let native = || native_body(&Value::from(text), None, wishes);
    let Some(own) = own else { return native() };
    let raw = || Body::new(text.to_owned(), with_charset(own));
    if negotiate::names(accept, own) {
        return raw();
    }
    match Format::of(own) {
        Some(Format::Json) => native(),
        _ if own.trim_start().to_ascii_lowercase().starts_with("text/plain") => native(),
        _ if negotiate::is_open(accept) => raw(),
        _ => None,
    }
}

/// A native value in the format that the download, its own type or the negotiation says, in this order.
fn native_body(value: &Value, own: Option<&str>, wishes: &Wishes) -> Option<Body> {
    let forced = match (&wishes.file, own.and_then(Format::of)) {
        (Some(file), _) => file.offer,
        (None, Some(Format::Csv)) => Some(Offer::Csv),
        (None, Some(Format::Xml)) => Some(Offer::Xml),
        _ => None,
    };
    let offer = forced.or_else(|| negotiate::negotiate(wishes.accept.as_deref()))?;
    let value = if wishes.bare { unwrapped(value) } else { value };
    let bytes = match offer {
        _ if value.is_null() => Vec::new(),
        Offer::Json => json::encode(value),
        Offer::Xml | Offer::TextXml => xml::encode(value),
        Offer::Csv => csv::encode(value),
    };
    Body::new(bytes, offer.content_type())
}

/// The list in a wrapper that has nothing else; counts and schemas keep it.
fn unwrapped(value: &Value) -> &Value {
    match value {
        Value::Object(members) if members.len() == 1 => {
            members.get("resource").filter(|list| list.is_array()).unwrap_or(value)
        }
        other => other,
    }
}

fn with_charset(media_type: &str) -> String {
    let lower = media_type.to_ascii_lowercase();
    if lower.starts_with("text/") && !lower.contains("charset") {
        format!("{media_type}; charset=UTF-8")
    } else {
        media_type.to_owned()
    }
}

fn assemble(response: &Response, body: Body, wishes: &Wishes) -> HttpResponse {
    let mut http = HttpResponse::new(Full::new(body.bytes));
    // Statuses below 200 announce another response, which never comes: a script can't mean them.
    *http.status_mut() = StatusCode::from_u16(response.status)
        .ok()
        .filter(|status| status.as_u16() >= 200)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = http.headers_mut();
    for (name, value) in
        response.headers.iter().filter(|(name, _)| !OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()))
    {
        match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            _ => tracing::warn!(
                ?name,
                "a response header can't be sent, because its name or value is not allowed in HTTP"
            ),
        }
    }
    if let Some(content_type) = body.content_type {
        let fallback = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(content_type).unwrap_or(fallback));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A URL may hold a token; no page that an answer links to shall learn it.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(file) = wishes.file.as_ref().filter(|_| response.status < 300)
        && let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{}\";", file.name))
    {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wishes::Download;
    use antiphon_model::Headers;
    use http_body_util::BodyExt;
    use serde_json::json;

    async fn sent(response: Response, wishes: &Wishes) -> (u16, String, String) {
        let http = encode(response, wishes);
        let header = http.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        let status = http.status().as_u16();
        let bytes = http.into_body().collect().await.unwrap().to_bytes();
        (status, header.unwrap_or_default(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn accept(text: &str) -> Wishes {
        Wishes { accept: Some(text.to_owned()), ..Wishes::default() }
    }

    fn typed(content: Content, content_type: &str) -> Response {
        Response { status: 200, content, content_type: Some(content_type.into()), headers: Headers::new() }
    }

    #[tokio::test]
    async fn native_values_go_out_in_the_negotiated_format() {
        let list = || Response::resource(vec![json!({"id": 1})]);
        assert_eq!(
            sent(list(), &Wishes::default()).await,
            (200, "application/json".into(), r#"{"resource":[{"id":1}]}"#.into())
        );
        assert_eq!(sent(list(), &accept("text/csv")).await, (200, "text/csv; charset=UTF-8".into(), "id\n1\n".into()));
        assert!(sent(list(), &accept("application/xml")).await.2.contains("<dfapi>\n\t<resource>"));
        let bare = Wishes { bare: true, ..Wishes::default() };
        assert_eq!(sent(list(), &bare).await.2, r#"[{"id":1}]"#);
        assert_eq!(
            sent(Response::ok(json!({"resource": [], "meta": {}})), &bare).await.2,
            r#"{"resource":[],"meta":{}}"#
        );
    }

    #[tokio::test]
    async fn what_cannot_be_accepted_is_a_400_and_errors_stay_json() {
        let (status, kind, body) = sent(Response::ok(json!({})), &accept("image/png")).await;
        assert_eq!((status, kind.as_str()), (400, "application/json"));
        assert!(body.contains("can not be resolved to acceptable content type"), "{body}");
        let gone = || Response::from(&Error::not_found("gone"));
        assert_eq!(sent(gone(), &accept("image/png")).await.0, 404);
        assert_eq!(sent(gone(), &accept("text/csv")).await.2, "code,context,message,status_code\n404,,gone,404\n");
    }

    #[tokio::test]
    async fn texts_keep_their_own_type_unless_it_is_plain() {
        let html = || typed(Content::Value(json!("<b>hi</b>")), "text/html");
        assert_eq!(
            sent(html(), &accept("text/html")).await,
            (200, "text/html; charset=UTF-8".into(), "<b>hi</b>".into())
        );
        assert_eq!(sent(html(), &Wishes::default()).await.2, "<b>hi</b>");
        assert_eq!(sent(html(), &accept("application/json")).await.0, 400);
        let plain = || typed(Content::Text("hi".into()), "text/plain");
        assert_eq!(sent(plain(), &Wishes::default()).await, (200, "application/json".into(), "\"hi\"".into()));
        assert_eq!(sent(plain(), &accept("text/plain")).await, (200, "text/plain; charset=UTF-8".into(), "hi".into()));
        let bytes = typed(Content::Bytes(Bytes::from_static(b"x")), "image/png");
        assert_eq!(sent(bytes, &accept("application/json")).await, (200, "image/png".into(), "x".into()));
    }

    #[tokio::test]
    async fn nothing_is_an_empty_body() {
        assert_eq!(
            sent(Response::ok(Value::Null), &Wishes::default()).await,
            (200, "application/json".into(), String::new())
        );
        assert_eq!(
            sent(Response::with_status(204, json!(1)), &Wishes::default()).await,
            (204, String::new(), String::new())
        );
        assert_eq!(sent(Response::with_status(99, json!(1)), &Wishes::default()).await.0, 500);
    }

    #[test]
    fn headers_of_scripts_pass_except_those_of_the_connection() {
        let mut response = Response::ok(json!(1));
        for (name, value) in [("X-From", "script"), ("content-length", "9"), ("bad name", "x"), ("x-split", "a\r\nb")] {
            response.headers.insert(name.into(), value.into());
        }
        let http = encode(response, &Wishes::default());
        assert_eq!(http.headers()["x-from"], "script");
        assert!(http.headers().get("content-length").is_none() && http.headers().get("x-split").is_none());
        let busy = error(&Error::unavailable("busy", 7));
        assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (503, &HeaderValue::from_static("7")));
    }

    #[test]
    fn a_download_names_its_file_and_forces_its_format() {
        let file = Some(Download { name: "todo.csv".into(), offer: Some(Offer::Csv) });
        let http = encode(Response::ok(json!({"a": 1})), &Wishes { file, ..accept("application/xml") });
        assert_eq!(http.headers()["content-disposition"], "attachment; filename=\"todo.csv\";");
        assert_eq!(http.headers()["content-type"], "text/csv; charset=UTF-8");
    }
}
