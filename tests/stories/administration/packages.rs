//! Packages: what is exported here is imported there.

use crate::support::{Caller, JANE, TestApp, Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use tempfile::TempDir;
use zip::ZipArchive;

const ADMIN: (&str, &str) = ("admin@example.com", "AdminPassw0rd");

/// A new installation with nothing but its first administrator.
struct Empty {
    app: TestApp,
    token: String,
}

impl Empty {
    fn start() -> Empty {
        let settings = [("ANTIPHON_ADMIN_EMAIL", ADMIN.0), ("ANTIPHON_ADMIN_PASSWORD", ADMIN.1)];
        let variables = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let app = TestApp::in_folder(TempDir::new().unwrap(), &variables);
        let body = json!({"email": ADMIN.0, "password": ADMIN.1});
        let session = app.anonymous().post("system/admin/session", body).expect(200);
        Empty { token: session["session_token"].as_str().unwrap().to_owned(), app }
    }

    fn admin(&self) -> Caller<'_> {
        self.app.anonymous().with("X-DreamFactory-Session-Token", &self.token)
    }
}

/// The package of what the manifest names.
fn export(admin: &Caller, manifest: Value) -> Vec<u8> {
    let answer = admin.post("system/package", manifest);
    assert_eq!(answer.header("content-type"), Some("application/zip"), "{answer:?}");
    answer.bytes(200)
}

/// The package of everything.
fn everything(admin: &Caller) -> Vec<u8> {
    export(admin, admin.get("system/package").expect(200))
}

fn import(admin: &Caller, query: &str, package: &[u8]) -> Value {
    let answer = admin.send_as("POST", &format!("system/package?{query}"), "application/zip", package);
    assert!(matches!(answer.status(), 200 | 201), "{answer:?}");
    answer.body().clone()
}

/// What is in a package: its files as JSON, without the time of its making.
fn unpacked(package: &[u8]) -> BTreeMap<String, Value> {
    let mut zip = ZipArchive::new(Cursor::new(package)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        value.as_object_mut().map(|members| members.remove("created_date"));
        files.insert(file.name().unwrap().into_owned(), value);
    }
    files
}

/// The packages hold the same; if not, the first line of each file that differs.
#[track_caller]
fn assert_same(left: &[u8], right: &[u8]) {
    let (left, right) = (unpacked(left), unpacked(right));
    assert!(left.keys().eq(right.keys()), "{:?}\n{:?}", left.keys(), right.keys());
    for (file, left) in &left {
        let (left, right) = (format!("{left:#}"), format!("{:#}", right[file]));
        if let Some((left, right)) = left.lines().zip(right.lines()).find(|(left, right)| left != right) {
            panic!("{file}: {left} {right}");
        }
        assert_eq!(left.len(), right.len(), "{file}");
    }
}

/// Creates a record; its identifier.
fn create(admin: &Caller, resource: &str, record: Value) -> Value {
    let created = admin.post(&format!("system/{resource}?fields=id"), json!({"resource": [record]})).expect(201);
    created["resource"][0]["id"].clone()
}

/// Adds one of everything that packages carry to the installation of the fixture.
fn furnish(app: &TestApp) {
    let admin = app.admin();
    let id_of = |resource: &str, name: &str| {
        admin.get(&format!("system/{resource}?filter=name='{name}'&fields=id")).values("id").remove(0)
    };
    let shop = create(
        &admin,
        "service",
        json!({"name": "shop", "label": "The shop", "type": "sqlite", "is_active": true, "config": {"database": "shop.sqlite"},
            "service_doc_by_service_id": [{"format": 0, "content": "{\"openapi\":\"3.0.0\"}"}]}),
    );
    create(
        &admin,
        "service",
        json!({"name": "remote", "type": "pgsql", "is_active": false,
            "config": {"host": "db.example.com", "database": "d", "username": "u", "password": "TopSecret1"}}),
    );
    admin.post("shop/_schema", json!({"resource": [
        {"name": "order", "label": "Purchase", "field": [
            {"name": "id", "type": "id"}, {"name": "item", "type": "string", "length": 40, "allow_null": false, "is_unique": true},
            {"name": "price", "type": "decimal", "precision": 8, "scale": 2, "allow_null": true},
            {"name": "note", "type": "text", "allow_null": true, "alias": "remark"},
            {"name": "made", "type": "timestamp_on_create"}, {"name": "todo_id", "type": "integer", "allow_null": true},
        ]},
        {"name": "line", "field": [
            {"name": "order_id", "type": "reference", "ref_table": "order", "ref_field": "id", "is_primary_key": true},
            {"name": "number", "type": "integer", "is_primary_key": true}, {"name": "text", "type": "string"},
        ]},
    ]})).expect(200);
    let relation = json!({"type": "belongs_to", "field": "todo_id", "ref_service_id": 5, "ref_table": "todo", "ref_field": "id", "is_virtual": true});
    admin.post("shop/_schema/order/_related", json!({"resource": [relation]})).expect(200);
    admin
        .post(
            "shop/_table/order",
            json!({"resource": [
                {"item": "pen", "price": 1.5, "remark": "for {nobody}", "todo_id": 1}, {"item": "ink", "remark": null},
            ]}),
        )
        .expect(200);
    admin
        .post(
            "shop/_table/line",
            json!({"resource": [
                {"order_id": 1, "number": 1, "text": "a"}, {"order_id": 1, "number": 2, "text": "b"},
            ]}),
        )
        .expect(200);
    let seller = create(
        &admin,
        "role",
        json!({"name": "seller", "description": "sells", "is_active": true,
            "role_service_access_by_role_id": [
                {"service_id": shop, "component": "_table/*", "verb_mask": 3, "requestor_mask": 3,
                 "filters": [{"name": "item", "operator": "=", "value": "pen"}], "filter_op": "OR"},
                {"service_id": null, "component": "", "verb_mask": 1, "requestor_mask": 1},
            ],
            "lookup_by_role_id": [{"name": "region", "value": "eu", "private": false}, {"name": "pin", "value": "9876", "private": true}],
        }),
    );
    let desk = id_of("app", "desk");
    let group = json!({"name": "front", "app_to_app_group_by_group_id": [{"app_id": desk}]});
    create(&admin, "app_group", group);
    create(
        &admin,
        "app",
        json!({"name": "till", "is_active": true, "type": 2, "url": "https://till.example.com", "role_id": seller,
        "lookup_by_app_id": [{"name": "colour", "value": "red"}]}),
    );
    create(
        &admin,
        "user",
        json!({"email": "joe@example.com", "name": "Joe", "first_name": "Joe", "is_active": false,
        "default_app_id": desk, "lookup_by_user_id": [{"name": "desk", "value": "5"}],
        "user_to_app_to_role_by_user_id": [{"app_id": desk, "role_id": seller}]}),
    );
    create(&admin, "admin", json!({"email": "second@example.com", "name": "Second", "password": "SecondPassw0rd"}));
    create(
        &admin,
        "cors",
        json!({"path": "api/v2/*", "origin": "https://a.example.com", "method": ["GET", "POST"], "max_age": 60}),
    );
    create(
        &admin,
        "email_template",
        json!({"name": "Alert", "to": "a@x.io,b@x.io", "subject": "s", "body_text": "t", "defaults": {"k": 1}}),
    );
    create(&admin, "lookup", json!({"name": "company", "value": "Acme"}));
    admin.post("system/custom", json!({"resource": [{"name": "theme", "value": {"dark": true}}]})).expect(201);
    let user_config =
        json!({"config": {"open_reg_role_id": seller, "app_role_map": [{"app_id": desk, "role_id": seller}]}});
    admin.patch("system/service/7", user_config).expect(200);
    app.attach(
        "db._table.todo.get.post_process",
        "event.response.content.resource.forEach(todo => todo.by = 'script');",
    );
}

/// A new installation in which other identifiers are in use.
fn elsewhere() -> Empty {
    let there = Empty::start();
    for number in 0..3 {
        let passing = [("role", "role"), ("app", "app"), ("service", "service"), ("app_group", "app_group")];
        for (resource, name) in passing {
            let record = json!({"name": format!("{name}{number}"), "type": if resource == "service" { json!("sqlite") } else { json!(0) },
                "config": {"database": "passing.sqlite"}});
            let id = create(&there.admin(), resource, record);
            there.admin().delete(&format!("system/{resource}/{id}")).expect(200);
        }
    }
    there
}

#[test]
fn statement_168_a_package_reproduces_an_installation() {
    let here = TestApp::start();
    furnish(&here);
    let package = everything(&here.admin());
    let there = elsewhere();
    let done = import(&there.admin(), "overwrite=true", &package);
    assert_eq!(done["success"], true, "{done:#}");
    let warnings = done["log"]["warning"].to_string();
    for told in
        ["'joe@example.com' has no password", "password of the service 'remote'", "lookup 'pin' of the role 'seller'"]
    {
        assert!(warnings.contains(told), "{told}: {warnings}");
    }
    let remote = there.admin().get("system/service?filter=name='remote'&fields=id").values("id").remove(0);
    there.admin().patch(&format!("system/service/{remote}"), json!({"config": {"password": "TopSecret1"}})).expect(200);
    assert_same(&everything(&there.admin()), &package);
    let id = |app: &Caller, resource: &str, name: &str| {
        app.get(&format!("system/{resource}?filter=name='{name}'&fields=id")).values("id").remove(0)
    };
    for (resource, name) in [("role", "seller"), ("app", "desk"), ("service", "shop")] {
        let (old, new) = (id(&here.admin(), resource, name), id(&there.admin(), resource, name));
        assert_ne!(old, new, "{resource} {name}: nothing was remapped");
    }
}

#[test]
fn an_imported_app_and_its_people_may_do_what_they_could() {
    let here = TestApp::start();
    furnish(&here);
    let package = everything(&here.admin());
    let there = elsewhere();
    import(&there.admin(), "", &package);
    let todos = |app: &TestApp, caller: Caller| {
        let listed = caller.get("db/_table/todo?fields=id,name").expect(200);
        assert_eq!(listed["resource"][0]["by"], "script", "{}", app.address());
        (listed, caller.get("db/_table/vault").refused(403), caller.get("db/_schema").refused(403))
    };
    let jane = there.admin().get("system/user?filter=email='jane@example.com'").expect(200)["resource"][0].clone();
    assert!(there.app.anonymous().post("user/session", json!({"email": JANE.0, "password": JANE.1})).status() == 401);
    there.admin().patch(&format!("system/user/{}", jane["id"]), json!({"password": JANE.1})).expect(200);
    let with_key = there.app.anonymous().with("X-DreamFactory-API-Key", here.desk_key());
    let session = with_key.post("user/session", json!({"email": JANE.0, "password": JANE.1})).expect(200);
    assert_eq!(session["role"], "clerk");
    let token = session["session_token"].as_str().unwrap();
    assert_eq!(todos(&there.app, with_key.with("X-DreamFactory-Session-Token", token)), todos(&here, here.user()));
    let kiosk = there.app.anonymous().with("X-DreamFactory-API-Key", here.kiosk_key());
    assert_eq!(
        kiosk.get("db/_table/todo?fields=id").expect(200),
        here.key_only().get("db/_table/todo?fields=id").expect(200)
    );
    kiosk.delete("db/_table/todo/1").refused(401);
}
