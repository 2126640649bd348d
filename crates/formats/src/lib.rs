//! Bodies: one file per format, each in both directions. Nothing here knows of requests or responses.
//!
//! [`decode`] reads what a client sent by its media type, [`decode_upload`] a file within a form; each format's `encode`
//! writes an answer.

mod charset;
pub mod csv;
pub mod form;
pub mod json;
pub mod multipart;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
pub mod xml;

use antiphon_model::{Result, Upload, Value};
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

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body {
    /// Its value: null when there is none, or when nothing tells how to read it.
    pub value: Value,
    /// The files of a multipart form.
    pub uploads: Vec<Upload>,
}

/// Reads a request's body. What no media type explains has no value; its raw bytes stay available to the service.
///
/// # Errors
/// 400 for a body that is not what its media type says (system-and-users 1.7, "Request" and "Invalid JSON").
pub fn decode(media_type: Option<&str>, body: &Bytes) -> Result<Body> {
    if body.is_empty() {
        return Ok(Body::default());
    }
    let Some(media_type) = media_type else {
        let value = if looks_like_json(body) { json::decode(body).unwrap_or(Value::Null) } else { Value::Null };
        return Ok(Body { value, uploads: Vec::new() });
    };
    if is_multipart_form(media_type) {
        let (fields, uploads) = multipart::decode(media_type, body)?;
        let value = if fields.is_empty() { Value::Null } else { Value::Object(fields) };
        return Ok(Body { value, uploads });
    }
    let value = match Format::of(media_type) {
        Some(format) => read(format, media_type, body)?,
        None => Value::Null,
    };
    Ok(Body { value, uploads: Vec::new() })
}

/// The value of an uploaded file, by its media type, else by the extension of its name; none when neither names a format
/// for records.
///
/// # Errors
/// 400 for a file that is not what it claims to be.
pub fn decode_upload(upload: &Upload) -> Result<Option<Value>> {
    let media_type = upload.content_type.as_deref().unwrap_or_default();
    let by_type = Format::of(media_type).filter(|format| matches!(format, Format::Json | Format::Xml | Format::Csv));
    let extension = upload.file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let by_name = match extension.as_deref() {
        Some("json") => Some(Format::Json),
        Some("xml") => Some(Format::Xml),
        Some("csv") => Some(Format::Csv),
        _ => None,
    };
    by_type.or(by_name).map(|format| read(format, media_type, &upload.content)).transpose()
}

fn read(format: Format, media_type: &str, body: &[u8]) -> Result<Value> {
    let body = &*charset::to_utf8(media_type, body)?;
    match format {
        Format::Json => json::decode(body),
        Format::Xml => xml::decode(body),
        Format::Csv => csv::decode(body),
        // Clients without care for media types send JSON under the form type that their tool defaults to.
        Format::Form if looks_like_json(body) => json::decode(body).or_else(|_| form::decode(body)),
        Format::Form => form::decode(body),
        Format::Text => Ok(std::str::from_utf8(body).map(Value::from).unwrap_or(Value::Null)),
    }
}

fn is_multipart_form(media_type: &str) -> bool {
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data")
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}
