//! Scripts as the API tells them, as files, and back.

use super::api::Api;
use antiphon_model::{Object, Value, Verb, json};
use antiphon_services::script_files::{ScriptFile, Section};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;

/// Records asked for at once.
const PAGE: usize = 200;
/// Members of an event script's record that are settings.
const EVENT_SETTINGS: [&str; 6] =
    ["is_active", "allow_event_modification", "config", "storage_path", "scm_repository", "scm_reference"];
/// Members of a service's record that are settings.
const SERVICE_SETTINGS: [&str; 4] = ["is_active", "label", "description", "config"];
/// Members of a library's record that are settings.
const LIBRARY_SETTINGS: [&str; 2] = ["is_active", "description"];
/// The relation by which a service has its document.
const DOCUMENT: &str = "service_doc_by_service_id";

/// A script of the server's.
pub struct Stored {
    /// As it is written to files.
    pub script: ScriptFile,
    /// The identifier of its service; event scripts and libraries are known by name.
    id: Option<i64>,
}

/// The scripts of a server.
pub struct Server<'a> {
    api: &'a dyn Api,
    /// Names of all services, by identifier.
    services: BTreeMap<i64, String>,
}

impl Server<'_> {
    /// The server behind that API.
    ///
    /// # Errors
    /// When its services can't be listed.
    pub async fn of(api: &dyn Api) -> Result<Server<'_>, String> {
        let mut services = BTreeMap::new();
        for record in list(api, "system/service", "&fields=id%2Cname").await? {
            if let (Some(id), Some(name)) = (record["id"].as_i64(), record["name"].as_str()) {
                services.insert(id, name.to_owned());
            }
        }
        Ok(Server { api, services })
    }

    /// Every script of a section.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn scripts(&self, section: Section) -> Result<Vec<Stored>, String> {
        let records = match section {
            Section::Events => list(self.api, "system/event_script", "").await?,
            Section::Libraries if !self.has_libraries().await? => Vec::new(),
            Section::Libraries => list(self.api, "system/script_library", "").await?,
            Section::Services => {
                let types = self.api.ask(Verb::Get, "system/script_type", Value::Null).await?;
                let types: Vec<&str> = types["resource"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|kind| kind["name"].as_str())
                    .collect();
                let mut records = list(self.api, "system/service", &format!("&related={DOCUMENT}")).await?;
                records.retain(|record| record["type"].as_str().is_some_and(|kind| types.contains(&kind)));
                records
            }
        };
        Ok(records.into_iter().filter_map(|record| self.stored(section, record)).collect())
    }

    /// Servers of the original have no shared code.
    async fn has_libraries(&self) -> Result<bool, String> {
        Ok(self.api.call(Verb::Get, "system/script_library?limit=1", Value::Null).await?.status != 404)
    }

    fn stored(&self, section: Section, record: Value) -> Option<Stored> {
        let id = record["id"].as_i64();
        let Value::Object(mut record) = record else { return None };
        let name = record.get("name")?.as_str()?.to_owned();
        let kind = record.get("type")?.as_str()?.to_owned();
        let mut settings = Object::new();
        let mut keep = |names: &[&str], record: &mut Object| {
            for name in names {
                settings.extend(
                    record
                        .shift_remove(*name)
                        .filter(|value| !value.is_null())
                        .map(|value| ((*name).to_owned(), value)),
                );
            }
        };
        let mut content = record.shift_remove("content");
        match section {
            Section::Libraries => keep(&LIBRARY_SETTINGS, &mut record),
            Section::Events => {
                keep(&EVENT_SETTINGS, &mut record);
                self.name_storage(&record, &mut settings);
                // Without a service the path is that of a file in the server's own folder of scripts.
                if !settings.contains_key("storage_service") {
                    settings.shift_remove("storage_path");
                }
            }
            Section::Services => {
                keep(&SERVICE_SETTINGS, &mut record);
                if let Some(Value::Object(config)) = settings.get_mut("config") {
                    content = config.shift_remove("content");
                    let storage = std::mem::take(config);
                    let mut named = Object::new();
                    self.name_storage(&storage, &mut named);
                    *config = storage;
                    config.retain(|name, value| {
                        !["service_id", "storage_service_id"].contains(&name.as_str()) && !value.is_null()
                    });
                    config.extend(named);
                }
                settings.extend(document_of(&record).map(|document| ("doc".to_owned(), document)));
            }
        }
        let content = content.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Stored { script: ScriptFile { section, name, kind, content, settings }, id })
    }

    /// Identifiers of services differ from server to server, names need not.
    fn name_storage(&self, record: &Object, settings: &mut Object) {
        let service = record.get("storage_service_id").and_then(Value::as_i64).and_then(|id| self.services.get(&id));
        settings.extend(service.map(|name| ("storage_service".to_owned(), json!(name))));
    }

    fn storage_id(&self, settings: &Object) -> Result<Value, String> {
        let Some(name) = settings.get("storage_service").and_then(Value::as_str) else { return Ok(Value::Null) };
        let found = self.services.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        found
            .map(|(id, _)| json!(id))
            .ok_or_else(|| format!("The server has no service '{name}', which the script is linked to."))
    }

    /// Stores a script: a new one, or in place of the one that is there.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn put(&self, script: &ScriptFile, before: Option<&Stored>) -> Result<(), String> {
        let name = utf8_percent_encode(&script.name, NON_ALPHANUMERIC);
        match script.section {
            Section::Events => {
                let mut record = members(script, &EVENT_SETTINGS);
                record.insert("storage_service_id".into(), self.storage_id(&script.settings)?);
                self.api.ask(Verb::Post, &format!("system/event_script/{name}"), Value::Object(record)).await?;
            }
            Section::Libraries => {
                let record = Value::Object(members(script, &LIBRARY_SETTINGS));
                self.api.ask(Verb::Post, &format!("system/script_library/{name}"), record).await?;
            }
            Section::Services => self.put_service(script, before).await?,
        }
        Ok(())
    }

    async fn put_service(&self, script: &ScriptFile, before: Option<&Stored>) -> Result<(), String> {
        let mut record = members(script, &SERVICE_SETTINGS);
        record.shift_remove("content");
        record.insert("name".into(), json!(script.name));
        let config_of =
            |script: &ScriptFile| script.settings.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
        // What is sent is merged with what is there, so what is gone must be said.
        let gone = before.map(|before| config_of(&before.script)).unwrap_or_default();
        let mut config: Object = gone.into_iter().map(|(name, _)| (name, Value::Null)).collect();
        config.extend(config_of(script));
        config.insert("storage_service_id".into(), self.storage_id(&config)?);
        config.shift_remove("storage_service");
        config.insert("content".into(), json!(script.content));
        record.insert("config".into(), Value::Object(config));
        record.insert(DOCUMENT.into(), document_record(script.settings.get("doc")));
        let (verb, path, payload) = match before.and_then(|before| before.id) {
            Some(id) => {
                record.shift_remove("name");
                (Verb::Patch, format!("system/service/{id}"), Value::Object(record))
            }
            None => (Verb::Post, "system/service".to_owned(), json!({ "resource": [record] })),
        };
        self.api.ask(verb, &path, payload).await.map(drop)
    }

    /// Deletes a script.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn delete(&self, stored: &Stored) -> Result<(), String> {
        let name = utf8_percent_encode(&stored.script.name, NON_ALPHANUMERIC);
        let path = match (stored.script.section, stored.id) {
            (Section::Events, _) => format!("system/event_script/{name}"),
            (Section::Libraries, _) => format!("system/script_library/{name}"),
            (Section::Services, Some(id)) => format!("system/service/{id}"),
            (Section::Services, None) => {
                return Err(format!("The service '{}' has no identifier.", stored.script.name));
            }
        };
        self.api.ask(Verb::Delete, &path, Value::Null).await.map(drop)
    }
}

/// The members of a record that a script's files stand for; null for those that its settings don't have.
fn members(script: &ScriptFile, settings: &[&str]) -> Object {
    let mut record = Object::new();
    record.insert("type".into(), json!(script.kind));
    record.insert("content".into(), json!(script.content));
    for name in settings {
        let unset = if matches!(*name, "is_active" | "allow_event_modification") { json!(false) } else { Value::Null };
        record.insert((*name).to_owned(), script.settings.get(*name).cloned().unwrap_or(unset));
    }
    record
}

/// A service's document: a JSON document as a value, any other as its text.
fn document_of(record: &Object) -> Option<Value> {
    let content = record.get(DOCUMENT)?.get("content")?.as_str()?;
    Some(match serde_json::from_str(content) {
        Ok(value @ Value::Object(_)) => value,
        _ => json!(content),
    })
}

fn document_record(document: Option<&Value>) -> Value {
    match document {
        None => Value::Null,
        Some(Value::String(text)) => json!({ "format": 1, "content": text }),
        Some(value) => json!({ "format": 0, "content": value.to_string() }),
    }
}

/// Every record of a resource, page by page.
async fn list(api: &dyn Api, resource: &str, query: &str) -> Result<Vec<Value>, String> {
    let mut records = Vec::new();
    loop {
        let path = format!("{resource}?order=name&limit={PAGE}&offset={}{query}", records.len());
        let mut answer = api.ask(Verb::Get, &path, Value::Null).await?;
        let Some(Value::Array(page)) = answer.get_mut("resource").map(Value::take) else {
            return Err(format!("{resource} did not answer with a list. Is this a server of the platform?"));
        };
        let is_last = page.len() < PAGE;
        records.extend(page);
        if is_last {
            return Ok(records);
        }
    }
}
