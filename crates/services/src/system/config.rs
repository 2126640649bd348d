//! `system/config`: settings of the instance, kept in the configuration of the system service (system-and-users 4.11).

use super::SystemService;
use super::records::Records;
use super::resources;
use antiphon_gateway::Call;
use antiphon_model::{Error, Response, Result, Value, Verb, json};

/// Answers the settings, after changing those that are sent.
pub(super) fn handle(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    if call.request.verb != Verb::Get {
        store(service, call)?;
    }
    let mut answer = json!({
        "db_version": env!("CARGO_PKG_VERSION"),
        "login_with_user_name": false,
        "default_app_id": null,
        "editable_profile_fields": null,
        "restricted_verbs": [],
        "timestamp_format": null,
    });
    if let Some(settings) = answer.as_object_mut() {
        settings.extend(service.store().service_config("system")?);
    }
    Ok(Response::ok(answer))
}

/// Changes the settings that are sent, as a change of the service that holds them.
fn store(service: &SystemService, call: &Call<'_>) -> Result<()> {
    let Value::Object(sent) = &call.request.payload else {
        return Err(Error::bad_request("An object of settings is needed in the body of the request."));
    };
    let Some(resource) = resources::find("service") else { return Ok(()) };
    let id = call.entry.id.to_string();
    let mut change = Records::of(call, resource, Some(&id));
    change.verb = Verb::Patch;
    change.parameters.clear();
    change.payload = json!({ "config": sent });
    change.run(service, call).map(drop)
}
