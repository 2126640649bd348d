//! What administrators should know of the script services that they store (events-and-scripting 5.1).

use super::event_script::mistake;
use crate::system::records::each_record;
use crate::system::service_type;
use antiphon_gateway::Call;
use antiphon_model::{Object, Value, Verb, truthy};

/// Why these services will not answer, one sentence each. `id` is the one in the path.
pub(in crate::system) fn warnings(call: &Call<'_>, id: Option<&str>) -> Vec<String> {
    let mut warnings = Vec::new();
    if matches!(call.request.verb, Verb::Post | Verb::Put | Verb::Patch) {
        each_record(&mut call.request.payload.clone(), &mut |record| collect(call, id, record, &mut warnings));
    }
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    warnings
}

fn collect(call: &Call<'_>, id: Option<&str>, record: &Object, warnings: &mut Vec<String>) {
    let id = id.and_then(|id| id.parse().ok()).or(record.get("id").and_then(Value::as_i64));
    let stored = id.and_then(|id| call.gateway.registry().find_by_id(id));
    let text = |field: &str| record.get(field).and_then(Value::as_str);
    let Some(kind) = text("type").or(stored.as_ref().map(|entry| entry.kind.as_str())) else { return };
    let Some(Value::Object(config)) = record.get("config") else { return };
    if service_type::group(kind) != "Script" {
        return;
    }
    let name = text("name").or(stored.as_ref().map(|entry| entry.name.as_str())).unwrap_or_default();
    let set = |field: &str| config.get(field).filter(|value| !value.is_null() && *value != "");
    if set("queued").is_some_and(truthy)
        && let (Some(jobs), Some(options)) = (call.gateway.jobs(), set("config"))
    {
        let mistakes = jobs.mistakes(options);
        warnings.extend(mistakes.iter().map(|mistake| format!("In the config of service '{name}' {mistake}")));
    }
    if let Err(reason) = call.gateway.engines().usable(kind) {
        warnings.push(format!("Service '{name}' is stored, but can't run: {}", reason.message));
    } else if let Some(mistake) = mistake(call, kind, set("content").and_then(Value::as_str)) {
        warnings.push(format!("Service '{name}' can't run: {mistake}"));
    }
}
