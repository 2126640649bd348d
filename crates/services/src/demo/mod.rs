//! The demo: tables with rows, an app with a key, and five scripts that a person can see at work.
//!
//! Everything goes in through the gateway, as an administrator would do it.

use antiphon_gateway::{Credentials, Gateway};
use antiphon_model::{Content, Error, Request, Result, Value, Verb, json};
use std::sync::Arc;

/// The demo's scripts: event, and the text that is attached to it.
const SCRIPTS: [(&str, &str); 5] = [
    ("db._table.todo.post.pre_process", include_str!("scripts/reject_invalid_todo.js")),
    ("db._table.todo.get.pre_process", include_str!("scripts/show_public_todos_only.js")),
    ("db._table.contact.get.post_process", include_str!("scripts/hide_private_notes.js")),
    ("db._table.account.get.post_process", include_str!("scripts/add_standing.js")),
    ("db._table.{table_name}.get.post_process", include_str!("scripts/count_calls.js")),
];

const TABLES: &str = include_str!("tables.json");
const RECORDS: &str = include_str!("records.json");

/// Name of the demo's app; its presence says that the demo is installed.
const APP: &str = "demo";

/// Installs the demo once and answers with the API key of its app.
///
/// # Errors
/// Whatever the gateway answered when a step failed.
pub async fn install(gateway: &Arc<Gateway>, admin_email: &str, admin_password: &str) -> Result<String> {
    let log_in = json!({ "email": admin_email, "password": admin_password });
    let session = call(gateway, None, Verb::Post, "system", "admin/session", log_in).await?;
    let token = session["session_token"].as_str().map(str::to_owned);
    if let Some(key) = installed_key(gateway, &token).await? {
        return Ok(key);
    }
    let parse =
        |text: &str| serde_json::from_str::<Value>(text).map_err(|error| Error::internal("The demo is broken.", error));
    call(gateway, token.clone(), Verb::Post, "db", "_schema", parse(TABLES)?).await?;
    if let Value::Object(tables) = parse(RECORDS)? {
        for (table, records) in tables {
            let body = json!({ "resource": records });
            call(gateway, token.clone(), Verb::Post, "db", &format!("_table/{table}"), body).await?;
        }
    }
    for (event, source) in SCRIPTS {
        let script =
            json!({ "type": "javascript", "content": source, "is_active": true, "allow_event_modification": true });
        call(gateway, token.clone(), Verb::Post, "system", &format!("event_script/{event}"), script).await?;
    }
    let role = call(gateway, token.clone(), Verb::Post, "system", "role", role(gateway)).await?;
    let app = json!({ "resource": [{
        "name": APP, "description": "The demo's client", "is_active": true, "type": 0, "role_id": role["resource"][0]["id"],
    }] });
    call(gateway, token.clone(), Verb::Post, "system", "app", app).await?;
    installed_key(gateway, &token).await?.ok_or_else(|| Error::new(500, "The demo's app has no API key."))
}

/// Clients may read and write the four tables; the count is for scripts to write and for everybody to read.
fn role(gateway: &Gateway) -> Value {
    const API: u8 = 1;
    const SCRIPT: u8 = 2;
    const READ: u8 = 1;
    const ALL: u8 = 31;
    let service_id = gateway.registry().find("db").map(|entry| entry.id);
    let rows = [
        ("_table/account/*", ALL, API | SCRIPT),
        ("_table/contact/*", ALL, API | SCRIPT),
        ("_table/contact_info/*", ALL, API | SCRIPT),
        ("_table/todo/*", ALL, API | SCRIPT),
        ("_table/call_count/*", READ, API),
        ("_table/call_count/*", ALL, SCRIPT),
    ];
    let access: Vec<Value> = rows
        .into_iter()
        .map(|(component, verb_mask, requestor_mask)| {
            json!({
                "service_id": service_id, "component": component, "verb_mask": verb_mask,
                "requestor_mask": requestor_mask,
            })
        })
        .collect();
    json!({ "resource": [{
        "name": APP, "description": "What the demo's client may do", "is_active": true,
        "role_service_access_by_role_id": access,
    }] })
}

async fn installed_key(gateway: &Arc<Gateway>, token: &Option<String>) -> Result<Option<String>> {
    let found =
        call(gateway, token.clone(), Verb::Get, "system", "app", json!({ "filter": format!("name = '{APP}'") }))
            .await?;
    Ok(found["resource"][0]["api_key"].as_str().map(str::to_owned))
}

/// One call; for reads, `body` holds the parameters.
async fn call(
    gateway: &Arc<Gateway>,
    session_token: Option<String>,
    verb: Verb,
    service: &str,
    resource: &str,
    body: Value,
) -> Result<Value> {
    let mut request = Request::new(verb, service, resource);
    match (verb, body) {
        (Verb::Get, Value::Object(parameters)) => request.parameters = parameters,
        (_, body) => request.payload = body,
    }
    let credentials = Credentials { session_token, ..Credentials::default() };
    let response = gateway.call(request, credentials).await.response;
    let Content::Value(body) = response.content else { return Ok(Value::Null) };
    if response.status >= 400 {
        let reason = body["error"]["message"].as_str().unwrap_or("no reason given");
        return Err(Error::internal(
            "The demo could not be installed.",
            format!("{verb} {service}/{resource}: {reason}"),
        ));
    }
    Ok(body)
}
