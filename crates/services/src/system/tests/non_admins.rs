//! What a role grants of the system, and what no role grants (system-and-users 3.5).

use super::{PASSWORD, TestPlatform};
use antiphon_gateway::Credentials;
use antiphon_model::{Value, Verb, json};

fn grants(components: &[&str]) -> Value {
    let rows = components.iter();
    rows.map(|component| json!({"service_id": 1, "component": component, "verb_mask": 31, "requestor_mask": 3}))
        .collect()
}

async fn call(test: &TestPlatform, who: &Credentials, verb: Verb, path: &str, body: Value) -> (u16, Value) {
    let got = test.call(who, verb, "system", path, body).await;
    (got.status, got.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_gives_what_its_rows_name_and_nothing_else() {
    let test = TestPlatform::start().await;
    let jane = test.person("jane", grants(&["role", "role/*"])).await;
    assert_eq!(call(&test, &jane, Verb::Get, "role", Value::Null).await.0, 200);
    let (status, body) = call(&test, &jane, Verb::Get, "event_script", Value::Null).await;
    assert_eq!(status, 403);
    assert_eq!(
        body["error"]["message"],
        "Access Forbidden. GET access to component 'event_script' of service 'system' is not allowed by this user's role."
    );
    let (status, _) = call(&test, &jane, Verb::Get, "role?related=user_by_created_by_id", Value::Null).await;
    assert_eq!(status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_125_126_nobody_but_an_administrator_touches_administrators() {
    let test = TestPlatform::start().await;
    let jane = test.person("jane", grants(&["*"])).await;
    let (_, users) = call(&test, &jane, Verb::Get, "user?fields=id", Value::Null).await;
    assert_eq!(users["resource"].as_array().unwrap().len(), 1);
    let body = json!({"resource": [{"email": "evil@example.com", "password": PASSWORD}]});
    let (status, body) = call(&test, &jane, Verb::Post, "admin", body).await;
    assert_eq!((status, &body["error"]["message"]), (403, &json!("Not allowed to change an admin user.")));
    let change = json!({"first_name": "X"});
    assert_eq!(call(&test, &jane, Verb::Patch, "admin/1", change.clone()).await.0, 403);
    assert_eq!(call(&test, &jane, Verb::Patch, "user/1", change).await.0, 403);
    assert_eq!(call(&test, &jane, Verb::Delete, "user/1", Value::Null).await.0, 403);
    assert_eq!(call(&test, &jane, Verb::Get, "admin", Value::Null).await.0, 403);
    let (_, role) = call(&test, &jane, Verb::Get, "role/1?related=user_by_created_by_id", Value::Null).await;
    assert_eq!((&role["created_by_id"], &role["user_by_created_by_id"]), (&json!(1), &Value::Null));
    let me = users["resource"][0]["id"].clone();
    let path = format!("user/{me}?fields=*");
    let (status, body) = call(&test, &jane, Verb::Patch, &path, json!({"is_sys_admin": true})).await;
    assert_eq!((status, body.get("is_sys_admin")), (200, None));
    assert_eq!(test.get(&format!("admin/{me}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_lookups_are_for_administrators() {
    let test = TestPlatform::start().await;
    let lookups =
        json!({"resource": [{"name": "open", "value": "a"}, {"name": "closed", "value": "b", "private": true}]});
    test.post("lookup", lookups).await;
    let jane = test.person("jane", grants(&["lookup", "lookup/*"])).await;
    let (_, body) = call(&test, &jane, Verb::Get, "lookup?fields=name", Value::Null).await;
    assert_eq!(body, json!({"resource": [{"name": "open", "private": false}]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_123_a_deactivated_role_or_app_is_in_force_for_the_next_call() {
    let test = TestPlatform::start().await;
    let jane = test.person("jane", grants(&["role", "role/*"])).await;
    assert_eq!(call(&test, &jane, Verb::Get, "role", Value::Null).await.0, 200);
    test.patch("role/1", json!({"is_active": false})).await;
    assert_eq!(call(&test, &jane, Verb::Get, "role", Value::Null).await.0, 403);
    test.patch("role/1", json!({"is_active": true})).await;
    assert_eq!(call(&test, &jane, Verb::Get, "role", Value::Null).await.0, 200);
    test.patch("app/4", json!({"is_active": false})).await;
    let (status, body) = call(&test, &jane, Verb::Get, "role", Value::Null).await;
    assert_eq!((status, &body["error"]["message"]), (403, &json!("App is not active.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_tells_strangers_only_how_to_log_in() {
    let test = TestPlatform::start().await;
    let (status, body) = call(&test, &Credentials::default(), Verb::Get, "environment", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(body["authentication"]["admin"]["path"], "system/admin/session");
    assert!(body.get("server").is_none() && body["platform"].get("version").is_none());
    let body = test.get("environment").await.body;
    assert!(body["server"]["host"].is_string() && body["platform"]["df_instance_id"].is_string());
    assert!(body["apps"].as_array().unwrap().iter().any(|app| app["name"] == "admin"));
}
