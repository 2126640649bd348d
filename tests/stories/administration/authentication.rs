//! Logging in, tokens, passwords and codes.

use crate::support::{TestApp, json};

const ADMIN: (&str, &str) = ("admin@example.com", "AdminPassw0rd");
const JANE: (&str, &str) = ("jane@example.com", "JanePassw0rd");

fn with_mail() -> TestApp {
    let folder = tempfile::TempDir::new().unwrap();
    let settings = [
        ("ANTIPHON_ADMIN_EMAIL", ADMIN.0),
        ("ANTIPHON_ADMIN_PASSWORD", ADMIN.1),
        ("ANTIPHON_ACCOUNTS__MAIL", "log"),
        ("ANTIPHON_ACCOUNTS__PUBLIC_URL", "https://api.example.com"),
    ];
    TestApp::in_folder(folder, &settings.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

#[test]
fn statement_067_068_069_wrong_side_wrong_password_and_unknown_name_answer_alike() {
    let app = TestApp::start();
    let log_in = |path: &str, email: &str, password: &str| {
        app.anonymous().post(path, json!({"email": email, "password": password})).expect(401)
    };
    let wrong = log_in("user/session", JANE.0, "wrong password");
    assert_eq!(wrong["error"]["message"], "Invalid credentials supplied.");
    assert_eq!(log_in("user/session", "nobody@example.com", "wrong password"), wrong);
    assert_eq!(log_in("user/session", ADMIN.0, ADMIN.1), wrong);
    assert_eq!(log_in("system/admin/session", JANE.0, JANE.1), wrong);
    app.wait_for_log("refused a log-in with the right password");
    assert!(!app.has_logged(JANE.1));
}

#[test]
fn statement_080_a_refreshed_token_takes_the_place_of_the_old_one() {
    let app = TestApp::start();
    let session = app.anonymous().post("user/session", json!({"email": JANE.0, "password": JANE.1})).expect(200);
    let with = |token: &str| app.anonymous().with("X-DreamFactory-Session-Token", token);
    let old = session["session_token"].as_str().unwrap();
    let new = with(old).put("user/session", json!({})).expect(200);
    assert_eq!(with(new["session_token"].as_str().unwrap()).get("user/session").status(), 200);
    assert!(with(old).get("user/session").refused(403).contains("The token has been blacklisted"));
    assert!(with(old).put("user/session", json!({})).refused(401).contains("Token refresh failed"));
}

#[test]
fn statement_087_a_token_that_was_logged_out_stays_so_after_a_restart() {
    let app = TestApp::start();
    assert_eq!(app.user().delete("user/session").expect(200), json!({"success": true}));
    let app = app.restart();
    assert!(app.user().get("user/session").refused(403).contains("The token has been blacklisted"));
}

#[test]
fn guessing_is_throttled_and_tells_when_to_come_back() {
    let app = TestApp::with_limits(&[("LOGIN_FAILURES", 2)]);
    let guess = || app.anonymous().post("user/session", json!({"email": JANE.0, "password": "wrong password"}));
    guess().refused(401);
    guess().refused(401);
    let refused = guess();
    assert!(refused.header("retry-after").is_some());
    refused.refused(429);
    assert_eq!(app.admin().get("system/admin/session").status(), 200);
}

#[test]
fn statement_092_what_is_no_code_is_refused() {
    let app = TestApp::start();
    for code in [json!("y"), json!(""), json!(["ABCDEF"]), json!("ABCDE\u{0}"), json!(true)] {
        let body = json!({"email": JANE.0, "code": code, "new_password": "AnotherPassw0rd"});
        assert_eq!(app.anonymous().post("user/password", body).refused(400), "Invalid confirmation code format.");
    }
}

#[test]
fn statement_149_an_invitation_is_mailed_and_without_mail_the_record_warns() {
    let app = with_mail();
    let session =
        app.anonymous().post("system/admin/session", json!({"email": ADMIN.0, "password": ADMIN.1})).expect(200);
    let admin = app.anonymous().with("X-DreamFactory-Session-Token", session["session_token"].as_str().unwrap());
    let joe = json!({"resource": [{"email": "joe@example.com", "first_name": "Joe"}]});
    let created = admin.post("system/user?fields=*&send_invite=true", joe.clone()).expect(201);
    assert_eq!(created["resource"][0]["confirmed"], false);
    app.wait_for_log("https://api.example.com/confirm?code=");
    let plain = TestApp::start();
    let created = plain.admin().post("system/user?send_invite=true", joe).expect(201);
    assert!(created["resource"][0]["warnings"][0].as_str().unwrap().contains("no mail service"));
}
