//! The list of events and of script types: statements 113 to 115, 125 and 126.

use crate::support::{TestApp, Value, json};
use std::collections::BTreeSet;

fn names(body: &Value) -> Vec<String> {
    body["resource"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn has_type(name: &str) -> bool {
    [".pre_process", ".post_process", ".queued"].iter().any(|suffix| name.ends_with(suffix))
}

#[test]
fn statement_113_the_list_names_every_event_once_without_type() {
    let app = TestApp::start();
    let events = names(&app.admin().get("system/event?as_list=true").expect(200));
    for event in [
        "db.get",
        "db._table.{table_name}.get",
        "db._table.{table_name}.{id}.patch",
        "db._schema.{table_name}.put",
        "system.get",
        "system.service.{id}.get",
        "system.admin.session.post",
        "system.cache.{service}.delete",
        "user.session.post",
        "files.{file_path}.get",
    ] {
        assert!(events.iter().any(|listed| listed == event), "{event} is missing in {events:?}");
    }
    assert!(!events.iter().any(|event| has_type(event)));
    assert_eq!(events.iter().collect::<BTreeSet<_>>().len(), events.len(), "an event is listed twice");
}

#[test]
fn statement_114_scriptable_names_end_in_a_type() {
    let app = TestApp::start();
    let events = names(&app.admin().get("system/event?as_list=true&scriptable=true&service=db").expect(200));
    for event in ["db._table.{table_name}.get.pre_process", "db.get.post_process", "db._table.get.queued"] {
        assert!(events.iter().any(|listed| listed == event), "{event} is missing in {events:?}");
    }
    assert!(events.iter().all(|event| has_type(event)), "{events:?}");
    let with_base = "system/event?as_list=true&scriptable=true&include_base=true&service=db";
    assert!(names(&app.admin().get(with_base).expect(200)).contains(&"db.get".to_owned()));
}

#[test]
fn statement_115_the_map_of_one_service_has_that_service_and_the_names_of_its_tables() {
    let app = TestApp::start();
    let map = app.admin().get("system/event?service=db").expect(200);
    assert_eq!(map.as_object().unwrap().keys().collect::<Vec<_>>(), ["db"]);
    let entry = &map["db"]["db._table.{table_name}"];
    assert_eq!(entry["type"], "api");
    assert_eq!(entry["verb"]["get"], json!(["db._table.{table_name}.get"]));
    assert!(entry["endpoints"].as_array().unwrap().contains(&json!("db._table.{table_name}.post")));
    let tables = entry["parameter"]["table_name"].as_array().unwrap();
    for table in ["todo", "contact"] {
        assert!(tables.contains(&json!(table)), "{table} is missing in {tables:?}");
    }
}

/// A path that fires an event of that name.
fn path_of(event_path: &str) -> String {
    let fill = |segment: &str| match segment {
        "{table_name}" => "todo".to_owned(),
        "{folder_path}" => "folder/".to_owned(),
        "{service}" | "{service_name}" => "db".to_owned(),
        other if other.starts_with('{') => "1".to_owned(),
        other => other.to_owned(),
    };
    event_path.split('.').map(fill).collect::<Vec<_>>().join("/")
}

#[test]
fn every_listed_event_really_fires() {
    let app = TestApp::start();
    let events = names(&app.admin().get("system/event?as_list=true").expect(200));
    let scripts: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "name": format!("{event}.pre_process"), "type": "javascript", "is_active": true,
                "allow_event_modification": true, "content": "event.response = {status_code: 299};",
            })
        })
        .collect();
    app.admin().post("system/event_script", json!({"resource": scripts})).expect(201);
    assert!(events.len() > 150, "only {} events are listed", events.len());
    // No call fires the events of exceeded limits and of schedules.
    let of_service = ["system.limit.{id}.exceeded", "system.schedule.{name}.run"];
    for event in events.iter().filter(|event| !of_service.contains(&event.as_str())) {
        let (path, verb) = event.rsplit_once('.').unwrap();
        let path = format!("{}?trace_events=true", path_of(path));
        let answer = app.admin().with("X-HTTP-Method", verb).post(&path, json!({}));
        assert_eq!(answer.status(), 299, "{event}: {answer:?}");
        let trace: Value = serde_json::from_str(answer.header("x-script-trace").unwrap()).unwrap();
        let fired = trace["events"].as_array().unwrap();
        assert!(
            fired.contains(&json!(format!("{event}.pre_process"))),
            "{event} is listed, but {path} fires {fired:?}"
        );
    }
}

#[test]
fn statement_125_script_types_describe_themselves() {
    let app = TestApp::start();
    let types = app.admin().get("system/script_type").expect(200);
    let types = types["resource"].as_array().unwrap();
    let javascript = types.iter().find(|one| one["name"] == "javascript").unwrap_or_else(|| panic!("{types:?}"));
    assert_eq!(javascript["sandboxed"], true);
    for member in ["label", "description"] {
        assert!(javascript[member].as_str().is_some_and(|text| !text.is_empty()), "{javascript}");
    }
    assert_eq!(&app.admin().get("system/script_type/javascript").expect(200), javascript);
    assert_eq!(app.admin().get("system/script_type/cobol").refused(404), "Script engine type 'cobol' not found.");
}

#[test]
fn statement_126_the_forms_of_old_still_work() {
    let app = TestApp::start();
    let name = "db._table.todo.get.pre_process";
    let path = format!("system/event/{name}");
    assert_eq!(app.admin().get(&path).refused(404), "Script not found.");
    let record = json!({"type": "javascript", "is_active": true, "content": "throw 'old form';"});
    for _ in 0..2 {
        app.admin().post(&path, record.clone()).expect(200);
        assert_eq!(app.user().get("db/_table/todo").refused(500), "old form");
    }
    let read = app.admin().get(&path).expect(200);
    assert_eq!(
        (&read["name"], &read["content"], &read["affects_process"]),
        (&json!(name), &json!("throw 'old form';"), &json!(true))
    );
    let scripted = app.admin().get("system/event?only_scripted=true").expect(200);
    assert_eq!(scripted, json!({"resource": [name]}));
    app.admin().delete(&path).expect(200);
    app.user().get("db/_table/todo").expect(200);
}
