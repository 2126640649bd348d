//! Finding jobs in the queues: what of a request's conditions the queues can answer is asked of them, the rest is the record code's.

use super::live_table::LiveRequest;
use super::{JOBS, asked, text};
use crate::system::dates::date;
use antiphon_gateway::Call;
use antiphon_model::{Limits, Object, Result, Value, json};
use antiphon_queue::{JobFilter, JobId, JobRecord, JobStatus, Queues};
use antiphon_sql::filter::{self, FilterLimits};

/// What the queues told.
pub(super) struct Found {
    /// In the order of [`JOBS`].
    pub(super) rows: Vec<Value>,
    /// Some connection may have more.
    pub(super) is_cut: bool,
}

/// The jobs that a request may be about: the one with that identifier, those that it names, or the latest that its filter may admit.
pub(super) fn find(call: &Call<'_>, queues: &Queues, id: Option<&JobId>) -> Result<Found> {
    let filter = match id {
        Some(id) => JobFilter { ids: vec![id.clone()], ..JobFilter::default() },
        None => demanded(call)?,
    };
    let filter = JobFilter { most: call.gateway.limits().job_list, ..filter };
    let connection = wanted_connection(call);
    let mut found = Found { rows: Vec::new(), is_cut: false };
    for (name, store) in queues.stores() {
        if connection.as_ref().is_some_and(|wanted| !wanted.iter().any(|wanted| wanted == name)) {
            continue;
        }
        let jobs = asked(store.list(&filter))?;
        found.is_cut |= jobs.len() >= filter.most && filter.ids.is_empty();
        found.rows.extend(jobs.iter().map(|job| row(name, job)));
    }
    Ok(found)
}

/// A job in the order of [`JOBS`].
pub(super) fn row(connection: &str, record: &JobRecord) -> Value {
    let JobRecord { job, status, attempts, failed, run_at_ms, started_ms, ended_ms, worker, last_error } = record;
    json!([
        job.id.as_str(),
        connection,
        job.queue,
        status.as_str(),
        job.script,
        job.event,
        job.priority,
        attempts,
        failed,
        job.tries,
        job.order_key,
        job.dedup_key,
        job.concurrency,
        date(job.created_ms),
        run_at_ms.and_then(date),
        started_ms.and_then(date),
        ended_ms.and_then(date),
        worker,
        last_error,
    ])
}

/// What the request's filter and identifiers demand, as far as every queue understands it.
fn demanded(call: &Call<'_>) -> Result<JobFilter> {
    let mut wanted = JobFilter::default();
    if let Some(ids) = identifiers(call) {
        // A text that is no identifier is that of no job; the record code says so.
        wanted.ids = ids.iter().filter_map(|id| JobId::parse(id)).collect();
        return Ok(wanted);
    }
    let Some(text) = option(call, &["filter", "where"]) else { return Ok(wanted) };
    let Some(filter) = filter::parse(&text, &FilterLimits::from(call.gateway.limits()))? else { return Ok(wanted) };
    // Not every queue can be asked for that character, and none has it.
    let askable = |text: &str| !text.contains('\0');
    for (field, values) in filter.demands() {
        match (field.to_ascii_lowercase().as_str(), &values[..]) {
            ("status", values) if wanted.statuses.is_empty() => {
                wanted.statuses =
                    values.iter().map(|value| JobStatus::parse(value)).collect::<Option<_>>().unwrap_or_default();
            }
            ("queue", [queue]) if askable(queue) => wanted.queue = Some((*queue).to_owned()),
            ("script", [script]) if askable(script) => wanted.script = Some((*script).to_owned()),
            ("id", values) if wanted.ids.is_empty() => {
                wanted.ids = values.iter().map(|value| JobId::parse(value)).collect::<Option<_>>().unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(wanted)
}

/// The connections that the filter demands; none for all.
fn wanted_connection(call: &Call<'_>) -> Option<Vec<String>> {
    let text = option(call, &["filter", "where"])?;
    let filter = filter::parse(&text, &FilterLimits::from(call.gateway.limits())).ok()??;
    let demands = filter.demands().into_iter().find(|(field, _)| field.eq_ignore_ascii_case("connection"));
    demands.map(|(_, values)| values.into_iter().map(str::to_owned).collect())
}

/// An option of the query, or of the body.
fn option(call: &Call<'_>, names: &[&str]) -> Option<String> {
    let of_body = || names.iter().find_map(|name| call.request.payload.get(*name)?.as_str().map(str::to_owned));
    call.request.parameter(names).or_else(of_body)
}

/// The identifiers that a request names: `ids`, or those of its records.
fn identifiers(call: &Call<'_>) -> Option<Vec<String>> {
    let payload = &call.request.payload;
    let of_list = |value: &Value| -> Option<Vec<String>> {
        match value {
            Value::String(list) => Some(list.split(',').map(|id| id.trim().to_owned()).collect()),
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            _ => None,
        }
    };
    if let Some(ids) = call.request.parameters.get("ids").or_else(|| payload.get("ids")) {
        return of_list(ids);
    }
    let records = payload.get("resource").unwrap_or(payload).as_array()?;
    let ids: Vec<String> =
        records.iter().filter_map(|record| record.get("id").unwrap_or(record).as_str()).map(str::to_owned).collect();
    (!ids.is_empty()).then_some(ids)
}

/// Turns a change of what a filter admits into one of the jobs by their identifiers, so that each that fails is told of by itself.
/// False when the filter admits none.
pub(super) fn choose(call: &Call<'_>, found: &Found, parameters: &mut Object, payload: &mut Value) -> Result<bool> {
    let has_ids = parameters.contains_key("ids") || payload.get("ids").is_some();
    if has_ids || option(call, &["filter", "where"]).is_none() {
        return Ok(true);
    }
    let mut wanted = Object::new();
    for name in ["filter", "where", "params", "order", "sort", "limit", "top", "offset", "skip"] {
        if let Some(value) = parameters.shift_remove(name).or_else(|| payload.as_object_mut()?.shift_remove(name)) {
            wanted.insert(name.to_owned(), value);
        }
    }
    wanted.insert("fields".into(), json!("id"));
    let request = LiveRequest { id: None, parameters: &wanted, payload: &Value::Null };
    let ids: Vec<Value> = JOBS.read(call, &found.rows, &request)?;
    let is_empty = ids.is_empty();
    parameters
        .insert("ids".into(), ids.iter().filter_map(Value::as_object).map(|row| json!(text(row, "id"))).collect());
    Ok(!is_empty)
}

/// Says when not every job was looked at.
pub(super) fn note(found: &Found, limits: &Limits, answer: &mut Value) {
    let Some(answer) = answer.as_object_mut().filter(|_| found.is_cut) else { return };
    let note = format!(
        "Only the latest {} jobs of each connection were looked at. Narrow the list by status, queue or script (as in \
         filter=status='dead') to reach others.",
        limits.job_list
    );
    let meta = answer.entry("meta").or_insert_with(|| json!({}));
    meta["note"] = json!(note);
}
