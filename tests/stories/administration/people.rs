//! Roles, apps and users for stories about rights.

use crate::support::{Caller, TestApp, Value, json};

/// The password of the people here.
pub const PASSWORD: &str = "Passw0rd1234567";

/// Identifiers of the services that every installation begins with.
pub const SYSTEM: i64 = 1;
pub const DB: i64 = 5;

/// A row of a role: what it grants to calls from outside and from scripts.
pub fn grant(service_id: i64, component: &str, verb_mask: u8) -> Value {
    json!({"service_id": service_id, "component": component, "verb_mask": verb_mask, "requestor_mask": 3})
}

/// Creates a record of a system resource; its identifier.
pub fn create(app: &TestApp, resource: &str, record: Value) -> i64 {
    let created = app.admin().post(&format!("system/{resource}"), json!({"resource": [record]})).expect(201);
    created["resource"][0]["id"].as_i64().unwrap()
}

/// A role that is active.
pub fn role(app: &TestApp, name: &str, rows: &[Value]) -> i64 {
    create(app, "role", json!({"name": name, "is_active": true, "role_service_access_by_role_id": rows}))
}

/// An app, and its key.
pub struct Client {
    pub id: i64,
    pub key: String,
}

/// An active app with that default role.
pub fn client(app: &TestApp, name: &str, role_id: Option<i64>) -> Client {
    let record = json!({"name": name, "is_active": true, "type": 0, "role_id": role_id});
    let created = app.admin().post("system/app?fields=id,api_key", json!({"resource": [record]})).expect(201);
    let created = &created["resource"][0];
    Client { id: created["id"].as_i64().unwrap(), key: created["api_key"].as_str().unwrap().to_owned() }
}

impl Client {
    /// Somebody with the key of this app and nothing else.
    pub fn key_only<'a>(&self, app: &'a TestApp) -> Caller<'a> {
        app.anonymous().with("X-DreamFactory-API-Key", &self.key)
    }

    /// Somebody with the key of this app and that session.
    pub fn session<'a>(&self, app: &'a TestApp, token: &str) -> Caller<'a> {
        self.key_only(app).with("X-DreamFactory-Session-Token", token)
    }
}

/// A user who is logged in.
pub struct Person {
    pub id: i64,
    pub email: String,
    pub token: String,
}

/// A user with these roles in these apps.
pub fn person(app: &TestApp, name: &str, roles: &[(&Client, i64)]) -> Person {
    let email = format!("{name}@example.com");
    let assignments: Vec<Value> =
        roles.iter().map(|(client, role)| json!({"app_id": client.id, "role_id": role})).collect();
    let record = json!({
        "name": name, "first_name": name, "email": email, "password": PASSWORD, "is_active": true,
        "user_to_app_to_role_by_user_id": assignments,
    });
    let id = create(app, "user", record);
    let session = app.anonymous().post("user/session", json!({"email": email, "password": PASSWORD})).expect(200);
    Person { id, email, token: session["session_token"].as_str().unwrap().to_owned() }
}
