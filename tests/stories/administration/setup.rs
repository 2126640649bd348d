//! The first administrator, and the page on which people choose a password.

use crate::support::{TestApp, Value, json};
use tempfile::TempDir;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const ROOT: &str = "{\"email\":\"root@example.com\",\"password\":\"RootPassw0rd\",\"id\":77,\"is_active\":false}";

/// A server whose data folder is empty.
fn empty() -> TestApp {
    TestApp::in_folder(TempDir::new().unwrap(), &[])
}

fn log_in(app: &TestApp, email: &str, password: &str) -> Value {
    app.anonymous().post("system/admin/session", json!({"email": email, "password": password})).expect(200)
}

#[test]
fn statement_060_before_there_is_an_administrator_only_the_environment_answers() {
    let app = empty();
    let environment = app.anonymous().get("system/environment").expect(200);
    assert_eq!(environment["platform"]["setup_required"], true);
    for path in ["system/role", "db/_table", "user/session", ""] {
        let message = app.anonymous().get(path).refused(503);
        assert!(message.starts_with("Instance not set up.") && message.contains("/setup"), "{message}");
    }
    let browser = app.anonymous().with("Accept", "text/html");
    assert_eq!(browser.exactly("GET", "/").header("location"), Some("/setup"));
}

#[test]
fn statement_061_062_the_form_makes_the_first_administrator_once_and_from_nothing_but_its_fields() {
    let app = empty();
    let browser = app.anonymous().with("Accept", "text/html");
    let page = browser.exactly("GET", "/setup");
    assert!(page.status() == 200 && page.body().as_str().unwrap().contains("name=\"password\""), "{page:?}");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));

    let body = "email=root%40example.com&first_name=Ruth&last_name=%3Cb%3EO&password=short&password_confirmation=other";
    let refused = browser.send_exactly("POST", "/setup", FORM, body);
    let text = refused.body().as_str().unwrap();
    assert!(refused.status() == 400 && text.contains("role=\"alert\"") && text.contains("8 characters"), "{refused:?}");
    assert!(text.contains("&lt;b&gt;O") && !text.contains("<b>O") && !text.contains("short"), "{text}");
    app.anonymous().get("system/role").refused(503);

    let body = "email=root%40example.com&first_name=Ruth&last_name=Root&password=RootPassw0rd&\
                password_confirmation=RootPassw0rd&id=77&is_active=0&is_sys_admin=0";
    let made = browser.send_exactly("POST", "/setup", FORM, body);
    assert_eq!((made.status(), made.header("location")), (302, Some("/")));
    let session = log_in(&app, "root@example.com", "RootPassw0rd");
    assert_eq!((&session["id"], &session["name"]), (&json!(1), &json!("Ruth Root")));

    let again = app.anonymous().send_exactly(
        "POST",
        "/setup",
        JSON,
        "{\"email\":\"eve@example.com\",\"password\":\"EvePassw0rd\"}",
    );
    assert_eq!((again.status(), again.header("location")), (302, Some("/")));
    let admin = app.anonymous().with("X-DreamFactory-Session-Token", session["session_token"].as_str().unwrap());
    assert_eq!(admin.get("system/admin?fields=email").values("email"), [json!("root@example.com")]);
    assert_eq!(admin.get("system/user?fields=email").values("email"), [json!(null); 0]);
}

#[test]
fn programs_set_up_with_json_and_pages_of_other_servers_can_not() {
    let app = empty();
    let foreign = app.anonymous().with("Origin", "https://evil.example");
    assert!(foreign.send_exactly("POST", "/setup", FORM, "email=e%40e.example&password=EvePassw0rd").status() == 403);
    assert_eq!(app.anonymous().send_exactly("POST", "/setup", JSON, "[1]").status(), 400);
    let own = app.anonymous().with("Origin", &format!("http://{}", app.address()));
    let made = own.send_exactly("POST", "/setup", JSON, ROOT);
    assert_eq!(made.expect(201), json!({"success": true}));
    assert_eq!(log_in(&app, "root@example.com", "RootPassw0rd")["id"], 1);
}

#[test]
fn of_many_who_set_up_at_once_one_is_first() {
    let app = empty();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let app = &app;
            scope.spawn(move || {
                let body = format!("{{\"email\":\"admin{number}@example.com\",\"password\":\"Passw0rd{number}\"}}");
                let status = app.anonymous().send_exactly("POST", "/setup", JSON, &body).status();
                assert!([201, 302].contains(&status), "{status}");
            });
        }
    });
    let tries = (0..8).filter(|number| {
        let body = json!({"email": format!("admin{number}@example.com"), "password": format!("Passw0rd{number}")});
        app.anonymous().post("system/admin/session", body).status() == 200
    });
    assert_eq!(tries.count(), 1);
}

#[test]
fn an_invited_person_chooses_a_password_on_the_page_that_the_mail_names() {
    let settings = [("ANTIPHON_ACCOUNTS__MAIL".to_owned(), "log".to_owned())];
    let app = TestApp::in_folder(crate::support::fixture_folder(), &settings);
    let ann = json!({"resource": [{"email": "ann@example.com", "first_name": "Ann"}]});
    app.admin().post("system/user?send_invite=true", ann).expect(201);
    let log = app.wait_for_log("/confirm?code=");
    let path = log.split("/confirm?code=").nth(1).unwrap().split(['"', ' ', '\n', '\\']).next().unwrap();
    let code = path.split('&').next().unwrap();
    let browser = app.anonymous().with("Accept", "text/html");
    let page = browser.exactly("GET", &format!("/confirm?code={code}&email=ann%40example.com"));
    assert!(page.body().as_str().unwrap().contains(code) && page.status() == 200, "{page:?}");
    let send = |code: &str, again: &str| {
        let body =
            format!("email=ann%40example.com&code={code}&new_password=AnnPassw0rd&password_confirmation={again}");
        browser.send_exactly("POST", "/confirm", FORM, &body)
    };
    assert_eq!(send(code, "other").status(), 400);
    assert_eq!(send("00000000000000000000000000000000", "AnnPassw0rd").status(), 404);
    let saved = send(code, "AnnPassw0rd");
    assert!(saved.status() == 200 && saved.body().as_str().unwrap().contains("saved"), "{saved:?}");
    app.anonymous().post("user/session", json!({"email": "ann@example.com", "password": "AnnPassw0rd"})).expect(200);
    assert_eq!(send(code, "AnnPassw0rd").status(), 404);
}
