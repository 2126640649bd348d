//! Logging in, tokens, passwords and codes.

use crate::support::{ADMIN, Answer, Caller, JANE, TestApp, Value, json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

/// An empty server with the administrator, whose mail goes to its log.
pub fn with_mail() -> TestApp {
    with_settings(&[("ANTIPHON_ACCOUNTS__MAIL", "log"), ("ANTIPHON_ACCOUNTS__PUBLIC_URL", "https://api.example.com")])
}

/// An empty server with the administrator and these settings.
pub fn with_settings(more: &[(&str, &str)]) -> TestApp {
    let folder = tempfile::TempDir::new().unwrap();
    let first = [("ANTIPHON_ADMIN_EMAIL", ADMIN.0), ("ANTIPHON_ADMIN_PASSWORD", ADMIN.1)];
    let settings = first.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TestApp::in_folder(folder, &settings.collect::<Vec<_>>())
}

/// Tries to log in.
pub fn log_in(app: &TestApp, path: &str, email: &str, password: &str) -> Answer {
    app.anonymous().post(path, json!({"email": email, "password": password}))
}

/// Somebody with that session token and no key.
pub fn token<'a>(app: &'a TestApp, token: &str) -> Caller<'a> {
    app.anonymous().with("X-DreamFactory-Session-Token", token)
}

/// A token of Jane's, as the server issues it.
fn janes(app: &TestApp) -> String {
    log_in(app, "user/session", JANE.0, JANE.1).expect(200)["session_token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    let encoded = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// The token with other claims, signed with the server's own secret.
fn resigned(app: &TestApp, token: &str, algorithm: Algorithm, change: impl FnOnce(&mut Value)) -> String {
    let secret = std::fs::read(app.folder().join("secret.key")).unwrap();
    let mut claims = claims(token);
    change(&mut claims);
    encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(&secret)).unwrap()
}

/// Takes that many seconds off a claim.
fn earlier(claims: &mut Value, name: &str, seconds: i64) {
    claims[name] = json!(claims[name].as_i64().unwrap() - seconds);
}

#[test]
fn statement_065_066_a_session_tells_who_logged_in() {
    let app = TestApp::start();
    let session = log_in(&app, "system/admin/session", ADMIN.0, ADMIN.1).expect(200);
    assert_eq!(session["session_token"], session["session_id"]);
    for field in ["id", "name", "email", "last_login_date", "host", "token_expiry_date"] {
        assert!(!session[field].is_null(), "{field}: {session}");
    }
    assert_eq!((&session["is_sys_admin"], &session["is_root_admin"]), (&json!(true), &json!(true)));
    assert!(session.get("role").is_none() && session.get("first_name").is_some() && session.get("last_name").is_some());
    let with_key = app.user().post("user/session", json!({"email": JANE.0, "password": JANE.1})).expect(200);
    assert_eq!((&with_key["role"], &with_key["is_sys_admin"]), (&json!("clerk"), &json!(false)));
}

#[test]
fn statement_070_what_is_missing_is_named() {
    let app = TestApp::start();
    let post = |body: Value| app.anonymous().post("user/session", body).refused(400);
    assert_eq!(post(json!({"password": "x"})), "Login request is missing required email.");
    assert_eq!(post(json!({})), "Login request is missing required email.");
    assert_eq!(post(json!({"email": ["a"], "password": "x"})), "Login request is missing required email.");
    assert_eq!(post(json!({"email": JANE.0})), "Login request is missing required password.");
}

#[test]
fn statement_071_who_is_inactive_is_out_at_once() {
    let app = TestApp::start();
    let id = app.user().get("user/session").expect(200)["id"].clone();
    let set = |active: bool| {
        app.admin().patch(&format!("system/user/{id}"), json!({"is_active": active})).expect(200);
    };
    set(false);
    assert_eq!(log_in(&app, "user/session", JANE.0, JANE.1).refused(401), "Invalid credentials supplied.");
    assert_eq!(app.user().get("user/session").refused(403), "User is not active.");
    set(true);
    log_in(&app, "user/session", JANE.0, JANE.1).expect(200);
}

#[test]
fn statement_072_a_stale_token_is_no_obstacle_to_a_log_in() {
    let app = TestApp::start();
    let body = json!({"email": JANE.0, "password": JANE.1});
    for stale in ["nonsense", "a.b.c", ""] {
        token(&app, stale).post("user/session", body.clone()).expect(200);
        app.anonymous()
            .with("Authorization", &format!("Bearer {stale}"))
            .post("user/session", body.clone())
            .expect(200);
    }
    app.user().delete("user/session").expect(200);
    app.user().post("user/session", body).expect(200);
}

#[test]
fn statement_073_a_name_and_a_password_are_good_for_one_call() {
    let app = TestApp::start();
    let basic = |pair: &str| app.anonymous().with("Authorization", &format!("Basic {}", STANDARD.encode(pair)));
    let admin = basic(&format!("{}:{}", ADMIN.0, ADMIN.1));
    admin.get("system/role").expect(200);
    admin.get("system/role").expect(200);
    assert!(admin.get("user/session").expect(200)["session_token"].is_null());
    basic(&format!("{}:wrong password", ADMIN.0)).get("system/role").refused(401);
    let jane = basic(&format!("{}:{}", JANE.0, JANE.1)).with("X-DreamFactory-API-Key", app.desk_key());
    jane.get("db/_table/todo").expect(200);
    let id = app.user().get("user/session").expect(200)["id"].clone();
    app.admin().patch(&format!("system/user/{id}"), json!({"password": "AnotherPassw0rd"})).expect(200);
    jane.get("db/_table/todo").refused(401);
}

#[test]
fn statement_074_075_076_a_token_may_come_in_many_places_the_first_one_counts() {
    let app = TestApp::start();
    let good = janes(&app);
    let nobody = app.anonymous();
    let bearer = |token: &str| app.anonymous().with("Authorization", &format!("Bearer {token}"));
    let session = |answer: Answer| assert_eq!(answer.expect(200)["email"], JANE.0);
    session(bearer(&good).get("user/session"));
    session(token(&app, &good).get("user/session"));
    session(nobody.get(&format!("user/session?session_token={good}")));
    session(nobody.get(&format!("user/session?token={good}")));
    let tunnel = app.anonymous().with("X-HTTP-Method", "GET");
    session(tunnel.post("user/session", json!({"session_token": good})));
    session(bearer(&good).with("X-DreamFactory-Session-Token", "bad").get("user/session?session_token=bad"));
    session(token(&app, &good).get("user/session?session_token=bad"));
    bearer("bad").with("X-DreamFactory-Session-Token", &good).get("user/session").refused(401);
    token(&app, "bad").get(&format!("user/session?session_token={good}")).refused(401);
    for nothing in ["", "Bearer", "Bearer "] {
        let caller = app.anonymous().with("Authorization", nothing).with("X-DreamFactory-API-Key", "");
        session(caller.with("X-DreamFactory-Session-Token", &good).get("user/session"));
    }
    session(token(&app, "").get(&format!("user/session?session_token={good}")));
    assert!(!app.has_logged(&good));
}

#[test]
fn statement_077_080_081_an_expired_token_is_refreshed_within_the_window_only() {
    let app = TestApp::start();
    let expired = resigned(&app, &janes(&app), Algorithm::HS256, |claims| {
        for name in ["exp", "nbf", "iat"] {
            earlier(claims, name, 7200);
        }
    });
    assert!(token(&app, &expired).get("user/session").refused(401).contains("Token has expired"));
    assert!(token(&app, &expired).get("system/environment").refused(401).contains("Token has expired"));
    token(&app, &expired).put("system/admin/session", json!({})).refused(401);
    let new = token(&app, &expired).put("user/session", json!({})).expect(200);
    token(&app, new["session_token"].as_str().unwrap()).get("user/session").expect(200);
    assert!(token(&app, &expired).put("user/session", json!({})).refused(401).contains("Token refresh failed"));
    let old = resigned(&app, &janes(&app), Algorithm::HS256, |claims| earlier(claims, "iat", 20_161 * 60));
    assert!(token(&app, &old).put("user/session", json!({})).refused(401).contains("Token refresh failed"));
    assert!(app.anonymous().put("user/session", json!({})).refused(401).contains("Token refresh failed"));
}

#[test]
fn statement_079_what_this_server_did_not_sign_is_no_token() {
    let app = TestApp::start();
    let good = janes(&app);
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let unsigned = |alg: &str| URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{alg}\",\"typ\":\"JWT\"}}"));
    let mut admin = claims(&good);
    admin["user_id"] = json!(1);
    let forged = URL_SAFE_NO_PAD.encode(admin.to_string());
    let bad = [
        format!("{}.{body}.", unsigned("none")),
        format!("{}.{body}.{signature}", unsigned("none")),
        format!("{}.{forged}.", unsigned("NONE")),
        format!("{head}.{forged}.{signature}"),
        good[..good.len() - 3].to_owned(),
        format!("{head}.{body}"),
        "x".repeat(5000),
        "..".to_owned(),
        resigned(&app, &good, Algorithm::HS512, |_| ()),
        resigned(&app, &good, Algorithm::HS256, |claims| claims["iss"] = json!("other")),
        resigned(&app, &good, Algorithm::HS256, |claims| claims["user_id"] = json!("1")),
    ];
    for bad in &bad {
        let message = token(&app, bad).get("user/session").refused(401);
        assert!(message.starts_with("Invalid token"), "{bad}: {message}");
        token(&app, bad).put("user/session", json!({})).refused(401);
    }
    let huge = token(&app, &"x".repeat(1 << 20)).get("user/session");
    assert!([0, 400, 401, 431].contains(&huge.status()), "{huge:?}");
    app.user().get("user/session").expect(200);
}

#[test]
fn statement_082_sessions_end_however_long_they_were_wished_for() {
    let app = TestApp::start();
    let life = |wish: Value| {
        let mut body = json!({"email": JANE.0, "password": JANE.1});
        body.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let session = app.anonymous().post("user/session", body).expect(200);
        let claims = claims(session["session_token"].as_str().unwrap());
        assert_eq!(claims["forever"], false);
        claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap()
    };
    assert_eq!(life(json!({"remember_me": true})), 3600);
    assert_eq!(life(json!({"duration": 60})), 60);
    assert_eq!(life(json!({"duration": 1_000_000})), 3600);
}

#[test]
fn remembered_sessions_are_refreshed_without_end_where_that_is_allowed() {
    let app = with_settings(&[("ANTIPHON_ACCOUNTS__ALLOW_FOREVER_SESSIONS", "true")]);
    let body = json!({"email": ADMIN.0, "password": ADMIN.1, "remember_me": true});
    let session = app.anonymous().post("system/admin/session", body).expect(200);
    let old = resigned(&app, session["session_token"].as_str().unwrap(), Algorithm::HS256, |claims| {
        earlier(claims, "iat", 30_000 * 60);
        earlier(claims, "nbf", 30_000 * 60);
        earlier(claims, "exp", 30_000 * 60);
    });
    token(&app, &old).get("system/admin/session").refused(401);
    token(&app, &old).put("system/admin/session", json!({})).expect(200);
}

#[test]
fn statement_078_083_084_085_086_a_session_is_read_and_ended() {
    let app = TestApp::start();
    let none = app.anonymous().get("user/session").refused(401);
    assert_eq!(none, "There is no valid session for the current request.");
    assert_eq!(app.anonymous().get("system/admin/session").refused(404), "No user session found.");
    app.user().get("system/admin/session").refused(401);
    assert_eq!(app.admin().get("user/session").expect(200)["email"], ADMIN.0);
    let (first, second) = (app.user().get("user/session").expect(200), app.user().get("user/session").expect(200));
    assert_eq!(first["token_expiry_date"], second["token_expiry_date"]);
    assert_eq!(first["session_token"], second["session_token"]);
    app.user().patch("user/session", json!({})).refused(400);
    assert_eq!(app.anonymous().delete("user/session").expect(200), json!({"success": true}));
    assert_eq!(app.user().delete("user/session").expect(200), json!({"success": true}));
    assert!(app.user().get("user/session").refused(403).contains("The token has been blacklisted"));
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
    app.admin().delete("system/cache").expect(200);
    assert!(app.user().get("user/session").refused(403).contains("The token has been blacklisted"));
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

#[test]
fn one_address_may_not_guess_at_many_accounts() {
    let app = TestApp::with_limits(&[("LOGIN_FAILURES_PER_ADDRESS", 3)]);
    for name in ["a", "b", "c"] {
        log_in(&app, "user/session", &format!("{name}@example.com"), "wrong password").refused(401);
    }
    let refused = log_in(&app, "user/session", "d@example.com", "wrong password");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    refused.refused(429);
    app.user().get("user/session").expect(200);
}

#[test]
fn scripts_that_may_not_change_the_event_see_no_secrets() {
    let app = TestApp::start();
    let show = "console.log('seen ' + JSON.stringify(event.request))";
    let calls = [("session", JANE.1), ("password", "S3cretOldOne"), ("register", "S3cretNewOne")];
    for (resource, _) in calls {
        app.attach_read_only(&format!("user.{resource}.post.pre_process"), show);
    }
    let code = "ABCDEFGH12345678";
    let bodies = [
        json!({"email": JANE.0, "password": calls[0].1}),
        json!({"email": JANE.0, "old_password": calls[1].1, "new_password": calls[1].1, "code": code}),
        json!({"email": JANE.0, "password": calls[2].1, "security_answer": calls[2].1}),
    ];
    for ((resource, _), body) in calls.iter().zip(bodies) {
        let _ = app.anonymous().post(&format!("user/{resource}"), body);
    }
    app.attach("user.session.post.pre_process", "console.log('the password is ' + event.request.payload.password)");
    log_in(&app, "user/session", JANE.0, JANE.1).expect(200);
    let log = app.wait_for_log(&format!("the password is {}", JANE.1));
    let before = log.split("the password is").next().unwrap();
    assert_eq!(before.matches("seen {").count(), 3, "{before}");
    assert!(before.contains("**********"), "{before}");
    for secret in [calls[0].1, calls[1].1, calls[2].1, code] {
        assert!(!before.contains(secret), "{secret}: {before}");
    }
}
