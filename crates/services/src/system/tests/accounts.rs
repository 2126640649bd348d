//! Users, administrators, apps and roles with what belongs to them.

use super::{ADMIN, PASSWORD, TestPlatform};
use antiphon_gateway::Credentials;
use antiphon_model::{Value, Verb, json};

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_153_a_role_comes_with_its_access_rows_and_lookups() {
    let test = TestPlatform::start().await;
    let role = one(json!({
        "name": "mgr", "is_active": true,
        "role_service_access_by_role_id": [
            {"service_id": 5, "component": "_table/x/*", "verb_mask": 3, "requestor_mask": 1,
             "filters": [{"name": "owner", "operator": "=", "value": "{user.id}"}], "filter_op": "AND"},
            {"service_id": 999, "component": "*", "verb_mask": 1},
        ],
        "lookup_by_role_id": [{"name": "region", "value": "EU", "private": true}],
    }));
    let got = test.post("role?fields=*&related=role_service_access_by_role_id,lookup_by_role_id", role).await;
    assert_eq!(got.status, 201, "{got:?}");
    let role = &got.body["resource"][0];
    assert_eq!((&role["created_by_id"], &role["last_modified_by_id"]), (&json!(1), &Value::Null));
    let rows = &role["role_service_access_by_role_id"];
    assert_eq!(rows[0]["filters"], json!([{"name": "owner", "operator": "=", "value": "{user.id}"}]));
    assert_eq!(
        (&rows[1]["filters"], &rows[1]["requestor_mask"], &rows[1]["filter_op"]),
        (&Value::Null, &json!(0), &json!("and"))
    );
    assert_eq!(role["lookup_by_role_id"][0]["value"], "**********");
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_58_an_update_changes_adds_and_drops_access_rows() {
    let test = TestPlatform::start().await;
    let rows = json!([{"service_id": 5, "component": "a", "verb_mask": 1}, {"service_id": 5, "component": "b", "verb_mask": 1}]);
    test.post("role", one(json!({"name": "r", "role_service_access_by_role_id": rows}))).await;
    let change = json!({"role_service_access_by_role_id": [
        {"id": 1, "role_id": 1, "verb_mask": 31}, {"id": 2, "role_id": null}, {"service_id": 3, "component": "c"},
    ]});
    let got = test.patch("role/1?related=role_service_access_by_role_id", change).await;
    assert_eq!(got.status, 200, "{got:?}");
    let rows = got.body["role_service_access_by_role_id"].as_array().unwrap();
    let short: Vec<_> = rows.iter().map(|row| json!([row["id"], row["component"], row["verb_mask"]])).collect();
    assert_eq!(short, [json!([1, "a", 31]), json!([3, "c", 0])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_role_takes_its_rows_along_and_leaves_apps_without_role() {
    let test = TestPlatform::start().await;
    test.post(
        "role",
        one(json!({"name": "r", "role_service_access_by_role_id": [{"service_id": 5, "component": "a"}]})),
    )
    .await;
    test.post("app", one(json!({"name": "a", "role_id": 1}))).await;
    assert_eq!(test.delete("role/1").await.body, json!({"id": 1}));
    assert_eq!(test.get("app/4?fields=role_id").await.body["role_id"], Value::Null);
    let rows = test.get("service/5?related=role_service_access_by_service_id&fields=id").await.body;
    assert_eq!(rows["role_service_access_by_service_id"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_143_to_145_a_user_gets_defaults_and_keeps_secrets() {
    let test = TestPlatform::start().await;
    let got = test
        .post("user?fields=*", one(json!({"email": "min@example.com", "is_active": false, "password": PASSWORD})))
        .await;
    let user = &got.body["resource"][0];
    assert_eq!(
        (&user["name"], &user["username"], &user["is_active"]),
        (&json!("min"), &json!("min@example.com"), &json!(false))
    );
    assert_eq!((&user["confirmed"], &user["expired"]), (&json!(true), &json!(false)));
    for hidden in ["password", "security_answer", "remember_token", "confirm_code", "is_sys_admin", "token_generation"]
    {
        assert!(user.get(hidden).is_none(), "{hidden}");
    }
    assert_eq!(test.get("user?filter=password like '%argon%'").await.status, 400);
    let got = test.post("user", one(json!({"email": "bob@example.com", "password": PASSWORD}))).await;
    assert_eq!(got.body, json!({"resource": [{"id": 3}]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_46_48_146_what_is_wrong_with_an_account_is_told() {
    let test = TestPlatform::start().await;
    let inner = async |path: &str, record: Value| {
        let got = test.post(path, one(record)).await;
        assert_eq!((got.status, &got.body["error"]["code"]), (400, &json!(1000)), "{got:?}");
        got.body["error"]["context"]["resource"][0].clone()
    };
    assert!(inner("user", json!({"name": "x"})).await["context"]["email"].is_array());
    assert!(inner("user", json!({"email": "bad"})).await["context"]["email"].is_array());
    assert!(inner("user", json!({"email": "a@b.c", "password": "short"})).await["context"]["password"].is_array());
    assert!(inner("user", json!({"email": "a@b.c", "username": "a b c d"})).await["context"]["username"].is_array());
    assert!(inner("role", json!({"is_active": true})).await["context"]["name"].is_array());
    let duplicate = inner("admin", json!({"email": ADMIN, "username": "another one".replace(' ', "_")})).await;
    assert_eq!(duplicate["code"], 409);
    assert!(duplicate["message"].as_str().unwrap().contains("for key 'user_email_unique'"), "{duplicate}");
    let rows = json!([{"app_id": 1, "role_id": 1}, {"app_id": 1, "role_id": 2}]);
    let twice = inner("user", json!({"email": "a@b.c", "user_to_app_to_role_by_user_id": rows})).await;
    assert!(twice["message"].as_str().unwrap().starts_with("Multiple user-to-app-to-role assignment."));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_71_147_148_accounts_that_end() {
    let test = TestPlatform::start().await;
    let jane = test.person("jane", json!([])).await;
    let got = test.delete("admin/1").await;
    assert_eq!((got.status, got.message()), (403, "Cannot delete your account."));
    assert_eq!(test.patch("admin/1", json!({"is_active": false})).await.status, 403);
    assert_eq!(test.get("user/1").await.status, 404);
    assert_eq!(test.delete("user/1").await.message(), "Not allowed to delete an admin user.");
    assert_eq!(test.delete("admin/2").await.message(), "Cannot delete a non-admin user.");
    assert_eq!(test.patch("user/2", json!({"is_active": false})).await.status, 200);
    let got = test.call(&jane, Verb::Get, "user", "session", Value::Null).await;
    assert_eq!((got.status, got.message()), (403, "User is not active."));
    test.patch("user/2", json!({"is_active": true})).await;
    let got = test.call(&jane, Verb::Get, "user", "session", Value::Null).await;
    assert!(got.message().contains("blacklisted"), "tokens from before stay dead: {got:?}");
    assert_eq!(test.delete("user/2").await.body, json!({"id": 2}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_150_151_an_app_gets_a_key_of_its_own() {
    let test = TestPlatform::start().await;
    let got = test.post("app?fields=*", one(json!({"name": "a", "type": "0", "is_active": true}))).await;
    let app = &got.body["resource"][0];
    let key = app["api_key"].as_str().unwrap();
    assert!(key.len() == 64 && key.chars().all(|each| each.is_ascii_hexdigit()));
    assert_eq!((&app["type"], &app["launch_url"], &app["toggle_location"]), (&json!(0), &json!(""), &json!("top")));
    let before = test.get("app/1?fields=api_key").await.body;
    let got = test.patch("app/4?regenerate=true&fields=api_key", Value::Null).await;
    assert!(got.body["api_key"].as_str().is_some_and(|fresh| fresh != key && fresh.len() == 64), "{got:?}");
    assert_eq!(test.get("app/1?fields=api_key").await.body, before);
    let old = Credentials { api_key: Some(key.to_owned()), ..Credentials::default() };
    assert_eq!(test.call(&old, Verb::Get, "db", "_table/x", Value::Null).await.status, 400);
    let got = test.post("app", one(json!({"name": "b", "api_key": "short"}))).await;
    assert!(got.body["error"]["context"]["resource"][0]["context"]["api_key"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_assigned_to_a_user_in_an_app_is_in_force_at_once() {
    let test = TestPlatform::start().await;
    let jane =
        test.person("jane", json!([{"service_id": 1, "component": "app", "verb_mask": 1, "requestor_mask": 1}])).await;
    assert_eq!(test.call(&jane, Verb::Get, "system", "app", Value::Null).await.status, 200);
    let change = json!({"user_to_app_to_role_by_user_id": [{"id": 1, "user_id": null}]});
    let got = test.patch("user/2?related=user_to_app_to_role_by_user_id", change).await;
    assert_eq!(got.body["user_to_app_to_role_by_user_id"], json!([]));
    let got = test.call(&jane, Verb::Get, "system", "app", Value::Null).await;
    assert_eq!((got.status, got.message().starts_with("Role not found.")), (403, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_57_a_whole_record_can_be_sent_back() {
    let test = TestPlatform::start().await;
    test.person("jane", json!([{"service_id": 5, "component": "*", "verb_mask": 1, "requestor_mask": 3}])).await;
    test.post("lookup", one(json!({"name": "n", "value": "v", "private": true}))).await;
    test.post("cors", one(json!({"path": "*", "origin": "*", "method": ["GET"]}))).await;
    test.post("event_script/a.get", json!({"type": "php", "config": {"a": 1}})).await;
    for path in [
        "role/1?related=role_service_access_by_role_id,lookup_by_role_id,user_by_created_by_id",
        "user/2?related=user_to_app_to_role_by_user_id,lookup_by_user_id",
        "admin/1",
        "app/4?related=role_by_role_id",
        "service/5?related=service_doc_by_service_id",
        "lookup/1",
        "cors/1",
        "email_template/1",
        "event_script/a.get",
    ] {
        let mut before = test.get(path).await.body;
        let separator = if path.contains('?') { '&' } else { '?' };
        let whole = format!("{path}{separator}fields=*");
        let got = test.call(&test.admin, Verb::Put, "system", &whole, before.clone()).await;
        let mut after = got.body;
        assert_eq!(got.status, 200, "{path}: {after}");
        [&mut before, &mut after].into_iter().for_each(without_stamps);
        assert_eq!(before, after, "{path}");
    }
}

/// What every change changes, also in the records that come along.
fn without_stamps(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_stamps),
        Value::Object(members) => {
            members.retain(|name, _| !["last_modified_date", "last_modified_by_id"].contains(&name.as_str()));
            members.values_mut().for_each(without_stamps);
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_are_reached_under_their_old_relation_names_too() {
    let test = TestPlatform::start().await;
    let role = one(json!({"name": "r", "role_lookup_by_role_id": [{"name": "region", "value": "EU"}]}));
    let got = test.post("role?related=role_lookup_by_role_id", role).await;
    assert_eq!(got.body["resource"][0]["lookup_by_role_id"][0]["value"], "EU");
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_152_a_group_of_apps_shows_in_the_environment() {
    let test = TestPlatform::start().await;
    let group = one(json!({"name": "tools", "app_to_app_group_by_group_id": [{"app_id": 1}]}));
    let got = test.post("app_group?related=app_by_app_to_app_group", group).await;
    assert_eq!((got.status, &got.body["resource"][0]["app_by_app_to_app_group"][0]["name"]), (201, &json!("admin")));
    let environment = test.get("environment").await.body;
    assert_eq!(environment["app_group"][0]["app"][0]["name"], "admin");
    let ungrouped = environment["no_group_app"].as_array().unwrap();
    assert!(ungrouped.iter().all(|app| app["name"] != "admin") && ungrouped.len() == 2);
}
