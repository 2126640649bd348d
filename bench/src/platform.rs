//! Antiphon made ready through its own API: a table, two rows, a role, an app, scripts.

use crate::client::{Client, request};
use crate::error::{BenchError, Result, attempt};
use crate::process::{Process, free_address};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The call that is measured.
pub const TODO: &str = "/api/v2/db/_table/todo/1";
/// The call that is measured with a payload; a row of its own, so that the reads stay the same.
pub const TODO_TO_PATCH: &str = "/api/v2/db/_table/todo/2?fields=*";

const ADMIN_EMAIL: &str = "admin@example.com";
const ADMIN_PASSWORD: &str = "AdminPassw0rd12345";
/// Scripts that one call of the set-up creates: far below the limit on bodies.
const SCRIPT_BATCH: usize = 500;

const GET_PRE: &str = include_str!("scripts/get_pre.js");
const PATCH_PRE: &str = include_str!("scripts/patch_pre.js");
const POST: &str = include_str!("scripts/post.js");
const ELSEWHERE: &str = include_str!("scripts/elsewhere.js");

/// A running Antiphon with its data folder, an administrator's session and an app's key.
pub struct Platform {
    /// The process.
    pub process: Process,
    data: PathBuf,
    token: String,
    key: String,
    database_id: Value,
}

/// The command that starts Antiphon with this data folder.
pub fn command(binary: &Path, data: &Path, listen: &str, demo: bool) -> Command {
    let mut command = Command::new(binary);
    command.arg("serve").args(["--listen", listen]).arg("--data").arg(data);
    if demo {
        command.arg("--demo");
    }
    command.env("ANTIPHON_ADMIN_EMAIL", ADMIN_EMAIL).env("ANTIPHON_ADMIN_PASSWORD", ADMIN_PASSWORD);
    command
}

impl Platform {
    /// Starts it on a folder of its own below `scratch`, with the table, its rows, and an app whose key suffices.
    ///
    /// # Errors
    /// When it does not start or a call of the set-up fails.
    pub fn start(binary: &Path, scratch: &Path, name: &str) -> Result<Platform> {
        Platform::start_with(binary, scratch, name, &[])
    }

    /// The same with these environment variables.
    ///
    /// # Errors
    /// When it does not start or a call of the set-up fails.
    pub fn start_with(binary: &Path, scratch: &Path, name: &str, variables: &[(&str, &str)]) -> Result<Platform> {
        let data = scratch.join(name);
        let address = free_address()?;
        let mut command = command(binary, &data, &address.to_string(), false);
        command.envs(variables.iter().copied());
        let process = Process::start(name, command, address, &scratch.join(format!("{name}.log")))?;
        let mut platform =
            Platform { process, data, token: String::new(), key: String::new(), database_id: Value::Null };
        platform.set_up()?;
        Ok(platform)
    }

    /// The file of the `db` service.
    pub fn database(&self) -> PathBuf {
        self.data.join("databases/db.sqlite")
    }

    /// The request of a caller who has an app's key and nothing else.
    pub fn with_key(&self, verb: &str, target: &str, body: Option<&Value>) -> Vec<u8> {
        self.request(verb, target, format!("X-DreamFactory-API-Key: {}", self.key), body)
    }

    /// The request of an administrator with a session.
    pub fn with_session(&self, verb: &str, target: &str, body: Option<&Value>) -> Vec<u8> {
        self.request(verb, target, format!("X-DreamFactory-Session-Token: {}", self.token), body)
    }

    /// The measured read by somebody with that session, in the app of that key.
    pub fn as_person(&self, key: &str, token: &str) -> Vec<u8> {
        let key = format!("X-DreamFactory-API-Key: {key}");
        request("GET", TODO, &[key, format!("X-DreamFactory-Session-Token: {token}")], None)
    }

    /// Identifier of the service `db`.
    pub fn database_id(&self) -> &Value {
        &self.database_id
    }

    fn request(&self, verb: &str, target: &str, credentials: String, body: Option<&Value>) -> Vec<u8> {
        let body = body.map(Value::to_string);
        request(verb, target, &[credentials], body.as_deref().map(str::as_bytes))
    }

    /// Calls as the administrator, on a connection of its own: servers close those that are idle for long.
    ///
    /// # Errors
    /// When the answer's status is none of 200 and 201.
    pub fn call(&self, verb: &str, target: &str, body: &Value) -> Result<Value> {
        let request = self.with_session(verb, target, Some(body));
        let what = format!("{verb} {target}");
        let mut client = attempt(&what, Client::connect(self.process.address))?;
        let answer = attempt(&what, client.exchange(&request))?;
        match (answer.status, serde_json::from_slice(answer.body)) {
            (200 | 201, Ok(body)) => Ok(body),
            (status, _) => {
                Err(BenchError::Answer { what, status, body: String::from_utf8_lossy(answer.body).into_owned() })
            }
        }
    }

    fn set_up(&mut self) -> Result<()> {
        let login = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
        let session = self.call("POST", "/api/v2/system/admin/session", &login)?;
        self.token = text(&session["session_token"]);
        self.call("POST", "/api/v2/db/_schema", &json!({"resource": [table()]}))?;
        self.call("POST", "/api/v2/db/_table/todo", &json!({"resource": [todo("1"), todo("2")]}))?;
        let service = self.call("GET", "/api/v2/system/service?filter=name%3Ddb", &json!({}))?;
        self.database_id = service["resource"][0]["id"].clone();
        let access = json!({"service_id": self.database_id, "component": "*", "verb_mask": 31,
            "requestor_mask": 3, "filters": [], "filter_op": "AND"});
        let role = json!({"name": "bench", "is_active": true, "role_service_access_by_role_id": [access]});
        let role = self.call("POST", "/api/v2/system/role", &json!({"resource": [role]}))?;
        let app = json!({"name": "bench", "is_active": true, "type": 0, "role_id": role["resource"][0]["id"]});
        let app = self.call("POST", "/api/v2/system/app?fields=*", &json!({"resource": [app]}))?;
        self.key = text(&app["resource"][0]["api_key"]);
        Ok(())
    }

    /// Attaches a script to each side of the two measured calls.
    ///
    /// # Errors
    /// When a script can't be saved.
    pub fn attach_pairs(&self) -> Result<()> {
        self.attach("db._table.todo.{id}.get.pre_process", GET_PRE)?;
        self.attach("db._table.todo.{id}.get.post_process", POST)?;
        self.attach("db._table.todo.{id}.patch.pre_process", PATCH_PRE)?;
        self.attach("db._table.todo.{id}.patch.post_process", POST)
    }

    /// Attaches one script; replaces the one that is there.
    ///
    /// # Errors
    /// When it can't be saved.
    pub fn attach(&self, event: &str, source: &str) -> Result<()> {
        self.attach_in("javascript", event, source)
    }

    /// The same in any language.
    ///
    /// # Errors
    /// When it can't be saved.
    pub fn attach_in(&self, kind: &str, event: &str, source: &str) -> Result<()> {
        self.call("POST", &format!("/api/v2/system/event_script/{event}"), &script(kind, event, source)).map(drop)
    }

    /// Attaches this many scripts to events of other tables.
    ///
    /// # Errors
    /// When they can't be saved.
    pub fn attach_elsewhere(&self, count: usize) -> Result<()> {
        let scripts: Vec<Value> = (0..count)
            .map(|number| {
                script("javascript", &format!("db._table.other_{number:05}.{{id}}.get.pre_process"), ELSEWHERE)
            })
            .collect();
        for batch in scripts.chunks(SCRIPT_BATCH) {
            self.call("POST", "/api/v2/system/event_script", &json!({"resource": batch}))?;
        }
        Ok(())
    }
}

fn script(kind: &str, event: &str, source: &str) -> Value {
    json!({"name": event, "type": kind, "is_active": true, "allow_event_modification": true, "content": source})
}

/// A todo of about 1 KB of JSON.
pub fn todo(number: &str) -> Value {
    json!({
        "name": format!("Task {number}: tune the organ of the chapel"), "complete": false, "priority": 3,
        "due": "2027-03-01 08:00:00", "owner": "Hildegard Bingen", "email": "hildegard@rupertsberg.example",
        "project": "Instruments", "place": "Chapel, west gallery", "phone": "555-0117", "estimate": 12.5, "spent": 3.25,
        "note": "The reeds of the great division speak late on humid days; the regulator leaks at the lower joint. \
            Clean the pallets first, then true the reeds against the principal, starting from the middle octave. ".repeat(2),
        "reason": "The choir sings the antiphons in two groups that face each other, and the organ gives the pitch \
            to both. When it is late or flat, one side follows the organ and the other side follows the first one. "
            .repeat(2).trim_end(),
    })
}

fn table() -> Value {
    let texts = ["owner", "email", "project", "place", "phone"];
    let mut fields = vec![
        json!({"name": "id", "type": "id"}),
        json!({"name": "name", "type": "string", "size": 80, "allow_null": false}),
        json!({"name": "complete", "type": "boolean", "default": false}),
        json!({"name": "priority", "type": "integer", "default": 1}),
        json!({"name": "due", "type": "datetime", "allow_null": true}),
    ];
    fields.extend(texts.map(|name| json!({"name": name, "type": "string", "size": 80, "allow_null": true})));
    fields.extend(["estimate", "spent"].map(|name| json!({"name": name, "type": "double", "allow_null": true})));
    fields.extend(["note", "reason"].map(|name| json!({"name": name, "type": "text", "allow_null": true})));
    json!({"name": "todo", "field": fields})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
