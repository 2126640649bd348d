//! Whatever a client sends, the readers end with a value or an error, and what the writers write can be read.

use super::*;
use antiphon_model::json;
use proptest::prelude::*;

/// Any JSON value of modest size.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".*", inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text that is likely to look like one of the formats.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![".*", "[<>/a&;#x0-9!\\[\\]CDAT \"'=-]{0,60}", "[a-c\\[\\]=&%+0-9]{0,60}", "[a,\"\n\r; ]{0,60}"]
}

/// Pieces of multipart forms in any order.
fn form() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("--B".to_owned()),
        Just("\r\n".to_owned()),
        Just("--".to_owned()),
        Just("Content-Disposition: form-data; name=\"a\"".to_owned()),
        Just("; filename=\"".to_owned()),
        "[ -~é]{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const TYPES: [&str; 8] = [
    "application/json",
    "text/xml",
    "text/csv",
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-16le",
    "text/csv; charset=windows-1252",
    "multipart/form-data; boundary=B",
    "x/y",
];

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in text()) {
        let content = Bytes::copy_from_slice(text.as_bytes());
        for kind in TYPES {
            let _ = decode(Some(kind), &content);
        }
        let _ = (form::parse(&text), decode(Some(&text), &content));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let content = Bytes::from(bytes);
        for kind in TYPES {
            let _ = decode(Some(kind), &content);
        }
    }

    #[test]
    fn no_form_makes_the_reader_panic(form in form()) {
        let _ = decode(Some("multipart/form-data; boundary=B"), &Bytes::from(form));
    }

    #[test]
    fn a_form_that_is_written_by_the_rules_is_read_whole(
        parts in prop::collection::vec(("[a-z]{1,8}", prop::option::of("[a-zA-Z0-9 .☃]{1,12}"), "[^\r]{0,40}"), 0..6)
    ) {
        let mut body = String::new();
        for (name, file, content) in &parts {
            let file = file.as_ref().map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            body += &format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n");
        }
        let body = decode(Some("multipart/form-data; boundary=B"), &Bytes::from(body + "--B--\r\n")).unwrap();
        let files: Vec<_> = parts.iter().filter_map(|(name, file, content)| Some((name, file.as_ref()?, content))).collect();
        prop_assert_eq!(body.uploads.len(), files.len());
        for (upload, (name, file, content)) in body.uploads.iter().zip(files) {
            prop_assert_eq!((&upload.field, &upload.file_name), (name, file));
            prop_assert_eq!(&upload.content[..], content.as_bytes());
        }
        for (name, file, _) in &parts {
            prop_assert!(file.is_some() || body.value.get(name).is_some());
        }
    }

    #[test]
    fn every_value_can_be_written_and_read(value in value()) {
        prop_assert_eq!(json::decode(&json::encode(&value)), Ok(value.clone()));
        prop_assert!(xml::decode(&xml::encode(&value)).is_ok());
        prop_assert!(std::str::from_utf8(&csv::encode(&value)).is_ok());
    }

    #[test]
    fn tables_of_texts_survive_csv(rows in prop::collection::vec(["[a-z ,\"\n]{1,9}", "[a-z ,\"\n]{1,9}"], 1..5)) {
        let records: Vec<Value> = rows.iter().map(|[a, b]| json!({"x": a, "y y": b})).collect();
        let table = json!({ "resource": records });
        prop_assert_eq!(csv::decode(&csv::encode(&table)), Ok(table));
    }

    #[test]
    fn records_of_texts_survive_xml(rows in prop::collection::vec(["[ -~é☃\n]{1,9}", "[<>&\"'a]{1,9}"], 2..5)) {
        let records: Vec<Value> = rows.iter().map(|[a, b]| json!({"x": a, "nested": {"y": b}})).collect();
        let table = json!({ "resource": records });
        prop_assert_eq!(xml::decode(&xml::encode(&table)), Ok(table));
    }

    #[test]
    fn texts_of_other_character_sets_arrive_whole(text in "[a-zA-Z0-9 äöüß€]{1,20}") {
        let (latin, _, lost) = encoding_rs::WINDOWS_1252.encode(&text);
        prop_assert!(!lost);
        let read = decode(Some("text/plain; charset=windows-1252"), &Bytes::from(latin.into_owned())).unwrap();
        prop_assert_eq!(read.value, Value::from(text));
    }
}
