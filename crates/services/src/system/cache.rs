//! `system/cache`: what is kept in memory, and forgetting it (system-and-users 4.11).

use super::SystemService;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};

/// Answers for the cache of everything, of one service, of one event's script.
pub(super) fn handle(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    if call.request.verb == Verb::Get {
        return Ok(list(call));
    }
    let name = call.matched.parameter("service");
    if !name.is_empty() && call.gateway.registry().find(name).is_none() {
        return Err(Error::not_found(format!("Could not find a service for {name}")));
    }
    // Scripts, services and identities are what is kept; reading all of them anew is quick and always right.
    service.reload()?;
    Ok(Response::ok(json!({ "success": true })))
}

fn list(call: &Call<'_>) -> Response {
    let entries = call.gateway.registry().list();
    let all = call.request.parameter(&["fields"]).is_some();
    let described = entries.iter().map(|entry| {
        let mut item = Object::new();
        item.insert("name".into(), json!(entry.name));
        if all {
            item.insert("label".into(), json!(entry.label));
            item.insert("description".into(), json!(entry.description));
            item.insert("type".into(), Value::String(entry.kind.clone()));
        }
        item
    });
    super::listing::answer(call.request, described.collect())
}
