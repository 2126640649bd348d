//! Services, lookups and the smaller records; listings of the root.

use super::TestPlatform;
use antiphon_model::{Value, Verb, json};

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_63_the_seed_is_there() {
    let test = TestPlatform::start().await;
    let services = test.get("service?fields=id,name,type").await.body;
    let listed: Vec<Value> = services["resource"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| json!([each["id"], each["name"], each["type"]]))
        .collect();
    let wanted = json!([
        [1, "system", "system"],
        [2, "api_docs", "swagger"],
        [3, "files", "local_file"],
        [4, "logs", "local_file"],
        [5, "db", "sqlite"],
        [6, "email", "local_email"],
        [7, "user", "user"],
    ]);
    assert_eq!(json!(listed), wanted);
    let apps = test.get("app?fields=name,role_id").await.body;
    assert_eq!(apps["resource"][0], json!({"name": "admin", "role_id": null, "launch_url": ""}));
    assert_eq!(test.get("email_template?count_only=true").await.body, json!(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_any_known_type_is_stored_with_its_document_and_is_there_at_once() {
    let test = TestPlatform::start().await;
    let service = one(json!({
        "name": "js1", "type": "v8js", "is_active": true, "label": "<b>JS</b>", "config": {"content": "return 7;", "bogus": 1},
        "service_doc_by_service_id": [{"format": 0, "content": "{\"paths\":{}}"}],
    }));
    let got = test.post("service?fields=*&related=service_doc_by_service_id", service).await;
    assert_eq!(got.status, 201, "{got:?}");
    let service = &got.body["resource"][0];
    assert_eq!((&service["id"], &service["label"], &service["mutable"]), (&json!(8), &json!("JS"), &json!(true)));
    let config = json!({
        "service_id": 8, "content": "return 7;", "config": null, "queued": false, "scm_reference": null, "scm_repository": null,
        "storage_path": null, "storage_service_id": null, "implements_access_list": false, "cache_enabled": false,
        "cache_ttl": 0,
    });
    assert_eq!(service["config"], config);
    assert_eq!(service["service_doc_by_service_id"][0]["content"], "{\"paths\":{}}");
    assert_eq!(test.call(&test.admin, Verb::Get, "JS1", "", Value::Null).await.body, json!(7));
    assert_eq!(
        test.patch("service/8?fields=is_active", json!({"is_active": false})).await.body,
        json!({"is_active": false})
    );
    let got = test.call(&test.admin, Verb::Get, "js1", "", Value::Null).await;
    assert_eq!((got.status, got.message()), (403, "Service js1 is deactivated."));
    assert_eq!(test.delete("service/8").await.body, json!({"id": 8}));
    assert_eq!(test.call(&test.admin, Verb::Get, "js1", "", Value::Null).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_157_to_159_what_a_service_may_not_be() {
    let test = TestPlatform::start().await;
    for record in [
        json!({"name": "a b", "type": "sqlite"}),
        json!({"name": "_x", "type": "sqlite"}),
        json!({"name": "rest", "type": "sqlite"}),
        json!({"name": "x", "type": "nosuchtype"}),
        json!({"name": "x", "type": "system"}),
        json!({"name": "x"}),
        json!({"name": "x", "type": "pgsql", "config": {}}),
        json!({"name": "DB", "type": "sqlite", "config": {"database": "x.sqlite"}}),
    ] {
        let got = test.post("service", one(record.clone())).await;
        assert_eq!((got.status, &got.body["error"]["code"]), (400, &json!(1000)), "{record}");
    }
    let got = test.post("service", one(json!({"name": "a b", "type": "sqlite"}))).await;
    let context = &got.body["error"]["context"]["resource"][0]["context"];
    assert_eq!(context["name"][0], "Service name should only contain letters, numbers, underscores and dashes.");
    assert_eq!(test.delete("service/1").await.status, 403);
    assert_eq!(test.delete("service?ids=7").await.status, 400);
    assert_eq!(test.patch("service/1", json!({"name": "sys2"})).await.status, 403);
    assert_eq!(test.patch("service/5", json!({"type": "nodejs"})).await.status, 400);
    assert_eq!(test.delete("service?force=true").await.status, 200);
    assert_eq!(test.get("service?as_list=true").await.body, json!({"resource": [1, 2, 7]}));
    assert_eq!(test.delete("admin?force=true").await.status, 200);
    assert_eq!(test.get("admin?as_list=true").await.body, json!({"resource": [1]}));
    let pgsql = json!({"name": "pg", "type": "pgsql", "config": {"host": "h", "database": "d", "password": "secret"}});
    let got = test.post("service?fields=config", one(pgsql)).await;
    assert_eq!(got.body["resource"][0]["config"]["password"], "**********");
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_156_a_private_lookup_is_masked() {
    let test = TestPlatform::start().await;
    let lookups = json!([{"name": "greeting", "value": "hello"}, {"name": "secret", "value": "s3", "private": true}]);
    let got = test.post("lookup?fields=name,value,private", lookups).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.body["resource"][1], json!({"name": "secret", "value": "**********", "private": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mask_of_a_private_lookup_leaves_its_value() {
    let test = TestPlatform::start().await;
    test.post("lookup", one(json!({"name": "secret", "value": "s3cret", "private": true}))).await;
    assert_eq!(test.patch("lookup/1", json!({"value": "**********", "private": false})).await.status, 200);
    let got = test.get("lookup/1?fields=name,value").await;
    assert_eq!(got.body, json!({"name": "secret", "value": "s3cret", "private": false}));
    let got = test.get("app?fields=name&filter=name = '{secret}'").await;
    assert_eq!(got.body, json!({"resource": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_22_23_43_50_records_of_the_system_are_records() {
    let test = TestPlatform::start().await;
    let got = test
        .post("role?continue=true", json!({"resource": [{"name": "a"}, {"description": "no name"}, {"name": "b"}]}))
        .await;
    assert_eq!((got.status, &got.body["error"]["context"]["error"]), (400, &json!([1])));
    assert_eq!(test.get("role?as_list=true").await.body, json!({"resource": [1, 2]}));
    assert_eq!(test.post("role?fields=*", one(json!({"name": "c"}))).await.body["resource"][0]["name"], "c");
    let got = test.post("role/1", json!({"name": "x"})).await;
    assert_eq!((got.status, got.message()), (400, "Create record by identifier not currently supported."));
    assert_eq!(
        test.patch("role?ids=1,2&fields=id,is_active", one(json!({"is_active": true}))).await.body["resource"][1],
        json!({"id": 2, "is_active": true})
    );
    assert_eq!(test.get("role?related=nosuch").await.status, 400);
    assert_eq!(test.get("nosuch").await.message(), "Resource 'nosuch' not found for service 'system'.");
    assert_eq!(test.delete("environment").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_rules_templates_and_values_keep_their_form() {
    let test = TestPlatform::start().await;
    let cors = json!({"path": "api/v2/*", "origin": "https://a.example", "method": "GET,POST", "enabled": true});
    let got = test.post("cors?fields=id,method,max_age", one(cors)).await;
    assert_eq!(got.body["resource"][0], json!({"id": 1, "method": ["GET", "POST"], "max_age": 0}));
    let got = test.post("email_template?fields=name,to", one(json!({"name": "Alert", "to": "a@x.io,b@x.io"}))).await;
    assert_eq!(got.body["resource"][0], json!({"name": "Alert", "to": ["a@x.io", "b@x.io"]}));
    let got = test.post("custom", one(json!({"name": "theme", "value": {"a": 1}}))).await;
    assert_eq!((got.status, got.body), (201, json!({"resource": [{"name": "theme"}]})));
    assert_eq!(test.post("custom", one(json!({"name": "theme", "value": [2]}))).await.status, 201);
    assert_eq!(test.get("custom/theme").await.body, json!([2]));
    assert_eq!(test.patch("custom/theme", json!({"value": "x"})).await.body, json!({"name": "theme"}));
    assert_eq!(test.get("custom").await.body["resource"][0]["value"], "x");
    assert_eq!(test.delete("custom/theme").await.body, json!({"name": "theme"}));
    assert_eq!(test.get("custom/theme").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_127_128_the_root_lists_resources_and_components() {
    let test = TestPlatform::start().await;
    let names = test.get("?as_list=true").await.body;
    let names: Vec<&str> = names["resource"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in [
        "admin",
        "admin/session",
        "app",
        "app_group",
        "cache",
        "config",
        "constant",
        "cors",
        "custom",
        "email_template",
        "environment",
        "event",
        "event_script",
        "lookup",
        "package",
        "role",
        "script_type",
        "service",
        "service_type",
        "user",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let access = test.get("?as_access_list=true").await.body;
    let access = access["resource"].as_array().unwrap();
    for component in ["", "*", "admin/", "admin/*", "admin/session", "event_script/*"] {
        assert!(access.contains(&json!(component)), "{component}");
    }
    let described = test.get("?fields=*").await.body["resource"][0].clone();
    assert_eq!(
        (&described["name"], &described["label"], &described["read_only"]),
        (&json!("admin"), &json!("Admin"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn types_caches_and_settings() {
    let test = TestPlatform::start().await;
    let got = test.get("service_type?group=cache&fields=name,group").await.body;
    assert_eq!(got["resource"][0], json!({"name": "cache_local", "group": "Cache"}));
    assert!(test.get("service_type/sqlite").await.body["config_schema"].is_array());
    assert_eq!(test.get("service_type/x").await.message(), "Service type 'x' not found.");
    assert_eq!(test.get("cache").await.body["resource"][1], json!({"name": "db"}));
    assert_eq!(test.delete("cache").await.body, json!({"success": true}));
    assert_eq!(test.delete("cache/nosuch").await.status, 404);
    assert_eq!(test.delete("cache/_event/a.get.pre_process").await.body, json!({"success": true}));
    assert_eq!(test.post("config", json!({"default_app_id": 1})).await.body["default_app_id"], 1);
    assert_eq!(test.get("service/1").await.body["config"]["default_app_id"], 1);
    assert_eq!(test.get("constant").await.body, json!({"resource": []}));
}
