//! `system/queue`: how full the queues are, and holding them.

use super::live_table::{LiveRequest, LiveTable};
use super::{asked, text};
use crate::system::SystemService;
use crate::system::dates::date;
use antiphon_gateway::{Call, Schema};
use antiphon_model::{Error, Limits, Object, Response, Result, Value, Verb, json, truthy};
use antiphon_queue::{QueueState, Queues};
use antiphon_sql::records::{RecordRule, Stage};

/// Queues as records.
const QUEUES: LiveTable = LiveTable {
    name: "queue",
    columns: &[
        ("id", "varchar(255)"),
        ("name", "varchar(255)"),
        ("connection", "varchar(255)"),
        ("is_paused", "boolean"),
        ("ready", "integer"),
        ("delayed", "integer"),
        ("running", "integer"),
        ("dead", "integer"),
        ("oldest_date", "timestamp"),
    ],
    written: &[],
};

/// Answers for all queues, or for one.
pub(in crate::system) fn handle(_service: &SystemService, call: &Call<'_>, id: Option<&str>) -> Result<Response> {
    let queues = super::queues(call)?;
    let mut rows = Vec::new();
    for (connection, store) in queues.stores() {
        rows.extend(asked(store.queues())?.iter().map(|state| row(queues, connection, state)));
    }
    // A queue can be held before its first job comes.
    if let Some(id) = id.filter(|_| call.request.verb != Verb::Get) {
        let (connection, name) = place(queues, id);
        let is_name = !name.is_empty() && name.len() <= call.gateway.limits().job_key_bytes;
        if !is_name || name.contains(char::is_control) {
            return Err(Error::record_not_found(id));
        }
        rows.push(row(queues, connection, &QueueState { name: name.to_owned(), ..QueueState::default() }));
    }
    let request = call.request;
    if request.verb != Verb::Get {
        check(&request.payload)?;
    }
    let asked = LiveRequest { id, parameters: &request.parameters, payload: &request.payload };
    let rule = QueueRule { queues };
    Ok(Response::ok(QUEUES.answer(call, &rows, &asked, &rule)?))
}

/// The identifier of a queue: its name, below another connection than the default one with that before it.
fn identifier(queues: &Queues, connection: &str, name: &str) -> String {
    match queues.store(None).0 == connection {
        true => name.to_owned(),
        false => format!("{connection}:{name}"),
    }
}

/// The connection and the name of the queue with that identifier.
fn place<'a>(queues: &'a Queues, id: &'a str) -> (&'a str, &'a str) {
    let default = queues.store(None).0;
    let of_other = id.split_once(':').filter(|(connection, _)| {
        *connection != default && queues.stores().any(|(name, _)| name.eq_ignore_ascii_case(connection))
    });
    of_other.unwrap_or((default, id))
}

fn row(queues: &Queues, connection: &str, state: &QueueState) -> Value {
    let QueueState { name, is_paused, ready, delayed, running, dead, oldest_ms } = state;
    let id = identifier(queues, connection, name);
    json!([id, name, connection, is_paused, ready, delayed, running, dead, oldest_ms.and_then(date)])
}

struct QueueRule<'a> {
    queues: &'a Queues,
}

impl RecordRule for QueueRule<'_> {
    fn wants_existing(&self) -> bool {
        true
    }

    fn before_update(&self, _stage: &Stage<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        let wanted = record.get("is_paused").filter(|value| !value.is_null());
        let is_paused = truthy(wanted.ok_or_else(nothing_to_change)?);
        let (_, store) = self.queues.store(Some(text(existing, "connection")));
        asked(store.pause(text(existing, "name"), is_paused))?;
        record.clear();
        record.insert("is_paused".into(), json!(is_paused));
        Ok(())
    }
}

/// Refuses what is neither true nor false: the record code takes every unknown word for false, which would let a queue go on.
fn check(payload: &Value) -> Result<()> {
    let records = payload.get("resource").unwrap_or(payload);
    let records = records.as_array().map_or(std::slice::from_ref(records), Vec::as_slice);
    let mut wanted = records.iter().filter_map(|record| record.get("is_paused")).filter(|value| !value.is_null());
    if wanted.all(is_switch) { Ok(()) } else { Err(nothing_to_change()) }
}

fn nothing_to_change() -> Error {
    Error::bad_request("Of a queue only 'is_paused' can be changed: true holds its jobs, false lets them go on.")
}

/// Whether it is true or false, or a word that stands for it.
fn is_switch(value: &Value) -> bool {
    const FALSE_WORDS: [&str; 6] = ["false", "0", "no", "off", "n", "f"];
    let is_false = match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => FALSE_WORDS.iter().any(|word| word.eq_ignore_ascii_case(text.trim())),
        _ => false,
    };
    is_false || truthy(value)
}

/// The schema of queues.
pub(super) fn schema(limits: &Limits) -> Result<Schema> {
    let mut schema = crate::api_docs::tables::record_schema("queue", &*QUEUES.structure(limits)?, &|_| None);
    for column in QUEUES.columns.iter().map(|(name, _)| *name).filter(|name| *name != "is_paused") {
        schema.schema["properties"][column]["readOnly"] = json!(true);
    }
    Ok(schema)
}
