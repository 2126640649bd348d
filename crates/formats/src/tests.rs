//! The media type decides how a body is read.

use super::*;
use antiphon_model::json;

fn value(media_type: Option<&str>, body: &str) -> Result<Value> {
    decode(media_type, &Bytes::copy_from_slice(body.as_bytes())).map(|body| body.value)
}

#[test]
fn the_media_type_decides_how_a_body_is_read() {
    let record = json!({"resource": [{"name": "x"}]});
    assert_eq!(value(Some("application/json; charset=utf-8"), r#"{"resource":[{"name":"x"}]}"#), Ok(record.clone()));
    assert_eq!(value(Some("application/vnd.api+json"), r#"{"resource":[{"name":"x"}]}"#), Ok(record.clone()));
    assert_eq!(value(Some("text/csv"), "name\nx\n"), Ok(record.clone()));
    assert_eq!(value(Some("application/x-www-form-urlencoded"), "resource[0][name]=x"), Ok(record));
    assert_eq!(
        value(Some("text/xml"), "<d><resource><name>x</name></resource></d>"),
        Ok(json!({"resource": {"name": "x"}}))
    );
    assert_eq!(value(Some("text/plain"), "raw text"), Ok(json!("raw text")));
}

#[test]
fn without_a_usable_media_type_only_json_is_recognised() {
    assert_eq!(value(None, " {\"a\":1}"), Ok(json!({"a": 1})));
    assert_eq!(value(Some("application/x-www-form-urlencoded"), "{\"a\":1}"), Ok(json!({"a": 1})));
    assert_eq!(value(None, "{broken"), Ok(Value::Null));
    assert_eq!(value(Some("application/zip"), "{}"), Ok(Value::Null));
    assert_eq!(value(Some("application/json"), ""), Ok(Value::Null));
}

#[test]
fn a_form_with_files_has_both() {
    let body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"t.csv\"\r\n\r\nx\n1\r\n--B--\r\n";
    let body = decode(Some("Multipart/Form-Data; boundary=B"), &Bytes::copy_from_slice(body.as_bytes())).unwrap();
    assert_eq!(body.value, json!({"a": "1"}));
    assert_eq!(decode_upload(&body.uploads[0]), Ok(Some(json!({"resource": [{"x": "1"}]}))));
}

#[test]
fn a_file_is_read_by_its_type_then_by_its_name() {
    let upload = |file_name: &str, content_type: Option<&str>, content: &'static str| {
        decode_upload(&Upload {
            field: "file".into(),
            file_name: file_name.into(),
            content_type: content_type.map(str::to_owned),
            content: Bytes::from_static(content.as_bytes()),
        })
    };
    assert_eq!(upload("a.txt", Some("application/json"), "[1]"), Ok(Some(json!([1]))));
    assert_eq!(upload("a.JSON", Some("application/octet-stream"), "[1]"), Ok(Some(json!([1]))));
    assert_eq!(upload("a.csv", Some("text/plain"), "a\n1\n"), Ok(Some(json!({"resource": [{"a": "1"}]}))));
    assert_eq!(upload("a.zip", None, "[1]"), Ok(None));
    assert_eq!(upload("a.json", None, "[1").unwrap_err().status, 400);
}
