//! The resources of the system service: that all are there, fire their events, and take records with what belongs to them
//! (system-and-users 1.8, 4.1, 4.2, 4.6, 4.9, 4.10).

use super::people::{DB, create, grant, role};
use crate::support::{TestApp, Value, json};

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

fn names(body: &Value) -> Vec<&str> {
    body["resource"].as_array().unwrap().iter().filter_map(|item| item["name"].as_str().or(item.as_str())).collect()
}

/// The resources that a system has to have.
const REQUIRED: [&str; 27] = [
    "admin",
    "admin/password",
    "admin/profile",
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
    "import",
    "limit",
    "limit_cache",
    "lookup",
    "package",
    "role",
    "script_type",
    "service",
    "service_report",
    "service_type",
    "user",
    "event_script",
];

#[test]
fn statement_128_the_system_lists_every_resource() {
    let app = TestApp::start();
    let listed = app.admin().get("system").expect(200);
    for name in REQUIRED {
        assert!(names(&listed).contains(&name), "{name} is missing in {listed}");
    }
    assert!(listed["resource"].as_array().unwrap().iter().all(|item| item.as_object().unwrap().len() == 1));
    let full = app.admin().get("system?fields=*").expect(200);
    for member in ["label", "description", "class_name", "singleton", "read_only", "subscription_required"] {
        assert!(full["resource"].as_array().unwrap().iter().all(|item| item.get(member).is_some()), "{member}");
    }
    assert_eq!(names(&app.admin().get("system?as_list=true").expect(200)), names(&listed));
}

#[test]
fn statement_129_every_resource_fires_its_events() {
    let app = TestApp::start();
    for resource in REQUIRED.iter().filter(|name| !name.contains('/')) {
        app.journal(&[&format!("system.{resource}.get.pre_process"), &format!("system.{resource}.get.post_process")]);
    }
    for resource in REQUIRED.iter().filter(|name| !name.contains('/')) {
        let answer = app.admin().get(&format!("system/{resource}"));
        let expected = match answer.status() {
            // What can't be read refuses the verb, and nothing fires.
            400 => Vec::new(),
            _ => vec![format!("system.{resource}.get.pre_process"), format!("system.{resource}.get.post_process")],
        };
        assert_eq!(app.ran(), expected, "{answer:?}");
    }
}

#[test]
fn statement_130_by_identifier_the_name_without_and_then_the_template_fires() {
    let app = TestApp::start();
    let id = role(&app, "journaled", &[]);
    let events = ["system.role.get", "system.role.{id}.get"];
    let both: Vec<String> = ["pre_process", "post_process"]
        .iter()
        .flat_map(|phase| events.map(|event| format!("{event}.{phase}")))
        .collect();
    app.journal(&both.iter().map(String::as_str).collect::<Vec<_>>());
    app.admin().get(&format!("system/role/{id}")).expect(200);
    assert_eq!(app.ran(), both);
    app.admin().get("system/role").expect(200);
    assert_eq!(app.ran(), ["system.role.get.pre_process", "system.role.get.post_process"]);
}

#[test]
fn statement_131_put_fires_put_and_patch_fires_patch() {
    let app = TestApp::start();
    let id = role(&app, "journaled", &[]);
    app.journal(&["system.role.put.pre_process", "system.role.patch.pre_process"]);
    app.admin().put(&format!("system/role/{id}"), json!({"description": "a"})).expect(200);
    assert_eq!(app.ran(), ["system.role.put.pre_process"]);
    app.admin().patch(&format!("system/role/{id}"), json!({"description": "b"})).expect(200);
    assert_eq!(app.ran(), ["system.role.patch.pre_process"]);
}

#[test]
fn statement_134_135_the_events_of_every_resource_are_listed_with_and_without_type() {
    let app = TestApp::start();
    let list = |query: &str| app.admin().get(&format!("system/event?as_list=true{query}")).expect(200);
    let (bare, typed) = (list(""), list("&scriptable=true"));
    for base in [
        "system.get",
        "system.admin.session.delete",
        "system.admin.{id}.patch",
        "system.app_group.post",
        "system.cache.{service}.delete",
        "system.config.post",
        "system.constant.{type}.get",
        "system.cors.{id}.delete",
        "system.custom.{id}.get",
        "system.environment.get",
        "system.event.{event_name}.post",
        "system.event_script.post",
        "system.package.post",
        "system.role.{id}.delete",
        "system.service_type.get",
        "system.script_type.get",
        "system.user.{id}.patch",
        "user.custom.{id}.patch",
        "user.password.post",
        "user.profile.get",
        "user.register.post",
        "user.session.post",
    ] {
        assert!(names(&bare).contains(&base), "{base}");
        for phase in ["pre_process", "post_process", "queued"] {
            assert!(names(&typed).contains(&format!("{base}.{phase}").as_str()), "{base}.{phase}");
        }
        assert!(!names(&typed).contains(&base), "{base}");
    }
}

#[test]
fn statement_136_137_the_map_of_events_has_its_members_for_every_path() {
    let app = TestApp::start();
    let map = app.admin().get("system/event?scriptable=true").expect(200);
    for (service, paths) in map.as_object().unwrap() {
        for (path, entry) in paths.as_object().unwrap() {
            assert!(path.starts_with(service.as_str()), "{path}");
            assert!(entry["type"].is_string() && entry["endpoints"].is_array(), "{path}: {entry}");
            let parameter = entry.get("parameter").unwrap();
            let is_named = |value: &Value| value.as_object().is_some_and(|names| names.values().all(Value::is_array));
            assert!(parameter.is_null() || is_named(parameter), "{path}: {parameter}");
            assert!(entry["verb"].is_object() || entry["type"] == "service", "{path}: {entry}");
        }
    }
    let one = app.admin().get("system/event?service=user").expect(200);
    assert_eq!(one.as_object().unwrap().keys().collect::<Vec<_>>(), ["user"]);
    let services = app.admin().get("system/event?services_only=true").expect(200);
    assert!(names(&services).contains(&"db") && names(&services).contains(&"system"));
}

#[test]
fn statement_138_a_service_whose_database_is_gone_does_not_break_the_map() {
    let app = TestApp::start();
    let broken =
        json!({"name": "gone", "type": "sqlite", "is_active": true, "config": {"database": "/nowhere/at/all.db"}});
    app.admin().post("system/service", one(broken)).expect(201);
    assert!(app.admin().get("gone/_table").status() >= 400);
    let map = app.admin().get("system/event?scriptable=true").expect(200);
    assert!(map["db"]["db._table.{table_name}"].is_object() && map["gone"].is_object(), "{map}");
    let listed = app.admin().get("gone?as_access_list=true").expect(200);
    assert!(listed["resource"].as_array().unwrap().contains(&json!("_table/*")), "{listed}");
}

#[test]
fn statement_139_140_141_scripts_are_stored_under_both_paths() {
    let app = TestApp::start();
    let admin = app.admin();
    let script = json!({"type": "javascript", "content": "", "is_active": true});
    admin.post("system/event/db._table.get.pre_process", script.clone()).expect(200);
    let stored = admin.get("system/event_script/db._table.get.pre_process").expect(200);
    assert_eq!(stored["name"], "db._table.get.pre_process");
    assert_eq!(admin.post("system/event_script/db.get.pre_process", script.clone()).status(), 201);
    assert_eq!(admin.post("system/event_script/db.get.pre_process", script).status(), 200);
    let missing = admin.get("system/event_script/db.post.pre_process").expect(404);
    assert_eq!(missing["error"]["code"], 404);
}

#[test]
fn statement_142_a_saved_script_runs_on_the_next_call_and_an_inactive_one_does_not() {
    let app = TestApp::start();
    let label = || app.admin().get("system/role?limit=1").header("x-seen").map(str::to_owned);
    assert_eq!(label(), None);
    app.attach("system.role.get.post_process", "event.response.headers['X-Seen'] = 'yes';");
    assert_eq!(label().as_deref(), Some("yes"));
    app.attach_inactive("system.role.get.post_process", "event.response.headers['X-Seen'] = 'yes';");
    assert_eq!(label(), None);
}

#[test]
fn statement_154_the_verbs_of_a_cors_rule_read_as_an_array_whatever_was_written() {
    let app = TestApp::start();
    for (path, method) in [("a", json!(["GET", "POST"])), ("b", json!("GET,POST")), ("c", json!(3)), ("d", json!("3"))]
    {
        let rule = json!({"path": path, "origin": "https://a.example", "method": method});
        let created = app.admin().post("system/cors?fields=*", one(rule)).expect(201);
        assert_eq!(created["resource"][0]["method"], json!(["GET", "POST"]), "{path}");
        assert_eq!((&created["resource"][0]["max_age"], &created["resource"][0]["enabled"]), (&json!(0), &json!(true)));
    }
}

#[test]
fn statement_155_addresses_given_as_a_comma_list_read_as_an_array() {
    let app = TestApp::start();
    let template = json!({"name": "Alert", "to": "ops@x.io,it@x.io", "subject": "{app.name}", "defaults": {"a": 1}});
    let created = app.admin().post("system/email_template?fields=name,to,defaults", one(template)).expect(201);
    let wanted = json!({"name": "Alert", "to": ["ops@x.io", "it@x.io"], "defaults": {"a": 1}});
    assert_eq!(created["resource"][0], wanted);
}

#[test]
fn custom_values_keep_their_type_and_are_written_over_by_their_name() {
    let app = TestApp::start();
    let admin = app.admin();
    for value in [json!({"theme": "dark"}), json!(3), json!("text"), json!([1, 2]), json!(false)] {
        admin.post("system/custom", one(json!({"name": "n", "value": value}))).expect(201);
        assert_eq!(admin.get("system/custom/n").expect(200), value);
    }
    admin.patch("system/custom", one(json!({"name": "m", "value": 1}))).expect(200);
    assert_eq!(admin.get("system/custom?as_list=true").expect(200), json!({"resource": ["m", "n"]}));
    admin.patch("system/custom/m", json!({"value": 2})).expect(200);
    assert_eq!(admin.get("system/custom/m").expect(200), 2);
    admin.delete("system/custom/m").expect(200);
    admin.get("system/custom/m").refused(404);
    admin.post("system/custom", json!({"name": "m", "value": 1})).refused(400);
}

#[test]
fn statement_057_what_a_client_read_it_can_send_back_whole() {
    let app = TestApp::start();
    let id = role(&app, "whole", &[grant(DB, "_table/*", 1)]);
    let path = format!("system/role/{id}?related=role_service_access_by_role_id,user_by_created_by_id");
    let mut whole = app.admin().get(&path).expect(200);
    whole["unknown"] = json!({"a": [1]});
    whole["id"] = json!(4711);
    whole["created_date"] = json!("1999-01-01 00:00:00");
    whole["created_by_id"] = json!(4711);
    app.admin().put(&format!("system/role/{id}"), whole).expect(200);
    let after = app.admin().get(&path).expect(200);
    assert_eq!((&after["id"], &after["created_by_id"], &after["name"]), (&json!(id), &json!(1), &json!("whole")));
    assert_ne!(after["created_date"], "1999-01-01 00:00:00");
    assert_eq!(after["role_service_access_by_role_id"].as_array().unwrap().len(), 1);
}

#[test]
fn statement_058_a_child_without_owner_goes_and_those_not_mentioned_stay() {
    let app = TestApp::start();
    let id = role(&app, "rows", &[grant(DB, "a", 1), grant(DB, "b", 1), grant(DB, "c", 1)]);
    let path = format!("system/role/{id}?related=role_service_access_by_role_id");
    let rows = app.admin().get(&path).expect(200)["role_service_access_by_role_id"].clone();
    let change = json!({"role_service_access_by_role_id": [
        {"id": rows[0]["id"], "role_id": null},
        {"id": rows[1]["id"], "verb_mask": 31},
        {"service_id": DB, "component": "d", "verb_mask": 1},
    ]});
    let after = app.admin().patch(&path, change).expect(200)["role_service_access_by_role_id"].clone();
    let seen: Vec<(&str, u64)> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["component"].as_str().unwrap(), row["verb_mask"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("b", 31), ("c", 1), ("d", 1)]);
}

#[test]
fn statement_059_a_child_of_another_parent_is_refused() {
    let app = TestApp::start();
    let (first, second) = (role(&app, "first", &[grant(DB, "a", 1)]), role(&app, "second", &[]));
    let rows = |id: i64| {
        let path = format!("system/role/{id}?related=role_service_access_by_role_id");
        app.admin().get(&path).expect(200)["role_service_access_by_role_id"].clone()
    };
    let before = rows(first);
    for child in [json!({"id": before[0]["id"], "verb_mask": 31}), json!({"id": before[0]["id"]})] {
        let change = json!({"description": "d", "role_service_access_by_role_id": [child]});
        let message = app.admin().patch(&format!("system/role/{second}"), change).refused(400);
        assert!(message.contains("belongs to another record"), "{message}");
    }
    assert_eq!((rows(first), rows(second)), (before, json!([])));
    assert!(
        app.admin().get(&format!("system/role/{second}")).expect(200)["description"].is_null(),
        "nothing half-written"
    );
}

#[test]
fn lookups_of_a_record_are_matched_by_identifier_else_by_name() {
    let app = TestApp::start();
    let id = create(&app, "role", json!({"name": "r", "lookup_by_role_id": [{"name": "region", "value": "eu"}]}));
    let path = format!("system/role/{id}?related=lookup_by_role_id");
    let change = json!({"lookup_by_role_id": [{"name": "region", "value": "us"}, {"name": "zone", "value": "1"}]});
    let after = app.admin().patch(&path, change).expect(200)["lookup_by_role_id"].clone();
    let seen: Vec<(&str, &str)> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["value"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("region", "us"), ("zone", "1")]);
    let renamed = json!({"name": "zone"});
    let first = create(&app, "lookup", json!({"name": "one", "value": "1"}));
    create(&app, "lookup", json!({"name": "zone", "value": "1"}));
    let message = app.admin().patch(&format!("system/lookup/{first}"), renamed).body()["error"]["message"].clone();
    assert_eq!(message, "Lookup name can not be modified to one that already exists.");
}

#[test]
fn relations_lead_both_ways_on_every_table() {
    let app = TestApp::start();
    let group = create(&app, "app_group", json!({"name": "tools"}));
    let member = json!({"name": "tool", "is_active": true, "app_to_app_group_by_app_id": [{"group_id": group}]});
    let tool = create(&app, "app", member);
    for (path, relation) in [
        (format!("app/{tool}"), "app_group_by_app_to_app_group"),
        (format!("app_group/{group}"), "app_by_app_to_app_group"),
        (format!("app_group/{group}"), "app_to_app_group_by_group_id"),
        ("role?limit=1&filter=name=clerk".to_owned(), "user_by_user_to_app_to_role"),
        ("role?limit=1&filter=name=clerk".to_owned(), "app_by_user_to_app_to_role"),
        ("role?limit=1&filter=name=visitor".to_owned(), "app_by_role_id"),
        ("app?limit=1&filter=name=desk".to_owned(), "role_by_user_to_app_to_role"),
        ("user?limit=1".to_owned(), "role_by_user_to_app_to_role"),
        ("admin?limit=1".to_owned(), "app_by_created_by_id"),
    ] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = app.admin().get(&format!("system/{path}{separator}related={relation}")).expect(200);
        let row = answer["resource"].get(0).unwrap_or(&answer);
        assert!(row[relation].as_array().is_some_and(|rows| !rows.is_empty()), "{path} {relation}: {row}");
    }
    for resource in
        ["app", "app_group", "cors", "custom", "email_template", "event_script", "lookup", "role", "service"]
    {
        for relation in ["user_by_created_by_id", "user_by_last_modified_by_id"] {
            let rows = app.admin().get(&format!("system/{resource}?related={relation}")).expect(200);
            assert!(rows["resource"].as_array().unwrap().iter().all(|row| row.get(relation).is_some()), "{resource}");
        }
        let message = app.admin().get(&format!("system/{resource}?related=nothing_by_none")).refused(400);
        assert!(message.contains("nothing_by_none"), "{message}");
    }
}

#[test]
fn identifiers_of_all_kinds_find_their_record_or_none() {
    let app = TestApp::start();
    let id = role(&app, "found", &[]);
    for bad in ["0", "-1", "9223372036854775808", "99999999999999999999999", "abc", "1.5", "1 or 1=1", "%00", "[1]"] {
        let answer = app.admin().get(&format!("system/role/{bad}"));
        assert!(matches!(answer.status(), 400 | 404), "{bad}: {answer:?}");
        let changed = app.admin().patch(&format!("system/role/{bad}"), json!({"description": "x"}));
        assert!(matches!(changed.status(), 400 | 404), "{bad}: {changed:?}");
    }
    let by_text = app.admin().patch("system/role", one(json!({"id": id.to_string(), "description": "x"})));
    assert_eq!(by_text.expect(200)["resource"][0]["id"], id);
    for bad in [json!([id]), json!({"a": 1}), json!(true), json!(1.5), json!(-5), Value::Null] {
        let answer = app.admin().patch("system/role", one(json!({"id": bad, "description": "y"})));
        assert_eq!(answer.status(), 400, "{bad}: {answer:?}");
    }
    assert_eq!(app.admin().get(&format!("system/role/{id}")).expect(200)["description"], "x");
}

#[test]
fn a_role_with_a_broken_child_among_thousands_is_not_stored_at_all() {
    let app = TestApp::start();
    let mut rows: Vec<Value> = (0..2000).map(|number| grant(DB, &format!("_table/t{number}"), 1)).collect();
    let many = create(&app, "role", json!({"name": "many", "role_service_access_by_role_id": rows}));
    let count = |id: i64| {
        let path = format!("system/role/{id}?related=role_service_access_by_role_id");
        app.admin().get(&path).expect(200)["role_service_access_by_role_id"].as_array().unwrap().len()
    };
    assert_eq!(count(many), 1000, "an answer has as many rows of each relation as of records");
    rows.push(json!("not a row"));
    let answer =
        app.admin().post("system/role", one(json!({"name": "broken", "role_service_access_by_role_id": rows})));
    assert_eq!(answer.status(), 400, "{answer:?}");
    assert_eq!(app.admin().get("system/role?filter=name=broken").values("id"), Vec::<Value>::new());
    for bad in [json!("text"), json!(7), json!([[1]]), json!([{"id": "x y"}]), json!([{"id": 99999}])] {
        let change = json!({"description": "half", "role_service_access_by_role_id": bad});
        let answer = app.admin().patch(&format!("system/role/{many}"), change);
        assert_eq!(answer.status(), 400, "{bad}: {answer:?}");
    }
    assert!(app.admin().get(&format!("system/role/{many}")).expect(200)["description"].is_null());
    assert_eq!(count(many), 1000);
}
