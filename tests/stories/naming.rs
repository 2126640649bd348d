//! Which events a call fires, and so which scripts it runs: statements 1 to 22.

use crate::support::{TestApp, json};

/// A script that answers in the service's place with what the event says about itself.
const TELL: &str = "event.response = {content: {name: event.name, resource: event.resource}};";

#[test]
fn statement_001_a_script_on_a_tables_event_runs() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.pre_process"]);
    app.user().get("db/_table/todo").expect(200);
    assert_eq!(app.ran(), ["db._table.todo.get.pre_process"]);
}

#[test]
fn statement_002_the_generic_script_runs_before_the_concrete_one() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.pre_process", "db._table.{table_name}.get.pre_process"]);
    app.user().get("db/_table/todo").expect(200);
    assert_eq!(app.ran(), ["db._table.{table_name}.get.pre_process", "db._table.todo.get.pre_process"]);
}

#[test]
fn statement_003_the_same_order_holds_after_the_call() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.post_process", "db._table.{table_name}.get.post_process"]);
    app.journal(&["db._table.todo.get", "db._table.{table_name}.get"]);
    app.user().get("db/_table/todo").expect(200);
    assert_eq!(
        app.ran(),
        [
            "db._table.{table_name}.get.post_process",
            "db._table.todo.get.post_process",
            "db._table.{table_name}.get",
            "db._table.todo.get",
        ]
    );
}

#[test]
fn statement_004_one_record_has_events_of_its_own() {
    let app = TestApp::start();
    app.journal(&[
        "db._table.{table_name}.{id}.get.pre_process",
        "db._table.todo.{id}.get.pre_process",
        "db._table.todo.{id}.get.post_process",
        "db._table.todo.get.pre_process",
        "db._table.todo.1.get.pre_process",
    ]);
    app.user().get("db/_table/todo/1").expect(200);
    assert_eq!(
        app.ran(),
        [
            "db._table.{table_name}.{id}.get.pre_process",
            "db._table.todo.{id}.get.pre_process",
            "db._table.todo.{id}.get.post_process",
        ]
    );
}

#[test]
fn statement_005_events_do_not_bubble_up() {
    let app = TestApp::start();
    let (root, tables) = ("db.get.pre_process", "db._table.get.pre_process");
    app.journal(&[root, tables]);
    app.admin().get("db").expect(200);
    assert_eq!(app.ran(), [root]);
    app.admin().get("db/_table").expect(200);
    assert_eq!(app.ran(), [tables]);
    app.admin().get("db/_table/todo").expect(200);
    assert!(app.ran().is_empty());
}

#[test]
fn statement_006_a_tunnelled_verb_is_the_one_that_fires() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.pre_process", "db._table.todo.post.pre_process"]);
    let todos = app.user().with("X-HTTP-Method", "GET").post("db/_table/todo", json!({"limit": 1}));
    assert_eq!(todos.values("name"), ["buy milk"]);
    assert_eq!(app.ran(), ["db._table.todo.get.pre_process"]);
}

#[test]
fn statement_007_a_put_is_a_put_although_it_works_like_a_patch() {
    let app = TestApp::start();
    app.journal(&["system.role.put.pre_process", "system.role.patch.pre_process", "system.role.put.post_process"]);
    app.admin().put("system/role/1", json!({"description": "those who write"})).expect(200);
    assert_eq!(app.ran(), ["system.role.put.pre_process", "system.role.put.post_process"]);
    assert_eq!(app.admin().get("system/role/1").expect(200)["name"], "clerk", "a PUT changes only what it names");
}

#[test]
fn statement_008_a_system_record_fires_the_old_and_the_documented_name() {
    let app = TestApp::start();
    app.journal(&["system.service.{id}.get.pre_process", "system.service.get.pre_process"]);
    app.admin().get("system/service/5").expect(200);
    assert_eq!(app.ran(), ["system.service.get.pre_process", "system.service.{id}.get.pre_process"]);
}

#[test]
fn statement_009_clearing_a_services_cache_fires_the_documented_name() {
    let app = TestApp::start();
    app.journal(&["system.cache.{service}.delete.pre_process", "system.cache.{service}.delete.post_process"]);
    app.admin().delete("system/cache/db").expect(200);
    assert_eq!(app.ran(), ["system.cache.{service}.delete.pre_process", "system.cache.{service}.delete.post_process"]);
}

#[test]
fn statement_010_names_match_in_any_case() {
    let app = TestApp::start();
    app.journal(&["db._table.todo.get.pre_process", "DB._Table.ToDo.Get.Post_Process"]);
    app.user().get("db/_table/Todo");
    assert_eq!(app.ran(), ["db._table.todo.get.pre_process", "DB._Table.ToDo.Get.Post_Process"]);
}

#[test]
fn statement_011_a_file_fires_the_files_event_with_its_path() {
    let app = TestApp::start();
    app.attach("files.{file_path}.get.pre_process", TELL);
    let told = app.admin().get("files/a/b.txt").expect(200);
    assert_eq!(told, json!({"name": "files.{file_path}.get.pre_process", "resource": "a/b.txt"}));
}

#[test]
fn statement_012_a_folder_and_the_root_of_files_fire_their_own() {
    let app = TestApp::start();
    app.attach("files.{folder_path}.get.pre_process", TELL);
    app.attach("files.get.pre_process", TELL);
    let told = app.admin().get("files/a/").expect(200);
    assert_eq!(told, json!({"name": "files.{folder_path}.get.pre_process", "resource": "a/"}));
    let told = app.admin().get("files").expect(200);
    assert_eq!(told, json!({"name": "files.get.pre_process", "resource": ""}));
}

#[test]
fn statement_017_a_log_in_without_credentials_runs_scripts() {
    let app = TestApp::start();
    app.attach("user.session.post.pre_process", TELL);
    let told = app.anonymous().post("user/session", json!({"email": "x@example.com", "password": "secret-secret"}));
    assert_eq!(told.expect(200), json!({"name": "user.session.post.pre_process", "resource": ""}));
}

#[test]
fn statement_018_an_administrators_log_in_has_its_event() {
    let app = TestApp::start();
    app.attach("system.admin.session.post.pre_process", TELL);
    let told = app.anonymous().post("system/admin/session", json!({}));
    assert_eq!(told.expect(200)["name"], "system.admin.session.post.pre_process");
    app.admin().delete("system/event_script/system.admin.session.post.pre_process").expect(200);
    app.attach("system.admin.session.post.post_process", "event.response.status_code = 418;");
    app.anonymous().post("system/admin/session", json!({})).expect(418);
}

#[test]
fn statement_019_what_does_not_exist_or_is_inactive_fires_nothing() {
    let app = TestApp::start();
    app.journal(&["nosuch.get.pre_process", "nosuch.get.post_process"]);
    app.journal(&["db.nosuch.get.pre_process", "db.get.pre_process", "db.get.post_process"]);
    app.journal(&["email.post.pre_process", "email.post.post_process"]);
    app.admin().get("nosuch").refused(404);
    app.admin().get("db/nosuch").refused(404);
    let email = app.admin().get("system/service?filter=name='email'&fields=id").values("id");
    app.admin().patch(&format!("system/service/{}", email[0]), json!({"is_active": false})).expect(200);
    assert!(app.admin().post("email", json!({})).status() >= 400);
    assert!(app.ran().is_empty());
}

#[test]
fn statement_020_a_refused_caller_runs_nothing() {
    let app = TestApp::start();
    app.journal(&["db._table.vault.get.pre_process", "db._table.vault.get.post_process", "db._table.vault.get"]);
    app.user().get("db/_table/vault").refused(403);
    app.key_only().get("db/_table/vault").refused(401);
    assert!(app.anonymous().get("db/_table/vault").status() >= 400);
    app.user().with("Authorization", "Bearer nonsense").get("db/_table/vault").refused(401);
    assert!(app.ran().is_empty());
}

#[test]
fn statement_021_related_records_come_through_their_own_tables_scripts() {
    let app = TestApp::start();
    app.journal(&["db._table.contact.get.pre_process"]);
    app.attach(
        "db._table.contact.get.post_process",
        "for (const contact of event.response.content.resource) contact.last_name = 'hidden';",
    );
    let account = app.user().get("db/_table/account/1?related=contact_by_account_id").expect(200);
    assert_eq!(app.ran(), ["db._table.contact.get.pre_process"]);
    let names: Vec<_> =
        account["contact_by_account_id"].as_array().unwrap().iter().map(|row| &row["last_name"]).collect();
    assert_eq!(names, ["hidden", "hidden"], "what the related table's scripts hide stays hidden");
}

#[test]
fn statement_022_long_names_and_names_with_dots_and_braces_are_stored_and_matched() {
    let app = TestApp::start();
    let table = "t".repeat(255 - "db._table.".len() - ".get.pre_process".len());
    let fields = json!([{"name": "id", "type": "id"}]);
    app.admin().post("db/_schema", json!({"resource": [{"name": table, "field": fields}]})).expect(200);
    let longest = format!("db._table.{table}.get.pre_process");
    assert_eq!(longest.len(), 255);
    app.attach(&longest, TELL);
    assert_eq!(app.admin().get(&format!("db/_table/{table}")).expect(200)["name"], longest.as_str());

    let dotted = "db._table.dbo.contact.{id}.get.post_process";
    app.attach(dotted, "");
    assert_eq!(app.admin().get(&format!("system/event_script/{dotted}")).expect(200)["name"], dotted);
}
