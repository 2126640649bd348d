//! Packages: what is exported here is imported there.

use crate::support::{Caller, JANE, TestApp, Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const ADMIN: (&str, &str) = ("admin@example.com", "AdminPassw0rd");

/// A new installation with nothing but its first administrator.
pub struct Empty {
    pub app: TestApp,
    token: String,
}

impl Empty {
    pub fn start() -> Empty {
        let settings = [("ANTIPHON_ADMIN_EMAIL", ADMIN.0), ("ANTIPHON_ADMIN_PASSWORD", ADMIN.1)];
        let variables = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let app = TestApp::in_folder(TempDir::new().unwrap(), &variables);
        let body = json!({"email": ADMIN.0, "password": ADMIN.1});
        let session = app.anonymous().post("system/admin/session", body).expect(200);
        Empty { token: session["session_token"].as_str().unwrap().to_owned(), app }
    }

    pub fn admin(&self) -> Caller<'_> {
        self.app.anonymous().with("X-DreamFactory-Session-Token", &self.token)
    }
}

/// The package of what the manifest names.
pub fn export(admin: &Caller, manifest: Value) -> Vec<u8> {
    let answer = admin.post("system/package", manifest);
    assert_eq!(answer.header("content-type"), Some("application/zip"), "{answer:?}");
    answer.bytes(200)
}

/// The package of everything.
fn everything(admin: &Caller) -> Vec<u8> {
    export(admin, admin.get("system/package").expect(200))
}

pub fn import(admin: &Caller, query: &str, package: &[u8]) -> Value {
    let answer = admin.send_as("POST", &format!("system/package?{query}"), "application/zip", package);
    assert!(matches!(answer.status(), 200 | 201), "{answer:?}");
    answer.body().clone()
}

/// What is in a package: its files as JSON, without the time of its making.
pub fn unpacked(package: &[u8]) -> BTreeMap<String, Value> {
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
    let limit = json!({"name": "calls of the shop", "type": "instance.service", "rate": 500, "period": "hour",
        "service_id": id_of("service", "shop")});
    create(&admin, "limit", limit);
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
            "lookup_by_role_id": [{"name": "region", "value": "eu", "private": false}, {"name": "pin", "value": "PinOfTheSafe", "private": true}],
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
    let schedule = json!({
        "name": "leap", "label": "Every four years", "cron": "0 0 29 2 *", "time_zone": "Europe/Berlin", "misfire": "skip",
        "payload": {"a": [1]}, "config": {"queue": "rare", "tries": 2},
    });
    create(&admin, "schedule", schedule);
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

/// Identifiers, names and stamps of every record, and rows: everything that an import could change.
fn state(admin: &Caller) -> Vec<Value> {
    let resources = [
        "service",
        "role",
        "app",
        "app_group",
        "user",
        "admin",
        "cors",
        "email_template",
        "lookup",
        "event_script",
        "custom",
    ];
    let mut paths: Vec<String> = resources.iter().map(|resource| format!("system/{resource}")).collect();
    paths.extend(["db/_schema", "db/_table/todo", "db/_table/contact"].map(str::to_owned));
    paths
        .iter()
        .map(|path| admin.get(path))
        .filter(|answer| answer.status() == 200)
        .map(|answer| answer.body().clone())
        .collect()
}

/// How many records and rows fared so.
pub fn count(done: &Value, action: &str) -> u64 {
    let records = done["record"].as_array().unwrap().iter().filter(|record| record["action"] == action);
    records.map(|record| record["count"].as_u64().unwrap_or(1)).sum()
}

#[test]
fn importing_twice_changes_nothing() {
    let here = TestApp::start();
    furnish(&here);
    let package = everything(&here.admin());
    let there = Empty::start();
    import(&there.admin(), "overwrite=true", &package);
    let before = state(&there.admin());
    for query in ["", "overwrite=true"] {
        let again =
            there.admin().send_as("POST", &format!("system/package?{query}"), "application/zip", &package).expect(200);
        assert_eq!(again["success"], false, "{query}: {again:#}");
        assert_eq!((count(&again, "created"), count(&again, "updated")), (0, 0), "{query}: {again:#}");
        assert_eq!(state(&there.admin()), before, "{query}");
    }
}

#[test]
fn a_dry_run_tells_what_an_import_does_and_does_nothing() {
    let here = TestApp::start();
    furnish(&here);
    let package = everything(&here.admin());
    let there = Empty::start();
    let before = state(&there.admin());
    let told = there.admin().send_as("POST", "system/package?dry_run=true", "application/zip", &package).expect(200);
    assert_eq!((&told["success"], &told["dry_run"]), (&json!(true), &json!(true)));
    assert_eq!(state(&there.admin()), before);
    let done = import(&there.admin(), "", &package);
    assert_eq!(told["record"], done["record"]);
    assert_eq!(told["log"], done["log"]);
}

#[test]
fn statement_169_an_existing_role_stays_unless_it_is_to_be_overwritten() {
    let app = TestApp::start();
    let admin = app.admin();
    let package = export(&admin, json!({"service": {"system": {"role": ["clerk"]}}}));
    let path = "system/role?filter=name='clerk'&related=role_service_access_by_role_id";
    let role = admin.get(path).expect(200)["resource"][0].clone();
    let id = &role["id"];
    let first = &role["role_service_access_by_role_id"][0];
    let change = json!({"description": "changed", "role_service_access_by_role_id": [
        {"id": first["id"], "verb_mask": 0}, {"service_id": 5, "component": "own", "verb_mask": 1, "requestor_mask": 1},
    ]});
    admin.patch(&format!("system/role/{id}"), change).expect(200);
    let left = admin.send_as("POST", "system/package", "application/zip", &package).expect(200);
    assert_eq!(left["success"], false);
    assert_eq!(left["log"]["notice"], json!(["The role 'clerk' exists already and was left as it is."]));
    assert_eq!(admin.get(path).expect(200)["resource"][0]["description"], "changed");
    let patched = import(&admin, "overwrite=true", &package);
    assert_eq!((count(&patched, "updated"), count(&patched, "created")), (1, 0), "{patched:#}");
    let now = admin.get(path).expect(200)["resource"][0].clone();
    assert_eq!((&now["description"], &now["id"]), (&role["description"], id));
    let rows = now["role_service_access_by_role_id"].as_array().unwrap();
    assert_eq!(
        rows.len(),
        role["role_service_access_by_role_id"].as_array().unwrap().len() + 1,
        "rows of its own stay"
    );
    assert_eq!((&rows[0]["id"], &rows[0]["verb_mask"]), (&first["id"], &first["verb_mask"]));
}

#[test]
fn statement_170_no_package_is_fetched_from_another_server() {
    let app = TestApp::start();
    for url in
        ["http://127.0.0.1/p.zip", "http://169.254.169.254/latest", "file:///etc/passwd", "https://example.com/p.zip"]
    {
        let said = app.admin().post("system/package", json!({"import_url": url})).refused(400);
        assert!(said.contains("fetches no packages"), "{said}");
        app.admin().post(&format!("system/package?import_url={url}"), json!({})).refused(400);
    }
}

#[test]
fn a_secured_package_carries_secrets_and_opens_with_its_password_only() {
    let here = TestApp::start();
    furnish(&here);
    let mut manifest = here.admin().get("system/package").expect(200);
    manifest["secured"] = json!(true);
    assert!(here.admin().post("system/package", manifest.clone()).refused(400).contains("password"));
    manifest["password"] = json!("correct horse");
    let package = export(&here.admin(), manifest);
    for secret in ["TopSecret1", "PinOfTheSafe", "shop", "clerk"] {
        assert!(!package.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    let there = Empty::start();
    for query in ["", "password=wrong+horse"] {
        let said =
            there.admin().send_as("POST", &format!("system/package?{query}"), "application/zip", &package).refused(400);
        assert!(said.contains("password"), "{said}");
    }
    let done = import(&there.admin(), "password=correct+horse&overwrite=true", &package);
    assert!(!done["log"]["warning"].to_string().contains("is not in the package"), "{done:#}");
    let again = import(&there.admin(), "password=correct+horse&overwrite=true", &package);
    assert_eq!(again["success"], false, "{again:#}");
    let mut manifest = there.admin().get("system/package").expect(200);
    manifest["secured"] = json!(true);
    manifest["password"] = json!("battery staple");
    let onward = export(&there.admin(), manifest);
    let back = import(&here.admin(), "password=battery+staple&overwrite=true", &onward);
    assert_eq!((count(&back, "updated"), count(&back, "failed")), (0, 0), "the secrets arrived: {back:#}");
}

#[test]
fn an_unsecured_package_tells_no_secret_and_no_hash() {
    let app = TestApp::start();
    furnish(&app);
    let package = unpacked(&everything(&app.admin()));
    let text = Value::Object(package.into_iter().collect()).to_string();
    for secret in ["TopSecret1", "PinOfTheSafe", "argon2", "$2y$", "sealed:1", "is_sys_admin", "SecondPassw0rd"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn a_package_comes_in_a_form_too() {
    let app = TestApp::start();
    let package = export(&app.admin(), json!({"service": {"system": {"role": ["clerk"]}}}));
    let mut form = b"--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"p.zip\"\r\nContent-Type: application/zip\r\n\r\n".to_vec();
    form.extend(&package);
    form.extend(b"\r\n--B\r\nContent-Disposition: form-data; name=\"overwrite\"\r\n\r\ntrue\r\n--B--\r\n");
    let done = app.admin().send_as("POST", "system/package", "multipart/form-data; boundary=B", &form).expect(200);
    assert_eq!(count(&done, "unchanged"), 1, "{done:#}");
}

#[test]
fn rows_are_copied_as_they_are() {
    let here = TestApp::start();
    furnish(&here);
    let admin = here.admin();
    let note = json!({"resource": [{"id": 1, "name": "buy milk for {user.email}"}]});
    here.attach("db._table.todo.get.pre_process", "event.request.parameters.filter = 'id = 2';");
    let package = {
        admin.patch("shop/_table/order/1", json!({"item": "pencil"})).expect(200);
        let manifest = json!({"service": {
            "system": {"service": ["shop"], "event_script": ["db._table.todo.get.pre_process"]},
            "db": {"_schema": ["todo"], "_table": ["todo"]}, "shop": {"_schema": ["order"], "_table": ["order"]},
        }});
        export(&admin, manifest)
    };
    assert_eq!(unpacked(&package)["db/_table.json"][0]["record"].as_array().unwrap().len(), 3, "no script hides rows");
    let mut files = unpacked(&package);
    files.get_mut("db/_table.json").unwrap()[0]["record"][0]["name"] = note["resource"][0]["name"].clone();
    files.get_mut("shop/_table.json").unwrap()[0]["record"][0]["made"] = json!("2001-02-03 04:05:06");
    let there = Empty::start();
    let script = json!({"type": "javascript", "is_active": true, "content": "throw 'No new todos.';"});
    there.admin().post("system/event_script/db._table.todo.post.pre_process", script).expect(201);
    import(&there.admin(), "", &packed(&files));
    let orders = there.admin().get("shop/_table/order").expect(200);
    assert_eq!(orders["resource"][0]["made"], "2001-02-03 04:05:06");
    assert_eq!(orders["resource"][0]["item"], "pencil");
    there.admin().delete("system/event_script/db._table.todo.get.pre_process").expect(200);
    assert_eq!(there.admin().get("db/_table/todo").values("name")[0], "buy milk for {user.email}");
}

/// A package of these files.
pub fn packed(files: &BTreeMap<String, Value>) -> Vec<u8> {
    archive(files.iter().map(|(name, content)| (name.as_str(), content.to_string())))
}

/// A zip archive of these files, whatever they are.
pub fn archive<'n>(files: impl IntoIterator<Item = (&'n str, String)>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn an_app_is_moved_by_a_package_of_its_own() {
    let here = TestApp::start();
    furnish(&here);
    let till = here.admin().get("system/app?filter=name='till'&fields=id").values("id").remove(0);
    let path = format!("system/app/{till}?pkg=true&service=shop&schema=shop,db/todo&include_data=true");
    let package = here.admin().get(&path).bytes(200);
    let files = unpacked(&package);
    assert_eq!(files["description.json"]["name"], "till");
    assert_eq!(files["description.json"].get("api_key"), None, "a key is for one installation");
    let there = Empty::start();
    let mut form = b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"till.dfpkg\"\r\n\r\n".to_vec();
    form.extend(&package);
    form.extend(b"\r\n--B--\r\n");
    let done = there.admin().send_as("POST", "system/app", "multipart/form-data; boundary=B", &form).expect(201);
    assert_eq!(done["success"], true, "{done:#}");
    let app = there.admin().get("system/app?filter=name='till'").expect(200)["resource"][0].clone();
    assert_eq!((&app["url"], &app["is_active"]), (&json!("https://till.example.com"), &json!(true)));
    assert_eq!(app["api_key"].as_str().unwrap().len(), 64);
    assert_eq!(there.admin().get("shop/_table/line").values("text"), ["a", "b"]);
    assert_eq!(there.admin().get("db/_table/todo").values("id"), [1, 2, 3]);
    let again = there.admin().send_as("POST", "system/package", "application/zip", &package).expect(200);
    assert_eq!(again["success"], false, "{again:#}");
    there.admin().get("system/app/999?pkg=true").refused(404);
    there.admin().post("system/app", json!({"import_url": "http://127.0.0.1/x.dfpkg"})).refused(400);
    here.user().get(&path).refused(403);
}

#[test]
fn an_app_package_of_old_is_imported_with_what_it_says() {
    let there = Empty::start();
    let table = json!({"name": "memo", "field": [{"name": "id", "type": "id"}, {"name": "text", "type": "string"}]});
    let package = archive([
        (
            "description.json",
            json!({"name": "Memos", "description": "d", "is_active": true, "url": "https://x.example.com", "type": 2})
                .to_string(),
        ),
        ("schema.json", json!({"service": [{"name": "db", "table": [table]}]}).to_string()),
        (
            "data.json",
            json!({"service": [{"name": "db", "table": [{"name": "memo", "record": [{"id": 1, "text": "t"}]}]}]})
                .to_string(),
        ),
        ("index.html", "<p>".to_owned()),
    ]);
    let done = import(&there.admin(), "", &package);
    assert!(done["log"]["warning"][0].as_str().unwrap().starts_with("1 files of the app were left out"), "{done:#}");
    assert_eq!(there.admin().get("db/_table/memo").values("text"), ["t"]);
}

#[test]
fn nothing_is_lost_beyond_what_one_answer_lists() {
    let app = TestApp::with_limits(&[("MAX_RECORDS", 7)]);
    let admin = app.admin();
    let rows: Vec<Value> = (0..20)
        .map(|number| json!({"service_id": 5, "component": format!("_table/t{number}"), "verb_mask": 1, "requestor_mask": 1}))
        .collect();
    for number in 0..9 {
        create(&admin, "role", json!({"name": format!("role{number}"), "role_service_access_by_role_id": rows}));
    }
    let todos: Vec<Value> = (0..20).map(|number| json!({"name": format!("todo {number}")})).collect();
    admin.post("db/_table/todo", json!({"resource": todos})).expect(200);
    let package = everything(&admin);
    let files = unpacked(&package);
    let roles = files["system/role.json"].as_array().unwrap();
    assert_eq!(roles.len(), 11);
    assert_eq!(roles[10]["role_service_access_by_role_id"].as_array().unwrap().len(), 20);
    let todos = files["db/_table.json"].as_array().unwrap().iter().find(|table| table["name"] == "todo").unwrap();
    assert_eq!(todos["record"].as_array().unwrap().len(), 23);
    let there = Empty::start();
    import(&there.admin(), "", &package);
    let again = import(&there.admin(), "overwrite=true", &package);
    assert_eq!(again["success"], false, "{again:#}");
}
