//! Values in and out.

use super::*;
use crate::fixture::field;
use crate::lookup::NoLookups;
use antiphon_model::json;

fn bind(kind: FieldType, value: Value) -> Result<Bound, String> {
    let lookups = |name: &str, private: bool| (name == "user.id" && !private).then(|| "7".to_owned());
    let context = WriteContext { lookups: &lookups, user_id: Some(7) };
    bind_value(&field("x", kind), &value, &context).map_err(|error| {
        assert_eq!(error.status, 400);
        error.message
    })
}

fn text(text: &str) -> Result<Bound, String> {
    Ok(Bound::Text(text.to_owned()))
}

#[test]
fn booleans_are_true_only_by_the_known_words() {
    for value in [json!(true), json!(1), json!("true"), json!("YES"), json!("on"), json!("t"), json!("1")] {
        assert_eq!(bind(FieldType::Boolean, value), Ok(Bound::Boolean(true)));
    }
    for value in [json!(false), json!(0), json!(2), json!("0"), json!("no"), json!("bogus"), json!("")] {
        assert_eq!(bind(FieldType::Boolean, value), Ok(Bound::Boolean(false)));
    }
    assert_eq!(bind(FieldType::Boolean, json!([])), Err("Field 'x' must be a valid boolean.".to_owned()));
}

#[test]
fn integers_are_whole() {
    for value in [json!(5), json!("5"), json!(" 5 "), json!(5.0), json!("5e0"), json!("+5")] {
        assert_eq!(bind(FieldType::Integer, value), Ok(Bound::Integer(5)));
    }
    assert_eq!(bind(FieldType::Bigint, json!("9223372036854775807")), Ok(Bound::Integer(i64::MAX)));
    assert_eq!(bind(FieldType::Integer, json!("")), Ok(Bound::Null));
    for value in [
        json!("abc"),
        json!(1.5),
        json!("0x1"),
        json!(true),
        json!("99999999999999999999"),
        json!({}),
        json!("nan"),
        json!("1e999"),
    ] {
        assert_eq!(bind(FieldType::Reference, value), Err("Field 'x' must be a valid integer.".to_owned()));
    }
}

#[test]
fn null_and_empty_need_a_field_that_allows_null() {
    let mut required = field("name", FieldType::Integer);
    required.allow_null = false;
    let context = WriteContext { lookups: &NoLookups, user_id: None };
    let refused = |value| bind_value(&required, &value, &context).unwrap_err().message;
    assert_eq!(refused(Value::Null), "Field 'name' can not be NULL.");
    assert_eq!(refused(json!("")), "Field 'name' must be a valid integer.");
    assert_eq!(bind(FieldType::String, Value::Null), Ok(Bound::Null));
    assert_eq!(bind(FieldType::String, json!("")), text(""));
}

#[test]
fn decimals_keep_all_digits() {
    assert_eq!(bind(FieldType::Decimal, json!("12345678901234567.89")), text("12345678901234567.89"));
    assert_eq!(bind(FieldType::Money, json!("-3")), Ok(Bound::Integer(-3)));
    assert_eq!(bind(FieldType::Decimal, json!(100.5)), Ok(Bound::Real(100.5)));
    assert_eq!(bind(FieldType::Decimal, json!("1,5")), Err("Field 'x' must be a valid decimal.".to_owned()));
    assert_eq!(bind(FieldType::Double, json!("2.5")), Ok(Bound::Real(2.5)));
    assert_eq!(bind(FieldType::Float, json!(3)), Ok(Bound::Real(3.0)));
    for value in ["inf", "1e999", "NaN", "x"] {
        assert_eq!(bind(FieldType::Float, json!(value)), Err("Field 'x' must be a valid number.".to_owned()));
        assert_eq!(bind(FieldType::Decimal, json!(value)), Err("Field 'x' must be a valid decimal.".to_owned()));
    }
}

#[test]
fn texts_are_verbatim_and_lookups_in_them_replaced() {
    let robert = "Robert'); DROP TABLE Students;--";
    assert_eq!(bind(FieldType::String, json!(robert)), text(robert));
    assert_eq!(bind(FieldType::String, json!(" a ")), text(" a "));
    assert_eq!(bind(FieldType::String, json!("by {user.id}, {nobody}")), text("by 7, {nobody}"));
    assert_eq!(bind(FieldType::Integer, json!("{user.id}")), Ok(Bound::Integer(7)));
    assert_eq!(bind(FieldType::String, json!(5)), text("5"));
    assert_eq!(bind(FieldType::Datetime, json!("not a date")), text("not a date"));
    assert_eq!(bind(FieldType::Uuid, json!("0191")), text("0191"));
}

#[test]
fn lists_and_objects_become_compact_json_in_texts() {
    let nested = json!({"a": [1, {"by": "{user.id}"}]});
    assert_eq!(bind(FieldType::Json, nested.clone()), text("{\"a\":[1,{\"by\":\"7\"}]}"));
    assert_eq!(bind(FieldType::Text, nested), text("{\"a\":[1,{\"by\":\"7\"}]}"));
    assert_eq!(bind(FieldType::Json, json!("{\"a\": 1}")), text("{\"a\": 1}"));
    assert!(bind(FieldType::Date, json!([1])).is_err());
}

#[test]
fn binary_is_base64_and_urls_are_not_fetched() {
    assert_eq!(bind(FieldType::Binary, json!("AAH/")), Ok(Bound::Blob(vec![0, 1, 255])));
    for value in ["http://127.0.0.1/secret", "data:text/plain;base64,AAAA", "a"] {
        assert_eq!(bind(FieldType::Binary, json!(value)), Err("Field 'x' must be a valid base64 string.".to_owned()));
    }
}

#[test]
fn automatic_fields_have_the_servers_values() {
    let value = |kind, creating, user_id| {
        automatic_value(&field("x", kind), creating, &WriteContext { lookups: &NoLookups, user_id })
    };
    let now = Some(Operand::Time(TimeFunction::Timestamp));
    assert_eq!(value(FieldType::TimestampOnCreate, true, None), now);
    assert_eq!(value(FieldType::TimestampOnCreate, false, None), None);
    assert_eq!(value(FieldType::TimestampOnUpdate, true, None), now);
    assert_eq!(value(FieldType::TimestampOnUpdate, false, None), now);
    assert_eq!(value(FieldType::UserIdOnCreate, true, Some(7)), Some(Operand::Value(Bound::Integer(7))));
    assert_eq!(value(FieldType::UserIdOnCreate, false, Some(7)), None);
    assert_eq!(value(FieldType::UserIdOnUpdate, false, Some(7)), Some(Operand::Value(Bound::Integer(7))));
    assert_eq!(value(FieldType::UserIdOnUpdate, false, None), None);
    assert_eq!(value(FieldType::Timestamp, true, Some(7)), None);
}

#[test]
fn filters_take_numbers_that_no_integer_column_can_hold() {
    let compared = |kind, value: Value| bind_filter_value(&field("x", kind), &value).map_err(|error| error.message);
    assert_eq!(compared(FieldType::Integer, json!("1.5")), Ok(Bound::Real(1.5)));
    assert_eq!(compared(FieldType::Integer, json!("99999999999999999999")), Ok(Bound::Real(1e20)));
    assert_eq!(compared(FieldType::Decimal, json!("1.50")), Ok(Bound::Real(1.5)));
    assert_eq!(compared(FieldType::Decimal, json!("12345678901234567.89")), text("12345678901234567.89"));
    assert_eq!(compared(FieldType::Binary, json!("AAH/")), Ok(Bound::Blob(vec![0, 1, 255])));
    assert_eq!(compared(FieldType::Integer, json!("")), Err("Field 'x' must be a valid integer.".to_owned()));
}

#[test]
fn stored_values_come_out_as_their_type() {
    let read = |kind, stored| read_value(&field("x", kind), stored);
    assert_eq!(read(FieldType::Boolean, Stored::Integer(1)), json!(true));
    assert_eq!(read(FieldType::Boolean, Stored::Text("f")), json!(false));
    assert_eq!(read(FieldType::Boolean, Stored::Null), Value::Null);
    assert_eq!(read(FieldType::Id, Stored::Integer(i64::MAX)), json!(i64::MAX));
    assert_eq!(read(FieldType::Integer, Stored::Text("12")), json!(12));
    assert_eq!(read(FieldType::Integer, Stored::Text("x")), json!("x"));
    assert_eq!(read(FieldType::Decimal, Stored::Real(-12.25)).to_string(), "-12.25");
    assert_eq!(read(FieldType::Decimal, Stored::Text("100.50")), json!(100.5));
    assert_eq!(read(FieldType::Decimal, Stored::Text("12345678901234567.89")), json!("12345678901234567.89"));
    assert_eq!(read(FieldType::Datetime, Stored::Text("2026-01-01 08:00:00")), json!("2026-01-01 08:00:00"));
    assert_eq!(read(FieldType::Json, Stored::Text("{\"a\": 1}")), json!("{\"a\": 1}"));
    assert_eq!(read(FieldType::String, Stored::Integer(5)), json!("5"));
    assert_eq!(read(FieldType::Binary, Stored::Blob(&[0, 1, 255])), json!("AAH/"));
    assert_eq!(read(FieldType::String, Stored::Blob(b"abc")), json!("abc"));
    assert_eq!(read(FieldType::String, Stored::Blob(&[255])), json!("/w=="));
}
