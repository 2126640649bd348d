//! `system/cache`: what is kept in memory, and forgetting it (system-and-users 4.11).

use super::SystemService;
use antiphon_gateway::{Cache, Call};
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};

/// Answers for the cache of everything, of one service, of one event's script.
pub(super) fn handle(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    if call.request.verb == Verb::Get {
        return Ok(list(call));
    }
    let registry = call.gateway.registry();
    match call.matched.route.pattern() {
        "cache/{service}" => {
            let name = call.matched.parameter("service");
            let entry =
                registry.find(name).ok_or_else(|| Error::not_found(format!("Could not find a service for {name}")))?;
            call.gateway.forget_linked(Some(&format!("service.{}", entry.name)));
            match entry.service.cache() {
                Some(cache) => cache.flush(),
                None if entry.id == call.entry.id => service.reload()?,
                None => return Err(Error::not_implemented("Service does not implement API controlled cache.")),
            }
        }
        "cache" => {
            call.gateway.forget_linked(None);
            service.reload()?;
            registry.list().iter().filter_map(|entry| entry.service.cache()).for_each(Cache::flush);
        }
        _ => {
            call.gateway.forget_linked(Some(call.matched.parameter("name")));
            service.reload()?;
        }
    }
    Ok(Response::ok(json!({ "success": true })))
}

/// The services that keep something in memory: this one and those that say so.
fn list(call: &Call<'_>) -> Response {
    let mut entries = call.gateway.registry().list();
    entries.retain(|entry| entry.id == call.entry.id || entry.service.cache().is_some());
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
