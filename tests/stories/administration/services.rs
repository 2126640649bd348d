//! Services: their names, types and configuration, and what is kept in memory for them (system-and-users 4.7, 4.8, 4.11, 5).

use super::people::create;
use crate::support::{TestApp, Value, json};

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

fn sqlite(name: &str) -> Value {
    json!({"name": name, "type": "sqlite", "is_active": true, "config": {"database": format!("{name}.sqlite")}})
}

/// The error of the only record of a batch.
fn inner(answer: &Value) -> &Value {
    &answer["error"]["context"]["resource"][0]
}

#[test]
fn statement_063_the_seeded_services_and_templates_exist_after_the_first_start() {
    let app = TestApp::start();
    let services = app.admin().get("system/service?filter=id<8&fields=id,name,type,mutable,deletable").expect(200);
    let seen: Vec<(u64, &str, &str)> = services["resource"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_u64().unwrap(), row["name"].as_str().unwrap(), row["type"].as_str().unwrap()))
        .collect();
    let wanted = [
        (1, "system", "system"),
        (2, "api_docs", "swagger"),
        (3, "files", "local_file"),
        (4, "logs", "local_file"),
        (5, "db", "sqlite"),
        (6, "email", "local_email"),
        (7, "user", "user"),
    ];
    assert_eq!(seen, wanted);
    let templates = app.admin().get("system/email_template?fields=name&order=id").values("name");
    assert_eq!(templates, ["User Invite Default", "User Registration Default", "Password Reset Default"]);
}

#[test]
fn statement_157_names_of_services_are_checked() {
    let app = TestApp::start();
    for name in ["a b", "a.b", "ä", "a/b", "", "  ", "_hidden", "system", "API", "Api_Docs", "rest", "status", "setup"]
    {
        let refused = app.admin().post("system/service", one(sqlite(name))).expect(400);
        assert!(inner(&refused)["context"]["name"].is_array(), "{name}: {refused}");
    }
    let refused = app.admin().post("system/service", one(sqlite("a b"))).expect(400);
    let wanted = "Service name should only contain letters, numbers, underscores and dashes.";
    assert_eq!(inner(&refused)["context"]["name"], json!([wanted]));
    create(&app, "service", sqlite("Shop"));
    let twice = app.admin().post("system/service", one(sqlite("SHOP"))).expect(400);
    assert_eq!(inner(&twice)["code"], 409, "names differ by more than case");
    app.admin().get("shop/_table").expect(200);
    let too_long = app.admin().post("system/service", one(sqlite(&"n".repeat(41)))).expect(400);
    assert_eq!(inner(&too_long)["status_code"], 400, "{too_long}");
}

#[test]
fn a_service_is_completed_and_its_type_stays() {
    let app = TestApp::start();
    let mut shop = sqlite("shop");
    shop["label"] = json!("<b>Shop</b> & more<script>x</script>");
    shop["mutable"] = json!(false);
    shop["id"] = Value::Null;
    shop["service_doc_by_service_id"] = Value::Null;
    let created = app.admin().post("system/service?fields=*&related=service_doc_by_service_id", one(shop)).expect(201);
    let created = &created["resource"][0];
    assert_eq!(created["label"], "Shop & morex", "markup in labels is dropped");
    assert_eq!((&created["mutable"], &created["deletable"]), (&json!(true), &json!(true)));
    assert_eq!(
        (&created["config"]["database"], &created["config"]["allow_upsert"]),
        (&json!("shop.sqlite"), &json!(false))
    );
    let path = format!("system/service/{}", created["id"]);
    let refused = app.admin().patch(&path, json!({"type": "pgsql"})).expect(400);
    assert!(refused["error"]["context"]["type"].is_array(), "{refused}");
    let unlabelled =
        app.admin().post("system/service?fields=label,is_active", one(json!({"name": "plain", "type": "rws"})));
    assert_eq!(unlabelled.expect(201)["resource"][0], json!({"label": "plain", "is_active": false}));
    let unknown = app.admin().post("system/service", one(json!({"name": "x", "type": "nosuchtype"}))).expect(400);
    assert!(inner(&unknown)["context"]["type"].is_array(), "{unknown}");
    let second = app.admin().post("system/service", one(json!({"name": "x", "type": "user"}))).expect(400);
    assert!(inner(&second)["message"].as_str().unwrap().contains("only be one"), "{second}");
    for bad in [json!("text"), json!([1]), json!(7)] {
        let refused = app.admin().patch(&path, json!({"config": bad})).expect(400);
        assert!(refused["error"]["context"]["config"].is_array(), "{refused}");
    }
}

#[test]
fn the_document_of_a_service_is_an_object_or_a_list() {
    let app = TestApp::start();
    for (name, document) in
        [("one", json!({"format": 0, "content": "{}"})), ("two", json!([{"format": 1, "content": "a: b"}]))]
    {
        let record = json!({"name": name, "type": "rws", "config": {"base_url": "http://127.0.0.1:1/"}, "service_doc_by_service_id": document});
        let created = app.admin().post("system/service?related=service_doc_by_service_id", one(record)).expect(201);
        let stored = &created["resource"][0]["service_doc_by_service_id"];
        let stored = stored.get(0).unwrap_or(stored);
        let sent = document.get(0).unwrap_or(&document);
        assert_eq!((&stored["format"], &stored["content"]), (&sent["format"], &sent["content"]), "{created}");
    }
}

#[test]
fn statement_159_what_is_protected_can_not_be_deleted_or_changed() {
    let app = TestApp::start();
    for id in [1, 2, 7] {
        let message = app.admin().delete(&format!("system/service/{id}")).refused(403);
        assert!(message.contains("can not be deleted"), "{message}");
    }
    app.admin().patch("system/service/1", json!({"label": "Mine"})).refused(403);
    app.admin().patch("system/service/1", json!({"deletable": true, "mutable": true})).status();
    app.admin().delete("system/service/1").refused(403);
    app.admin().patch("system/service/7", json!({"deletable": true})).status();
    app.admin().delete("system/service/7").refused(403);
    app.admin().delete("system/service?force=true").expect(200);
    let left = app.admin().get("system/service?fields=name").values("name");
    assert_eq!(left, ["system", "api_docs", "user"]);
}

#[test]
fn a_deleted_service_leaves_its_scripts_and_takes_its_rows_along() {
    let app = TestApp::start();
    let id = create(&app, "service", sqlite("shop"));
    let row = json!({"service_id": id, "component": "*", "verb_mask": 1, "requestor_mask": 1});
    let role = create(&app, "role", json!({"name": "shopper", "role_service_access_by_role_id": [row]}));
    app.attach("shop._table.get.pre_process", "");
    app.admin().delete(&format!("system/service/{id}")).expect(200);
    let role = app.admin().get(&format!("system/role/{role}?related=role_service_access_by_role_id")).expect(200);
    assert_eq!(role["role_service_access_by_role_id"], json!([]));
    app.admin().get("system/event_script/shop._table.get.pre_process").expect(200);
    assert_eq!(app.admin().get("shop/_table").refused(404), "Could not find a service for shop");
}

#[test]
fn statement_160_161_types_describe_their_configuration() {
    let app = TestApp::start();
    let sqlite = app.admin().get("system/service_type/sqlite").expect(200);
    let fields = sqlite["config_schema"].as_array().unwrap();
    assert_eq!(fields[0]["name"], "database");
    for field in fields {
        for member in ["name", "label", "description", "type", "required", "default", "allow_null"] {
            assert!(field.get(member).is_some(), "{member}: {field}");
        }
    }
    assert_eq!(app.admin().get("system/service_type/x").refused(404), "Service type 'x' not found.");
    let groups = app.admin().get("system/service_type?group=database,file&fields=name,group").expect(200);
    let groups = groups["resource"].as_array().unwrap();
    assert!(groups.iter().all(|kind| ["Database", "File"].contains(&kind["group"].as_str().unwrap())), "{groups:?}");
    let rws = app.admin().get("system/service_type/rws").expect(200);
    let headers = rws["config_schema"].as_array().unwrap().iter().find(|field| field["name"] == "headers").unwrap();
    assert_eq!(headers["items"][0]["name"], "name");
    for path in ["system/service_type", "system/service_type/sqlite"] {
        app.admin().post(path, one(json!({"name": "x"}))).refused(400);
    }
}

#[test]
fn statement_162_only_languages_that_can_run_are_listed() {
    let app = TestApp::start();
    let listed = app.admin().get("system/script_type").expect(200);
    for kind in listed["resource"].as_array().unwrap() {
        for member in ["name", "label", "description", "sandboxed", "supports_inline_execution"] {
            assert!(kind.get(member).is_some(), "{kind}");
        }
        let name = kind["name"].as_str().unwrap();
        let script = json!({"type": name, "content": "", "is_active": true});
        let stored = app.admin().post("system/event_script/db._table.get.pre_process", script);
        assert!(stored.status() < 300 && stored.header("warning").is_none(), "{stored:?}");
        app.admin().get("db/_table").expect(200);
    }
    assert_eq!(app.admin().get("system/script_type/cobol").refused(404), "Script engine type 'cobol' not found.");
}

#[test]
fn statement_163_only_services_that_keep_something_can_forget_it() {
    let app = TestApp::start();
    let admin = app.admin();
    let listed = admin.get("system/cache").expect(200);
    assert_eq!(listed["resource"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(admin.get("system/cache?as_list=true").expect(200), json!({"resource": ["system", "db"]}));
    let full = admin.get("system/cache?fields=*").expect(200)["resource"][1].clone();
    assert_eq!((&full["name"], &full["type"]), (&json!("db"), &json!("sqlite")));
    assert!(full.get("label").is_some() && full.get("description").is_some());
    assert_eq!(admin.delete("system/cache/files").refused(501), "Service does not implement API controlled cache.");
    assert_eq!(admin.delete("system/cache/nothing").refused(404), "Could not find a service for nothing");
    for path in ["cache", "cache/db", "cache/system", "cache/_event/db.get.pre_process"] {
        assert_eq!(admin.delete(&format!("system/{path}")).expect(200), json!({"success": true}), "{path}");
    }
}

#[test]
fn a_table_that_was_made_elsewhere_is_known_after_the_cache_is_flushed() {
    let app = TestApp::start();
    let twin = json!({"name": "twin", "type": "sqlite", "is_active": true, "config": {"database": "db.sqlite"}});
    app.admin().post("system/service", one(twin)).expect(201);
    app.admin().get("twin/_table").expect(200);
    for (table, path) in [("first", "system/cache/twin"), ("second", "system/cache")] {
        let made = json!({"resource": [{"name": table, "field": [{"name": "id", "type": "id"}]}]});
        app.admin().post("db/_schema", made).expect(200);
        assert_eq!(app.admin().get(&format!("twin/_table/{table}")).status(), 404, "the structure is kept");
        app.admin().delete(path).expect(200);
        app.admin().get(&format!("twin/_table/{table}")).expect(200);
    }
}
