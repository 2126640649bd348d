//! What every story finds: tables with rows, two roles, two apps, one user. Made once through the API; each test gets a copy of
//! the data folder, in which the tokens stay valid.

use super::app::TestApp;
use super::{Caller, Value, json};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The first administrator.
pub const ADMIN: (&str, &str) = ("admin@example.com", "AdminPassw0rd");
/// The one user.
pub const JANE: (&str, &str) = ("jane@example.com", "JanePassw0rd");

/// Bits of a requestor mask.
const API: u8 = 1;
const SCRIPT: u8 = 2;
/// Bits of a verb mask.
const READ: u8 = 1;
const ALL: u8 = 31;

/// A data folder in memory, and the credentials that are good for it.
pub struct Fixture {
    files: Vec<(PathBuf, Vec<u8>)>,
    pub admin_token: String,
    pub jane_token: String,
    pub desk_key: String,
    pub kiosk_key: String,
}

/// The fixture, made by whichever test asks first.
pub fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(make)
}

impl Fixture {
    /// Writes the data folder.
    pub fn copy_to(&self, folder: &Path) {
        for (path, content) in &self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }
}

fn make() -> Fixture {
    let settings = [("ANTIPHON_ADMIN_EMAIL", ADMIN.0), ("ANTIPHON_ADMIN_PASSWORD", ADMIN.1)];
    let variables = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut app = TestApp::in_folder(TempDir::new().unwrap(), &variables);
    let log_in = |caller: &Caller, path: &str, (email, password): (&str, &str)| {
        let session = caller.post(path, json!({"email": email, "password": password})).expect(200);
        session["session_token"].as_str().unwrap().to_owned()
    };
    let admin_token = log_in(&app.anonymous(), "system/admin/session", ADMIN);
    let admin = app.anonymous().with("X-DreamFactory-Session-Token", &admin_token);
    admin.post("db/_schema", tables()).expect(200);
    for (table, rows) in rows() {
        admin.post(&format!("db/_table/{table}"), json!({"resource": rows})).expect(200);
    }
    let clerk = create(
        &admin,
        "role",
        role(
            &admin,
            "clerk",
            &[
                ("todo", ALL, API | SCRIPT),
                ("contact", ALL, API | SCRIPT),
                ("account", ALL, API | SCRIPT),
                ("journal", ALL, SCRIPT),
                ("vault", ALL, SCRIPT),
            ],
        ),
    );
    let visitor = create(&admin, "role", role(&admin, "visitor", &[("todo", READ, API), ("journal", ALL, SCRIPT)]));
    let desk = create(&admin, "app", json!({"name": "desk", "is_active": true, "type": 0}));
    let kiosk = create(&admin, "app", json!({"name": "kiosk", "is_active": true, "type": 0, "role_id": visitor["id"]}));
    create(
        &admin,
        "user",
        json!({
            "name": "Jane Doe", "first_name": "Jane", "last_name": "Doe", "username": "jane_doe", "email": JANE.0, "password": JANE.1,
            "is_active": true, "user_to_app_to_role_by_user_id": [{"app_id": desk["id"], "role_id": clerk["id"]}],
        }),
    );
    let key = |app: &Value| app["api_key"].as_str().unwrap().to_owned();
    let desk_key = key(&desk);
    let jane_token = log_in(&app.anonymous().with("X-DreamFactory-API-Key", &desk_key), "user/session", JANE);
    app.stop();
    let files = files_below(app.folder(), app.folder());
    Fixture { files, admin_token, jane_token, desk_key, kiosk_key: key(&kiosk) }
}

/// Creates one record of a system resource and reads it back.
fn create(admin: &Caller, resource: &str, record: Value) -> Value {
    let path = format!("system/{resource}?fields=*");
    let created = admin.post(&path, json!({"resource": [record]})).expect(201);
    created["resource"][0].clone()
}

fn role(admin: &Caller, name: &str, tables: &[(&str, u8, u8)]) -> Value {
    let db = &admin.get("system/service?filter=name='db'&fields=id").expect(200)["resource"][0]["id"];
    let access: Vec<Value> = tables
        .iter()
        .map(|(table, verbs, requestors)| {
            json!({
                "service_id": db, "component": format!("_table/{table}/*"), "verb_mask": verbs,
                "requestor_mask": requestors,
            })
        })
        .collect();
    json!({"name": name, "is_active": true, "role_service_access_by_role_id": access})
}

fn tables() -> Value {
    let id = json!({"name": "id", "type": "id"});
    let text = |name: &str| json!({"name": name, "type": "string", "length": 80, "allow_null": false});
    let account = json!({
        "name": "account_id", "type": "reference", "ref_table": "account", "ref_field": "id", "allow_null": true,
    });
    json!({"resource": [
        {"name": "todo", "field": [
            id, text("name"), {"name": "complete", "type": "boolean", "default": false},
            {"name": "priority", "type": "integer", "default": 1}, {"name": "note", "type": "text", "allow_null": true},
        ]},
        {"name": "account", "field": [id, text("name")]},
        {"name": "contact", "field": [id, text("first_name"), text("last_name"), account]},
        {"name": "vault", "field": [id, text("secret")]},
        {"name": "journal", "field": [id, {"name": "entry", "type": "text"}]},
    ]})
}

fn rows() -> [(&'static str, Value); 4] {
    [
        (
            "todo",
            json!([
                {"name": "buy milk", "priority": 1},
                {"name": "call Bob", "priority": 2, "complete": true},
                {"name": "feed cat", "priority": 3},
            ]),
        ),
        ("account", json!([{"name": "Acme"}])),
        (
            "contact",
            json!([
                {"first_name": "Jon", "last_name": "Snow", "account_id": 1},
                {"first_name": "Arya", "last_name": "Stark", "account_id": 1},
            ]),
        ),
        ("vault", json!([{"secret": "the combination"}])),
    ]
}

fn files_below(folder: &Path, root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, root));
        } else {
            files.push((path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap()));
        }
    }
    files
}
