//! Secrets: what is stored encrypted, and that nobody is told (system-and-users 4.6, 5, 9).

use crate::support::{TestApp, Value, antiphon, fixture_folder, json};
use std::path::Path;
use tempfile::TempDir;

const PASSWORD: &str = "correct-horse-battery";
const PRIVATE: &str = "staple-7f3a";
const MASK: &str = "**********";

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

/// A service for another database, which has a password.
fn with_password(name: &str) -> Value {
    let config = json!({"host": "127.0.0.1", "database": "d", "username": "u", "password": PASSWORD});
    json!({"name": name, "type": "pgsql", "is_active": true, "config": config})
}

fn logging_everything() -> TestApp {
    TestApp::in_folder(fixture_folder(), &[("ANTIPHON_LOG__LEVEL".to_owned(), "debug".to_owned())])
}

/// Whether a file of the data folder holds that text.
fn is_stored(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_stored(&path, text),
            false => std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()),
        }
    })
}

#[test]
fn secrets_are_neither_in_the_data_folder_nor_in_the_log_nor_shown_to_scripts() {
    let mut app = logging_everything();
    let admin = app.admin();
    for event in ["system.service.post.pre_process", "system.service.post.post_process"] {
        app.attach(event, "console.log(JSON.stringify(event)); console.log(event.request.content);");
    }
    let created = admin.post("system/service?fields=*", one(with_password("far"))).expect(201);
    assert_eq!(created["resource"][0]["config"]["password"], MASK);
    admin.post("system/lookup", one(json!({"name": "token", "value": PRIVATE, "private": true}))).expect(201);
    admin
        .post(
            "system/role",
            one(json!({
                "name": "holder", "lookup_by_role_id": [{"name": "own", "value": PRIVATE, "private": true}],
            })),
        )
        .expect(201);
    // Batches fail with what they have done so far in their context.
    let failed =
        admin.post("system/service?fields=*", json!({"resource": [with_password("far2"), with_password("far")]}));
    assert!(failed.status() == 400 && !failed.body().to_string().contains(PASSWORD), "{failed:?}");
    admin
        .patch("system/service?filter=name=far&fields=*", one(json!({"config": {"password": PASSWORD, "port": 5432}})));
    admin.get("far/_table").status();
    app.wait_for_log(MASK);
    assert!(app.stop().success());
    for secret in [PASSWORD, PRIVATE] {
        assert!(!app.has_logged(secret), "{secret}");
        assert!(!is_stored(app.folder(), secret), "{secret}");
    }
}

#[test]
fn a_script_that_changes_a_service_on_its_way_leaves_its_secret() {
    let app = TestApp::start();
    app.attach(
        "system.service.post.pre_process",
        "const record = event.request.payload.resource[0];
         record.label = record.config.password;
         record.config.password = record.config.password;
         record.config.username = 'by script';",
    );
    let created = app.admin().post("system/service?fields=*", one(with_password("far"))).expect(201);
    let created = &created["resource"][0];
    assert_eq!(created["label"], MASK, "what the script saw");
    assert_eq!((&created["config"]["password"], &created["config"]["username"]), (&json!(MASK), &json!("by script")));
}

#[test]
fn statement_158_service_secrets_read_as_a_mask_and_writing_that_leaves_them() {
    let app = TestApp::start();
    let admin = app.admin();
    admin.post("system/service", one(with_password("far"))).expect(201);
    let id = admin.get("system/service?filter=name=far&fields=id").expect(200)["resource"][0]["id"].to_string();
    let read = |fields: &str| admin.get(&format!("system/service/{id}?fields={fields}")).expect(200);
    for fields in ["*", "config", "id,config", "config,name"] {
        assert_eq!(read(fields)["config"]["password"], MASK, "{fields}");
    }
    admin.put(&format!("system/service/{id}"), read("*")).expect(200);
    assert_eq!(read("*")["config"]["password"], MASK);
    admin.patch(&format!("system/service/{id}"), json!({"config": {"password": ""}})).expect(200);
    assert_eq!(read("*")["config"]["password"], "", "an empty text clears");
    admin.put(&format!("system/service/{id}"), json!({"config": {"password": MASK}})).expect(200);
    assert_eq!(read("*")["config"]["password"], "", "a mask is no password");
}

#[test]
fn statement_156_a_private_lookup_reads_as_a_mask_and_writing_that_leaves_it() {
    let app = TestApp::start();
    let admin = app.admin();
    admin.post("system/lookup", one(json!({"name": "apikey", "value": PRIVATE, "private": true}))).expect(201);
    app.attach("db._table.todo.get.post_process", "event.response.content = {seen: '{apikey}' === 'staple-7f3a'};");
    let seen = || app.admin().get("db/_table/todo").expect(200)["seen"].clone();
    assert_eq!(seen(), true);
    let listed = admin.get("system/lookup?filter=(private=true)").expect(200);
    assert_eq!(listed["resource"][0]["value"], MASK);
    let id = listed["resource"][0]["id"].to_string();
    let mut whole = listed["resource"][0].clone();
    whole["description"] = json!("changed");
    admin.put(&format!("system/lookup/{id}"), whole).expect(200);
    assert_eq!(seen(), true);
    admin.patch(&format!("system/lookup/{id}"), json!({"value": "other"})).expect(200);
    assert_eq!(seen(), false);
}

#[test]
fn what_is_encrypted_can_not_be_found_out_by_comparing() {
    let app = TestApp::start();
    let admin = app.admin();
    admin.post("system/service", one(with_password("far"))).expect(201);
    admin.post("system/lookup", one(json!({"name": "token", "value": PRIVATE, "private": true}))).expect(201);
    for path in [
        "system/service?filter=config like '%horse%'",
        "system/service?filter=config contains 'horse'",
        "system/service?filter=config is not null",
        "system/service?order=config",
        "system/service?group=config&fields=config",
        "system/service?group=type&fields=type,MAX(config)",
        "system/service?id_field=config&ids=1",
        "system/lookup?filter=value like 's%'",
        "system/lookup?order=value desc",
        "system/lookup?group=value&fields=value",
    ] {
        let answer = admin.get(path);
        assert_eq!(answer.status(), 400, "{path}: {answer:?}");
    }
    for path in [
        "system/service?file=services.csv",
        "system/service?fields=config&include_schema=true",
        "system/service?as_list=true&id_field=name",
        "system/user?related=service_by_created_by_id",
        "system/admin?related=service_by_created_by_id,lookup_by_created_by_id",
        "system/lookup?file=lookups.csv",
        "system/lookup?fields=value",
    ] {
        let answer = admin.get(path);
        assert!(answer.status() == 200, "{path}: {answer:?}");
        assert!(
            !answer.body().to_string().contains(PASSWORD) && !answer.body().to_string().contains(PRIVATE),
            "{path}: {answer:?}"
        );
        assert!(!answer.body().to_string().contains("sealed:"), "{path}: {answer:?}");
    }
}

/// A start over this folder that must fail: what it says.
fn failed_start(folder: &Path) -> String {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()];
    let output = antiphon(&arguments).current_dir(folder).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn without_its_key_a_data_folder_is_refused_and_left_as_it_is() {
    let mut app = TestApp::start();
    app.admin().post("system/service", one(with_password("far"))).expect(201);
    assert!(app.stop().success());
    let key = app.folder().join("secret.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let said = failed_start(app.folder());
    assert!(said.contains("secret.key is missing") && said.contains("secret_key_file"), "{said}");
    assert!(!key.exists(), "no other key takes its place");
    std::fs::write(&key, [7; 32]).unwrap();
    let said = failed_start(app.folder());
    assert!(said.contains("another key") && said.contains("secret_key_file"), "{said}");
    std::fs::write(&key, b"short").unwrap();
    assert!(failed_start(app.folder()).contains("damaged"));
    std::fs::write(&key, kept).unwrap();
    let app = app.again();
    assert_eq!(
        app.admin().get("system/service?filter=name=far").expect(200)["resource"][0]["config"]["password"],
        MASK
    );
}

#[test]
fn the_key_can_lie_elsewhere() {
    let safe = TempDir::new().unwrap();
    let file = safe.path().join("antiphon.key");
    let folder = fixture_folder();
    std::fs::rename(folder.path().join("secret.key"), &file).unwrap();
    let setting = ("ANTIPHON_SECRET_KEY_FILE".to_owned(), file.to_str().unwrap().to_owned());
    let app = TestApp::in_folder(folder, &[setting]);
    app.user().get("db/_table/todo").expect(200);
    assert!(!app.folder().join("secret.key").exists());
}
