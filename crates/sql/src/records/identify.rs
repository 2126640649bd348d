//! Which record is meant: by its primary key, or by what `id_field` names (6).

use super::options::plain;
use super::{Context, RecordRequest, payload};
use crate::catalog::{Field, Table};
use crate::condition::{Condition, FieldRef};
use crate::value::bind_filter_value;
use antiphon_model::{Error, Object, Result, Value};

/// The fields that identify a record of the table; none when it has no primary key.
///
/// # Errors
/// 400 when `id_field` names an unknown field.
pub(crate) fn fields<'t>(table: &'t Table, id_field: Option<&[String]>) -> Result<Vec<&'t Field>> {
    match id_field {
        None => Ok(table.fields.iter().filter(|field| field.is_primary_key).collect()),
        Some(names) => {
            let named = names.iter().map(|name| table.comparable_field(name).ok_or_else(undetermined));
            named.collect()
        }
    }
}

/// The condition that holds for the record with this identifier: a scalar, or a list or object of several.
///
/// # Errors
/// 400 when it does not fit the identifying fields.
pub(crate) fn condition(identifiers: &[&Field], id: &Value) -> Result<Condition> {
    match (identifiers, id) {
        ([], _) => Err(undetermined()),
        ([only], Value::Object(members)) => equals(only, member(members, only).ok_or_else(undetermined)?),
        ([only], value) => equals(only, value),
        (several, Value::Object(members)) => condition_of(several, members),
        (several, Value::Array(values)) => all(several, values),
        (several, Value::String(text)) => {
            let text = text.trim().trim_start_matches('(').trim_end_matches(')');
            let values: Vec<Value> = text.split(',').map(|each| Value::from(each.trim())).collect();
            all(several, &values)
        }
        _ => Err(undetermined()),
    }
}

/// The condition that holds for the record with these values of the identifying fields.
///
/// # Errors
/// 400 when one of them is missing.
pub(crate) fn condition_of(identifiers: &[&Field], record: &Object) -> Result<Condition> {
    let mut condition = Condition::True;
    for field in identifiers {
        let value = member(record, field).ok_or_else(undetermined)?;
        condition = condition.and(equals(field, value)?);
    }
    match identifiers.is_empty() {
        true => Err(undetermined()),
        false => Ok(condition),
    }
}

/// The identifiers that a request names in `ids` or in the records of its body; a record without one has its error.
pub(super) fn requested(context: &Context<'_>, request: &RecordRequest<'_>) -> Option<Vec<Result<Value>>> {
    if let Some(ids) = &context.options.ids {
        return Some(ids.iter().cloned().map(Ok).collect());
    }
    let records = payload::optional_records(request)?;
    let identifiers = &context.scope.identifiers;
    Some(records.iter().enumerate().map(|(index, record)| in_record(identifiers, record, index)).collect())
}

/// The identifier in a record of a batch.
///
/// # Errors
/// 400 that names the missing fields.
pub(super) fn in_record(identifiers: &[&Field], record: &Value, index: usize) -> Result<Value> {
    let missing = |names: Vec<&str>| {
        Error::bad_request(format!("Required id field(s) not found in record {index}: {}", names.join(", ")))
    };
    let Some(members) = record.as_object() else {
        return match record {
            Value::String(_) | Value::Number(_) => Ok(record.clone()),
            _ => Err(missing(identifiers.iter().map(|field| field.wire_name()).collect())),
        };
    };
    let absent: Vec<&str> = identifiers
        .iter()
        .filter(|field| member(members, field).is_none_or(Value::is_null))
        .map(|field| field.wire_name())
        .collect();
    if !absent.is_empty() || identifiers.is_empty() {
        return Err(missing(absent));
    }
    match identifiers {
        [only] => Ok(member(members, only).cloned().unwrap_or_default()),
        several => Ok(Value::Object(
            several
                .iter()
                .map(|field| (field.wire_name().to_owned(), member(members, field).cloned().unwrap_or_default()))
                .collect(),
        )),
    }
}

/// The identifier in words, for messages.
pub(super) fn in_words(id: &Value) -> String {
    let listed = |values: Vec<String>| format!("({})", values.join(","));
    match id {
        Value::Object(members) => listed(members.values().map(plain).collect()),
        Value::Array(values) => listed(values.iter().map(plain).collect()),
        scalar => plain(scalar),
    }
}

fn all(identifiers: &[&Field], values: &[Value]) -> Result<Condition> {
    if identifiers.len() != values.len() {
        return Err(Error::bad_request(format!(
            "An identifier of {} values is needed: {}.",
            identifiers.len(),
            identifiers.iter().map(|field| field.wire_name()).collect::<Vec<_>>().join(", ")
        )));
    }
    let mut condition = Condition::True;
    for (field, value) in identifiers.iter().zip(values) {
        condition = condition.and(equals(field, value)?);
    }
    Ok(condition)
}

fn equals(field: &Field, value: &Value) -> Result<Condition> {
    let reference = FieldRef::of(field).ok_or_else(undetermined)?;
    Ok(Condition::equals(reference, bind_filter_value(field, value)?))
}

fn member<'r>(record: &'r Object, field: &Field) -> Option<&'r Value> {
    payload::value(record, field.wire_name())
}

fn undetermined() -> Error {
    Error::bad_request("Identifying field(s) could not be determined.")
}
