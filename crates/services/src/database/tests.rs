//! What nested records do to the events of the tables that they go to.

use crate::test_platform::TestPlatform;
use antiphon_model::{Value, Verb, json};

async fn with_tables() -> TestPlatform {
    let test = TestPlatform::start().await;
    let tables = json!({"resource": [
        {"name": "contact", "field": [{"name": "id", "type": "id"}, {"name": "name", "type": "string"}]},
        {"name": "info", "field": [
            {"name": "id", "type": "id"},
            {"name": "contact_id", "type": "reference", "ref_table": "contact", "ref_field": "id", "allow_null": true},
            {"name": "phone", "type": "string"},
        ]},
        {"name": "log", "field": [{"name": "id", "type": "id"}, {"name": "text", "type": "string"}]},
    ]});
    assert_eq!(db(&test, Verb::Post, "_schema", tables).await.0, 200);
    test
}

async fn db(test: &TestPlatform, verb: Verb, path: &str, payload: Value) -> (u16, Value) {
    let got = test.call(&test.admin, verb, "db", path, payload).await;
    (got.status, got.body)
}

async fn attach(test: &TestPlatform, event: &str, content: &str) {
    let script = json!({"type": "javascript", "is_active": true, "allow_event_modification": true, "content": content});
    assert_eq!(test.post(&format!("event_script/{event}"), script).await.status, 201);
}

fn nested() -> Value {
    json!({"resource": [{"name": "Ada", "info_by_contact_id": [{"phone": "1"}, {"phone": "2"}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_the_nested_table_change_what_is_stored_and_run_after_it() {
    let test = with_tables().await;
    attach(
        &test,
        "db._table.info.post.pre_process",
        "for (const row of event.request.payload.resource) row.phone += '!';",
    )
    .await;
    let log =
        "platform.api.post('db/_table/log', {resource: [{text: event.request.payload.resource.length + ' stored'}]});";
    attach(&test, "db._table.info.post.post_process", log).await;
    assert_eq!(db(&test, Verb::Post, "_table/contact", nested()).await, (200, json!({"resource": [{"id": 1}]})));
    let (_, rows) = db(&test, Verb::Get, "_table/info?fields=contact_id,phone", Value::Null).await;
    assert_eq!(rows["resource"], json!([{"contact_id": 1, "phone": "1!"}, {"contact_id": 1, "phone": "2!"}]));
    let (_, log) = db(&test, Verb::Get, "_table/log?fields=text", Value::Null).await;
    assert_eq!(log["resource"], json!([{"text": "2 stored"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_the_nested_table_refuses_the_whole_call() {
    let test = with_tables().await;
    attach(&test, "db._table.info.post.pre_process", "throw {message: 'no phones', status_code: 400};").await;
    let (status, body) = db(&test, Verb::Post, "_table/contact", nested()).await;
    assert_eq!((status, &body["error"]["message"]), (400, &json!("no phones")));
    assert_eq!(db(&test, Verb::Get, "_table/contact", Value::Null).await.1, json!({"resource": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_record_with_a_key_is_an_update() {
    let test = with_tables().await;
    assert_eq!(db(&test, Verb::Post, "_table/contact", nested()).await.0, 200);
    attach(
        &test,
        "db._table.info.patch.pre_process",
        "for (const row of event.request.payload.resource) row.phone = 'seen';",
    )
    .await;
    let change = json!({"info_by_contact_id": [{"id": 2, "phone": "3"}]});
    assert_eq!(db(&test, Verb::Patch, "_table/contact/1", change).await.0, 200);
    let (_, rows) = db(&test, Verb::Get, "_table/info?fields=phone", Value::Null).await;
    assert_eq!(rows["resource"], json!([{"phone": "1"}, {"phone": "seen"}]));
}
