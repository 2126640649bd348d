//! A large installation: users, roles and access rows beside those of the one who calls.

use crate::error::{BenchError, Result};
use crate::platform::Platform;
use serde_json::{Value, json};

/// Access rows of each role, the caller's included; each names a table of its own.
const ROWS: usize = 10;
/// Users that share a role.
const USERS: usize = 10;
/// Records that one call of the set-up creates.
const BATCH: usize = 200;
const EMAIL: &str = "person@example.com";
const PASSWORD: &str = "PersonPassw0rd12345";

/// Adds so many users, a tenth as many roles, and in these as many access rows as users.
///
/// # Errors
/// When a call of the set-up fails.
pub fn add_people(platform: &Platform, users: usize) -> Result<()> {
    let app = platform.call("POST", "/api/v2/system/app", &json!({"resource": [app("people")]}))?;
    let app = &app["resource"][0]["id"];
    let mut roles = Vec::new();
    let numbers: Vec<usize> = (0..users.div_ceil(USERS)).collect();
    for batch in numbers.chunks(BATCH) {
        let records: Vec<Value> = batch.iter().map(|number| role(platform, &format!("role {number}"))).collect();
        let stored = platform.call("POST", "/api/v2/system/role", &json!({ "resource": records }))?;
        roles.extend(stored["resource"].as_array().into_iter().flatten().map(|role| role["id"].clone()));
    }
    let numbers: Vec<usize> = (0..users).collect();
    for batch in numbers.chunks(BATCH) {
        let record = |number: &usize| {
            let assignment = json!({"app_id": app, "role_id": roles.get(number / USERS)});
            json!({
                "name": format!("User {number}"), "email": format!("user{number}@example.com"),
                "user_to_app_to_role_by_user_id": [assignment],
            })
        };
        let records: Vec<Value> = batch.iter().map(record).collect();
        platform.call("POST", "/api/v2/system/user", &json!({ "resource": records }))?;
    }
    Ok(())
}

/// Adds the user who calls, with a role of their own in an app without one; gives the call.
///
/// # Errors
/// When a call of the set-up fails.
pub fn add_person(platform: &Platform) -> Result<Vec<u8>> {
    let app = platform.call("POST", "/api/v2/system/app?fields=*", &json!({"resource": [app("own")]}))?;
    let app = &app["resource"][0];
    let role = platform.call("POST", "/api/v2/system/role", &json!({"resource": [role(platform, "own")]}))?;
    let assignment = json!({"app_id": app["id"], "role_id": role["resource"][0]["id"]});
    let user = json!({
        "name": "Person", "email": EMAIL, "password": PASSWORD, "user_to_app_to_role_by_user_id": [assignment],
    });
    platform.call("POST", "/api/v2/system/user", &json!({"resource": [user]}))?;
    let login = json!({"email": EMAIL, "password": PASSWORD});
    let session = platform.call("POST", "/api/v2/user/session", &login)?;
    match (session["session_token"].as_str(), app["api_key"].as_str()) {
        (Some(token), Some(key)) => Ok(platform.as_person(key, token)),
        _ => Err(BenchError::Answer { what: "logging in".to_owned(), status: 200, body: session.to_string() }),
    }
}

fn app(name: &str) -> Value {
    json!({"name": name, "is_active": true, "type": 0})
}

/// A role whose last row is the one that lets the measured call through.
fn role(platform: &Platform, name: &str) -> Value {
    let row = |component: String| json!({"service_id": platform.database_id(), "component": component, "verb_mask": 1, "requestor_mask": 3});
    let mut rows: Vec<Value> = (1..ROWS).map(|number| row(format!("_table/other_{number}/*"))).collect();
    rows.push(row("_table/todo/*".to_owned()));
    json!({"name": name, "is_active": true, "role_service_access_by_role_id": rows})
}
