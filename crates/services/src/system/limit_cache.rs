//! `system/limit_cache`: what limits have counted, and letting them begin anew (system-and-users 4.14).

use super::SystemService;
use super::listing;
use antiphon_gateway::Call;
use antiphon_gateway::rate::{RateLimit, RateLimiter};

use antiphon_model::{BatchVerb, Error, Object, Response, Result, Value, Verb, json};
use antiphon_sql::statement::Bound;

/// Answers for all counters, or for those of one limit.
pub(super) fn handle(service: &SystemService, call: &Call<'_>, id: Option<&str>) -> Result<Response> {
    match (call.request.verb, id) {
        (Verb::Get, None) => list(service, call),
        (Verb::Get, Some(id)) => one(service, call, id),
        (_, None) => reset_many(service, call),
        (_, Some(id)) => {
            let limit = find(service, id)?;
            service.store().reset_counters(limit.id)?;
            Ok(Response::ok(json!({ "id": limit.id })))
        }
    }
}

fn find(service: &SystemService, id: &str) -> Result<RateLimit> {
    let unknown = || Error::record_not_found(id);
    let number = id.trim().parse().map_err(|_| unknown())?;
    let found = service.store().limits_on_calls("WHERE id = ?", &[Bound::Integer(number)])?;
    found.into_iter().next().ok_or_else(unknown)
}

fn list(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    let request = call.request;
    let wanted = request.parameters.contains_key("ids").then(|| identifiers(call));
    let rates = call.gateway.rates();
    let mut counters = Vec::new();
    for limit in service.store().limits_on_calls("", &[])? {
        if wanted.as_ref().is_none_or(|ids| ids.contains(&limit.id.to_string())) {
            counters.extend(counters_of(rates, &limit));
        }
    }
    let number = |names: &[&str]| request.parameter(names).and_then(|text| text.trim().parse::<usize>().ok());
    let most = usize::try_from(call.gateway.limits().max_records).unwrap_or(usize::MAX);
    let limit = number(&["limit", "top"]).filter(|count| (1..=most).contains(count)).unwrap_or(most);
    let total = counters.len();
    let page = counters.into_iter().skip(number(&["offset", "skip"]).unwrap_or_default()).take(limit);
    let rows = page.map(|mut counter| match request.flag("as_list") {
        true => counter.shift_remove("id").unwrap_or_default(),
        false => Value::Object(listing::selected(request, counter)),
    });
    let mut answer = json!({ "resource": rows.collect::<Vec<_>>() });
    if request.flag("include_count") {
        answer["meta"] = json!({ "count": total });
    }
    Ok(Response::ok(answer))
}

/// The counter of a limit; for one that counts each user the fullest, with all of them below.
fn one(service: &SystemService, call: &Call<'_>, id: &str) -> Result<Response> {
    let limit = find(service, id)?;
    let counters = counters_of(call.gateway.rates(), &limit);
    let fullest = counters.iter().max_by_key(|counter| counter.get("attempts").and_then(Value::as_u64)).cloned();
    let mut answer = fullest.unwrap_or_else(|| describe(&limit, None, 0));
    if limit.kind.counts_each_user() {
        let most = usize::try_from(call.gateway.limits().max_records).unwrap_or(usize::MAX);
        answer.insert("users".into(), counters.into_iter().take(most).map(Value::Object).collect());
    }
    Ok(Response::ok(Value::Object(listing::selected(call.request, answer))))
}

/// One for each bucket. A limit that has one bucket for all has it before its first call, too.
fn counters_of(rates: &RateLimiter, limit: &RateLimit) -> Vec<Object> {
    let counted = rates.counted(limit.id);
    if counted.is_empty() && !limit.kind.counts_each_user() {
        return vec![describe(limit, None, 0)];
    }
    counted.into_iter().map(|(key, bucket)| describe(limit, key.user_id, bucket.attempts)).collect()
}

fn describe(limit: &RateLimit, user_id: Option<i64>, attempts: u64) -> Object {
    let mut counter = Object::new();
    counter.insert("id".into(), json!(limit.id));
    counter.insert("key".into(), json!(limit.key(user_id)));
    if user_id.is_some() {
        counter.insert("user_id".into(), json!(user_id));
    }
    counter.insert("max".into(), json!(limit.rate));
    counter.insert("attempts".into(), json!(attempts));
    counter.insert("remaining".into(), json!(limit.rate.saturating_sub(attempts)));
    counter
}

fn reset_many(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    let request = call.request;
    let mut ids = identifiers(call);
    if ids.is_empty() {
        let option = |name: &str| request.payload.get(name).is_some_and(antiphon_model::truthy) || request.flag(name);
        if !option("allow_delete") && !option("force") {
            return Err(Error::bad_request(
                "No filter or records given for delete request. Name the limits by 'ids', or say allow_delete=true to reset \
                 every counter.",
            ));
        }
        ids = service.store().limits_on_calls("", &[])?.iter().map(|limit| limit.id.to_string()).collect();
    }
    let mut entries = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        match find(service, id) {
            Ok(limit) => {
                service.store().reset_counters(limit.id)?;
                entries.push(json!({ "id": limit.id }));
            }
            Err(error) => {
                entries.push(error.to_value());
                return Err(Error::batch(BatchVerb::Deleted, &[index], entries, false));
            }
        }
    }
    Ok(Response::resource(entries))
}

/// The limits that a request names: `ids` as a list or a text, or records that have them.
fn identifiers(call: &Call<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let payload = &call.request.payload;
    for source in [call.request.parameters.get("ids"), payload.get("ids"), payload.get("resource"), Some(payload)] {
        match source {
            Some(Value::Array(items)) => found.extend(items.iter().filter_map(identifier)),
            Some(Value::String(list)) => found.extend(list.split(',').map(|id| id.trim().to_owned())),
            Some(Value::Number(id)) => found.push(id.to_string()),
            _ => {}
        }
    }
    found.retain(|id| !id.is_empty());
    found
}

fn identifier(item: &Value) -> Option<String> {
    match item {
        Value::Object(record) => record.get("id").and_then(identifier),
        Value::String(id) => Some(id.trim().to_owned()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}
