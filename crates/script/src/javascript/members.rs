//! The numbers of the host calls, and how members of `event` reach the engine on their first touch. The prelude gets names and
//! numbers as a table, so that they are written down once.

use super::libraries::LIBRARIES;
use crate::members::{Given, MEMBERS, Owner};
use antiphon_model::{Value, json};
use antiphon_quickjs::{BridgeError, HostCall};

/// What the prelude asks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// (member): its value.
    Member,
    /// (member, value): it was touched; this is its value now.
    Changed,
    /// (value): `event.response` was set or replaced.
    Response,
    /// (): it was set by a script that may not.
    Ignored,
    /// (): propagation stops.
    Stop,
    /// (value): the script's result.
    Returned,
    /// (message, code, status, stack, is an error): the script threw.
    Thrown,
    /// (): the script waits for a promise that never settles.
    Unsettled,
    /// (verb, path, payload, options): `platform.api`.
    Api,
    /// (): `platform.session`.
    Session,
    /// (): `platform.config`.
    Config,
    /// (name): text of a library.
    Library,
    /// (text): the same text with its lookups replaced.
    Lookup,
    /// (text): a line of output.
    Print,
    /// (seconds).
    Sleep,
    /// (): two random numbers.
    Seed,
}

impl Call {
    const NAMED: [(&'static str, Call); 16] = [
        ("MEMBER", Call::Member),
        ("CHANGED", Call::Changed),
        ("RESPONSE", Call::Response),
        ("IGNORED", Call::Ignored),
        ("STOP", Call::Stop),
        ("RETURNED", Call::Returned),
        ("THROWN", Call::Thrown),
        ("UNSETTLED", Call::Unsettled),
        ("API", Call::Api),
        ("SESSION", Call::Session),
        ("CONFIG", Call::Config),
        ("LIBRARY", Call::Library),
        ("LOOKUP", Call::Lookup),
        ("PRINT", Call::Print),
        ("SLEEP", Call::Sleep),
        ("SEED", Call::Seed),
    ];

    /// The call of that number.
    pub(crate) fn of(number: u32) -> Option<Call> {
        Self::NAMED.get(number as usize).map(|(_, call)| *call)
    }
}

/// The table that the prelude is given, as JSON.
pub(crate) fn table() -> String {
    let mut table = json!({});
    for (number, (name, _)) in Call::NAMED.iter().enumerate() {
        table[*name] = json!(number);
    }
    table["MEMBERS"] = MEMBERS.iter().map(|(_, name)| json!(name)).collect();
    table["OWNERS"] = MEMBERS
        .iter()
        .map(|(owner, _)| match owner {
            Owner::Event => json!("event"),
            Owner::Request => json!("request"),
            Owner::Response => json!("response"),
        })
        .collect();
    table["ALIASES"] = json!({});
    for library in LIBRARIES {
        for alias in library.aliases {
            table["ALIASES"][*alias] = json!(library.name);
        }
    }
    table.to_string()
}

impl Given<'_> {
    /// Makes it the answer of a host call.
    pub(crate) fn answer(&self, call: &mut HostCall<'_>) -> Result<(), BridgeError> {
        match self {
            Given::Text(text) => call.answer_text(text),
            Given::Value(value) => call.answer(value),
            Given::Object(members) => call.answer_object(members),
            Given::Headers(headers) => {
                call.answer_texts(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            }
            Given::Made(value) => call.answer(value),
        }
    }

    /// The new value of a touched member, if an argument of a host call differs from it; undefined doesn't count.
    pub(crate) fn changed(&self, call: &HostCall<'_>, index: usize) -> Result<Option<Value>, BridgeError> {
        let quick = match self {
            Given::Value(value) => call.same(index, value)?,
            Given::Object(members) => call.same_object(index, members)?,
            Given::Made(value) => call.same(index, value)?,
            Given::Text(_) | Given::Headers(_) => false,
        };
        if quick {
            return Ok(None);
        }
        let Some(now) = call.json(index)? else { return Ok(None) };
        Ok(if self.equals(&now) { None } else { Some(now) })
    }
}
