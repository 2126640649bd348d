//! People who become users by themselves.

use super::accounts::mailed_code;
use super::authentication::{log_in, token, with_mail};
use super::people;
use crate::support::{ADMIN, Caller, TestApp, Value, json};

const AMY: (&str, &str) = ("amy@example.com", "AmysPassw0rd");

/// Lets people register without mail, with these settings of the user service besides.
pub fn open(app: &TestApp, settings: Value) {
    configure(&app.admin(), json!({"open_reg_email_service_id": null}), settings);
}

fn configure(admin: &Caller<'_>, first: Value, more: Value) {
    let mut config = json!({"allow_open_registration": true});
    for settings in [first, more] {
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    }
    admin.patch("system/service/7", json!({ "config": config })).expect(200);
}

fn amy() -> Value {
    json!({"email": AMY.0, "first_name": "Amy", "password": AMY.1, "is_sys_admin": true, "is_active": false, "id": 99})
}

#[test]
fn statement_095_registration_is_closed_unless_opened() {
    let app = TestApp::start();
    for body in [amy(), json!({}), json!({"email": [1]})] {
        let message = app.anonymous().post("user/register", body).refused(403);
        assert_eq!(message, "Open Registration is not enabled.");
    }
}

#[test]
fn who_registers_says_nothing_but_who_they_are() {
    let app = TestApp::start();
    open(&app, json!({}));
    let refused = app.anonymous().post("user/register", json!({"email": "no address", "password": "x"}));
    assert_eq!(refused.status(), 400);
    let context = &refused.body()["error"]["context"];
    assert!(context["email"].is_array() && context["password"].is_array(), "{context}");
    assert_eq!(app.anonymous().post("user/register", amy()).expect(200), json!({"success": true}));
    let session = log_in(&app, "user/session", AMY.0, AMY.1).expect(200);
    assert_eq!((&session["is_sys_admin"], &session["name"]), (&json!(false), &json!("Amy")));
    assert_ne!(session["id"], 99);
    let again = json!({"email": "AMY@example.com", "password": AMY.1});
    assert_eq!(app.anonymous().post("user/register", again).refused(400), "Validation failed");
}

#[test]
fn statement_096_with_mail_a_registration_is_confirmed_by_its_code() {
    let app = with_mail();
    let session = log_in(&app, "system/admin/session", ADMIN.0, ADMIN.1).expect(200);
    let admin = token(&app, session["session_token"].as_str().unwrap());
    configure(&admin, json!({}), json!({}));
    let answer = app.anonymous().post("user/register?login=true", amy()).expect(200);
    assert_eq!(answer, json!({"success": true, "confirmation_required": true}));
    log_in(&app, "user/session", AMY.0, AMY.1).refused(401);
    assert_eq!(admin.get("system/user").values("confirmed"), [json!(false)]);
    let body = json!({"email": AMY.0, "code": mailed_code(&app, AMY.0), "new_password": AMY.1});
    let confirmed = app.anonymous().post("user/password?login=true", body).expect(200);
    token(&app, confirmed["session_token"].as_str().unwrap()).get("user/session").expect(200);
    log_in(&app, "user/session", AMY.0, AMY.1).expect(200);
    assert_eq!(admin.get("system/user").values("confirmed"), [json!(true)]);
}

#[test]
fn statement_097_who_registers_gets_the_roles_of_the_settings() {
    let app = TestApp::start();
    let (every, one) = (people::role(&app, "every", &[]), people::role(&app, "one", &[]));
    let client = people::client(&app, "special", None);
    open(&app, json!({"open_reg_role_id": every, "app_role_map": [{"app_id": client.id, "role_id": one}]}));
    let answer = app.anonymous().post("user/register?login=true", amy()).expect(200);
    let amy = answer["session_token"].as_str().unwrap();
    assert_eq!(client.session(&app, amy).get("user/session").expect(200)["role_id"], one);
    let desk = token(&app, amy).with("X-DreamFactory-API-Key", app.desk_key());
    assert_eq!(desk.get("user/session").expect(200)["role_id"], every);
}
