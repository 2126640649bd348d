//! The records in a body (6).

use super::RecordRequest;
use antiphon_model::{Error, Object, Result, Value};

/// Member of a body that wraps its records.
const WRAPPER: &str = "resource";

/// The records of a body without an identifier in the path: wrapped, or a bare list.
///
/// # Errors
/// 400 when there is none.
pub(super) fn records<'a>(request: &RecordRequest<'a>) -> Result<Vec<&'a Value>> {
    optional_records(request).ok_or_else(Error::no_records)
}

/// The same, or none.
pub(super) fn optional_records<'a>(request: &RecordRequest<'a>) -> Option<Vec<&'a Value>> {
    let listed = match request.payload {
        Value::Array(items) => items.iter().collect::<Vec<_>>(),
        Value::Object(members) => match members.get(WRAPPER)? {
            Value::Array(items) => items.iter().collect(),
            record @ Value::Object(_) => vec![record],
            _ => return None,
        },
        _ => return None,
    };
    Some(listed).filter(|records| !records.is_empty())
}

/// The record of a body under a path with an identifier: bare, or wrapped if it is one.
///
/// # Errors
/// 400 when it is none, or several.
pub(super) fn single<'a>(request: &RecordRequest<'a>) -> Result<&'a Object> {
    let wrapped = match request.payload {
        Value::Array(items) => Some(items.iter().collect::<Vec<_>>()),
        Value::Object(members)
            if members.len() == 1
                && members.get(WRAPPER).is_some_and(|value| value.is_array() || value.is_object()) =>
        {
            optional_records(request)
        }
        _ => None,
    };
    let record = match wrapped.as_deref() {
        None => request.payload,
        Some([only]) => only,
        Some(_) => {
            return Err(Error::bad_request(
                "Exactly one record is needed in a request with an identifier in its path.",
            ));
        }
    };
    match record {
        Value::Object(record) if !record.is_empty() => Ok(record),
        _ => Err(Error::bad_request("The request contains no valid record fields.")),
    }
}

/// A record of a list as an object.
///
/// # Errors
/// 400 when it is something else.
pub(super) fn object(record: &Value) -> Result<&Object> {
    record.as_object().ok_or_else(|| Error::bad_request("A record must be an object of field names and values."))
}

/// The value of a field in a record, by its name on the wire, in any case as a second try.
pub(crate) fn value<'r>(record: &'r Object, name: &str) -> Option<&'r Value> {
    record.get(name).or_else(|| record.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}
