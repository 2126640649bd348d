//! Nobody who is no administrator gets, or gives, more than their role allows; and administrators are told of roles that
//! grant more than it seems (system-and-users 3.5).

use super::people::{Client, DB, PASSWORD, Person, SYSTEM, client, create, grant, person, role};
use crate::support::{Answer, Caller, TestApp, Value, json};

/// An app whose manager may write everything of the system and read the todos; a strong role, and somebody who has it.
struct Office {
    app: TestApp,
    client: Client,
    manager_role: i64,
    manager: Person,
    strong_role: i64,
    strong: Person,
}

impl Office {
    fn open() -> Office {
        let app = TestApp::start();
        let client = client(&app, "office", None);
        let manager_role = role(&app, "manager", &[grant(SYSTEM, "*", 31), grant(DB, "_table/todo/*", 1)]);
        let strong_role = role(&app, "strong", &[grant(DB, "*", 31)]);
        let manager = person(&app, "mia_example", &[(&client, manager_role)]);
        let strong = person(&app, "bob_example", &[(&client, strong_role)]);
        Office { app, client, manager_role, manager, strong_role, strong }
    }

    fn manager(&self) -> Caller<'_> {
        self.client.session(&self.app, &self.manager.token)
    }

    /// What the manager can do to the contents of the vault, by whatever means they have now.
    fn assert_nothing_gained(&self) {
        self.manager().get("db/_table/vault").refused(403);
        self.client.key_only(&self.app).get("db/_table/vault").refused(400);
    }
}

/// The reason in the envelope of a batch or of a single record.
#[track_caller]
fn refused(answer: Answer) -> String {
    let error = &answer.body()["error"];
    let own = match error["context"]["resource"].as_array().and_then(|records| records.last()) {
        Some(entry) => entry,
        None => error,
    };
    let code = own["status_code"].as_u64().or_else(|| own["code"].as_u64());
    assert_eq!(code, Some(403), "{answer:?}");
    own["message"].as_str().unwrap().to_owned()
}

fn rows(rows: &[Value]) -> Value {
    json!({ "role_service_access_by_role_id": rows })
}

#[test]
fn a_role_is_written_within_the_writers_own() {
    let office = Office::open();
    let manager = office.manager();
    let new = |name: &str, row: Value| {
        let record = json!({"name": name, "is_active": true, "role_service_access_by_role_id": [row]});
        manager.post("system/role", json!({"resource": [record]}))
    };
    new("same", grant(DB, "_table/todo/*", 1)).expect(201);
    new("less", grant(DB, "_table/todo", 1)).expect(201);
    for (component, verbs) in [("_table/todo/*", 3), ("_table/vault", 1), ("_table/*", 1), ("*", 1), ("", 1)] {
        let message = refused(new("more", grant(DB, component, verbs)));
        assert!(message.starts_with("You can not grant"), "{message}");
    }
    let everywhere = json!({"service_id": null, "component": "*", "verb_mask": 1, "requestor_mask": 1});
    refused(new("more", everywhere));
    // Spelled otherwise, sent as text, or computed by the database, it is the same row.
    refused(new("more", json!({"SERVICE_ID": "5", "Component": "*", "Verb_Mask": ["GET"], "REQUESTOR_MASK": "3"})));
    assert_eq!(office.app.admin().get("system/role?filter=name='more'").values("id"), Vec::<Value>::new());
    office.assert_nothing_gained();
}

#[test]
fn no_role_is_widened_from_below() {
    let office = Office::open();
    let manager = office.manager();
    let own = format!("system/role/{}", office.manager_role);
    let strong = format!("system/role/{}", office.strong_role);
    refused(manager.patch(&own, rows(&[grant(DB, "_table/vault", 1)])));
    refused(manager.patch(&strong, json!({"is_active": false})));
    refused(manager.delete(&strong));
    refused(manager.delete(&own));
    refused(manager.delete(&format!("system/role?ids={}", office.strong_role)));
    refused(manager.put("system/role?filter=name='strong'", json!({"resource": [{"name": "mine"}]})));
    // A row of one's own role can't be moved, nor by way of its service.
    let row = office.app.admin().get(&format!("{own}?related=role_service_access_by_role_id")).expect(200);
    let row = &row["role_service_access_by_role_id"][1]["id"];
    refused(manager.patch(&own, rows(&[json!({"id": row, "component": "*"})])));
    let by_service = json!({"role_service_access_by_service_id": [
        {"role_id": office.manager_role, "component": "_table/vault", "verb_mask": 31, "requestor_mask": 3},
    ]});
    refused(manager.patch(&format!("system/service/{DB}"), by_service));
    office.assert_nothing_gained();
}

#[test]
fn no_role_is_given_that_is_more_than_the_givers() {
    let office = Office::open();
    let manager = office.manager();
    let Office { client, strong_role, manager: own, .. } = &office;
    let with_role = |role: Value| json!([{"app_id": client.id, "role_id": role}]);
    let user = |email: &str, role: Value| {
        let record = json!({"email": email, "password": PASSWORD, "user_to_app_to_role_by_user_id": with_role(role)});
        manager.post("system/user", json!({"resource": [record]}))
    };
    refused(user("eve@example.com", json!(strong_role)));
    refused(user("eve@example.com", json!(strong_role.to_string())));
    // A role that is still to come could grant anything.
    refused(user("eve@example.com", json!(strong_role + 1)));
    assert_eq!(office.app.admin().get("system/user?filter=email='eve@example.com'").values("id"), Vec::<Value>::new());
    let helper = role(&office.app, "helper", &[grant(DB, "_table/todo", 1)]);
    user("joe@example.com", json!(helper)).expect(201);
    let joe = office.app.admin().get("system/user?filter=email='joe@example.com'").values("id")[0].clone();
    let assigned =
        office.app.admin().get(&format!("system/user/{joe}?related=user_to_app_to_role_by_user_id")).expect(200);
    let assignment = &assigned["user_to_app_to_role_by_user_id"][0]["id"];
    let change = |change: Value| {
        manager.patch(&format!("system/user/{joe}"), json!({"user_to_app_to_role_by_user_id": [change]}))
    };
    refused(change(json!({"id": assignment, "role_id": strong_role})));
    refused(change(
        json!({"id": assignment, "role_id": {"expression": format!("role_id + {}", strong_role - helper)}}),
    ));
    // One's own roles are out of reach, whichever they are, and by whichever way.
    let mine = format!("system/user/{}", own.id);
    refused(manager.patch(&mine, json!({"user_to_app_to_role_by_user_id": [{"app_id": 1, "role_id": helper}]})));
    let by_app = json!({"user_to_app_to_role_by_app_id": [{"user_id": own.id, "role_id": strong_role}]});
    let other = super::people::client(&office.app, "other", None);
    refused(manager.patch(&format!("system/app/{}", other.id), by_app));
    // An app's default role is given to whoever has its key.
    for record in
        [json!({"name": "new", "type": 0, "role_id": strong_role}), json!({"name": "new", "ROLE_ID": strong_role})]
    {
        refused(manager.post("system/app", json!({"resource": [record]})));
    }
    refused(manager.patch(&format!("system/app/{}", client.id), json!({"role_id": strong_role})));
    let kept = super::people::client(&office.app, "kept", Some(*strong_role));
    refused(manager.patch(&format!("system/app/{}?regenerate=true", kept.id), json!({})));
    office.assert_nothing_gained();
}

#[test]
fn no_key_is_told_that_opens_more_than_the_readers_role() {
    let office = Office::open();
    let manager = office.manager();
    let kept = super::people::client(&office.app, "kept", Some(office.strong_role));
    let helper = role(&office.app, "helper", &[grant(DB, "_table/todo", 1)]);
    let known = super::people::client(&office.app, "known", Some(helper));
    for query in
        ["", "?fields=api_key", "?fields=API_KEY", "?select=api_key", "?accept=csv", "?related=role_by_role_id"]
    {
        let shown = format!("{:?}", manager.get(&format!("system/app/{}{query}", kept.id)));
        assert!(shown.contains("**********") && !shown.contains(&kept.key), "{query}: {shown}");
    }
    let by_role = format!("system/role/{}?related=app_by_role_id", office.strong_role);
    for path in [by_role.clone(), format!("{by_role}&app_by_role_id.fields=api_key"), "system/app".to_owned()] {
        assert!(!format!("{:?}", manager.get(&path)).contains(&kept.key), "{path}");
    }
    // Nor can it be found out piece by piece, by reading or by changing.
    let piece = format!("filter=api_key like '{}%25'", &kept.key[..1]);
    for query in [piece.as_str(), "order=api_key", "group=api_key&fields=api_key", "as_list=true&id_field=api_key"] {
        manager.get(&format!("system/app?{query}")).refused(400);
    }
    manager.patch(&format!("system/app?{piece}"), json!({"resource": [{"description": "x"}]})).refused(400);
    // A key that opens no more is told, and an administrator is told every key.
    let told = manager.get(&format!("system/app/{}?fields=api_key", known.id)).expect(200);
    assert_eq!(told["api_key"], json!(known.key));
    let told = office.app.admin().get(&format!("system/app/{}?fields=api_key", kept.id)).expect(200);
    assert_eq!(told, json!({"api_key": kept.key, "launch_url": ""}));
}

#[test]
fn nobody_stronger_is_taken_over() {
    let office = Office::open();
    let manager = office.manager();
    let strong = format!("system/user/{}", office.strong.id);
    for change in
        [json!({"password": "Another1234567"}), json!({"email": "mine@example.com"}), json!({"is_active": false})]
    {
        refused(manager.patch(&strong, change));
    }
    refused(manager.delete(&strong));
    office.client.session(&office.app, &office.strong.token).get("db/_table/vault").expect(200);
    // Those who have no more than the manager are the manager's business.
    let weak = person(&office.app, "wim_example", &[]);
    manager.patch(&format!("system/user/{}", weak.id), json!({"password": "Another1234567"})).expect(200);
    manager.patch(&format!("system/user/{}", office.manager.id), json!({"first_name": "Mia"})).expect(200);
    manager.delete(&format!("system/user/{}", weak.id)).expect(200);
}

#[test]
fn nobody_chooses_the_lookups_that_filter_their_own_rows() {
    let office = Office::open();
    let manager = office.manager();
    let own = json!([{"name": "region", "value": "all"}]);
    for (path, relation) in [
        (format!("system/user/{}", office.manager.id), "lookup_by_user_id"),
        (format!("system/role/{}", office.manager_role), "lookup_by_role_id"),
        (format!("system/app/{}", office.client.id), "lookup_by_app_id"),
    ] {
        refused(manager.patch(&path, json!({ relation: own })));
    }
    let weak = person(&office.app, "wim_example", &[]);
    manager.patch(&format!("system/user/{}", weak.id), json!({"lookup_by_user_id": own})).expect(200);
}

#[test]
fn no_spelling_of_a_field_gets_past_the_rules_of_a_resource() {
    let office = Office::open();
    let admin = office.app.admin();
    admin.patch(&format!("system/user/{}", office.strong.id), json!({"PassWord": "Short"})).refused(400);
    admin.patch(&format!("system/user/{}", office.strong.id), json!({"PASSWORD": "Another1234567"})).expect(200);
    let session = json!({"email": office.strong.email, "password": "Another1234567"});
    office.app.anonymous().post("user/session", session).expect(200);
    create(&office.app, "user", json!({"Email": "cap@example.com", "IS_SYS_ADMIN": true, "Token_Generation": 7}));
    assert_eq!(admin.get("system/admin?filter=email='cap@example.com'").values("id"), Vec::<Value>::new());
}

#[test]
fn a_role_that_grants_more_than_it_seems_says_so() {
    let app = TestApp::start();
    let warnings = |rows: &[Value]| -> Vec<String> {
        let name = format!("role {}", app.admin().get("system/role?count_only=true").expect(200));
        let id = role(&app, &name, rows);
        let shown = app.admin().get(&format!("system/role/{id}")).expect(200);
        let list = shown.get("warnings").and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        warnings(&[grant(DB, "*", 31), grant(SYSTEM, "*", 1), grant(SYSTEM, "cors/*", 31)]),
        Vec::<String>::new()
    );
    for (component, named) in
        [("event_script/*", "event_script"), ("service", "service"), ("*", "service, event_script")]
    {
        let [warning] = &warnings(&[grant(SYSTEM, component, 2)])[..] else { panic!("one warning for {component}") };
        assert!(warning.contains(named) && warning.contains(&format!("'{component}'")), "{warning}");
    }
    let [warning] = &warnings(&[grant(SYSTEM, "user/*", 8)])[..] else { panic!("one warning") };
    assert!(warning.contains("write user of the system"), "{warning}");
    let everywhere = json!({"service_id": null, "component": "*", "verb_mask": 31, "requestor_mask": 2});
    assert_eq!(warnings(&[everywhere]).len(), 1);
    let [warning] = &warnings(&[grant(4711, "*", 31)])[..] else { panic!("one warning") };
    assert!(warning.contains("service 4711, which does not exist"), "{warning}");
    let changed = rows(&[grant(SYSTEM, "service", 31)]);
    let id = role(&app, "changed", &[grant(DB, "*", 1)]);
    let changed = app.admin().patch(&format!("system/role/{id}?fields=*"), changed).expect(200);
    assert_eq!(changed["warnings"].as_array().map(Vec::len), Some(1), "{changed}");
    let listed = app.admin().get("system/role?fields=id,name").expect(200);
    assert!(listed["resource"].as_array().unwrap().iter().all(|role| role.as_object().unwrap().len() == 2), "{listed}");
}
