//! Every validation accepts and rejects as described.

use super::*;
use crate::catalog::FieldType;
use crate::fixture;
use antiphon_model::json;

fn field(validation: Value) -> Field {
    let mut field = fixture::field("x", FieldType::String);
    field.validation = validation.as_object().cloned();
    field.picklist = Some(vec!["red".to_owned(), "green".to_owned(), "5".to_owned()]);
    field
}

fn outcome(validation: &Value, value: &Value) -> Result<Verdict, String> {
    validate(&field(validation.clone()), value, true).map_err(|error| error.message)
}

/// Accepts the first values, refuses the second with the default message.
fn judges(validation: Value, accepted: &[Value], refused: &[Value], message: &str) {
    for value in accepted {
        assert_eq!(outcome(&validation, value), Ok(Verdict::Keep), "{validation} {value}");
    }
    for value in refused {
        assert_eq!(outcome(&validation, value), Err(format!("Field 'x' {message}")), "{validation} {value}");
    }
}

#[test]
fn presence() {
    judges(json!({"not_null": {}}), &[json!(""), json!(0), json!(false)], &[Value::Null], "value can not be null.");
    judges(json!({"not_empty": {}}), &[json!("0"), json!(0), Value::Null], &[json!("")], "value can not be empty.");
    judges(
        json!({"not_zero": {}}),
        &[json!("a"), json!(1), json!(""), Value::Null],
        &[json!(0), json!("0"), json!(0.0), json!("0.00")],
        "value can not be empty.",
    );
}

#[test]
fn addresses() {
    judges(
        json!({"email": {}}),
        &[json!("a@b.co"), json!("first.last+tag@sub.example.com"), Value::Null],
        &[
            json!("a"),
            json!("a@b"),
            json!("@b.co"),
            json!("a@b..co"),
            json!("a b@c.de"),
            json!(""),
            json!(".a@b.co"),
            json!("a@-b.co"),
        ],
        "value must be a valid email address.",
    );
    judges(
        json!({"url": {}}),
        &[
            json!("http://example.com"),
            json!("https://u:p@example.com:8080/a?b=c#d"),
            json!("ftp://h/"),
            json!("http://[::1]:80/"),
        ],
        &[
            json!("example.com"),
            json!("http://"),
            json!("http:// x"),
            json!("http://a:99999/"),
            json!("1http://a"),
            json!("http://[x]/"),
        ],
        "value must be a valid URL.",
    );
    let with_path = json!({"url": {"sections": ["path"]}});
    judges(
        with_path,
        &[json!("http://a/b")],
        &[json!("http://a"), json!("http://a?b=c")],
        "value must be a valid URL.",
    );
    let with_query = json!({"url": {"sections": "path, query"}});
    judges(
        with_query,
        &[json!("http://a/?q")],
        &[json!("http://a/#?q"), json!("http://a/")],
        "value must be a valid URL.",
    );
}

#[test]
fn numbers() {
    let range = json!({"int": {"range": {"min": "-1", "max": 5}}});
    judges(
        range,
        &[json!(0), json!("5"), json!(-1)],
        &[json!(6), json!(-2), json!("x"), json!(1.5), json!("0x1")],
        "value is not in the valid range.",
    );
    let formats = json!({"int": {"formats": ["hex", "octal"], "range": {"max": 31}}});
    judges(
        formats,
        &[json!("0x1F"), json!("017"), json!("0")],
        &[json!("0x20"), json!("08")],
        "value is not in the valid range.",
    );
    judges(
        json!({"float": {}}),
        &[json!(0), json!("0"), json!(-1.5), json!("1e3")],
        &[json!("1,5"), json!("x"), json!("")],
        "value is not an acceptable float value.",
    );
    judges(
        json!({"float": {"decimal": ","}}),
        &[json!("1,5")],
        &[json!("1.5"), json!("1,5,0")],
        "value is not an acceptable float value.",
    );
    judges(
        json!({"boolean": {}}),
        &[json!(false), json!(true), json!(0), json!("no"), json!("OFF")],
        &[json!("maybe"), json!(2)],
        "value is not an acceptable boolean value.",
    );
}

#[test]
fn patterns() {
    // base64 of /^[a-z]+$/i
    let encoded = json!({"match": {"regexp": "L15bYS16XSskL2k="}});
    judges(encoded, &[json!("Abc")], &[json!("a1"), json!("")], "value is invalid.");
    for pattern in ["/^[a-z]+$/", "^[a-z]+$", "#^[a-z]+$#", "~^[a-z]+$~u"] {
        judges(json!({"match": {"regex": pattern}}), &[json!("abc")], &[json!("ABC"), json!(5)], "value is invalid.");
    }
    for broken in [json!({"match": {}}), json!({"match": {"regexp": "/(/"}})] {
        let error = validate(&field(broken), &json!("a"), true).unwrap_err();
        assert_eq!(error.status, 500);
    }
}

#[test]
fn picklists() {
    judges(json!({"picklist": {}}), &[json!("red"), json!(5)], &[json!("blue"), json!("")], "value is invalid.");
    let several = json!({"multi_picklist": {"delimiter": ";", "min": 1, "max": 2}});
    judges(several.clone(), &[json!("red"), json!("red;green")], &[json!("red;blue")], "value is invalid.");
    judges(several.clone(), &[], &[json!("")], "value does not contain enough selections.");
    judges(several, &[], &[json!("red;green;5")], "value contains too many selections.");
    let mut without = field(json!({"picklist": {}}));
    without.picklist = None;
    assert_eq!(validate(&without, &json!("red"), true).unwrap_err().status, 500);
}

#[test]
fn creation_only_and_read_only() {
    let create_only = field(json!({"create_only": {}}));
    assert_eq!(validate(&create_only, &json!(1), true), Ok(Verdict::Keep));
    let refused = validate(&create_only, &json!(1), false).unwrap_err();
    assert_eq!((refused.status, refused.message.as_str()), (400, "Field 'x' can only be set during record creation."));
    assert_eq!(outcome(&json!({"api_read_only": {}}), &json!(1)), Ok(Verdict::Drop));
    assert_eq!(outcome(&json!({"api_read_only": null}), &json!(1)), Ok(Verdict::Drop));
    assert_eq!(outcome(&json!({"api_read_only": {"on_fail": "ignore_field"}}), &json!(1)), Ok(Verdict::Drop));
    assert_eq!(outcome(&json!({"api_read_only": {"on_fail": "Hands off."}}), &json!(1)), Err("Hands off.".to_owned()));
}

#[test]
fn a_failed_check_drops_the_value_or_speaks_its_own_words() {
    assert_eq!(outcome(&json!({"not_empty": {"on_fail": "ignore_field"}}), &json!("")), Ok(Verdict::Drop));
    assert_eq!(outcome(&json!({"not_empty": {"on_fail": "A is empty"}}), &json!("")), Err("A is empty".to_owned()));
    assert_eq!(outcome(&json!({"not_empty": {"on_fail": "ignore_field"}}), &json!("a")), Ok(Verdict::Keep));
    assert_eq!(outcome(&json!({"nonsense": {}, "not_null": {}}), &json!(1)), Ok(Verdict::Keep));
    assert_eq!(validate(&fixture::field("x", FieldType::String), &Value::Null, true), Ok(Verdict::Keep));
}
