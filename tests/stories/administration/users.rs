//! Users and administrators as records (system-and-users 4.3).

use super::people::{PASSWORD, SYSTEM, client, create, grant, person, role};
use crate::support::{TestApp, Value, json};

/// Identifier of the user service.
const USER: i64 = 7;

fn one(record: Value) -> Value {
    json!({ "resource": [record] })
}

fn user_with(app: &TestApp, record: Value) -> Value {
    app.admin().post("system/user?fields=*", one(record)).expect(201)["resource"][0].clone()
}

fn inner(answer: &Value) -> &Value {
    &answer["error"]["context"]["resource"][0]
}

#[test]
fn statement_143_a_user_can_be_created_inactive() {
    let app = TestApp::start();
    for (sent, stored) in [(json!(false), false), (json!(0), false), (json!("false"), false), (json!(true), true)] {
        let created = user_with(
            &app,
            json!({"email": format!("u{}@example.com", sent.to_string().len()), "is_active": sent, "password": PASSWORD}),
        );
        assert_eq!(created["is_active"], stored, "{sent}");
        app.admin().delete(&format!("system/user/{}", created["id"])).expect(200);
    }
    assert_eq!(user_with(&app, json!({"email": "default@example.com"}))["is_active"], true);
    user_with(&app, json!({"email": "off@example.com", "is_active": false, "password": PASSWORD}));
    app.anonymous().post("user/session", json!({"email": "off@example.com", "password": PASSWORD})).refused(401);
}

#[test]
fn statement_144_user_name_and_display_name_have_defaults() {
    let app = TestApp::start();
    let created = user_with(&app, json!({"email": "joe@example.com"}));
    assert_eq!((&created["username"], &created["name"]), (&json!("joe@example.com"), &json!("joe")));
    let named = user_with(&app, json!({"email": "ann@example.com", "first_name": "Ann", "last_name": "Lee"}));
    assert_eq!(named["name"], "Ann Lee");
    for (record, field) in [
        (json!({"name": "x"}), "email"),
        (json!({"email": "bad"}), "email"),
        (json!({"email": "x@example.com", "username": "abc"}), "username"),
        (json!({"email": "x@example.com", "username": "with blank"}), "username"),
        (json!({"email": ["x@example.com"]}), "email"),
        (json!({"email": "x@example.com", "password": 12345678}), "password"),
    ] {
        let refused = app.admin().post("system/user", one(record.clone())).expect(400);
        assert!(inner(&refused)["context"][field].is_array(), "{record}: {refused}");
    }
}

#[test]
fn statement_145_passwords_and_answers_are_never_returned_nor_found() {
    let app = TestApp::start();
    let record = json!({
        "email": "joe@example.com", "password": PASSWORD, "security_question": "q?", "security_answer": "blue", "is_sys_admin": true,
    });
    let created = user_with(&app, record);
    let id = created["id"].clone();
    let hidden = ["password", "security_answer", "remember_token", "confirm_code", "is_sys_admin", "token_generation"];
    for path in
        ["system/user", "system/user?fields=*", &format!("system/user/{id}"), "system/admin", "system/admin?fields=*"]
    {
        let answer = app.admin().get(path).expect(200).to_string();
        assert!(hidden.iter().all(|field| !answer.contains(&format!("\"{field}\""))), "{path}: {answer}");
    }
    for field in hidden {
        let named = app.admin().get(&format!("system/user/{id}?fields=id,{field}")).expect(200);
        assert!(named.get(field).is_none(), "{named}");
        app.admin().get(&format!("system/user?filter={field} is not null")).refused(400);
        app.admin().get(&format!("system/user?order={field}")).refused(400);
    }
    let schema = app.admin().get("system/user?include_schema=true&limit=1").expect(200).to_string();
    assert!(!schema.contains("security_answer") && !schema.contains("is_sys_admin"), "{schema}");
    assert_eq!(
        app.admin().get("system/admin?fields=id").values("id"),
        [1],
        "nobody becomes an administrator by a field"
    );
}

#[test]
fn statement_146_one_role_for_one_user_in_one_app() {
    let app = TestApp::start();
    let (role, desk) = (role(&app, "r", &[]), client(&app, "a", None));
    let row = json!({"app_id": desk.id, "role_id": role});
    let twice = json!({"email": "joe@example.com", "user_to_app_to_role_by_user_id": [row, row]});
    let refused = app.admin().post("system/user", one(twice)).expect(400);
    assert!(
        inner(&refused)["message"].as_str().unwrap().starts_with("Multiple user-to-app-to-role assignment."),
        "{refused}"
    );
    let joe = create(&app, "user", json!({"email": "joe@example.com", "user_to_app_to_role_by_user_id": [row]}));
    let path = format!("system/user/{joe}?related=user_to_app_to_role_by_user_id");
    let message = app.admin().patch(&path, json!({"user_to_app_to_role_by_user_id": [row]})).refused(400);
    assert!(message.contains("Multiple user-to-app-to-role assignment."), "{message}");
    let rows = app.admin().get(&path).expect(200)["user_to_app_to_role_by_user_id"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    // Clients take a row away by sending it without its user.
    let without =
        json!({"user_to_app_to_role_by_user_id": [{"id": rows[0]["id"], "user_id": null, "app_id": desk.id}]});
    assert_eq!(app.admin().put(&path, without).expect(200)["user_to_app_to_role_by_user_id"], json!([]));
}

#[test]
fn statement_147_nobody_deletes_or_deactivates_himself() {
    let app = TestApp::start();
    for path in ["system/admin/1", "system/admin?ids=1", "system/admin?filter=id=1"] {
        let answer = app.admin().delete(path);
        let message = answer.body().to_string();
        assert!(answer.status() >= 400 && message.contains("Cannot delete your account."), "{path}: {message}");
    }
    assert_eq!(app.admin().delete("system/admin/1").refused(403), "Cannot delete your account.");
    app.admin().patch("system/admin/1", json!({"is_active": false})).refused(403);
    create(&app, "admin", json!({"email": "second@example.com", "password": PASSWORD}));
    app.admin().delete("system/admin?force=true").expect(200);
    assert_eq!(app.admin().get("system/admin?fields=id").values("id"), [1]);
}

#[test]
fn statement_148_users_and_administrators_keep_to_their_half() {
    let app = TestApp::start();
    let second = create(&app, "admin", json!({"email": "second@example.com", "password": PASSWORD}));
    assert_eq!(
        app.admin().get(&format!("system/user/{second}")).refused(404),
        format!("Record with identifier '{second}' not found.")
    );
    app.admin().get("system/admin/2").refused(404);
    assert_eq!(app.admin().delete("system/admin/2").refused(400), "Cannot delete a non-admin user.");
    assert_eq!(
        app.admin().patch("system/admin/2", json!({"name": "x"})).refused(400),
        "Cannot update a non-admin user."
    );
    assert_eq!(
        app.admin().delete(&format!("system/user/{second}")).refused(403),
        "Not allowed to delete an admin user."
    );
    app.admin().patch(&format!("system/user/{second}"), json!({"name": "x"})).refused(403);
    let listed = app.admin().get("system/user?fields=id").values("id");
    assert!(!listed.contains(&json!(second)) && !listed.contains(&json!(1)));
    let same = app.admin().get("system/admin/1/session?related=lookup_by_user_id").expect(200);
    assert_eq!((&same["id"], &same["lookup_by_user_id"]), (&json!(1), &json!([])));
}

#[test]
fn users_travel_as_csv_and_xml() {
    let app = TestApp::start();
    let csv = "email,first_name,last_name,is_active\nann@example.com,Ann,Lee,true\nbob@example.com,Bob,\"Mc, Donald\",false\n";
    let created =
        app.admin().send_as("POST", "system/user?fields=name,is_active", "text/csv", csv.as_bytes()).expect(201);
    assert_eq!(
        created["resource"],
        json!([
            {"name": "Ann Lee", "is_active": true},
            {"name": "Bob Mc, Donald", "is_active": false},
        ])
    );
    let xml = "<resource><email>cid@example.com</email><first_name>Cid</first_name></resource>";
    let created =
        app.admin().send_as("POST", "system/user", "application/xml", format!("<dfapi>{xml}</dfapi>").as_bytes());
    assert_eq!(created.status(), 201, "{created:?}");
    let export = app.admin().get("system/user?file=user.csv&fields=email,last_name&order=id");
    assert!(export.header("content-disposition").unwrap().starts_with("attachment; filename=\"user.csv\""));
    let text = export.body().as_str().unwrap();
    assert!(text.contains("bob@example.com,\"Mc, Donald\"") && !text.contains("password"), "{text}");
}

#[test]
fn what_somebody_keeps_for_himself_is_not_read_through_a_relation() {
    let app = TestApp::start();
    let desk = client(&app, "hr", None);
    let keeper = role(&app, "keeper", &[grant(USER, "*", 31)]);
    let reader = role(&app, "reader", &[grant(SYSTEM, "user/*", 31)]);
    let ann = person(&app, "ann", &[(&desk, keeper)]);
    let bob = person(&app, "bob", &[(&desk, reader)]);
    let diary = one(json!({"name": "diary", "value": "dear diary"}));
    desk.session(&app, &ann.token).post("user/custom", diary).expect(201);
    let path = format!("system/user/{}?related=user_custom_by_user_id", ann.id);
    assert_eq!(app.admin().get(&path).expect(200)["user_custom_by_user_id"][0]["name"], "diary", "administrators may");
    let caller = desk.session(&app, &bob.token);
    caller.get("system/user/2").expect(200);
    let refused = caller.get(&path);
    assert!(refused.status() == 403 && !refused.body().to_string().contains("diary\""), "{refused:?}");
}

#[test]
fn computed_fields_can_be_asked_for_by_name_and_are_never_guessed() {
    let app = TestApp::start();
    let ann = user_with(&app, json!({"email": "ann@example.com"}));
    let got = app.admin().get(&format!("system/user/{}?fields=email,confirmed", ann["id"])).expect(200);
    assert_eq!((&got["email"], &got["confirmed"]), (&json!("ann@example.com"), &json!(ann["confirmed"])));
    let got = app.admin().get(&format!("system/user/{}?fields=email", ann["id"])).expect(200);
    assert_eq!(got, json!({"email": "ann@example.com"}));
    let got = app.admin().get("system/app/1?fields=name,launch_url").expect(200);
    assert!(got["launch_url"].as_str().unwrap().ends_with("/dreamfactory/dist/index.html"), "{got}");
}

#[test]
fn a_refused_list_of_custom_values_stores_none_of_them() {
    let app = TestApp::start();
    let list = json!({"resource": [{"name": "kept", "value": 1}, {"name": "", "value": 2}]});
    app.admin().post("user/custom", list).refused(400);
    app.admin().get("user/custom/kept").refused(404);
}
