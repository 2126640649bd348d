//! `system/script_type`: the languages that scripts can be written in here (system-and-users 4.8).

use super::listing;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Response, Result, Value, json};
use antiphon_script::{ScriptType, script_types};

/// The languages that can run.
pub(super) fn list(call: &Call<'_>) -> Response {
    listing::answer(call.request, script_types().iter().map(|known| describe(call, known)).collect())
}

/// One of them.
///
/// # Errors
/// 404 for one that can't run here.
pub(super) fn one(call: &Call<'_>, name: &str) -> Result<Response> {
    let known = script_types().iter().find(|known| known.name == name);
    let known = known.ok_or_else(|| Error::not_found(format!("Script engine type '{name}' not found.")))?;
    Ok(Response::ok(Value::Object(listing::selected(call.request, describe(call, known)))))
}

/// A type that can't run here says so, and why.
fn describe(call: &Call<'_>, known: &ScriptType) -> Object {
    let mut described = json!({
        "name": known.name,
        "label": known.label,
        "description": known.description,
        "sandboxed": known.sandboxed,
        "supports_inline_execution": known.supports_inline_execution,
    });
    if let Err(reason) = call.gateway.engines().usable(known.name) {
        described["available"] = json!(false);
        described["reason"] = json!(reason.message);
    }
    described.as_object().cloned().unwrap_or_default()
}
