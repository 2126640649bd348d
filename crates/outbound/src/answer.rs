//! Reading an answer within its limits.

use crate::error::Failure;
use crate::request::Answer;
use antiphon_model::{Headers, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

/// Says that the content is base64.
const TRANSFER_ENCODING: &str = "content-transfer-encoding";

/// Reads the whole answer; at most `limit` bytes of body.
pub(crate) async fn read(response: hyper::Response<Incoming>, server: &str, limit: usize) -> Result<Answer, Failure> {
    let (head, mut body) = response.into_parts();
    let packed = head.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
    if !packed.eq_ignore_ascii_case("identity") && !body.is_end_stream() {
        return Err(Failure::Broken(format!(
            "The server '{server}' answered packed ({packed}), though it was asked not to."
        )));
    }
    let too_large = || Failure::Broken(format!("The server '{server}' answered more than {limit} bytes."));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Broken(format!("The server '{server}' broke off its answer.")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    let mut headers = headers(&head.headers);
    let content_type = headers.get("content-type").cloned();
    let content = match String::from_utf8(bytes.into()) {
        Ok(text) if text.is_empty() => Value::Null,
        Ok(text) if content_type.as_deref().is_some_and(is_json) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        Ok(text) => Value::String(text),
        Err(error) => {
            headers.insert(TRANSFER_ENCODING.to_owned(), "base64".to_owned());
            Value::String(STANDARD.encode(error.as_bytes()))
        }
    };
    Ok(Answer { status: head.status.as_u16(), headers, content, content_type, notes: Vec::new() })
}

fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

/// Several fields of one name are joined by commas.
fn headers(map: &HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for name in map.keys() {
        let values: Vec<_> = map.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        headers.insert(name.as_str().to_owned(), values.join(", "));
    }
    headers
}
