//! What clients read first, settings and constants (system-and-users 4.11, 4.12).

use crate::support::{TestApp, Value, json};

fn apps(environment: &Value) -> Vec<&str> {
    environment["apps"].as_array().unwrap().iter().map(|app| app["name"].as_str().unwrap()).collect()
}

#[test]
fn statement_166_strangers_learn_how_to_log_in_and_nothing_of_the_inside() {
    let app = TestApp::start();
    let seen = app.anonymous().get("system/environment").expect(200);
    assert_eq!(seen["authentication"]["admin"]["path"], "system/admin/session");
    assert_eq!(seen["authentication"]["user"]["path"], "user/session");
    for member in ["oauth", "adldap", "saml"] {
        assert_eq!(seen["authentication"][member], json!([]), "{member}");
    }
    for member in ["allow_open_registration", "allow_forever_sessions", "login_attribute", "open_reg_email_service_id"]
    {
        assert!(seen["authentication"].get(member).is_some(), "{member}");
    }
    assert!(seen["apps"].is_array() && seen["platform"].get("install_path").is_none());
    for member in ["server", "client", "config"] {
        assert!(seen.get(member).is_none(), "{member}");
    }
    for member in ["version", "license", "df_instance_id", "packages"] {
        assert!(seen["platform"].get(member).is_none(), "{member}");
    }
}

#[test]
fn statement_167_an_administrator_sees_the_console_and_the_server() {
    let app = TestApp::start();
    let seen = app.admin().get("system/environment").expect(200);
    assert!(apps(&seen).contains(&"admin"), "{seen}");
    for member in ["version", "license", "df_instance_id", "root_admin_exists", "secured_package_export"] {
        assert!(seen["platform"].get(member).is_some(), "{member}");
    }
    assert!(seen["server"]["host"].is_string() && seen["client"].get("ip_address").is_some());
    assert_eq!(seen["config"]["resources_wrapper"], "resource");
    assert_eq!(seen["config"]["db"]["max_records_returned"], 1000);
    let jane = app.user().get("system/environment").expect(200);
    assert!(jane["platform"]["version"].is_string() && jane["platform"].get("df_instance_id").is_none());
    assert!(!apps(&jane).contains(&"admin"));
}

#[test]
fn the_default_app_is_the_users_own_else_that_of_the_instance() {
    let app = TestApp::start();
    let default = || {
        let seen = app.admin().get("system/environment").expect(200);
        let apps = seen["apps"].as_array().unwrap().clone();
        apps.into_iter().filter(|app| app["is_default"] == true).map(|app| app["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(default(), Vec::<Value>::new());
    app.admin().post("system/config", json!({"default_app_id": 3})).expect(200);
    assert_eq!(default(), ["file_manager"]);
    app.admin().patch("system/admin/1", json!({"default_app_id": 1})).expect(200);
    assert_eq!(default(), ["admin"]);
}

#[test]
fn statement_164_the_settings_are_the_configuration_of_the_system_service() {
    let app = TestApp::start();
    let admin = app.admin();
    let before = admin.get("system/config").expect(200);
    for member in
        ["db_version", "login_with_user_name", "default_app_id", "editable_profile_fields", "restricted_verbs"]
    {
        assert!(before.get(member).is_some(), "{member}: {before}");
    }
    let after = admin.post("system/config", json!({"default_app_id": 2})).expect(200);
    assert_eq!(after["default_app_id"], 2);
    assert_eq!(admin.get("system/service/1?fields=config").expect(200)["config"]["default_app_id"], 2);
    admin.patch("system/service/1", json!({"config": {"default_app_id": 3}})).expect(200);
    assert_eq!(admin.get("system/config").expect(200)["default_app_id"], 3);
    admin.patch("system/config", json!({"invite_email_template_id": 1})).expect(200);
    assert_eq!(admin.get("system/config").expect(200)["default_app_id"], 3, "a part keeps the rest");
    for bad in [json!([]), json!("text"), json!([{"default_app_id": 1}])] {
        admin.post("system/config", bad).refused(400);
    }
}

#[test]
fn statement_165_constants_are_a_list() {
    let app = TestApp::start();
    for path in ["system/constant", "system/constant/app_types", "system/constant?as_list=true"] {
        assert!(app.admin().get(path).expect(200)["resource"].is_array(), "{path}");
    }
    app.admin().get("system/constant/verbs").expect(200);
}
