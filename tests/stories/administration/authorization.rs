//! Who may make a call: the order of decisions, what rows of a role grant, and from when a change holds
//! (system-and-users 3).

use super::people::{Client, DB, PASSWORD, Person, SYSTEM, client, grant, person, role};
use crate::support::{TestApp, Value, json};

/// An app whose default role has these rows.
fn app_with(app: &TestApp, name: &str, rows: &[Value]) -> Client {
    client(app, name, Some(role(app, name, rows)))
}

fn row(component: &str, verb_mask: u8) -> Value {
    grant(DB, component, verb_mask)
}

#[test]
fn statements_104_105_106_107_109_110_each_refusal_says_what_is_missing() {
    let app = TestApp::start();
    let bare = client(&app, "bare", None);
    let ann = person(&app, "ann_example", &[]);
    let path = "db/_table/todo";
    let message = app.anonymous().get(path).refused(400);
    assert!(message.starts_with("No session token (JWT) or API Key detected in request."), "{message}");
    let message = app.anonymous().with("X-DreamFactory-Session-Token", &ann.token).get(path).refused(400);
    assert!(message.starts_with("No API Key provided."), "{message}");
    let message = bare.key_only(&app).get(path).refused(400);
    assert!(message.starts_with("No session token (JWT) provided."), "{message}");
    let message = bare.session(&app, &ann.token).get(path).refused(403);
    assert_eq!(message, "Role not found. A role may not be assigned to you or your application.");

    app.user().get(path).expect(200);
    let message = app.user().get("db/_schema/todo").refused(403);
    assert_eq!(
        message,
        "Access Forbidden. GET access to component '_schema/todo' of service 'db' is not allowed by this user's role."
    );
    let message = app.key_only().get("db/_schema").refused(401);
    assert_eq!(message, "Unauthorized. User is not authenticated.");
}

#[test]
fn an_unknown_key_is_no_error_of_its_own() {
    let app = TestApp::start();
    let stranger = app.anonymous().with("X-DreamFactory-API-Key", &"0".repeat(64));
    stranger.get("system/environment").expect(200);
    let message = stranger.get("db/_table/todo").refused(400);
    assert!(message.starts_with("No session token (JWT) provided."), "{message}");
    app.admin().with("X-DreamFactory-API-Key", "nonsense").get("db/_table/todo").expect(200);
}

#[test]
fn statements_108_123_an_inactive_role_refuses_from_the_next_call_on() {
    let app = TestApp::start();
    let reader = role(&app, "reader", &[row("*", 1)]);
    let shop = client(&app, "shop", Some(reader));
    let ann = person(&app, "ann_example", &[(&shop, reader)]);
    for active in [true, false, true, false] {
        app.admin().patch(&format!("system/role/{reader}"), json!({"is_active": active})).expect(200);
        for caller in [shop.key_only(&app), shop.session(&app, &ann.token)] {
            let answer = caller.get("db/_table/todo");
            match active {
                true => drop(answer.expect(200)),
                false => assert!(answer.refused(403).ends_with("is not active.")),
            }
        }
    }
}

#[test]
fn statements_111_112_a_key_may_be_enough_and_administrators_need_none() {
    let app = TestApp::start();
    app.key_only().get("db/_table/todo").expect(200);
    for path in ["db/_schema", "db/_table/vault", "system/role", "user/custom", "system/admin", "db", "system"] {
        app.admin().get(path).expect(200);
    }
}

#[test]
fn statement_113_the_role_is_that_of_the_user_in_this_app_and_of_no_other() {
    let app = TestApp::start();
    let (todos, contacts) =
        (role(&app, "todos", &[row("_table/todo", 1)]), role(&app, "contacts", &[row("_table/contact", 1)]));
    let with_default = client(&app, "with_default", Some(todos));
    let without = client(&app, "without", None);
    let ann = person(&app, "ann_example", &[(&with_default, contacts)]);
    let bob = person(&app, "bob_example", &[]);
    let in_default = with_default.session(&app, &ann.token);
    in_default.get("db/_table/contact").expect(200);
    in_default.get("db/_table/todo").refused(403);
    with_default.session(&app, &bob.token).get("db/_table/todo").expect(200);
    assert!(without.session(&app, &ann.token).get("db/_table/contact").refused(403).starts_with("Role not found."));
}

#[test]
fn statement_114_an_inactive_app_refuses_everybody() {
    let app = TestApp::start();
    let shop = app_with(&app, "shop", &[row("*", 1)]);
    shop.key_only(&app).get("db/_table/todo").expect(200);
    app.admin().patch(&format!("system/app/{}", shop.id), json!({"is_active": false})).expect(200);
    for caller in [shop.key_only(&app), app.admin().with("X-DreamFactory-API-Key", &shop.key)] {
        assert_eq!(caller.get("db/_table/todo").refused(403), "App is not active.");
    }
    app.admin().patch(&format!("system/app/{}", shop.id), json!({"is_active": true})).expect(200);
    shop.key_only(&app).get("db/_table/todo").expect(200);
}

#[test]
fn a_deactivated_or_deleted_user_is_out_with_the_next_call() {
    let app = TestApp::start();
    let reader = role(&app, "reader", &[row("*", 1)]);
    let shop = client(&app, "shop", None);
    let [ann, bob] = ["ann_example", "bob_example"].map(|name| person(&app, name, &[(&shop, reader)]));
    for user in [&ann, &bob] {
        shop.session(&app, &user.token).get("db/_table/todo").expect(200);
    }
    app.admin().patch(&format!("system/user/{}", ann.id), json!({"is_active": false})).expect(200);
    app.admin().delete(&format!("system/user/{}", bob.id)).expect(200);
    assert_eq!(shop.session(&app, &ann.token).get("db/_table/todo").refused(403), "User is not active.");
    assert!(shop.session(&app, &bob.token).get("db/_table/todo").status() >= 401);
}

#[test]
fn an_assignment_holds_from_the_next_call_on_and_no_longer() {
    let app = TestApp::start();
    let reader = role(&app, "reader", &[row("*", 1)]);
    let shop = client(&app, "shop", None);
    let ann = person(&app, "ann_example", &[]);
    let caller = shop.session(&app, &ann.token);
    caller.get("db/_table/todo").refused(403);
    let assignment = json!({"user_to_app_to_role_by_user_id": [{"app_id": shop.id, "role_id": reader}]});
    let path = format!("system/user/{}?related=user_to_app_to_role_by_user_id", ann.id);
    let stored = app.admin().patch(&path, assignment).expect(200);
    caller.get("db/_table/todo").expect(200);
    let id = &stored["user_to_app_to_role_by_user_id"][0]["id"];
    let none = json!({"user_to_app_to_role_by_user_id": [{"id": id, "user_id": null}]});
    app.admin().patch(&format!("system/user/{}", ann.id), none).expect(200);
    caller.get("db/_table/todo").refused(403);
    app.admin().patch(&format!("system/app/{}", shop.id), json!({"role_id": reader})).expect(200);
    caller.get("db/_table/todo").expect(200);
    app.admin().delete(&format!("system/role/{reader}")).expect(200);
    assert!(caller.get("db/_table/todo").refused(403).starts_with("Role not found."));
}

#[test]
fn statement_115_a_wildcard_grants_what_it_names_and_below() {
    let app = TestApp::start();
    let shop = app_with(&app, "shop", &[row("_table/*", 1)]);
    let caller = shop.key_only(&app);
    for path in ["db/_table", "db/_table/todo", "db/_table/todo/1"] {
        caller.get(path).expect(200);
    }
    for path in ["db", "db/_schema", "db/_schema/todo"] {
        caller.get(path).refused(401);
    }
    caller.post("db/_table/todo", json!({"resource": [{"name": "x"}]})).refused(401);
}

#[test]
fn statement_116_an_exact_row_denies_what_a_wildcard_allows() {
    let app = TestApp::start();
    let shop = app_with(&app, "shop", &[row("_table/vault", 0), row("_table/*", 31)]);
    let caller = shop.key_only(&app);
    caller.get("db/_table/vault").refused(401);
    caller.get("db/_table/todo").expect(200);
}

#[test]
fn statement_117_wildcards_add_up() {
    let app = TestApp::start();
    let shop = app_with(&app, "shop", &[row("*", 2), row("_table/*", 1)]);
    let caller = shop.key_only(&app);
    caller.get("db/_table/todo").expect(200);
    caller.post("db/_table/todo", json!({"resource": [{"name": "new"}]})).expect(200);
    caller.delete("db/_table/todo/1").refused(401);
    caller.get("db/_schema").refused(401);
}

#[test]
fn statement_118_rows_for_every_service_count_where_no_other_row_does() {
    let app = TestApp::start();
    let everywhere = json!({"service_id": null, "component": "*", "verb_mask": 1, "requestor_mask": 3});
    let shop = app_with(&app, "shop", &[everywhere, row("_table/todo", 2)]);
    let caller = shop.key_only(&app);
    caller.get("db/_table/contact").expect(200);
    caller.get("system/role").expect(200);
    caller.get("db/_table/todo").refused(401);
    let roots = json!({"service_id": null, "component": "", "verb_mask": 1, "requestor_mask": 3});
    let roots = app_with(&app, "roots", &[roots]);
    roots.key_only(&app).get("db").expect(200);
    roots.key_only(&app).get("db/_table").refused(401);
}

#[test]
fn statement_119_case_and_slashes_of_a_component_mean_nothing() {
    let app = TestApp::start();
    for (index, component) in ["/_Table/TODO/", "_table/todo", "_TABLE/Todo/*", "//_table/*"].into_iter().enumerate() {
        let shop = app_with(&app, &format!("shop {index}"), &[row(component, 1)]);
        for path in ["db/_table/todo", "DB/_TABLE/Todo/", "db/_table/todo?limit=1"] {
            shop.key_only(&app).get(path).expect(200);
        }
    }
}

#[test]
fn statement_120_rows_for_scripts_are_for_scripts() {
    let app = TestApp::start();
    let of = |requestor: u8| json!({"service_id": DB, "component": "_table/contact", "verb_mask": 1, "requestor_mask": requestor});
    for (requestor, from_outside, from_script) in [(1, 200, 401), (2, 401, 200), (3, 200, 200)] {
        let shop = app_with(&app, &format!("shop {requestor}"), &[of(requestor), row("_table/todo", 1)]);
        app.attach(
            "db._table.todo.get.pre_process",
            "event.response = {content: platform.api.get('db/_table/contact').status_code};",
        );
        assert_eq!(shop.key_only(&app).get("db/_table/contact").status(), from_outside, "{requestor}");
        assert_eq!(shop.key_only(&app).get("db/_table/todo").expect(200), json!(from_script), "{requestor}");
    }
}

/// A role that sees the todos of one priority: that of its caller's first name, or a literal one.
fn filtered(app: &TestApp, value: &str) -> Client {
    let mut all = row("_table/todo/*", 31);
    all["filters"] = json!([{"name": "name", "operator": "=", "value": value}]);
    app_with(app, value, &[all])
}

#[test]
fn statement_121_row_filters_hold_for_reads_and_writes() {
    let app = TestApp::start();
    let shop = filtered(&app, "buy milk");
    let caller = shop.key_only(&app);
    assert_eq!(caller.get("db/_table/todo?filter=id > 0 or id < 9").values("id"), [1]);
    caller.get("db/_table/todo/2").refused(404);
    caller.patch("db/_table/todo/2", json!({"priority": 9})).refused(404);
    caller.delete("db/_table/todo/2").refused(404);
    assert_eq!(app.todo(2)["priority"], 2);
    let outside = caller.post("db/_table/todo", json!({"resource": [{"name": "other"}]}));
    assert!(outside.status() >= 400, "{outside:?}");
    caller.post("db/_table/todo", json!({"resource": [{"name": "buy milk"}]})).expect(200);
    caller.patch("db/_table/todo/1", json!({"name": "other"})).refused(403);
    assert_eq!((app.count("todo"), app.todo(1)["name"].clone()), (4, json!("buy milk")));
}

#[test]
fn statement_122_row_filters_bind_to_their_caller_and_not_to_administrators() {
    let app = TestApp::start();
    let shop = filtered(&app, "{user.first_name}");
    let people: Vec<Person> = ["ann_example", "bob_example"].map(|name| person(&app, name, &[])).into();
    let rows = json!({"resource": [{"name": "ann_example"}, {"name": "bob_example"}]});
    app.admin().post("db/_table/todo", rows).expect(200);
    for ann_or_bob in &people {
        let name = ann_or_bob.email.split('@').next().unwrap();
        let seen = shop.session(&app, &ann_or_bob.token).get("db/_table/todo").values("name");
        assert_eq!(seen, [name]);
    }
    shop.key_only(&app).get("db/_table/todo").refused(403);
    let admin = app.admin().with("X-DreamFactory-API-Key", &shop.key);
    assert_eq!(admin.get("db/_table/todo").values("id").len(), 5);
}

#[test]
fn two_filters_of_one_level_hold_together() {
    let app = TestApp::start();
    let with = |name: &str, operator: &str, value: Value| {
        let mut row = row("_table/todo/*", 1);
        row["filters"] = json!([{"name": name, "operator": operator, "value": value}]);
        row
    };
    let shop = app_with(&app, "shop", &[with("id", ">", json!(1)), with("id", "<", json!(3))]);
    assert_eq!(shop.key_only(&app).get("db/_table/todo").values("id"), [2]);
    let mut either = row("_table/todo/*", 1);
    either["filters"] = json!([
        {"name": "id", "operator": "=", "value": 1},
        {"name": "id", "operator": "=", "value": 3},
    ]);
    either["filter_op"] = json!("OR");
    let either = app_with(&app, "either", &[either]);
    assert_eq!(either.key_only(&app).get("db/_table/todo").values("id"), [1, 3]);
}

#[test]
fn statement_124_no_name_of_a_service_opens_it() {
    let app = TestApp::start();
    for name in ["x_oauth", "my_saml", "api_docs2"] {
        let record =
            json!({"name": name, "label": name, "is_active": true, "type": "sqlite", "config": {"database": name}});
        app.admin().post("system/service", json!({"resource": [record]})).expect(201);
        for path in ["", "/sso", "/_table", "/callback", "/session"] {
            app.anonymous().get(&format!("{name}{path}")).refused(400);
            app.key_only().get(&format!("{name}{path}")).refused(401);
        }
    }
}

#[test]
fn statements_125_126_administrators_are_out_of_reach_of_every_role() {
    let app = TestApp::start();
    let everything = role(&app, "everything", &[grant(SYSTEM, "*", 31)]);
    let shop = client(&app, "shop", None);
    let ann = person(&app, "ann_example", &[(&shop, everything)]);
    let caller = shop.session(&app, &ann.token);
    let seen = caller.get("system/user?fields=id").values("id");
    assert!(!seen.contains(&json!(1)) && seen.contains(&json!(ann.id)));
    caller.get("system/user/1").refused(404);
    assert_eq!(caller.get("system/admin").refused(403), "Not allowed to see an admin user.");
    caller.get("system/admin/1").refused(403);
    assert_eq!(
        caller.patch("system/user/1", json!({"name": "x"})).refused(403),
        "Not allowed to change an admin user."
    );
    assert_eq!(caller.delete("system/user/1").refused(403), "Not allowed to delete an admin user.");
    assert_eq!(caller.delete("system/admin/1").refused(403), "Not allowed to delete an admin user.");
    let new = json!({"resource": [{"email": "eve@example.com", "password": PASSWORD}]});
    caller.post("system/admin", new).refused(403);
    // By list, by filter, as related record, and by the flag itself.
    assert!(caller.patch("system/user?ids=1", json!({"resource": [{"name": "x"}]})).status() >= 400);
    assert!(caller.delete("system/user?ids=1").status() >= 400);
    caller.delete("system/user?filter=id=1").expect(200);
    app.admin().get("system/admin/1").expect(200);
    let related = caller.get("system/role/1?related=user_by_created_by_id").expect(200);
    assert_eq!(related["user_by_created_by_id"], Value::Null);
    for verb in ["PATCH", "PUT"] {
        let body = json!({"is_sys_admin": true, "name": "Ann"});
        let path = format!("system/user/{}?fields=*", ann.id);
        let body = match verb {
            "PUT" => caller.put(&path, body),
            _ => caller.patch(&path, body),
        };
        assert_eq!(body.expect(200).get("is_sys_admin"), None);
    }
    assert!(caller.get("system/user?filter=is_sys_admin=true").status() >= 400);
    caller.get("system/admin").refused(403);
    app.admin().get(&format!("system/admin/{}", ann.id)).refused(404);
}

#[test]
fn related_records_are_read_by_those_who_may_read_what_they_belong_to() {
    let app = TestApp::start();
    let rows = [grant(SYSTEM, "service/*", 1), grant(SYSTEM, "app/*", 1), grant(SYSTEM, "user/*", 1)];
    let reader = app_with(&app, "reader", &rows);
    let caller = reader.key_only(&app);
    caller.get("system/app?related=user_to_app_to_role_by_app_id").expect(200);
    for path in [
        "system/service?related=role_service_access_by_service_id",
        "system/app?related=role_by_role_id",
        "system/user?related=lookup_by_user_id",
        "system/user?related=user_custom_by_user_id",
        "system/app?related=role_by_user_to_app_to_role",
    ] {
        let status = caller.get(path).status();
        assert!(matches!(status, 401 | 403), "{path}: {status}");
    }
    for path in ["system/nosuch", "system/role?related=nosuch_by_role_id"] {
        caller.get(path).refused(401);
    }
}

#[test]
fn tables_are_listed_to_scripts_by_what_scripts_may_do() {
    let app = TestApp::start();
    let of = |component: &str, requestor: u8| json!({"service_id": DB, "component": component, "verb_mask": 1, "requestor_mask": requestor});
    let rows = [of("_table", 3), of("_table/todo/*", 1), of("_table/contact/*", 2)];
    let shop = app_with(&app, "shop", &rows);
    app.attach("db._table.todo.get.pre_process", "event.response = {content: platform.api.get('db/_table').content};");
    assert_eq!(shop.key_only(&app).get("db/_table").values("name"), ["todo"]);
    assert_eq!(shop.key_only(&app).get("db/_table/todo").values("name"), ["contact"]);
}

#[test]
fn a_table_that_is_denied_by_name_is_denied_in_lists_too() {
    let app = TestApp::start();
    let shop = app_with(&app, "shop", &[row("*", 31), row("_schema/vault", 1)]);
    let caller = shop.key_only(&app);
    let field = json!([{"name": "more", "type": "string", "allow_null": true}]);
    caller.delete("db/_schema/vault").refused(401);
    caller.delete("db/_schema?ids=Vault").refused(401);
    caller.delete("db/_schema?ids=journal, vault").refused(401);
    for name in ["vault", "VAULT"] {
        let tables = json!({"resource": [{"name": "todo", "field": field}, {"name": name, "field": field}]});
        caller.patch("db/_schema", tables.clone()).refused(401);
        let tunnelled = caller.clone().with("X-HTTP-Method", "DELETE");
        tunnelled.post("db/_schema", tables).refused(401);
        tunnelled.post("db/_schema", json!({"ids": [name]})).refused(401);
    }
    app.admin().get("db/_table/vault").expect(200);
    caller.patch("db/_schema", json!({"resource": [{"name": "todo", "field": field}]})).expect(200);
}
