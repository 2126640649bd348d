//! Values on their way into the database: of records, and of filters (reference: database-service 14.2).

mod read;
#[cfg(test)]
mod tests;

pub use read::{Stored, read_value};

use crate::catalog::{Field, FieldType};
use crate::condition::Operand;
use crate::expression::TimeFunction;
use crate::lookup::{Lookups, replace};
use crate::statement::Bound;
use antiphon_model::{Error, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// What of the caller goes into stored values.
pub struct WriteContext<'c> {
    /// For `{user.id}` and the like in texts; private lookups are never resolved here.
    pub lookups: &'c dyn Lookups,
    /// The user whom `user_id_on_create` and `user_id_on_update` name; none without a session.
    pub user_id: Option<i64>,
}

/// A record value as its column takes it. Automatic fields are not judged here: see [`automatic_value`].
///
/// # Errors
/// 400 `Field 'x' can not be NULL.`, `Field 'x' must be a valid integer.` and so on.
pub fn bind_value(field: &Field, value: &Value, context: &WriteContext<'_>) -> Result<Bound, Error> {
    match value {
        Value::Null => null(field),
        Value::String(text) => bind_text(field, &replace(text, context.lookups, false)),
        Value::Bool(_) | Value::Number(_) => bind_scalar(field.kind, field.wire_name(), value, true),
        Value::Array(_) | Value::Object(_) if holds_text(field.kind) => {
            Ok(Bound::Text(replace_nested(value, context.lookups).to_string()))
        }
        Value::Array(_) | Value::Object(_) => Err(invalid(field.kind, field.wire_name())),
    }
}

/// What the server itself stores in an automatic field, whatever the client sends; none for other fields, and where the
/// field keeps its value: on-create fields on update, user fields without a user.
pub fn automatic_value(field: &Field, creating: bool, context: &WriteContext<'_>) -> Option<Operand> {
    let user = || context.user_id.map(|id| Operand::Value(Bound::Integer(id)));
    match field.kind {
        FieldType::TimestampOnCreate if creating => Some(Operand::Time(TimeFunction::Timestamp)),
        FieldType::TimestampOnUpdate => Some(Operand::Time(TimeFunction::Timestamp)),
        FieldType::UserIdOnCreate if creating => user(),
        FieldType::UserIdOnUpdate => user(),
        _ => None,
    }
}

/// A value of a filter as its column is compared with.
///
/// # Errors
/// 400 `Field 'x' must be a valid integer.` and so on.
pub fn bind_filter_value(field: &Field, value: &Value) -> Result<Bound, Error> {
    bind_compared(field.kind, field.wire_name(), value)
}

/// Like [`bind_filter_value`], for a field known by its type and its name in messages.
pub(crate) fn bind_compared(kind: FieldType, name: &str, value: &Value) -> Result<Bound, Error> {
    match value {
        Value::Null => Ok(Bound::Null),
        Value::String(text) => bind_compared_text(kind, name, text),
        Value::Bool(_) | Value::Number(_) => bind_scalar(kind, name, value, false),
        Value::Array(_) | Value::Object(_) => Err(invalid(kind, name)),
    }
}

/// Like [`bind_compared`], for a text.
pub(crate) fn bind_compared_text(kind: FieldType, name: &str, text: &str) -> Result<Bound, Error> {
    let trimmed = text.trim();
    match family(kind) {
        Family::Boolean => Ok(Bound::Boolean(truthy_text(trimmed))),
        Family::Integer => compared_number(trimmed).ok_or_else(|| invalid(kind, name)),
        Family::Decimal => match exact_decimal(trimmed) {
            Some(exact) if significant_digits(trimmed) > REAL_DIGITS => Ok(exact),
            _ => compared_number(trimmed).ok_or_else(|| invalid(kind, name)),
        },
        Family::Real => compared_number(trimmed).ok_or_else(|| invalid(kind, name)),
        Family::Binary => decode(trimmed).ok_or_else(|| invalid(kind, name)),
        Family::Text => Ok(Bound::Text(text.to_owned())),
    }
}

/// How the types of the wire convert.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Boolean,
    Integer,
    Decimal,
    Real,
    Binary,
    Text,
}

fn family(kind: FieldType) -> Family {
    match kind {
        FieldType::Boolean => Family::Boolean,
        FieldType::Decimal | FieldType::Money => Family::Decimal,
        FieldType::Double | FieldType::Float => Family::Real,
        FieldType::Binary => Family::Binary,
        kind if kind.is_integer() => Family::Integer,
        _ => Family::Text,
    }
}

fn holds_text(kind: FieldType) -> bool {
    matches!(kind, FieldType::String | FieldType::Text | FieldType::Json)
}

fn null(field: &Field) -> Result<Bound, Error> {
    if field.allow_null {
        return Ok(Bound::Null);
    }
    Err(Error::bad_request(format!("Field '{}' can not be NULL.", field.wire_name())))
}

fn invalid(kind: FieldType, name: &str) -> Error {
    let what = match family(kind) {
        Family::Boolean => "boolean",
        Family::Integer => "integer",
        Family::Decimal => "decimal",
        Family::Real => "number",
        Family::Binary => "base64 string",
        Family::Text => "string",
    };
    Error::bad_request(format!("Field '{name}' must be a valid {what}."))
}

fn bind_text(field: &Field, text: &str) -> Result<Bound, Error> {
    let trimmed = text.trim();
    let family = family(field.kind);
    if trimmed.is_empty() && matches!(family, Family::Integer | Family::Decimal | Family::Real) {
        return if field.allow_null { Ok(Bound::Null) } else { Err(invalid(field.kind, field.wire_name())) };
    }
    let bound = match family {
        Family::Boolean => Some(Bound::Boolean(truthy_text(trimmed))),
        Family::Integer => integer(trimmed).map(Bound::Integer),
        Family::Decimal => exact_decimal(trimmed),
        Family::Real => real(trimmed).map(Bound::Real),
        Family::Binary => decode(trimmed),
        Family::Text => Some(Bound::Text(text.to_owned())),
    };
    bound.ok_or_else(|| invalid(field.kind, field.wire_name()))
}

/// Binds a boolean or a number. Whole numbers only for integer columns that are written; compared with, they may be any.
fn bind_scalar(kind: FieldType, name: &str, value: &Value, writing: bool) -> Result<Bound, Error> {
    let bound = match (family(kind), value) {
        (Family::Boolean, Value::Bool(value)) => Some(Bound::Boolean(*value)),
        // Only 1 is true, as the original's filter for booleans has it.
        (Family::Boolean, Value::Number(number)) => Some(Bound::Boolean(number.as_f64() == Some(1.0))),
        (Family::Text, Value::Bool(value)) => Some(Bound::Text(if *value { "1" } else { "0" }.to_owned())),
        (Family::Text, Value::Number(number)) => Some(Bound::Text(number.to_string())),
        (Family::Integer, Value::Number(number)) if writing => integer(&number.to_string()).map(Bound::Integer),
        (Family::Real, Value::Number(number)) if writing => number.as_f64().map(Bound::Real),
        (Family::Integer | Family::Decimal | Family::Real, Value::Number(_)) => Some(Bound::from(value)),
        _ => None,
    };
    bound.ok_or_else(|| invalid(kind, name))
}

fn truthy_text(text: &str) -> bool {
    ["true", "1", "yes", "on", "y", "t"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A whole number that a text stands for, `1.0` and `1e0` included.
fn integer(text: &str) -> Option<i64> {
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    /// Above it, reals skip whole numbers, so that the text's own digits would be lost.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let real = real(text)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and small enough, checked here")]
    (real.fract() == 0.0 && real.abs() <= EXACT).then_some(real as i64)
}

fn compared_number(text: &str) -> Option<Bound> {
    if let Some(integer) = integer(text) {
        return Some(Bound::Integer(integer));
    }
    real(text).map(Bound::Real)
}

/// A number that a real can hold; `1e999` is none.
fn real(text: &str) -> Option<f64> {
    text.parse().ok().filter(|real: &f64| real.is_finite() && is_decimal(text))
}

/// Digits that a real always keeps.
const REAL_DIGITS: usize = 15;

fn significant_digits(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    digits.skip_while(|digit| *digit == b'0').count()
}

/// Every digit kept: an integer or, for all else, the text itself, which the database converts.
fn exact_decimal(text: &str) -> Option<Bound> {
    real(text)?;
    Some(text.parse().map_or_else(|_| Bound::Text(text.to_owned()), Bound::Integer))
}

/// Whether a text is a number in decimal digits: `-1`, `+2.50`, `.5`, `1e6`; not `inf`, not `0x1`.
pub(crate) fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

fn decode(text: &str) -> Option<Bound> {
    STANDARD.decode(text).ok().map(Bound::Blob)
}

/// A copy in which the lookups of every text inside are replaced.
fn replace_nested(value: &Value, lookups: &dyn Lookups) -> Value {
    fn walk(value: &mut Value, lookups: &dyn Lookups) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(replaced) = replace(text, lookups, false) {
                    *text = replaced;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, lookups)),
            Value::Object(members) => members.values_mut().for_each(|member| walk(member, lookups)),
            _ => {}
        }
    }
    let mut copy = value.clone();
    walk(&mut copy, lookups);
    copy
}
