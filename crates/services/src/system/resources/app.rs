//! Apps: who calls, by API key (system-and-users 4.4).

use super::{Resource, invalid, require, require_if_given};
use antiphon_gateway::Call;
use antiphon_gateway::identity::Secret;
use antiphon_model::{Object, Result, Value, json};

const KEY_CHARS: usize = 64;
/// The last of the apps that every installation begins with; their keys are public.
const LAST_SEEDED: i64 = 3;

const FILE_STORAGE: i64 = 1;
const URL: i64 = 2;
const SERVER_PATH: i64 = 3;

pub(super) struct Apps;

impl Resource for Apps {
    fn create(&self, _call: &Call<'_>, record: &mut Object) -> Result<()> {
        require(record, "name")?;
        check_type(record)?;
        match given_key(record)? {
            true => Ok(()),
            false => new_key(record),
        }
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        require_if_given(record, "name")?;
        normalize_type(record);
        given_key(record)?;
        let is_seeded = existing.get("id").and_then(Value::as_i64).is_some_and(|id| id <= LAST_SEEDED);
        if is_seeded && record.get("role_id").is_some_and(|role| !role.is_null()) {
            tracing::warn!(app = ?existing.get("name"), "this app's API key is public, and it was given a default role");
        }
        match call.request.flag("regenerate") {
            true => new_key(record),
            false => Ok(()),
        }
    }

    fn computed(&self) -> &'static [(&'static str, &'static str)] {
        &[("launch_url", "string")]
    }

    fn complete(&self, call: &Call<'_>, row: &mut Object) {
        let url = launch_url(call, row);
        row.insert("launch_url".into(), json!(url));
    }
}

/// Where the app is opened; empty for apps that are opened elsewhere.
pub(in crate::system) fn launch_url(call: &Call<'_>, row: &Object) -> String {
    let text = |field: &str| row.get(field).and_then(Value::as_str).unwrap_or_default().trim_start_matches('/');
    match row.get("type").and_then(Value::as_i64) {
        Some(URL) => text("url").to_owned(),
        Some(SERVER_PATH) if !text("path").is_empty() => format!("{}/{}", host(call), text("path")),
        Some(FILE_STORAGE) => {
            let service = row.get("storage_service_id").and_then(Value::as_i64);
            let Some(service) = service.and_then(|id| call.gateway.registry().find_by_id(id)) else {
                return String::new();
            };
            let parts = [service.name.as_str(), text("storage_container"), text("path")];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            format!("{}/{}", host(call), parts.join("/"))
        }
        _ => String::new(),
    }
}

/// Scheme and host as the client sees them; nothing for calls that no client made.
fn host<'a>(call: &'a Call<'_>) -> &'a str {
    call.session.client.host_url.as_deref().unwrap_or_default()
}

fn check_type(record: &mut Object) -> Result<()> {
    normalize_type(record);
    let is_missing = |field: &str| record.get(field).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    match record.get("type").and_then(Value::as_i64) {
        Some(URL) if is_missing("url") => Err(invalid("url", "The url field is required for an app of type URL.")),
        Some(SERVER_PATH) if is_missing("path") => {
            Err(invalid("path", "The path field is required for an app on this server."))
        }
        Some(FILE_STORAGE) if record.get("storage_service_id").is_none_or(Value::is_null) => {
            record.insert("storage_service_id".into(), json!(FILES_SERVICE));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The file service that every installation begins with.
const FILES_SERVICE: i64 = 3;

/// Clients send the type as a number or as its text.
fn normalize_type(record: &mut Object) {
    if let Some(number) = record.get("type").and_then(Value::as_str).and_then(|text| text.trim().parse::<i64>().ok()) {
        record.insert("type".into(), json!(number));
    }
}

/// Whether the client chose a key, which must then be as long as ours.
fn given_key(record: &mut Object) -> Result<bool> {
    match record.get("api_key").and_then(Value::as_str) {
        None | Some("") => {
            record.remove("api_key");
            Ok(false)
        }
        Some(key) if key.chars().count() < KEY_CHARS => {
            Err(invalid("api_key", &format!("The api key field must be at least {KEY_CHARS} characters.")))
        }
        Some(key) if !key.chars().all(|character| character.is_ascii_alphanumeric()) => {
            Err(invalid("api_key", "The api key field may only contain letters and digits."))
        }
        Some(_) => Ok(true),
    }
}

fn new_key(record: &mut Object) -> Result<()> {
    let key: String = Secret::generate()?.0.iter().map(|byte| format!("{byte:02x}")).collect();
    record.insert("api_key".into(), json!(key));
    Ok(())
}
