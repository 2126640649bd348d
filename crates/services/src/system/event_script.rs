//! `system/event_script`, and its form before 2.3 below `system/event` (events-and-scripting 6.3, 6.7).

use super::records::{Records, each_record, unbatched};
use super::resources::{self, RecordResource};
use super::{SystemService, written};
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};
use antiphon_sql::statement::Bound;

/// Answers for a collection of scripts, or for one by its name.
pub(super) fn handle(
    service: &SystemService,
    call: &Call<'_>,
    resource: &'static RecordResource,
    name: Option<&str>,
) -> Result<Response> {
    let request = Records::of(call, resource, name);
    let warnings = warnings(call, &request.payload, name)?;
    let mut response = match name {
        Some(name) if call.request.verb == Verb::Post => {
            let (created, answer) = put(service, call, resource, name)?;
            if created { Response::created(answer) } else { Response::ok(answer) }
        }
        _ => written(call.request.verb, request.run(service, call)?),
    };
    attach(&mut response, &warnings);
    Ok(response)
}

fn attach(response: &mut Response, warnings: &[String]) {
    if !warnings.is_empty() {
        // Header values are plain text on one line.
        let text = warnings.join(" ").replace(|character: char| !matches!(character, ' '..='~'), " ").replace('"', "'");
        response.headers.insert("warning".into(), format!("199 - \"{text}\""));
    }
}

/// `system/event/{event_name}`: the same scripts, as clients before 2.3 know them.
pub(super) fn old_form(service: &SystemService, call: &Call<'_>, name: &str) -> Result<Response> {
    let Some(resource) = resources::find("event_script") else { return Err(not_found()) };
    let warnings = warnings(call, &call.request.payload, Some(name))?;
    let mut answer = match call.request.verb {
        Verb::Post => put(service, call, resource, name)?.1,
        _ => Records::of(call, resource, Some(name)).run(service, call).map_err(|error| match error.status {
            404 => not_found(),
            _ => error,
        })?,
    };
    if call.request.verb == Verb::Get
        && let Some(script) = answer.as_object_mut()
        && call.request.parameter(&["fields"]).is_none_or(|fields| fields == "*")
    {
        let affects = [".pre_process", ".post_process"].iter().any(|suffix| name.ends_with(suffix));
        script.insert("affects_process".into(), json!(affects));
    }
    let mut response = Response::ok(answer);
    attach(&mut response, &warnings);
    Ok(response)
}

fn not_found() -> Error {
    Error::not_found("Script not found.")
}

/// Creates the script, or changes it in part when it is there. The name of the path wins over one in the body. Tells whether
/// it was created.
fn put(
    service: &SystemService,
    call: &Call<'_>,
    resource: &'static RecordResource,
    name: &str,
) -> Result<(bool, Value)> {
    let mut script = single(&call.request.payload)?;
    script.insert("name".into(), json!(name));
    let exists = exists(service, name)?;
    if !exists {
        let mut request = Records::of(call, resource, None);
        request.payload = json!({ "resource": [script] });
        match request.run(service, call) {
            Ok(mut answer) => {
                let created = answer.get_mut("resource").and_then(|list| list.get_mut(0)).map(Value::take);
                return Ok((true, created.unwrap_or_default()));
            }
            Err(error) => {
                let error = unbatched(error);
                // Somebody else created it in between.
                if error.status != 409 {
                    return Err(error);
                }
            }
        }
    }
    let mut request = Records::of(call, resource, Some(name));
    request.verb = Verb::Patch;
    request.payload = Value::Object(script);
    Ok((false, request.run(service, call)?))
}

fn exists(service: &SystemService, name: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM event_script WHERE name = ?";
    Ok(service.store().one(sql, &[Bound::Text(name.to_owned())], |_| ())?.is_some())
}

/// The only record of a body: bare, or wrapped.
fn single(payload: &Value) -> Result<Object> {
    let mut found = Vec::new();
    each_record(&mut payload.clone(), &mut |record| found.push(std::mem::take(record)));
    match <[Object; 1]>::try_from(found) {
        Ok([script]) if !script.is_empty() => Ok(script),
        _ => Err(Error::no_records()),
    }
}

fn warnings(call: &Call<'_>, payload: &Value, name: Option<&str>) -> Result<Vec<String>> {
    if !matches!(call.request.verb, Verb::Post | Verb::Put | Verb::Patch) {
        return Ok(Vec::new());
    }
    let mut records = Vec::new();
    each_record(&mut payload.clone(), &mut |record| records.push(std::mem::take(record)));
    resources::warnings(call, &records.iter().collect::<Vec<_>>(), name)
}
