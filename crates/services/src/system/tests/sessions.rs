//! Log-in, refresh, log-out, passwords, profile.

use super::{ADMIN, PASSWORD, TestPlatform};
use antiphon_gateway::Credentials;
use antiphon_model::{Value, Verb, json};

#[tokio::test(flavor = "multi_thread")]
async fn statement_65_66_an_administrator_logs_in_with_all_fields_of_a_session() {
    let test = TestPlatform::start().await;
    let body = json!({"email": format!(" {ADMIN} "), "password": PASSWORD});
    let got = test.call(&Credentials::default(), Verb::Post, "system", "admin/session", body).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.body["session_token"], got.body["session_id"]);
    for field in ["id", "name", "email", "last_login_date", "host", "token_expiry_date"] {
        assert!(!got.body[field].is_null(), "{field}: {}", got.body);
    }
    assert_eq!((&got.body["is_sys_admin"], &got.body["is_root_admin"]), (&json!(true), &json!(true)));
    let stored = test.get("admin/1?fields=last_login_date").await.body;
    assert_eq!(stored["last_login_date"], got.body["last_login_date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_67_to_70_refusals_tell_nothing_about_accounts() {
    let test = TestPlatform::start().await;
    test.person("jane", json!([])).await;
    let log_in = |service: &'static str, path: &'static str, body: Value| {
        let test = &test;
        async move { test.call(&Credentials::default(), Verb::Post, service, path, body).await }
    };
    let wrong = log_in("system", "admin/session", json!({"email": ADMIN, "password": "nope nope"})).await;
    let unknown = log_in("system", "admin/session", json!({"email": "who@example.com", "password": PASSWORD})).await;
    let user = log_in("system", "admin/session", json!({"email": "jane@example.com", "password": PASSWORD})).await;
    let admin = log_in("user", "session", json!({"email": ADMIN, "password": PASSWORD})).await;
    for got in [&wrong, &unknown, &user, &admin] {
        assert_eq!((got.status, got.message()), (401, "Invalid credentials supplied."));
    }
    let missing = log_in("user", "session", json!({"password": "x"})).await;
    assert_eq!((missing.status, missing.message()), (400, "Login request is missing required email."));
    let missing = log_in("user", "session", json!({"email": "x"})).await;
    assert_eq!((missing.status, missing.message()), (400, "Login request is missing required password."));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_83_to_86_reading_and_ending_a_session() {
    let test = TestPlatform::start().await;
    let nobody = Credentials::default();
    assert_eq!(test.call(&nobody, Verb::Get, "user", "session", Value::Null).await.status, 401);
    assert_eq!(test.call(&nobody, Verb::Get, "system", "admin/session", Value::Null).await.status, 404);
    let jane = test.person("jane", json!([])).await;
    assert_eq!(test.call(&jane, Verb::Get, "system", "admin/session", Value::Null).await.status, 401);
    let got = test.call(&jane, Verb::Get, "user", "session", Value::Null).await;
    assert_eq!((got.status, &got.body["role"]), (200, &json!("jane")));
    assert_eq!(test.call(&test.admin, Verb::Get, "user", "session", Value::Null).await.status, 200);
    assert_eq!(test.call(&nobody, Verb::Delete, "user", "session", Value::Null).await.body, json!({"success": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_78_87_a_token_that_was_logged_out_stays_dead_after_a_restart() {
    let mut test = TestPlatform::start().await;
    let jane = test.person("jane", json!([])).await;
    assert_eq!(test.call(&jane, Verb::Delete, "user", "session", Value::Null).await.status, 200);
    let got = test.call(&jane, Verb::Get, "user", "session", Value::Null).await;
    assert_eq!((got.status, got.message().contains("The token has been blacklisted")), (403, true));
    test.restart();
    assert_eq!(test.call(&jane, Verb::Get, "user", "session", Value::Null).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_80_a_refreshed_token_replaces_the_old_one() {
    let test = TestPlatform::start().await;
    let got = test.call(&test.admin, Verb::Put, "system", "admin/session", Value::Null).await;
    assert_eq!(got.status, 200);
    assert_eq!(test.get("").await.status, 403);
    let fresh =
        Credentials { session_token: got.body["session_token"].as_str().map(str::to_owned), ..Credentials::default() };
    assert_eq!(test.call(&fresh, Verb::Get, "system", "", Value::Null).await.status, 200);
    let got = test.call(&Credentials::default(), Verb::Put, "user", "session", Value::Null).await;
    assert_eq!((got.status, got.message().starts_with("Token refresh failed.")), (401, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_88_89_94_a_new_password_needs_the_old_one_and_ends_every_token() {
    let test = TestPlatform::start().await;
    let jane =
        test.person("jane", json!([{"service_id": 7, "component": "*", "verb_mask": 31, "requestor_mask": 3}])).await;
    let change = |old: &str, new: &str| json!({"old_password": old, "new_password": new});
    let wrong = test.call(&jane, Verb::Post, "user", "password", change("x", "LongEnough1")).await;
    assert_eq!((wrong.status, wrong.message()), (400, "The password supplied does not match."));
    let short = test.call(&jane, Verb::Post, "user", "password", change(PASSWORD, "short")).await;
    assert_eq!(short.status, 400);
    let good = test.call(&jane, Verb::Post, "user", "password?login=true", change(PASSWORD, "LongEnough1")).await;
    assert_eq!(good.body["success"], true);
    assert_eq!(test.call(&jane, Verb::Get, "user", "session", Value::Null).await.status, 403);
    let fresh = Credentials { session_token: good.body["session_token"].as_str().map(str::to_owned), ..jane };
    assert_eq!(test.call(&fresh, Verb::Get, "user", "session", Value::Null).await.status, 200);
    let admin = test.call(&test.admin, Verb::Post, "user", "password", change(PASSWORD, "LongEnough1")).await;
    assert_eq!(admin.status, 401);
    let nothing = test.call(&fresh, Verb::Post, "user", "password", json!({})).await;
    assert_eq!(nothing.message(), "Not enough information provided to change password.");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_98_99_a_profile_is_ones_own() {
    let test = TestPlatform::start().await;
    let jane = test.person("jane", json!([])).await;
    assert_eq!(test.call(&Credentials::default(), Verb::Get, "user", "profile", Value::Null).await.status, 401);
    let got = test.call(&jane, Verb::Put, "user", "profile", json!({"phone": "555", "is_sys_admin": true})).await;
    assert_eq!(got.body, json!({"success": true}));
    let profile = test.call(&jane, Verb::Get, "user", "profile", Value::Null).await.body;
    assert_eq!((&profile["phone"], &profile["email"]), (&json!("555"), &json!("jane@example.com")));
    let got = test.call(&jane, Verb::Put, "user", "profile", json!({"email": "new@example.com"})).await;
    assert_eq!((got.status, got.message()), (400, "Current Password required to change email"));
    let body = json!({"email": "new@example.com", "current_password": PASSWORD});
    let got = test.call(&jane, Verb::Put, "user", "profile", body).await;
    assert!(got.body["session_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_100_to_103_custom_values_keep_their_type_and_their_owner() {
    let test = TestPlatform::start().await;
    let all = json!([{"service_id": 7, "component": "*", "verb_mask": 31, "requestor_mask": 3}]);
    let jane = test.person("jane", all.clone()).await;
    let john = test.person("john_doe", all).await;
    let body = json!({"resource": [{"name": "prefs", "value": {"theme": "dark"}}, {"name": "n", "value": 3}]});
    let got = test.call(&jane, Verb::Post, "user", "custom", body).await;
    assert_eq!((got.status, got.body), (201, json!({"resource": [{"name": "prefs"}, {"name": "n"}]})));
    let got = test.call(&jane, Verb::Patch, "user", "custom/prefs", json!({"value": {"theme": "light"}})).await;
    assert_eq!(got.body, json!({"name": "prefs"}));
    assert_eq!(test.call(&jane, Verb::Get, "user", "custom/prefs", Value::Null).await.body, json!({"theme": "light"}));
    assert_eq!(test.call(&john, Verb::Get, "user", "custom/prefs", Value::Null).await.status, 404);
    assert_eq!(test.call(&john, Verb::Get, "user", "custom", Value::Null).await.body, json!({"resource": []}));
    assert_eq!(test.call(&jane, Verb::Delete, "user", "custom/n", Value::Null).await.body, json!({"name": "n"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_133_scripts_after_a_log_in_run_for_good_and_wrong_passwords() {
    let test = TestPlatform::start().await;
    let script = json!({
        "type": "javascript", "is_active": true, "allow_event_modification": true,
        "content": "event.response.content.seen = event.response.status_code;",
    });
    assert_eq!(test.post("event_script/system.admin.session.post.post_process", script).await.status, 201);
    let log_in = |password: &str| json!({"email": ADMIN, "password": password});
    let good = test.call(&Credentials::default(), Verb::Post, "system", "admin/session", log_in(PASSWORD)).await;
    assert_eq!(good.body["seen"], 200);
    let wrong = test.call(&Credentials::default(), Verb::Post, "system", "admin/session", log_in("wrong one")).await;
    assert_eq!((wrong.status, &wrong.body["seen"]), (401, &json!(401)));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_95_97_registration_is_closed_until_an_administrator_opens_it() {
    let test = TestPlatform::start().await;
    let nobody = Credentials::default();
    let applicant = json!({"email": "reg@example.com", "first_name": "Reg", "last_name": "User", "password": PASSWORD});
    let got = test.call(&nobody, Verb::Post, "user", "register", applicant.clone()).await;
    assert_eq!((got.status, got.message()), (403, "Open Registration is not enabled."));
    test.post("role", json!({"resource": [{"name": "r", "is_active": true}]})).await;
    let open =
        json!({"config": {"allow_open_registration": true, "open_reg_role_id": 1, "open_reg_email_service_id": null}});
    assert_eq!(test.patch("service/7", open).await.status, 200);
    let got = test.call(&nobody, Verb::Post, "user", "register?login=true", applicant.clone()).await;
    assert_eq!((got.status, got.body["session_token"].is_string()), (200, true), "{got:?}");
    let got = test.call(&nobody, Verb::Post, "user", "register", applicant).await;
    assert_eq!((got.status, got.message()), (400, "Validation failed"));
    assert_eq!(got.body["error"]["context"], json!({"email": ["The email has already been taken."]}));
    let user = test.get("user?related=user_to_app_to_role_by_user_id").await.body["resource"][0].clone();
    assert_eq!(
        (&user["name"], user["user_to_app_to_role_by_user_id"].as_array().unwrap().len()),
        (&json!("Reg User"), 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_90_92_the_answer_to_ones_question_sets_a_password_and_made_up_codes_do_not() {
    let test = TestPlatform::start().await;
    let user =
        json!({"email": "jo@example.com", "username": "jo_doe", "security_question": "Pet?", "security_answer": "Rex"});
    assert_eq!(test.post("user", json!({ "resource": [user] })).await.status, 201);
    let nobody = Credentials::default();
    let ask = |path: &'static str, body: Value| test.call(&nobody, Verb::Post, "user", path, body);
    let got = ask("password?reset=true", json!({"email": "jo@example.com"})).await;
    assert_eq!(got.body, json!({"security_question": "Pet?"}));
    let answer = |text: &str| json!({"email": "jo@example.com", "security_answer": text, "new_password": PASSWORD});
    let got = ask("password", answer("Tom")).await;
    assert_eq!((got.status, got.message()), (400, "The answer supplied does not match."));
    for code in [json!("y"), json!(""), json!(["a"]), json!("ABCDE12345")] {
        let body = json!({"email": "jo@example.com", "code": code, "new_password": PASSWORD});
        assert!([400, 404].contains(&ask("password", body).await.status), "{code}");
    }
    assert_eq!(ask("password", answer("Rex")).await.body, json!({"success": true}));
    test.log_in("user", "session", "jo_doe", PASSWORD, nobody.clone()).await;
    assert_eq!(ask("password?reset=true", json!({"email": ADMIN})).await.status, 401);
    assert_eq!(ask("password?reset=true", json!({"email": "who@example.com"})).await.status, 404);
}
