//! Named values: of the instance at `system/custom`, of each user at `user/custom` (system-and-users 2.7).

use super::records::{Records, each_record};
use super::resources::RecordResource;
use super::{SystemService, written};
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};
use antiphon_sql::statement::Bound;

/// Answers for `system/custom`.
pub(super) fn handle(
    service: &SystemService,
    call: &Call<'_>,
    resource: &'static RecordResource,
    name: Option<&str>,
) -> Result<Response> {
    match (call.request.verb, name) {
        // By its name a value is answered raw.
        (Verb::Get, Some(_)) => {
            let mut request = Records::of(call, resource, name);
            request.parameters.insert("fields".into(), json!("value"));
            let mut row = request.run(service, call)?;
            Ok(Response::ok(row.get_mut("value").map(Value::take).unwrap_or_default()))
        }
        (Verb::Post | Verb::Put | Verb::Patch, None) => put_all(service, call, resource),
        _ => Ok(written(call.request.verb, Records::of(call, resource, name).run(service, call)?)),
    }
}

/// Creates each value, or changes it when there is one of its name.
fn put_all(service: &SystemService, call: &Call<'_>, resource: &'static RecordResource) -> Result<Response> {
    let mut payload = call.request.payload.clone();
    if !payload.is_array() && payload.get("resource").is_none() {
        return Err(Error::no_records());
    }
    let mut values: Vec<Object> = Vec::new();
    each_record(&mut payload, &mut |record| values.push(std::mem::take(record)));
    if values.is_empty() {
        return Err(Error::no_records());
    }
    let mut answers = Vec::with_capacity(values.len());
    for value in values {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let sql = "SELECT 1 FROM system_custom WHERE name = ?";
        let exists = service.store().one(sql, &[Bound::Text(name)], |_| ())?.is_some();
        let mut request = Records::of(call, resource, None);
        request.verb = if exists { Verb::Patch } else { Verb::Post };
        request.payload = json!({ "resource": [value] });
        let mut answer = request.run(service, call)?;
        answers.extend(answer.get_mut("resource").and_then(|list| list.get_mut(0)).map(Value::take));
    }
    Ok(written(call.request.verb, json!({ "resource": answers })))
}
