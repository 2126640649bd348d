//! Apps, groups of apps, and roles (system-and-users 4.4, 4.5).

use super::people::{DB, client, create, grant, role};
use crate::support::{TestApp, Value, json};

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

fn app_with(app: &TestApp, record: Value) -> Value {
    app.admin().post("system/app?fields=*", one(record)).expect(201)["resource"][0].clone()
}

/// The errors by field of the only record of a batch.
fn inner(answer: &Value) -> &Value {
    &answer["error"]["context"]["resource"][0]["context"]
}

#[test]
fn statement_064_the_seeded_apps_have_no_role() {
    let app = TestApp::start();
    let seeded = app.admin().get("system/app?filter=id<4&fields=name,role_id").expect(200);
    let wanted =
        ["admin", "api_docs", "file_manager"].map(|name| json!({"name": name, "role_id": null, "launch_url": ""}));
    let seen = seeded["resource"].as_array().unwrap();
    for (row, wanted) in seen.iter().zip(&wanted) {
        assert_eq!((&row["name"], &row["role_id"]), (&wanted["name"], &Value::Null));
    }
    assert_eq!(seen.len(), wanted.len());
}

#[test]
fn statement_150_a_new_key_is_made_and_regenerated_for_that_app_only() {
    let app = TestApp::start();
    let first = app_with(&app, json!({"name": "first"}));
    let second = app_with(&app, json!({"name": "second"}));
    let key = |record: &Value| record["api_key"].as_str().unwrap().to_owned();
    assert!(key(&first).len() == 64 && key(&first).chars().all(|digit| digit.is_ascii_hexdigit()));
    let keys = || app.admin().get("system/app?fields=api_key&order=id").values("api_key");
    let before = keys();
    let path = format!("system/app/{}?regenerate=true&fields=api_key", second["id"]);
    let changed = key(&app.admin().put(&path, json!({})).expect(200));
    assert!(changed.len() == 64 && changed != key(&second));
    let after = keys();
    let differing: Vec<usize> = (0..before.len()).filter(|index| before[*index] != after[*index]).collect();
    assert_eq!(differing, [before.len() - 1]);
    // A client may bring its own key, which must not be another app's.
    let own = "0123456789abcdef".repeat(4);
    assert_eq!(key(&app_with(&app, json!({"name": "third", "api_key": own}))), own);
    let fourth = app_with(&app, json!({"name": "fourth", "api_key": own}));
    assert!(key(&fourth).len() == 64 && key(&fourth) != own);
    for bad in ["short", &"!".repeat(64)] {
        let refused = app.admin().post("system/app", one(json!({"name": "fifth", "api_key": bad}))).expect(400);
        assert!(inner(&refused)["api_key"].is_array(), "{refused}");
    }
}

#[test]
fn statement_151_the_type_of_an_app_may_be_a_text_and_says_what_else_is_needed() {
    let app = TestApp::start();
    let created = app_with(&app, json!({"name": "none", "type": "0"}));
    assert_eq!(
        (&created["type"], &created["launch_url"], &created["is_active"]),
        (&json!(0), &json!(""), &json!(false))
    );
    let by_url = app_with(&app, json!({"name": "web", "type": "2", "url": "https://a.example/"}));
    assert_eq!(by_url["launch_url"], "https://a.example/");
    let stored = app_with(&app, json!({"name": "stored", "type": 1, "path": "index.html"}));
    assert_eq!(stored["storage_service_id"], 3);
    assert!(stored["launch_url"].as_str().unwrap().ends_with("/files/index.html"), "{stored}");
    for (record, field) in [
        (json!({"name": "x", "type": 2}), "url"),
        (json!({"name": "x", "type": 3, "path": " "}), "path"),
        (json!({"name": "x", "type": 9}), "type"),
        (json!({"type": 0}), "name"),
    ] {
        let refused = app.admin().post("system/app", one(record)).expect(400);
        assert!(inner(&refused)[field].is_array(), "{field}: {refused}");
    }
    let changed = app.admin().patch(&format!("system/app/{}", created["id"]), json!({"type": 2})).expect(400);
    assert!(changed["error"]["context"]["url"].is_array(), "{changed}");
    app.admin().patch(&format!("system/app/{}", by_url["id"]), json!({"type": 2})).expect(200);
    app.admin().delete(&format!("system/app/{}?delete_storage=true", stored["id"])).refused(501);
    app.admin().delete(&format!("system/app/{}", stored["id"])).expect(200);
}

#[test]
fn statement_152_groups_with_their_members_are_in_the_environment() {
    let app = TestApp::start();
    let group = create(&app, "app_group", json!({"name": "tools", "description": "d"}));
    let member = json!({"name": "tool", "is_active": true, "type": 2, "url": "https://a.example/"});
    let tool = create(&app, "app", member.clone());
    let change = json!({"app_to_app_group_by_group_id": [{"app_id": tool}]});
    app.admin().patch(&format!("system/app_group/{group}"), change).expect(200);
    let environment = app.admin().get("system/environment").expect(200);
    let listed = &environment["app_group"][0];
    assert_eq!((&listed["name"], &listed["app"][0]["name"]), (&json!("tools"), &json!("tool")), "{environment}");
    assert!(environment["no_group_app"].as_array().unwrap().iter().all(|each| each["name"] != "tool"));
    assert!(environment["no_group_app"].as_array().unwrap().iter().any(|each| each["name"] == "admin"));
    app.admin().delete(&format!("system/app_group/{group}")).expect(200);
    let environment = app.admin().get("system/environment").expect(200);
    assert_eq!(environment["app_group"], json!([]));
    assert!(environment["no_group_app"].as_array().unwrap().iter().any(|each| each["name"] == "tool"));
}

#[test]
fn statement_153_a_role_is_created_with_its_rows_and_lookups_in_one_call() {
    let app = TestApp::start();
    let record = json!({
        "name": "editors", "description": "d".repeat(300), "is_active": true,
        "role_service_access_by_role_id": [
            {"service_id": DB, "component": "_table/*", "verb_mask": 31, "requestor_mask": 3, "filters": [], "filter_op": "AND"},
            {"service_id": DB, "component": "_table", "verb_mask": ["GET", "POST"]},
        ],
        "lookup_by_role_id": [{"name": "region", "value": "eu", "private": false}],
    });
    let path = "system/role?fields=*&related=role_service_access_by_role_id,lookup_by_role_id";
    let created = app.admin().post(path, one(record)).expect(201)["resource"][0].clone();
    let rows = &created["role_service_access_by_role_id"];
    assert_eq!(
        (&rows[0]["verb_mask"], &rows[0]["requestor_mask"], &rows[0]["filters"]),
        (&json!(31), &json!(3), &json!([]))
    );
    assert_eq!((&rows[1]["verb_mask"], &rows[1]["requestor_mask"]), (&json!(3), &json!(0)));
    assert_eq!(created["lookup_by_role_id"][0]["value"], "eu");
    assert_eq!(created["description"].as_str().unwrap().len(), 255);
}

#[test]
fn a_deleted_role_leaves_apps_and_people_without_it() {
    let app = TestApp::start();
    let doomed = role(&app, "doomed", &[grant(DB, "*", 1)]);
    let desk = client(&app, "doomed_app", Some(doomed));
    desk.key_only(&app).get("db/_table").expect(200);
    app.admin().delete(&format!("system/role/{doomed}")).expect(200);
    assert!(app.admin().get(&format!("system/app/{}", desk.id)).expect(200)["role_id"].is_null());
    desk.key_only(&app).get("db/_table").refused(400);
    let clerk = app.admin().get("system/role?filter=name=clerk&fields=id").values("id")[0].to_string();
    app.admin().delete(&format!("system/role/{clerk}")).expect(200);
    let jane = app.admin().get("system/user/2?related=user_to_app_to_role_by_user_id").expect(200);
    assert_eq!(jane["user_to_app_to_role_by_user_id"], json!([]));
}
