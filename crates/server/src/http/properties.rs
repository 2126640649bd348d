//! Whatever a client sends, the readers of paths, queries, headers and bodies end with a value or an error, and what the
//! writers write can be read.

use super::body::{self, csv, form, json, xml};
use super::{negotiate, path::Target};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

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

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in text()) {
        let content = Bytes::copy_from_slice(text.as_bytes());
        for kind in ["application/json", "text/xml", "text/csv", "application/x-www-form-urlencoded", "text/plain", "x/y"] {
            let _ = body::decode(Some(kind), &content);
        }
        let _ = (form::parse(&text), Target::of(&text), negotiate::negotiate(Some(&text)));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = (json::decode(&bytes), xml::decode(&bytes), csv::decode(&bytes), form::decode(&bytes));
    }

    #[test]
    fn every_value_can_be_written_and_read(value in value()) {
        prop_assert_eq!(json::decode(&json::encode(&value)), Ok(value.clone()));
        prop_assert!(xml::decode(&xml::encode(&value)).is_ok());
        prop_assert!(std::str::from_utf8(&csv::encode(&value)).is_ok());
    }

    #[test]
    fn tables_of_texts_survive_csv(rows in prop::collection::vec(["[a-z ,\"\n]{1,9}", "[a-z ,\"\n]{1,9}"], 1..5)) {
        let records: Vec<Value> = rows.iter().map(|[a, b]| serde_json::json!({"x": a, "y y": b})).collect();
        let table = serde_json::json!({ "resource": records });
        prop_assert_eq!(csv::decode(&csv::encode(&table)), Ok(table));
    }
}
