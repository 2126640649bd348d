//! `system/job` and `system/queue`: what waits, runs, failed and was given up, and what administrators do about it.

mod change;
mod detail;
mod edit;
mod listing;
mod live_table;
mod queues;

pub(super) use queues::handle as queue;

use super::SystemService;
use antiphon_gateway::{Call, Schema, wait_for};
use antiphon_model::{Error, Limits, Object, Response, Result, Value, Verb, json};
use antiphon_queue::{JobId, QueueError, QueueResult, Queues};
use change::JobRule;
use live_table::{LiveRequest, LiveTable};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Jobs as records.
const JOBS: LiveTable = LiveTable {
    name: "job",
    columns: &[
        ("id", "varchar(32)"),
        ("connection", "varchar(255)"),
        ("queue", "varchar(255)"),
        ("status", "varchar(16)"),
        ("script", "varchar(255)"),
        ("event", "varchar(255)"),
        ("priority", "integer"),
        ("attempts", "integer"),
        ("failed", "integer"),
        ("tries", "integer"),
        ("order_key", "varchar(255)"),
        ("dedup_key", "varchar(255)"),
        ("concurrency", "integer"),
        ("created_date", "timestamp"),
        ("run_date", "timestamp"),
        ("started_date", "timestamp"),
        ("ended_date", "timestamp"),
        ("worker", "varchar(255)"),
        ("last_error", "text"),
    ],
    written: &[("delay", "float"), ("script_version", "text"), ("request", "text"), ("response", "text")],
};

/// Answers for jobs, or for the one with that identifier.
pub(super) fn handle(service: &SystemService, call: &Call<'_>, id: Option<&str>) -> Result<Response> {
    let request = call.request;
    let queues = queues(call)?;
    if request.verb == Verb::Post {
        return Err(Error::bad_request(
            "Jobs are made by scripts of type queued, queued script services and schedules. To run a job again, PATCH it with \
             {\"status\": \"waiting\"}; to run a schedule now, POST system/schedule/{id}/run.",
        ));
    }
    if request.verb != Verb::Get && request.flag("rollback") {
        return Err(Error::bad_request(
            "What is done to a job can't be undone, so there is no rollback. Use continue=true to go on after a job that fails.",
        ));
    }
    let parsed = id.map(|id| JobId::parse(id).ok_or_else(|| Error::record_not_found(id))).transpose()?;
    let turn = id.is_none().then(|| turn(service.job_lists(), call.gateway.limits())).transpose()?;
    let found = listing::find(call, queues, parsed.as_ref())?;
    let (mut parameters, mut payload) = (request.parameters.clone(), request.payload.clone());
    if request.verb != Verb::Get && id.is_none() && !listing::choose(call, &found, &mut parameters, &mut payload)? {
        return Ok(Response::resource(Vec::new()));
    }
    if request.verb == Verb::Get && id.is_some() {
        detail::without_added(request, &mut parameters);
    }
    let id = parsed.as_ref().map(JobId::as_str);
    // What is done to many jobs may take long, and holds up no lists.
    let _turn = turn.filter(|_| request.verb == Verb::Get);
    let asked = LiveRequest { id, parameters: &parameters, payload: &payload };
    let rule = JobRule { call, queues };
    let mut answer = JOBS.answer(call, &found.rows, &asked, &rule)?;
    if request.verb == Verb::Get {
        match &parsed {
            Some(id) => detail::complete(call, queues, id, &mut answer)?,
            None => listing::note(&found, call.gateway.limits(), &mut answer),
        }
    }
    Ok(Response::ok(answer))
}

/// A turn to list jobs.
fn turn<'l>(lists: &'l Semaphore, limits: &Limits) -> Result<SemaphorePermit<'l>> {
    let most = Duration::from_millis(limits.job_list_wait_ms);
    let turn = wait_for(&Handle::current(), async { tokio::time::timeout(most, lists.acquire()).await });
    turn.ok().and_then(|turn| turn.ok()).ok_or_else(|| {
        Error::unavailable(
            "Many jobs are being listed already. Narrow the lists by status, queue or script, or ask again later.",
            5,
        )
    })
}

/// The queues of this instance.
fn queues<'a>(call: &'a Call<'_>) -> Result<&'a Arc<Queues>> {
    let jobs = call.gateway.jobs().ok_or_else(|| Error::unavailable("There is no queue in this process.", 5))?;
    Ok(jobs.queues())
}

/// Waits for a queue.
fn asked<T>(answer: impl Future<Output = QueueResult<T>>) -> Result<T> {
    wait_for(&Handle::current(), answer).map_err(|error| match error {
        QueueError::Unreachable(_) | QueueError::Full(_) => Error::unavailable(error.to_string(), 5),
        QueueError::Refused(_) => Error::internal("The queue refused.", error),
    })
}

/// The schemas of jobs and queues.
pub(super) fn schemas(limits: &Limits) -> Result<Vec<Schema>> {
    let any = |description: &str| json!({ "description": description });
    let mut job = crate::api_docs::tables::record_schema("job", &*JOBS.structure(limits)?, &|_| None);
    let added = json!({
        "delay": { "type": "number", "writeOnly": true, "description": "Seconds to wait from now on." },
        "script_version": any("\"current\", or the number of the current version: run the script as it is now."),
        "request": any("The saved request; for administrators. A change takes its place, member by member."),
        "response": any("The saved response; for administrators. A change takes its place, member by member."),
        "identity": { "type": "object", "readOnly": true },
        "saved_script": { "type": "object", "readOnly": true },
        "history": { "type": "array", "items": { "type": "object" }, "readOnly": true },
    });
    extend(&mut job, added);
    for column in JOBS.columns.iter().map(|(name, _)| *name) {
        if !["status", "priority", "queue", "tries"].contains(&column) {
            job.schema["properties"][column]["readOnly"] = json!(true);
        }
    }
    job.schema["properties"]["status"]["enum"] = json!(["waiting", "running", "succeeded", "dead", "cancelled"]);
    Ok(vec![job, queues::schema(limits)?])
}

fn extend(schema: &mut Schema, added: Value) {
    let properties = schema.schema.get_mut("properties").and_then(Value::as_object_mut);
    if let (Some(properties), Value::Object(added)) = (properties, added) {
        properties.extend(added);
    }
}

/// A text member of a record.
fn text<'r>(record: &'r Object, name: &str) -> &'r str {
    record.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_gets_no_turn_in_time_is_told_to_come_again() {
        let limits = Limits { job_list_wait_ms: 1, ..Limits::default() };
        let lists = Semaphore::new(1);
        let first = turn(&lists, &limits).unwrap();
        assert_eq!(turn(&lists, &limits).unwrap_err().status, 503);
        drop(first);
        assert!(turn(&lists, &limits).is_ok());
    }
}
