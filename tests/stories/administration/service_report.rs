//! The report of changes to services.

use crate::support::{ADMIN, TestApp, json};

#[test]
fn the_report_of_services_outlives_them_and_a_change_that_is_undone_is_not_in_it() {
    let app = TestApp::start();
    let admin = app.admin();
    let service = json!({"name": "brief", "type": "sqlite", "config": {"database": "brief.sqlite"}});
    let created = admin.post("system/service", json!({"resource": [service]})).expect(201);
    let id = created["resource"][0]["id"].as_i64().unwrap();
    admin.patch(&format!("system/service/{id}"), json!({"label": "Brief"})).expect(200);
    admin.delete(&format!("system/service/{id}")).expect(200);
    let second = json!({"name": "undone", "type": "sqlite", "config": {"database": "undone.sqlite"}});
    admin.post("system/service?rollback=true", json!({"resource": [second, {"name": "no type"}]})).refused(400);
    let report = admin.get("system/service_report?fields=service_id,service_name,user_email,action,request_verb");
    let row = |action: &str, verb: &str| json!({"service_id": id, "service_name": "brief", "user_email": ADMIN.0, "action": action, "request_verb": verb});
    let expected = [row("created", "POST"), row("modified", "PATCH"), row("deleted", "DELETE")];
    assert_eq!(report.expect(200), json!({ "resource": expected }));
    admin.post("system/service_report", json!({"resource": [{"action": "created"}]})).refused(400);
}
