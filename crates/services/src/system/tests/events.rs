//! Statements 113 to 115 of the reference on events and scripting: the list of events.

use super::TestPlatform;
use antiphon_model::{Value, Verb, json};

const SUFFIXES: [&str; 3] = [".pre_process", ".post_process", ".queued"];

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|each| each.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_113_the_list_has_each_base_name_once() {
    let test = TestPlatform::start().await;
    let names = strings(&test.get("event?as_list=true").await.body["resource"]);
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len());
    assert!(names.iter().all(|name| SUFFIXES.iter().all(|suffix| !name.ends_with(suffix))));
    let seed = [
        "user.get",
        "user.password.post",
        "user.profile.get",
        "user.profile.post",
        "user.register.post",
        "user.session.get",
        "user.session.post",
        "user.session.delete",
        "user.custom.get",
        "user.custom.post",
        "user.custom.patch",
        "user.custom.delete",
        "user.custom.{id}.get",
        "user.custom.{id}.patch",
        "user.custom.{id}.delete",
        "system.get",
        "system.service.get",
        "system.service.post",
        "system.service.patch",
        "system.service.delete",
        "system.service.{id}.get",
        "system.service.{id}.patch",
        "system.service.{id}.delete",
        "system.cache.delete",
        "system.cache.{service}.delete",
        "system.config.get",
        "system.config.post",
        "system.constant.get",
        "system.constant.{type}.get",
        "system.environment.get",
        "system.event.get",
        "system.event.{event_name}.get",
        "system.event.{event_name}.post",
        "system.event.{event_name}.delete",
        "system.service_type.get",
        "system.script_type.get",
        "system.package.get",
        "system.package.post",
    ];
    for name in seed {
        assert!(names.iter().any(|known| known == name), "{name} is missing");
    }
    for resource in ["admin", "app", "app_group", "custom", "cors", "role", "service", "user"] {
        assert!(names.contains(&format!("system.{resource}.{{id}}.patch")), "{resource}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_114_scriptable_names_carry_their_type() {
    let test = TestPlatform::start().await;
    let names = strings(&test.get("event?as_list=true&scriptable=true").await.body["resource"]);
    assert!(names.iter().all(|name| SUFFIXES.iter().any(|suffix| name.ends_with(suffix))));
    assert!(names.contains(&"system.get.queued".to_owned()));
    let names = strings(&test.get("event?as_list=true&scriptable=true&include_base=true").await.body["resource"]);
    assert!(names.contains(&"system.get".to_owned()));
    let names = strings(&test.get("event?as_list=true&type=process").await.body["resource"]);
    assert!(
        names.iter().all(|name| !name.ends_with(".queued")) && names.contains(&"system.get.pre_process".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_115_the_map_of_a_service_offers_the_values_of_its_first_parameter() {
    let test = TestPlatform::start().await;
    let tables = json!({"resource": [
        {"name": "contact", "field": [{"name": "id", "type": "id"}]},
        {"name": "todo", "field": [{"name": "id", "type": "id"}]},
    ]});
    assert_eq!(test.call(&test.admin, Verb::Post, "db", "_schema", tables).await.status, 200);
    let map = test.get("event?service=db").await.body;
    assert_eq!(map.as_object().unwrap().keys().collect::<Vec<_>>(), ["db"]);
    let entry = &map["db"]["db._table.{table_name}"];
    assert_eq!(entry["parameter"], json!({"table_name": ["contact", "todo"]}));
    assert_eq!((&entry["type"], &entry["verb"]["get"]), (&json!("api"), &json!(["db._table.{table_name}.get"])));
    assert_eq!(map["db"]["db"]["parameter"], Value::Null);
    assert_eq!(test.get("event?service=nosuch").await.body, json!({}));
    assert_eq!(test.get("event?service=DB&as_list=true").await.body, json!({"resource": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_has_the_members_of_every_generation_of_clients() {
    let test = TestPlatform::start().await;
    let entry = test.get("event?service=system&scriptable=true").await.body["system"]["system.environment"].clone();
    let typed =
        ["system.environment.get.pre_process", "system.environment.get.post_process", "system.environment.get.queued"];
    assert_eq!(entry["verb"]["get"], json!(typed));
    assert_eq!(strings(&entry["endpoints"])[0], "system.environment.get");
    let admin = test.get("event?service=system").await.body["system"]["system.admin.{id}"].clone();
    assert_eq!(admin["parameter"], json!({"id": ["password", "profile", "session"]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_fires_and_a_resource_to_come_still_fires() {
    let test = TestPlatform::start().await;
    let script = json!({"type": "javascript", "is_active": true, "allow_event_modification": true,
        "content": "event.setResponse({answered: true}, 200);"});
    test.post("event_script/system.package.get.pre_process", script).await;
    assert_eq!(test.get("package").await.body, json!({"answered": true}));
}
