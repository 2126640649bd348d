//! Bodies: one file per format, each in both directions. Nothing here knows of requests or responses.

pub mod csv;
pub mod form;
pub mod json;
pub mod xml;

use antiphon_model::{Result, Value};
use bytes::Bytes;

/// Deepest nesting of objects, lists or elements in a body; the JSON parser has the same bound built in.
pub const DEPTH: usize = 128;

/// What a body's media type says about how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`, `text/json`, `application/*+json`.
    Json,
    /// `application/xml`, `text/xml`, `application/*+xml`.
    Xml,
    /// `text/csv`, `application/csv`.
    Csv,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Any other `text/*`.
    Text,
}

impl Format {
    /// The format of a media type, with or without parameters; none when its bytes have no meaning here.
    pub fn of(media_type: &str) -> Option<Format> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" => Some(Format::Json),
            "application/xml" | "text/xml" => Some(Format::Xml),
            "text/csv" | "application/csv" => Some(Format::Csv),
            "application/x-www-form-urlencoded" => Some(Format::Form),
            other if other.starts_with("application/") && other.ends_with("+json") => Some(Format::Json),
            other if other.starts_with("application/") && other.ends_with("+xml") => Some(Format::Xml),
            other if other.starts_with("text/") => Some(Format::Text),
            _ => None,
        }
    }
}

/// The value of a request's body: null when there is none, or when nothing tells how to read it (its raw bytes stay
/// available to the service). A body that is not what its media type says is a 400.
///
/// Source: the reference on content negotiation, "Request" and "Invalid JSON".
pub fn decode(media_type: Option<&str>, body: &Bytes) -> Result<Value> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    match media_type.map(Format::of) {
        Some(Some(Format::Json)) => json::decode(body),
        Some(Some(Format::Xml)) => xml::decode(body),
        Some(Some(Format::Csv)) => csv::decode(body),
        // Clients without care for media types send JSON under the form type that their tool defaults to.
        Some(Some(Format::Form)) if looks_like_json(body) => match json::decode(body) {
            Ok(value) => Ok(value),
            Err(_) => form::decode(body),
        },
        Some(Some(Format::Form)) => form::decode(body),
        Some(Some(Format::Text)) => Ok(std::str::from_utf8(body).map(Value::from).unwrap_or(Value::Null)),
        Some(None) => Ok(Value::Null),
        None if looks_like_json(body) => Ok(json::decode(body).unwrap_or(Value::Null)),
        None => Ok(Value::Null),
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(media_type: Option<&str>, body: &str) -> Result<Value> {
        decode(media_type, &Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn the_media_type_decides_how_a_body_is_read() {
        let record = json!({"resource": [{"name": "x"}]});
        assert_eq!(read(Some("application/json; charset=utf-8"), r#"{"resource":[{"name":"x"}]}"#), Ok(record.clone()));
        assert_eq!(read(Some("application/vnd.api+json"), r#"{"resource":[{"name":"x"}]}"#), Ok(record.clone()));
        assert_eq!(read(Some("text/csv"), "name\nx\n"), Ok(record.clone()));
        assert_eq!(read(Some("application/x-www-form-urlencoded"), "resource[0][name]=x"), Ok(record));
        assert_eq!(
            read(Some("text/xml"), "<d><resource><name>x</name></resource></d>"),
            Ok(json!({"resource": {"name": "x"}}))
        );
        assert_eq!(read(Some("text/plain"), "raw text"), Ok(json!("raw text")));
    }

    #[test]
    fn without_a_usable_media_type_only_json_is_recognised() {
        assert_eq!(read(None, " {\"a\":1}"), Ok(json!({"a": 1})));
        assert_eq!(read(Some("application/x-www-form-urlencoded"), "{\"a\":1}"), Ok(json!({"a": 1})));
        assert_eq!(read(None, "{broken"), Ok(Value::Null));
        assert_eq!(read(Some("application/zip"), "{}"), Ok(Value::Null));
        assert_eq!(read(Some("application/json"), ""), Ok(Value::Null));
    }
}
