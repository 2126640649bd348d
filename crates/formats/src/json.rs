//! JSON bodies and answers.

use antiphon_model::{Error, Result, Value};

/// Reads a JSON body. A mistake is a 400 that names its line and column.
pub fn decode(body: &[u8]) -> Result<Value> {
    // Some editors and exports put a byte order mark in front; RFC 8259, section 8.1 lets a reader ignore it.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_slice(body).map_err(|error| {
        Error::bad_request(format!("The request body is not valid JSON: {error}. Correct it and send it again."))
    })
}

/// Writes an answer: UTF-8, slashes and letters as they are.
pub fn encode(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let error = decode(b"{\n  \"a\": 1,\n  bad\n}").unwrap_err();
        assert_eq!(error.status, 400);
        assert!(error.message.contains("at line 3 column 3"), "{}", error.message);
    }

    #[test]
    fn hostile_bodies_are_refused_and_a_byte_order_mark_is_not() {
        assert_eq!(decode("[".repeat(100_000).as_bytes()).unwrap_err().status, 400);
        assert_eq!(decode(b"{\"a\":\"\xFF\xFE\"}").unwrap_err().status, 400);
        assert_eq!(decode("\u{feff}[1]".as_bytes()), Ok(json!([1])));
    }

    #[test]
    fn text_goes_out_unescaped_and_keys_keep_their_order() {
        let value = json!({"z": "ü ☃ / <b>", "a": 1});
        assert_eq!(encode(&value), "{\"z\":\"ü ☃ / <b>\",\"a\":1}".as_bytes());
    }
}
