//! Apps: who calls, by API key (system-and-users 4.4).

use super::{Resource, invalid, require, require_if_given};
use crate::system::escalation;
use antiphon_gateway::identity::Secret;
use antiphon_gateway::{Call, MASK};
use antiphon_model::{Error, Object, Result, Value, json};
use antiphon_sql::records::Stage;
use antiphon_sql::statement::Bound;

const KEY_CHARS: usize = 64;
/// The last of the apps that every installation begins with; their keys are public.
const LAST_SEEDED: i64 = 3;

const FILE_STORAGE: i64 = 1;
const URL: i64 = 2;
const SERVER_PATH: i64 = 3;

pub(super) struct Apps;

impl Resource for Apps {
    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        require(record, "name")?;
        check_type(call, &Object::new(), record)?;
        match given_key(record)? {
            true => Ok(()),
            false => new_key(record),
        }
    }

    /// A key that another app has makes way for a new one.
    fn settle(&self, _call: &Call<'_>, stage: &Stage<'_>, record: &mut Object) -> Result<()> {
        let Some(key) = record.get("api_key").and_then(Value::as_str) else { return Ok(()) };
        let mut is_taken = false;
        stage.query("SELECT 1 FROM app WHERE api_key = ?", &[Bound::Text(key.to_owned())], &mut |_| {
            is_taken = true;
            Ok(())
        })?;
        if is_taken { new_key(record) } else { Ok(()) }
    }

    fn delete(&self, call: &Call<'_>, existing: &Object) -> Result<()> {
        let has_storage = existing.get("type").and_then(Value::as_i64) == Some(FILE_STORAGE);
        match has_storage && call.request.flag("delete_storage") {
            true => Err(Error::not_implemented(
                "The files of an app can't be deleted in this release: call without delete_storage to delete the app alone.",
            )),
            false => Ok(()),
        }
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        require_if_given(record, "name")?;
        check_type(call, existing, record)?;
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

    fn computed_from(&self) -> &'static [&'static str] {
        &["type", "url", "path", "storage_service_id", "storage_container"]
    }

    fn complete(&self, call: &Call<'_>, row: &mut Object) {
        let url = launch_url(call, row);
        row.insert("launch_url".into(), json!(url));
        if row.contains_key("api_key") && !may_know_key(call, row) {
            row.insert("api_key".into(), json!(MASK));
        }
    }
}

/// Whoever has the key has what the app's default role grants, so nobody is told the key of an app whose role is beyond their
/// own. A row that does not tell the role counts as beyond.
fn may_know_key(call: &Call<'_>, row: &Object) -> bool {
    call.session.is_admin()
        || match row.get("role_id") {
            None => false,
            Some(Value::Null) => true,
            Some(role) => role.as_i64().is_some_and(|role| escalation::is_within(call, role)),
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

/// Each type of app needs to know where the app is.
fn check_type(call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
    normalize_type(record);
    if !["type", "url", "path", "storage_service_id"].iter().any(|field| record.contains_key(*field)) {
        return Ok(());
    }
    let settled = |field: &str| record.get(field).or_else(|| existing.get(field));
    let is_missing = |field: &str| settled(field).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    match settled("type").and_then(Value::as_i64) {
        Some(URL) if is_missing("url") => Err(invalid("url", "The url field is required for an app of type URL.")),
        Some(SERVER_PATH) if is_missing("path") => {
            Err(invalid("path", "The path field is required for an app on this server."))
        }
        Some(FILE_STORAGE) if settled("storage_service_id").is_none_or(Value::is_null) => {
            let files = call.gateway.registry().find(FILES_SERVICE).ok_or_else(|| {
                invalid("storage_service_id", "The storage service id field is required for an app in a file service.")
            })?;
            record.insert("storage_service_id".into(), json!(files.id));
            Ok(())
        }
        Some(0..=3) | None => Ok(()),
        Some(other) => Err(invalid("type", &format!("There is no app type {other}; it is 0, 1, 2 or 3."))),
    }
}

/// Where the files of an app are when it does not say.
const FILES_SERVICE: &str = "files";

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
