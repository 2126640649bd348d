//! `system/config`: settings of the instance, kept in the configuration of the system service (system-and-users 4.11).

use super::SystemService;
use super::resources::Effect;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};
use antiphon_sql::statement::Bound;

/// Answers the settings, after changing those that are sent.
pub(super) fn handle(service: &SystemService, call: &Call<'_>) -> Result<Response> {
    let store = service.store();
    let id = Bound::Integer(call.entry.id);
    let sql = "SELECT config FROM service WHERE id = ?";
    let stored = store.one(sql, std::slice::from_ref(&id), |row| super::store::text(row, 0))?;
    let mut config: Object = stored.flatten().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if call.request.verb != Verb::Get {
        let Value::Object(sent) = &call.request.payload else {
            return Err(Error::bad_request("An object of settings is needed in the body of the request."));
        };
        config.extend(sent.clone());
        let text = Bound::Text(Value::Object(config.clone()).to_string());
        store.database().execute("UPDATE service SET config = ? WHERE id = ?", &[text, id])?;
        service.announce(call, Effect::Services);
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
        settings.extend(config);
    }
    Ok(Response::ok(answer))
}
