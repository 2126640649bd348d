//! `system/event_script`, and its form before 2.3 below `system/event` (events-and-scripting 6.3, 6.7).

use super::records::{Records, each_record};
use super::resources::{self, RecordResource};
use super::{SystemService, upsert, written};
use crate::api_docs::types_of_event;
use antiphon_gateway::Call;
use antiphon_model::{Content, Error, Response, Result, Value, Verb, json};

/// Media type of TypeScript's declarations.
const TYPES: &str = "text/x-typescript; charset=utf-8";

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
            let (created, answer) = upsert::put(service, call, resource, name)?;
            if created { Response::created(answer) } else { Response::ok(answer) }
        }
        _ => written(call.request.verb, request.run(service, call)?),
    };
    attach(&mut response, &warnings);
    Ok(response)
}

/// Tells the client what it should know although its scripts are stored.
pub(super) fn attach(response: &mut Response, warnings: &[String]) {
    if !warnings.is_empty() {
        // Header values are plain text on one line.
        let text = warnings.join(" ").replace(|character: char| !matches!(character, ' '..='~'), " ").replace('"', "'");
        response.headers.insert("warning".into(), format!("199 - \"{text}\""));
    }
}

/// `system/event/{event_name}`: the same scripts, as clients before 2.3 know them.
pub(super) fn old_form(service: &SystemService, call: &Call<'_>, name: &str) -> Result<Response> {
    if call.request.verb == Verb::Get
        && let Some(language) = call.request.parameter(&["types"])
    {
        return types(call, name, &language);
    }
    let Some(resource) = resources::find("event_script") else { return Err(not_found()) };
    let warnings = warnings(call, &call.request.payload, Some(name))?;
    let mut answer = match call.request.verb {
        Verb::Post => upsert::put(service, call, resource, name)?.1,
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

/// The types of an event, for editors: `?types=typescript`.
fn types(call: &Call<'_>, name: &str, language: &str) -> Result<Response> {
    if !language.eq_ignore_ascii_case("typescript") {
        return Err(Error::bad_request(format!("There are no types for '{language}'; ask for types=typescript.")));
    }
    let text = types_of_event(call, name)?;
    Ok(Response { content: Content::Text(text), content_type: Some(TYPES.to_owned()), ..Response::ok(Value::Null) })
}

fn not_found() -> Error {
    Error::not_found("Script not found.")
}

fn warnings(call: &Call<'_>, payload: &Value, name: Option<&str>) -> Result<Vec<String>> {
    if !matches!(call.request.verb, Verb::Post | Verb::Put | Verb::Patch) {
        return Ok(Vec::new());
    }
    let mut records = Vec::new();
    each_record(&mut payload.clone(), &mut |record| records.push(std::mem::take(record)));
    resources::warnings(call, &records.iter().collect::<Vec<_>>(), name)
}
