//! The frames that go over a worker's channel: four bytes of length (little endian), then that many bytes of JSON, an object whose
//! member `t` says what it is. `workers/README.md` describes each.

use super::reconcile::Given;
use crate::event::Event;
use crate::members::{self, MEMBERS, Owner, given};
use antiphon_model::{Object, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Bytes of a frame's length.
pub(super) const HEADER: usize = 4;
/// Version of the protocol.
pub(super) const VERSION: u32 = 1;

/// What the server says.
#[derive(serde::Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum ToWorker<'a> {
    /// The first frame.
    Hello { version: u32, config: &'a Value, packages: Option<&'a str>, output_limit: usize, memory_limit: usize },
    /// Run a script.
    Run(RunFrame<'a>),
    /// The answer to a call.
    Answer {
        id: &'a Value,
        #[serde(flatten)]
        response: Value,
    },
    /// The call was none.
    Refused { id: &'a Value, message: &'a str },
    /// The text of a library; none when there is none of that name.
    Library { id: &'a Value, name: &'a str, version: Option<u64>, source: Option<&'a str> },
    /// Say whether a text is a script.
    Check { kind: &'a str, source: &'a str },
}

/// A run.
#[derive(serde::Serialize)]
pub(super) struct RunFrame<'a> {
    pub(super) script: &'a str,
    pub(super) kind: &'a str,
    /// Number of the text.
    pub(super) text: u64,
    /// The text itself, when the worker has not had it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<&'a str>,
    /// Numbers of texts that will not come again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) forget: Option<[u64; 1]>,
    pub(super) event: EventFrame<'a>,
    pub(super) session: Value,
    pub(super) may_modify: bool,
    /// Values of the lookups that the text may hold.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub(super) lookups: Object,
}

/// What a worker says.
#[derive(Debug, PartialEq)]
pub(super) enum FromWorker {
    /// It waits for runs.
    Ready { version: String },
    /// From here on something of the run may be left, whatever the worker says at its end.
    Unclean,
    /// `platform.api`.
    Call { id: Value, verb: String, path: String, payload: Value, options: Value },
    /// Wants the text of a library.
    Library { id: Value, name: String },
    /// Printed text.
    Print(String),
    /// The script came to its end.
    Done { clean: bool, returned: Option<Value>, event: Object },
    /// The script threw, or is none.
    Threw { clean: bool, thrown: Object },
    /// The text is a script.
    Checked,
}

/// Writes a frame, header included.
///
/// # Errors
/// When it gets larger than `largest`; the text is its size.
pub(super) fn write(frame: &ToWorker<'_>, largest: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(4 << 10);
    bytes.extend_from_slice(&[0; HEADER]);
    serde_json::to_writer(&mut bytes, frame).map_err(|error| error.to_string())?;
    let length = bytes.len() - HEADER;
    match u32::try_from(length) {
        Ok(header) if length <= largest => bytes[..HEADER].copy_from_slice(&header.to_le_bytes()),
        _ => return Err(format!("{length} bytes, of at most {largest}")),
    }
    Ok(bytes)
}

/// Reads a frame's body.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(body: &[u8]) -> Result<FromWorker, String> {
    let mut members: Object =
        serde_json::from_slice(body).map_err(|error| format!("a frame that is no JSON: {error}"))?;
    let mut take = |name: &str| members.shift_remove(name).unwrap_or_default();
    let frame = take("t");
    Ok(match frame.as_str().unwrap_or_default() {
        "ready" => FromWorker::Ready { version: text(take("version")) },
        "unclean" => FromWorker::Unclean,
        "call" => FromWorker::Call {
            id: take("id"),
            verb: text(take("verb")),
            path: text(take("path")),
            payload: take("payload"),
            options: take("options"),
        },
        "library" => FromWorker::Library { id: take("id"), name: text(take("name")) },
        "print" => FromWorker::Print(text(take("text"))),
        "done" => FromWorker::Done {
            clean: take("clean") == true,
            returned: Some(take("returned")).filter(|value| !value.is_null()),
            event: match take("event") {
                Value::Object(event) => event,
                _ => Object::new(),
            },
        },
        "threw" => FromWorker::Threw { clean: take("clean") == true, thrown: members },
        "checked" => FromWorker::Checked,
        other => return Err(format!("a frame of the unknown kind '{}'", other.chars().take(40).collect::<String>())),
    })
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The event, written straight from what is borrowed.
pub(super) struct EventFrame<'a>(pub(super) &'a Event<'a>);

struct Members<'a>(&'a Event<'a>, Owner);

impl Serialize for EventFrame<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("request", &Members(event, Owner::Request))?;
        if event.response.is_some() {
            map.serialize_entry("response", &Members(event, Owner::Response))?;
        }
        own_members(&mut map, event, Owner::Event)?;
        map.serialize_entry("stop_propagation", &false)?;
        map.serialize_entry("__tag__", "exposed_event")?;
        let named = [("name", event.name), ("stage", event.phase.stage()), ("script_name", event.script_name)];
        map.serialize_entry("_event", &std::collections::BTreeMap::from(named))?;
        map.end()
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        own_members(&mut map, self.0, self.1)?;
        map.end()
    }
}

fn own_members<M: SerializeMap>(map: &mut M, event: &Event<'_>, wanted: Owner) -> Result<(), M::Error> {
    for (member, (owner, name)) in MEMBERS.iter().enumerate() {
        if *owner != wanted {
            continue;
        }
        match given(event, member) {
            // Only there when it says something.
            Some(members::Given::Made(Value::Null)) if *name == "content_encoding" => {}
            Some(given) => map.serialize_entry(name, &Given(&given))?,
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::json;

    #[test]
    fn a_frame_has_its_length_before_it() {
        let frame = write(&ToWorker::Check { kind: "python", source: "é" }, 100).unwrap();
        let body: Value = serde_json::from_slice(&frame[HEADER..]).unwrap();
        assert_eq!(body, json!({"t": "check", "kind": "python", "source": "é"}));
        assert_eq!(u32::from_le_bytes(frame[..HEADER].try_into().unwrap()) as usize, frame.len() - HEADER);
        assert!(write(&ToWorker::Check { kind: "python", source: &"x".repeat(100) }, 100).is_err());
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for body in [&b"[]"[..], b"{", b"{\"t\":\"other\"}", b"{}", b"\xff"] {
            assert!(read(body).is_err(), "{body:?}");
        }
        assert_eq!(read(b"{\"t\":\"ready\",\"version\":3}"), Ok(FromWorker::Ready { version: "3".into() }));
    }
}
