//! Passwords, profiles and named values of people.

use super::authentication::{log_in, token, with_mail, with_settings};
use super::people;
use crate::support::{ADMIN, JANE, TestApp, Value, json};

/// `JANE.1` as installations before this one stored it.
const BCRYPT: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.YvYFwLEe4aX1E9KNfbsYRacNisbY2YG";
const NEW: &str = "AnotherPassw0rd";

/// The code in the newest mail of the log.
pub fn mailed_code(app: &TestApp, address: &str) -> String {
    let log = app.wait_for_log(&format!("&email={}", address.replace('@', "%40").replace('.', "%2E")));
    let link = log.rsplit("/confirm?code=").next().unwrap();
    link.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn jane_id(app: &TestApp) -> i64 {
    app.user().get("user/session").expect(200)["id"].as_i64().unwrap()
}

fn system_database(app: &TestApp) -> rusqlite::Connection {
    rusqlite::Connection::open(app.folder().join("system.sqlite3")).unwrap()
}

#[test]
fn statement_088_089_a_new_password_needs_the_old_one_and_ends_every_other_session() {
    let app = TestApp::start();
    let path = "user/password";
    let wrong = json!({"old_password": "wrong password", "new_password": NEW});
    assert_eq!(app.user().post(path, wrong.clone()).refused(400), "The password supplied does not match.");
    app.anonymous().post(path, wrong).refused(401);
    app.user().get("user/session").expect(200);
    let right = json!({"old_password": JANE.1, "new_password": NEW});
    let answer = app.user().put("user/password?login=true", right).expect(200);
    assert_eq!(answer["success"], true);
    let fresh = answer["session_token"].as_str().unwrap();
    assert!(app.user().get("user/session").refused(403).contains("The token has been blacklisted"));
    token(&app, fresh).get("user/session").expect(200);
    log_in(&app, "user/session", JANE.0, JANE.1).refused(401);
    log_in(&app, "user/session", JANE.0, NEW).expect(200);
}

#[test]
fn statement_090_the_answer_to_ones_question_sets_a_password() {
    let app = TestApp::start();
    app.user().patch("user/profile", json!({"security_question": "Pet?", "security_answer": "Rex"})).expect(200);
    let ask = |body: Value| app.anonymous().post("user/password?reset=true", body);
    assert_eq!(ask(json!({"email": JANE.0})).expect(200), json!({"security_question": "Pet?"}));
    assert_eq!(ask(json!({"username": "jane_doe"})).expect(200), json!({"security_question": "Pet?"}));
    let answer = |text: &str| {
        let body = json!({"email": JANE.0, "security_answer": text, "new_password": NEW});
        app.anonymous().post("user/password", body)
    };
    assert_eq!(answer("Tom").refused(400), "The answer supplied does not match.");
    assert_eq!(answer("Rex").expect(200), json!({"success": true}));
    app.user().get("user/session").refused(403);
    log_in(&app, "user/session", JANE.0, NEW).expect(200);
    let stored: String = system_database(&app)
        .query_row("SELECT security_answer FROM user WHERE email = ?", [JANE.0], |row| row.get(0))
        .unwrap();
    assert!(stored.starts_with("$argon2id$"), "{stored}");
}

#[test]
fn statement_091_a_mailed_code_works_once_and_only_with_its_address() {
    let app = with_mail();
    let session = log_in(&app, "system/admin/session", ADMIN.0, ADMIN.1).expect(200);
    let admin = token(&app, session["session_token"].as_str().unwrap());
    let people = json!({"resource": [{"email": JANE.0, "password": JANE.1}, {"email": "joe@example.com"}]});
    admin.post("system/user", people).expect(201);
    let reset = |email: &str| app.anonymous().post("user/password?reset=true", json!({"email": email})).expect(200);
    assert_eq!(reset(JANE.0), reset("nobody@example.com"), "mail or none, strangers are told the same");
    let code = mailed_code(&app, JANE.0);
    assert_eq!(code.len(), 32);
    let stored: String = system_database(&app)
        .query_row("SELECT confirm_code FROM user WHERE email = ?", [JANE.0], |row| row.get(0))
        .unwrap();
    assert!(!stored.contains(&code));
    let set = |email: &str, password: &str| {
        app.anonymous().post("user/password", json!({"email": email, "code": code, "new_password": password}))
    };
    let mismatch = "The supplied email and/or confirmation code were not found in the system.";
    assert_eq!(set("joe@example.com", NEW).refused(404), mismatch);
    assert_eq!(set("nobody@example.com", NEW).refused(404), mismatch);
    set(JANE.0, "short").refused(400);
    assert_eq!(set(JANE.0, NEW).expect(200), json!({"success": true}));
    assert_eq!(set(JANE.0, "YetAnotherPassw0rd").refused(404), mismatch);
    log_in(&app, "user/session", JANE.0, NEW).expect(200);
}

#[test]
fn statement_091_a_code_expires() {
    let app = with_mail();
    let session = log_in(&app, "system/admin/session", ADMIN.0, ADMIN.1).expect(200);
    let admin = token(&app, session["session_token"].as_str().unwrap());
    admin.post("system/user", json!({"resource": [{"email": JANE.0, "password": JANE.1}]})).expect(201);
    app.anonymous().post("user/password?reset=true", json!({"email": JANE.0})).expect(200);
    let code = mailed_code(&app, JANE.0);
    let long_ago = "UPDATE user SET confirm_code_date = confirm_code_date - 86500";
    system_database(&app).execute(long_ago, []).unwrap();
    let body = json!({"email": JANE.0, "code": code, "new_password": NEW});
    assert_eq!(app.anonymous().post("user/password", body).refused(400), "Confirmation code expired.");
    log_in(&app, "user/session", JANE.0, JANE.1).expect(200);
}

#[test]
fn statement_093_a_short_password_is_refused_on_every_path() {
    let app = TestApp::start();
    let id = jane_id(&app);
    app.user().patch("user/profile", json!({"security_question": "Pet?", "security_answer": "Rex"})).expect(200);
    super::registration::open(&app, json!({}));
    for bad in ["seven77", &"x".repeat(73)] {
        let new = json!({"resource": [{"email": "new@example.com", "password": bad}]});
        app.admin().post("system/user", new.clone()).refused(400);
        app.admin().post("system/admin", new).refused(400);
        app.admin().patch(&format!("system/user/{id}"), json!({"password": bad})).refused(400);
        let change = json!({"old_password": JANE.1, "new_password": bad});
        app.user().post("user/password", change).refused(400);
        let change = json!({"old_password": ADMIN.1, "new_password": bad});
        app.admin().post("system/admin/password", change).refused(400);
        let reset = json!({"email": JANE.0, "security_answer": "Rex", "new_password": bad});
        app.anonymous().post("user/password", reset).refused(400);
        app.anonymous().post("user/register", json!({"email": "new@example.com", "password": bad})).refused(400);
    }
    log_in(&app, "user/session", JANE.0, JANE.1).expect(200);
    assert_eq!(app.admin().get("system/user?fields=email").values("email"), [json!(JANE.0)]);
}

#[test]
fn statement_094_administrators_and_users_have_a_password_endpoint_each() {
    let app = TestApp::start();
    let change = |old: &str| json!({"old_password": old, "new_password": NEW});
    let message = app.admin().post("user/password", change(ADMIN.1)).refused(401);
    assert_eq!(message, format!("You are not authorized to reset/change password for the account {}", ADMIN.0));
    app.user().post("system/admin/password", change(JANE.1)).refused(401);
    app.admin().get("system/admin/session").expect(200);
    let nothing = app.admin().post("system/admin/password", json!({})).refused(400);
    assert_eq!(nothing, "Not enough information provided to change password.");
    app.admin().get("system/admin/password").refused(400);
}

#[test]
fn a_bcrypt_hash_lets_its_owner_in_and_is_replaced() {
    let mut app = TestApp::start();
    app.stop();
    system_database(&app).execute("UPDATE user SET password = ? WHERE email = ?", [BCRYPT, JANE.0]).unwrap();
    let app = app.again();
    log_in(&app, "user/session", JANE.0, "JanePassw0rD").refused(401);
    let stored = || {
        let sql = "SELECT password FROM user WHERE email = ?";
        system_database(&app).query_row(sql, [JANE.0], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(stored(), BCRYPT);
    log_in(&app, "user/session", JANE.0, JANE.1).expect(200);
    assert!(stored().starts_with("$argon2id$"));
    log_in(&app, "user/session", JANE.0, JANE.1).expect(200);
    app.user().get("user/session").expect(200);
}

#[test]
fn statement_098_099_a_profile_is_its_owners_and_a_new_address_needs_the_password() {
    let app = TestApp::start();
    app.anonymous().get("user/profile").refused(401);
    app.user().get("system/admin/profile").refused(403);
    assert_eq!(app.admin().get("system/admin/profile").expect(200)["email"], ADMIN.0);
    let profile = app.user().get("user/profile").expect(200);
    assert_eq!((&profile["email"], &profile["username"]), (&json!(JANE.0), &json!("jane_doe")));
    assert!(profile.get("security_answer").is_none() && profile.get("password").is_none());
    let edit =
        json!({"first_name": "Janet", "is_sys_admin": true, "is_active": false, "id": 1, "password": "Sneaky99"});
    assert_eq!(app.user().post("user/profile", edit).expect(200), json!({"success": true}));
    assert_eq!(app.user().get("user/profile").expect(200)["first_name"], "Janet");
    assert_eq!(app.user().get("user/session").expect(200)["is_sys_admin"], false);
    let moved = |password: Value| json!({"email": "janet@example.com", "current_password": password});
    let without = app.user().patch("user/profile", json!({"email": "janet@example.com"})).refused(400);
    assert_eq!(without, "Current Password required to change email");
    app.user().patch("user/profile", moved(json!("wrong password"))).refused(400);
    let answer = app.user().patch("user/profile", moved(json!(JANE.1))).expect(200);
    token(&app, answer["session_token"].as_str().unwrap()).get("user/profile").expect(200);
    app.user().get("user/profile").refused(403);
    log_in(&app, "user/session", JANE.0, JANE.1).refused(401);
    log_in(&app, "user/session", "JANET@Example.com", JANE.1).expect(200);
}

#[test]
fn names_that_differ_only_in_case_are_one_name() {
    let app = TestApp::start();
    log_in(&app, "user/session", "JANE@EXAMPLE.COM", JANE.1).expect(200);
    app.anonymous().post("user/session", json!({"username": "Jane_DOE", "password": JANE.1})).expect(200);
    for twin in [json!({"email": "Jane@Example.com"}), json!({"email": "o@example.com", "username": "JANE_doe"})] {
        app.admin().post("system/user", json!({"resource": [twin]})).refused(400);
    }
    assert_eq!(app.admin().get("system/user?count_only=true").expect(200), json!(1));
}

/// Jane with the rights to the user service.
fn may_keep_values(app: &TestApp) -> (people::Person, people::Person, people::Client) {
    let user = 7;
    let role = people::role(app, "keeper", &[people::grant(user, "*", 31)]);
    let client = people::client(app, "keeper", Some(role));
    (people::person(app, "ann", &[(&client, role)]), people::person(app, "ben", &[(&client, role)]), client)
}

#[test]
fn statement_100_101_102_named_values_keep_their_types_and_belong_to_one_person() {
    let app = TestApp::start();
    let (ann, ben, client) = may_keep_values(&app);
    let (ann, ben) = (client.session(&app, &ann.token), client.session(&app, &ben.token));
    let values = [("text", json!("3")), ("number", json!(3)), ("list", json!([1, null])), ("map", json!({"a": true}))];
    let records: Vec<Value> = values.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let stored = ann.post("user/custom", json!({"resource": records})).expect(201);
    assert_eq!(stored["resource"][3], json!({"name": "map"}));
    for (name, value) in values {
        assert_eq!(ann.get(&format!("user/custom/{name}")).expect(200), value);
        ben.get(&format!("user/custom/{name}")).refused(404);
    }
    ann.post("user/custom", json!([{"name": "number", "value": 4}])).expect(201);
    assert_eq!(ann.get("user/custom/number").expect(200), json!(4));
    assert_eq!(ann.patch("user/custom/number", json!({"value": 5})).expect(200), json!({"name": "number"}));
    ann.put("user/custom", json!({"resource": [{"name": "number", "value": 6}]})).expect(200);
    ann.patch("user/custom", json!({"resource": [{"name": "more", "value": 7}]})).expect(200);
    assert_eq!(ann.get("user/custom").values("name"), ["text", "number", "list", "map", "more"]);
    assert_eq!(ben.get("user/custom").values("name"), [json!(null); 0]);
    ben.patch("user/custom/number", json!({"value": 1})).refused(404);
    ben.delete("user/custom/number").refused(404);
    assert_eq!(ann.get("user/custom/number").expect(200), json!(6));
    ann.delete("user/custom").refused(400);
    ann.delete("user/custom?ids=text,list").expect(200);
    assert_eq!(ann.delete("user/custom/map").expect(200), json!({"name": "map"}));
    ann.get("user/custom/map").refused(404);
    assert_eq!(ann.get("user/custom").values("name"), ["number", "more"]);
}

#[test]
fn statement_103_named_values_need_a_session() {
    let app = TestApp::start();
    let (_, _, client) = may_keep_values(&app);
    let key = client.key_only(&app);
    let record = json!({"resource": [{"name": "a", "value": 1}]});
    key.get("user/custom").refused(401);
    key.post("user/custom", record.clone()).refused(401);
    key.put("user/custom", record.clone()).refused(401);
    key.patch("user/custom", record).refused(401);
    key.delete("user/custom?ids=a").refused(401);
    key.get("user/custom/a").refused(401);
    key.patch("user/custom/a", json!({"value": 1})).refused(401);
    key.delete("user/custom/a").refused(401);
}

#[test]
fn a_batch_of_values_is_refused_whole_and_their_number_is_limited() {
    let app = TestApp::with_limits(&[("USER_CUSTOM_VALUES", 2)]);
    let (ann, _, client) = may_keep_values(&app);
    let ann = client.session(&app, &ann.token);
    for bad in [json!([{"name": "a"}, {"name": " "}]), json!([{"name": "a"}, 7]), json!([{"name": 1}]), json!([])] {
        ann.post("user/custom", json!({"resource": bad})).refused(400);
        assert_eq!(ann.get("user/custom").values("name"), [json!(null); 0]);
    }
    ann.post("user/custom", json!([{"name": "a", "value": 1}, {"name": "b", "value": 2}])).expect(201);
    let message = ann.post("user/custom", json!([{"name": "c", "value": 3}])).refused(400);
    assert!(message.contains("at most 2 values"), "{message}");
    ann.post("user/custom", json!([{"name": "b", "value": 4}])).expect(201);
    assert_eq!(ann.get("user/custom/b").expect(200), json!(4));
}

#[test]
fn security_questions_can_be_switched_off() {
    let app = with_settings(&[("ANTIPHON_ACCOUNTS__SECURITY_QUESTIONS", "false")]);
    let session = log_in(&app, "system/admin/session", ADMIN.0, ADMIN.1).expect(200);
    let admin = token(&app, session["session_token"].as_str().unwrap());
    let jane = json!({"email": JANE.0, "password": JANE.1, "security_question": "Pet?", "security_answer": "Rex"});
    admin.post("system/user", json!({"resource": [jane]})).expect(201);
    let message = app.anonymous().post("user/password?reset=true", json!({"email": JANE.0})).refused(500);
    assert!(message.starts_with("No security question found"), "{message}");
    let answer = json!({"email": JANE.0, "security_answer": "Rex", "new_password": NEW});
    app.anonymous().post("user/password", answer).refused(400);
}

#[test]
fn a_profile_names_an_app_that_exists_and_a_value_of_ones_own_has_a_size() {
    let app = TestApp::with_limits(&[("USER_CUSTOM_BYTES", 100)]);
    for bad in [json!(99_999), json!(1.5), json!("1")] {
        app.user().put("user/profile", json!({"default_app_id": bad})).refused(400);
    }
    app.user().put("user/profile", json!({"default_app_id": 1})).expect(200);
    assert_eq!(app.user().get("user/profile").expect(200)["default_app_id"], 1);
    app.user().put("user/profile", json!({"default_app_id": null})).expect(200);
    let value = json!({"resource": [{"name": "a", "value": "x".repeat(200)}]});
    let message = app.admin().post("user/custom", value).refused(400);
    assert!(message.contains("user_custom_bytes"), "{message}");
}
