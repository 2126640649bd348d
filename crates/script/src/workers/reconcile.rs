//! What a script changed of its event, told from what came back.
//!
//! Values come back with the losses of the language that they went through: PHP makes empty objects empty lists, JavaScript rounds large
//! integers, `1.0` becomes `1`. A part that differs by no more than that counts as untouched and keeps its original value.

use crate::event::Event;
use crate::members::{self, MEMBERS, Owner, given};
use crate::outcome::Edits;
use antiphon_model::{Object, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// What values lose on their way through a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Loss {
    /// Integers that a double can't hold come back rounded.
    pub(super) big_integers: bool,
    /// Objects without members, or with the members 0, 1, 2 …, come back as lists.
    pub(super) empty_objects: bool,
}

/// Up to here a double holds every integer.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// A member as it is given to a script.
pub(super) struct Given<'a>(pub(super) &'a members::Given<'a>);

impl Serialize for Given<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            members::Given::Text(text) => serializer.serialize_str(text),
            members::Given::Value(value) => value.serialize(serializer),
            members::Given::Object(object) => object.serialize(serializer),
            members::Given::Made(value) => value.serialize(serializer),
            members::Given::Headers(headers) => {
                let mut map = serializer.serialize_map(Some(headers.len()))?;
                headers.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

/// What a script that may modify its event changed. `event` is what came back of it.
pub(super) fn edits(given_event: &Event<'_>, mut event: Object, loss: Loss) -> Edits {
    let mut edits = Edits { stop_propagation: event.get("stop_propagation").is_some_and(is_true), ..Edits::default() };
    if let Some(Value::Object(mut request)) = event.shift_remove("request") {
        edits.request = owned(changed(given_event, Owner::Request, &mut request, loss));
    }
    match event.shift_remove("response") {
        None | Some(Value::Null) => {}
        Some(Value::Object(mut response)) if given_event.response.is_some() && is_envelope(&response) => {
            let mut members = changed(given_event, Owner::Response, &mut response, loss);
            edits.response_changed = members.iter().map(|(name, _)| *name).collect();
            if edits.response_changed.contains(&"content") {
                // A content comes with what says how it is to be read.
                for name in ["content_type", "format"].into_iter().filter(|name| !edits.response_changed.contains(name))
                {
                    members.extend(response.shift_remove(name).map(|value| (name, value)));
                }
            }
            if !members.is_empty() {
                edits.response = Some(Value::Object(owned(members)));
            }
        }
        Some(response) => {
            edits.response_replaced = true;
            edits.response = Some(response);
        }
    }
    edits
}

/// What a script that may not modify its event may tell all the same.
pub(super) fn told(given_event: &Event<'_>, event: &Object) -> Edits {
    Edits {
        stop_propagation: event.get("stop_propagation").is_some_and(is_true),
        response_ignored: given_event.response.is_none() && event.get("response_set").is_some_and(is_true),
        ..Edits::default()
    }
}

/// Makes numbers what they were in a language that has doubles only: it writes large ones like integers, with more digits than it
/// means.
pub(super) fn as_doubles(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|number| number.abs() > EXACT_INTEGERS) => {
            if let Some(double) = number.as_f64().and_then(serde_json::Number::from_f64) {
                *number = double;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(as_doubles),
        Value::Object(members) => members.values_mut().for_each(as_doubles),
        _ => {}
    }
}

fn owned(members: Vec<(&'static str, Value)>) -> Object {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

fn is_envelope(response: &Object) -> bool {
    MEMBERS.iter().any(|(owner, name)| *owner == Owner::Response && response.contains_key(*name))
}

/// The members that differ from what was given, with the values they have now.
fn changed(event: &Event<'_>, wanted: Owner, now: &mut Object, loss: Loss) -> Vec<(&'static str, Value)> {
    let mut changed = Vec::new();
    for (member, (owner, name)) in MEMBERS.iter().enumerate() {
        if *owner != wanted || !now.contains_key(*name) {
            continue;
        }
        let Some(given) = given(event, member) else { continue };
        let is_same = now.get(*name).is_some_and(|now| is_same_member(&given, now, loss));
        if is_same {
            continue;
        }
        let Some(mut value) = now.shift_remove(*name) else { continue };
        match &given {
            members::Given::Value(given) => restore(given, &mut value, loss),
            members::Given::Object(given) => restore_members(given, &mut value, loss),
            _ => {}
        }
        changed.push((*name, value));
    }
    changed
}

fn is_same_member(given: &members::Given<'_>, now: &Value, loss: Loss) -> bool {
    match given {
        members::Given::Value(given) => is_same(given, now, loss),
        members::Given::Object(given) => are_same_members(given, now, loss),
        members::Given::Made(given) => is_same(given, now, loss),
        members::Given::Headers(headers) if headers.is_empty() => is_empty_list(now, loss) || given.equals(now),
        members::Given::Text(_) | members::Given::Headers(_) => given.equals(now),
    }
}

fn is_empty_list(now: &Value, loss: Loss) -> bool {
    loss.empty_objects && now.as_array().is_some_and(Vec::is_empty)
}

/// Whether a value is the given one, but for what the language loses.
fn is_same(given: &Value, now: &Value, loss: Loss) -> bool {
    match (given, now) {
        (Value::Object(given), now) => are_same_members(given, now, loss),
        (Value::Array(given), Value::Array(now)) => {
            given.len() == now.len() && given.iter().zip(now).all(|(given, now)| is_same(given, now, loss))
        }
        (Value::Number(given), Value::Number(now)) => is_same_number(given, now, loss),
        (given, now) => given == now,
    }
}

fn are_same_members(given: &Object, now: &Value, loss: Loss) -> bool {
    match now {
        Value::Object(now) => {
            given.len() == now.len()
                && given.iter().all(|(name, given)| now.get(name).is_some_and(|now| is_same(given, now, loss)))
        }
        Value::Array(now) if loss.empty_objects => {
            given.len() == now.len()
                && given
                    .iter()
                    .zip(now)
                    .enumerate()
                    .all(|(index, ((name, given), now))| name.parse() == Ok(index) && is_same(given, now, loss))
        }
        _ => false,
    }
}

fn is_same_number(given: &serde_json::Number, now: &serde_json::Number, loss: Loss) -> bool {
    if given == now {
        return true;
    }
    let are_integers = !given.is_f64() && !now.is_f64();
    // Two different integers are two values, unless the language can't tell them apart.
    (loss.big_integers || !are_integers) && given.as_f64() == now.as_f64()
}

/// Gives the untouched parts of a changed value their original values back.
fn restore(given: &Value, now: &mut Value, loss: Loss) {
    if is_same(given, now, loss) {
        now.clone_from(given);
        return;
    }
    match (given, now) {
        (Value::Object(given), now) => restore_members(given, now, loss),
        (Value::Array(given), Value::Array(now)) => {
            given.iter().zip(now).for_each(|(given, now)| restore(given, now, loss));
        }
        _ => {}
    }
}

fn restore_members(given: &Object, now: &mut Value, loss: Loss) {
    if let Value::Object(now) = now {
        for (name, now) in now.iter_mut() {
            if let Some(given) = given.get(name) {
                restore(given, now, loss);
            }
        }
    }
}

#[cfg(test)]
mod tests;
