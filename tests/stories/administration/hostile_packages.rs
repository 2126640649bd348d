//! Packages that are broken, or made to do harm: refused with a reason, and nothing half-written.

use super::packages::{Empty, archive, count, export, import, packed};
use super::people::{client, grant, person, role};
use crate::support::{Caller, TestApp, Value, json};

/// Sends a package that must be refused; the reason.
#[track_caller]
fn refused(admin: &Caller, package: &[u8]) -> String {
    admin.send_as("POST", "system/package", "application/zip", package).refused(400)
}

/// A package of these records of the system.
fn package(system: Value) -> Vec<u8> {
    let mut names = json!({});
    for (resource, records) in system.as_object().unwrap() {
        let key = match resource.as_str() {
            "user" | "admin" => "email",
            "cors" => "path",
            _ => "name",
        };
        names[resource] = records.as_array().unwrap().iter().map(|record| record[key].clone()).collect();
    }
    let manifest = json!({"version": "0.1", "service": {"system": names}});
    let mut files = vec![("package.json".to_owned(), manifest)];
    files.extend(
        system.as_object().unwrap().iter().map(|(name, records)| (format!("system/{name}.json"), records.clone())),
    );
    packed(&files.into_iter().collect())
}

#[test]
fn what_a_package_must_not_hold_is_named() {
    let app = TestApp::start();
    let manifest = |content: Value| ("package.json", content.to_string());
    let empty = || manifest(json!({"version": "0.1", "service": {}}));
    let role = || manifest(json!({"service": {"system": {"role": ["r"]}}}));
    let text = |text: &str| text.to_owned();
    let cases = [
        (archive([]), "no readable file 'package.json'"),
        (archive([("package.json", text("{\"service\":"))]), "not valid JSON"),
        (archive([manifest(json!([]))]), "must have an object 'service'"),
        (archive([manifest(json!({"version": "9.9", "service": {}}))]), "version \"9.9\""),
        (archive([manifest(json!({"service": {"system": {"token": ["x"]}}}))]), "do not carry 'system/token'"),
        (archive([manifest(json!({"service": {"system": {"role": "r"}}}))]), "must be a list"),
        (archive([manifest(json!({"service": {"system": {"role": [true]}}}))]), "no name"),
        (archive([manifest(json!({"service": {"db": {"_proc": ["x"]}}}))]), "do not carry 'db/_proc'"),
        (archive([role()]), "names system/role \"r\", but the package does not hold it"),
        (archive([role(), ("system/role.json", text("{}"))]), "must be a list of objects"),
        (archive([role(), ("system/role.json", text("[1]"))]), "must be a list of objects"),
        (
            archive([role(), ("system/role.json", text("[{\"name\":\"r\"},{\"name\":\"s\"}]"))]),
            "system/role \"s\", which its manifest does not name",
        ),
        (archive([role(), ("system/role.json", text("[{\"name\":\"r\"},{\"name\":\"R\"}]"))]), "a name of its own"),
        (archive([empty(), ("system/role.json", text("[{\"name\":\"r\"}]"))]), "which its manifest does not name"),
        (archive([empty(), ("notes.txt", text("x"))]), "holds notes.txt"),
        (archive([empty(), ("system/session.json", text("[]"))]), "holds system/session.json"),
        (archive([empty(), ("../../secret.key", text("x"))]), "forbidden name"),
        (archive([manifest(json!({"service": {"db": {"_table": ["t"]}}}))]), "no readable file 'db/_table.json'"),
        (
            archive([
                manifest(json!({"service": {"db": {"_table": ["t"]}}})),
                ("db/_table.json", text("[{\"name\":\"t\",\"record\":1}]")),
            ]),
            "must be a list 'record'",
        ),
    ];
    for (package, reason) in cases {
        let said = refused(&app.admin(), &package);
        assert!(said.contains(reason), "{reason:?} expected: {said}");
    }
}

#[test]
fn when_one_record_is_refused_none_is_stored() {
    let app = TestApp::start();
    let admin = app.admin();
    let package = package(json!({
        "role": [{"name": "fine", "is_active": true}],
        "app": [{"name": "short key", "api_key": "abc"}],
        "event_script": [{"name": "db._table.todo.get.post_process", "type": "klingon", "content": "x"}],
    }));
    let answer = admin.send_as("POST", "system/package", "application/zip", &package);
    let context = answer.body()["error"]["context"]["record"].clone();
    let said = answer.refused(400);
    assert!(said.contains("nothing was changed") && said.contains("short key"), "{said}");
    let failed: Vec<&Value> = context.as_array().unwrap().iter().map(|record| &record["resource"]).collect();
    assert_eq!(failed, ["app", "event_script"]);
    assert_eq!(admin.get("system/role?filter=name='fine'").values("name"), [""; 0]);
    admin.send_as("POST", "system/package?dry_run=true", "application/zip", &package).refused(400);
}

#[test]
fn only_administrators_export_and_import() {
    let app = TestApp::start();
    let role = role(&app, "almost", &[grant(1, "*", 31)]);
    let client = client(&app, "almost", Some(role));
    let somebody = person(&app, "almost", &[(&client, role)]);
    let package = export(&app.admin(), json!({"service": {"system": {"role": ["clerk"]}}}));
    let caller = client.session(&app, &somebody.token);
    caller.get("system/package").refused(403);
    caller.post("system/package", json!({"service": {"system": {"role": ["clerk"]}}})).refused(403);
    caller.send_as("POST", "system/package", "application/zip", &package).refused(403);
}

#[test]
fn a_user_in_a_package_never_becomes_an_administrator() {
    let app = TestApp::start();
    let user = json!({
        "email": "mallory@example.com", "name": "Mallory", "is_sys_admin": true, "password": "MalloryPassw0rd",
        "token_generation": 5, "id": 1, "confirm_code": "y", "security_answer": "x",
    });
    let done = import(&app.admin(), "", &package(json!({"user": [user]})));
    assert_eq!(count(&done, "created"), 1);
    let found = app.admin().get("system/user?filter=email='mallory@example.com'").expect(200);
    assert_eq!(found["resource"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(app.admin().get("system/admin?filter=email='mallory@example.com'").values("id"), [0; 0]);
    for path in ["system/admin/session", "user/session"] {
        let body = json!({"email": "mallory@example.com", "password": "MalloryPassw0rd"});
        app.anonymous().post(path, body).refused(401);
    }
}

#[test]
fn a_row_for_a_service_that_is_not_there_grants_nothing() {
    let there = Empty::start();
    let rows = json!([
        {"service_id": "nowhere", "component": "*", "verb_mask": 31, "requestor_mask": 3},
        {"service_id": 77, "component": "*", "verb_mask": 31, "requestor_mask": 3},
        {"service_id": "db", "component": "_table/*", "verb_mask": 1, "requestor_mask": 1},
    ]);
    let role = json!({"name": "r", "is_active": true, "role_service_access_by_role_id": rows});
    let done = import(&there.admin(), "", &package(json!({"role": [role]})));
    let warnings = done["log"]["warning"].to_string();
    assert!(warnings.contains("service 'nowhere'") && warnings.contains("service '#77'"), "{warnings}");
    let stored = there.admin().get("system/role?related=role_service_access_by_role_id").expect(200);
    let rows = stored["resource"][0]["role_service_access_by_role_id"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| &row["service_id"]).collect::<Vec<_>>(), [5]);
}

#[test]
fn identifiers_of_another_installation_are_told_by_the_package_itself() {
    let there = Empty::start();
    let package = package(json!({
        "service": [{"id": 40, "name": "far", "type": "sqlite", "is_active": true, "config": {"database": "far.sqlite"}}],
        "role": [{"id": 41, "name": "r", "is_active": true, "role_service_access_by_role_id": [
            {"id": 1, "role_id": 41, "service_id": 40, "component": "*", "verb_mask": 1, "requestor_mask": 1},
        ]}],
        "app": [{"id": 42, "name": "a", "is_active": true, "role_id": 41}],
    }));
    import(&there.admin(), "", &package);
    let app =
        there.admin().get("system/app?filter=name='a'&related=role_by_role_id").expect(200)["resource"][0].clone();
    assert_eq!(app["role_by_role_id"]["name"], "r");
    let key = there.app.anonymous().with("X-DreamFactory-API-Key", app["api_key"].as_str().unwrap());
    key.get("far/_table").expect(200);
    key.get("db/_table").refused(401);
}

#[test]
fn an_app_whose_key_is_taken_gets_a_new_one() {
    let app = TestApp::start();
    let copy = json!({"name": "impostor", "is_active": true, "api_key": app.desk_key()});
    let done = import(&app.admin(), "", &package(json!({"app": [copy]})));
    assert!(done["log"]["warning"].to_string().contains("belongs to another app"), "{done}");
    let keys = app.admin().get("system/app?filter=name='impostor'&fields=api_key").values("api_key");
    assert_ne!(keys[0], app.desk_key());
    assert_eq!(app.user().get("user/session").expect(200)["role"], "clerk");
}

#[test]
fn a_package_larger_than_a_body_may_be_is_refused() {
    let app = TestApp::start();
    let large = vec![b'P'; (16 << 20) + 1];
    let answer = app.admin().send_as("POST", "system/package", "application/zip", &large);
    assert!(matches!(answer.status(), 413 | 0), "{}", answer.status());
    app.admin().get("system/environment").expect(200);
}

#[test]
fn tables_that_are_refused_are_told_and_the_rest_is_imported() {
    let app = TestApp::start();
    let manifest = json!({"service": {
        "db": {"_schema": ["good", "bad"], "_table": ["good", "missing", "todo"]}, "nowhere": {"_schema": ["t"]}, "files": ["a.txt"],
    }});
    let schema = json!([
        {"name": "good", "field": [{"name": "id", "type": "id"}, {"name": "x", "type": "string"}]},
        {"name": "bad", "field": [{"name": "y", "type": "reference"}]},
    ]);
    let rows = json!([
        {"name": "good", "record": [{"id": 7, "x": "1", "unknown": 3}]}, {"name": "missing", "record": [{"id": 1}]},
        {"name": "todo", "record": [{"id": 50, "name": "fine"}, {"id": 51, "name": null}]},
    ]);
    let done = import(
        &app.admin(),
        "",
        &archive([
            ("package.json", manifest.to_string()),
            ("db/_schema.json", schema.to_string()),
            ("db/_table.json", rows.to_string()),
            ("nowhere/_schema.json", json!([{"name": "t"}]).to_string()),
            ("files/a.txt", "x".to_owned()),
        ]),
    );
    let warnings = done["log"]["warning"].to_string();
    for part in [
        "'db/_schema/bad'",
        "'db/_table/missing'",
        "'db/_table/todo' was not imported: record 1",
        "'nowhere'",
        "'files'",
    ] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    assert_eq!(app.admin().get("db/_table/good").expect(200)["resource"], json!([{"id": 7, "x": "1"}]));
    assert_eq!(app.count("todo"), 3, "a table's rows are stored all or not at all");
}
