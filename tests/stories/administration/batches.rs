//! Batches over records of the system: statements 43 to 56.

use super::people::create;
use crate::support::{Caller, TestApp, Value, json};

fn roles(names: &[Option<&str>]) -> Value {
    let records =
        names.iter().map(|name| name.map_or(json!({"description": "no name"}), |name| json!({ "name": name })));
    json!({ "resource": records.collect::<Vec<_>>() })
}

fn names(admin: &Caller) -> Value {
    let list = admin.get("system/role?as_list=true&id_field=name&order=id").expect(200);
    list["resource"].clone()
}

#[test]
fn statement_043_044_045_046_what_stays_of_a_batch() {
    let app = TestApp::start();
    let admin = app.admin();
    let before = names(&admin).as_array().unwrap().len();
    let added = || names(&admin).as_array().unwrap()[before..].to_vec();
    let failed = admin.post("system/role", roles(&[Some("a"), None])).body()["error"].clone();
    assert_eq!((&failed["code"], &failed["status_code"]), (&json!(1000), &json!(400)));
    assert_eq!(failed["context"]["error"], json!([1]));
    assert_eq!(added(), ["a"]);
    admin.post("system/role?continue=true", roles(&[Some("b"), None, Some("c")])).refused(400);
    assert_eq!(added(), ["a", "b", "c"]);
    let undone = admin.post("system/role?rollback=true", roles(&[Some("d"), None])).refused(400);
    assert!(undone.ends_with("All changes rolled back."), "{undone}");
    assert_eq!(admin.post("system/role", roles(&[None])).body()["error"]["code"], 1000);
    assert_eq!(added(), ["a", "b", "c"]);
}

#[test]
fn statement_047_048_duplicates_are_told_in_plain_words() {
    let app = TestApp::start();
    let admin = app.admin();
    admin.post("system/role", roles(&[Some("twice")])).expect(201);
    let error = admin.post("system/role", roles(&[Some("twice")])).body()["error"].clone();
    assert_eq!((&error["code"], &error["status_code"]), (&json!(1000), &json!(400)));
    let inner = &error["context"]["resource"][0];
    assert_eq!((&inner["code"], &inner["message"]), (&json!(409), &json!("A record with that 'name' already exists.")));
    let person = json!({"resource": [{"name": "P", "email": "p@example.com"}]});
    admin.post("system/user", person.clone()).expect(201);
    let error = admin.post("system/user", person).body()["error"].clone();
    let told = error["context"]["resource"][0]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("for key 'user_email_unique'"), "{told}");
}

#[test]
fn statement_049_050_052_056_057_records_by_identifier() {
    let app = TestApp::start();
    let admin = app.admin();
    let id = create(&app, "role", json!({"name": "one", "description": "kept"}));
    let unknown = admin.patch("system/role/999", json!({"name": "x"})).refused(404);
    assert_eq!(unknown, "Record with identifier '999' not found.");
    let path = format!("system/role/{id}");
    let refused = admin.post(&path, json!({"name": "x"})).refused(400);
    assert_eq!(refused, "Create record by identifier not currently supported.");
    let invalid = admin.patch(&path, json!({"name": ""}));
    assert!(invalid.body()["error"]["context"]["name"].is_array(), "{invalid:?}");
    invalid.refused(400);
    admin.put(&path, json!({"name": "two", "nonsense": 1, "created_date": "1999-01-01 00:00:00"})).expect(200);
    let role = admin.get(&path).expect(200);
    assert_eq!((&role["name"], &role["description"]), (&json!("two"), &json!("kept")));
    assert_ne!(role["created_date"], "1999-01-01 00:00:00");
}

#[test]
fn statement_051_053_054_055_many_records_at_once() {
    let app = TestApp::start();
    let admin = app.admin();
    let [a, b, c] = ["a", "b", "c"].map(|name| create(&app, "role", json!({ "name": name })));
    admin.patch(&format!("system/role?ids={a},{b}"), json!({"resource": [{"description": "both"}]})).expect(200);
    admin.patch("system/role?filter=name='c'", json!({"resource": [{"description": "one"}]})).expect(200);
    let told = |id: i64| admin.get(&format!("system/role/{id}")).expect(200)["description"].clone();
    assert_eq!([told(a), told(b), told(c)], ["both", "both", "one"]);
    let refused = admin.delete("system/role").refused(400);
    assert!(refused.starts_with("No filter or records given for delete request."), "{refused}");
    let both = admin.delete(&format!("system/role?ids={a},{b}")).expect(200);
    assert_eq!(both, json!({"resource": [{"id": a}, {"id": b}]}));
    admin.delete("system/role?filter=name='c'").expect(200);
    assert!(!names(&admin).as_array().unwrap().contains(&json!("c")));
}
