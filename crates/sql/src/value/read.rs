//! Values on their way out of the database (reference: database-service 14.1). On the path of every row: no allocation
//! beyond the value itself.

use super::truthy_text;
use crate::catalog::{Field, FieldType};
use antiphon_model::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value as the database hands it over.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Stored<'r> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'r str),
    Blob(&'r [u8]),
}

/// The JSON value of a stored one, by the type of its field. What does not fit its type comes out as it is.
pub fn read_value(field: &Field, stored: Stored<'_>) -> Value {
    match (field.kind, stored) {
        (_, Stored::Null) => Value::Null,
        (FieldType::Boolean, Stored::Integer(value)) => Value::Bool(value != 0),
        (FieldType::Boolean, Stored::Real(value)) => Value::Bool(value != 0.0),
        (FieldType::Boolean, Stored::Text(text)) => Value::Bool(truthy_text(text)),
        (FieldType::Binary, Stored::Text(text)) => Value::String(STANDARD.encode(text)),
        (_, Stored::Blob(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) if field.kind != FieldType::Binary => Value::String(text.to_owned()),
            _ => Value::String(STANDARD.encode(bytes)),
        },
        (kind, Stored::Integer(value)) if is_number(kind) => Value::from(value),
        (kind, Stored::Real(value)) if is_number(kind) => Value::from(value),
        (kind, Stored::Text(text)) if is_number(kind) => number(text),
        (_, Stored::Text(text)) => Value::String(text.to_owned()),
        (_, Stored::Integer(value)) => Value::String(value.to_string()),
        (_, Stored::Real(value)) => Value::String(value.to_string()),
    }
}

fn is_number(kind: FieldType) -> bool {
    kind.is_integer() || matches!(kind, FieldType::Decimal | FieldType::Money | FieldType::Double | FieldType::Float)
}

/// The number that a text stands for; the text itself when a JSON number here would lose digits, or when it is none.
fn number(text: &str) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return Value::from(integer);
    }
    let exact = super::is_decimal(text) && super::significant_digits(text) <= super::REAL_DIGITS;
    match text.parse::<f64>() {
        Ok(real) if exact => Value::from(real),
        _ => Value::String(text.to_owned()),
    }
}
