//! Several servers over the same data: what one of them is told is in force for the next call of the others.

use crate::support::{TestApp, json};

const TODOS: &str = "db/_table/todo?limit=1";

/// The record of a resource that the filter finds.
fn found(app: &TestApp, resource: &str, filter: &str) -> String {
    let list = app.admin().get(&format!("system/{resource}?fields=id&filter={filter}")).expect(200);
    format!("system/{resource}/{}", list["resource"][0]["id"])
}

#[test]
fn who_is_deactivated_at_one_server_is_refused_by_the_other_at_once() {
    let first = TestApp::start();
    let second = first.another();
    for (record, refusal) in [
        (found(&first, "app", "name=desk"), "App is not active."),
        (found(&first, "role", "name=clerk"), "is not active."),
        (found(&first, "service", "name=db"), "Service db is deactivated."),
        // The last one: an account's tokens end with its deactivation, for good.
        (found(&first, "user", "email='jane@example.com'"), "User is not active."),
    ] {
        second.user().get(TODOS).expect(200);
        first.admin().patch(&record, json!({"is_active": false})).expect(200);
        let message = second.user().get(TODOS).refused(403);
        assert!(message.contains(refusal), "{record}: {message}");
        first.admin().patch(&record, json!({"is_active": true})).expect(200);
    }
}

#[test]
fn a_log_out_and_a_new_script_count_at_every_server() {
    let first = TestApp::start();
    let second = first.another();
    let event = "db._table.todo.get.post_process";
    first.attach(event, "event.response.content = {by: 'script'}");
    assert_eq!(second.user().get(TODOS).expect(200), json!({"by": "script"}));
    first.admin().delete(&format!("system/event_script/{event}")).expect(200);
    assert!(second.user().get(TODOS).expect(200)["resource"].is_array());
    first.user().delete("user/session").expect(200);
    let message = second.user().get(TODOS).refused(403);
    assert!(message.starts_with("The token has been blacklisted"), "{message}");
}
