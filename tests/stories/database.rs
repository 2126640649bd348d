//! Statements of the reference on database services that need the whole product: roles, sessions, scripts and records together.
//! The number in a test's name is that of the statement in the reference's checklist.

use crate::support::{Caller, TestApp, Value, json};

/// The password of the users here.
const PASSWORD: &str = "Passw0rd1234567";

/// A desk with documents and their lines: Mia and Bob see documents of their own, lines that are visible, all accounts, no notes.
struct Desk {
    app: TestApp,
    key: String,
    mia: String,
    bob: String,
    mia_id: Value,
    bob_id: Value,
}

impl Desk {
    fn open() -> Desk {
        let app = TestApp::start();
        let admin = app.admin();
        admin.post("db/_schema", tables()).expect(200);
        let own = json!([{"name": "owner_id", "operator": "=", "value": "{user.id}"}]);
        let visible = json!([{"name": "visible", "operator": "=", "value": "true"}]);
        let key = key_of_role(
            &app,
            "writers",
            json!([
                {"component": "_table/document", "verb_mask": 31, "filters": own},
                {"component": "_table/document/*", "verb_mask": 31},
                {"component": "_table/line/*", "verb_mask": 31, "filters": visible},
                {"component": "_table/account/*", "verb_mask": 1},
            ]),
        );
        let clients = admin.get("system/app?filter=name='writers'&fields=id,role_id").expect(200);
        let client = clients["resource"][0].clone();
        let [(mia_id, mia), (bob_id, bob)] = ["mia", "bob"].map(|name| add_user(&app, name, &client, &key));
        let documents = json!({"resource": [
            {"title": "mine", "owner_id": mia_id, "account_id": 1},
            {"title": "mine too", "owner_id": mia_id},
            {"title": "of bob", "owner_id": bob_id, "account_id": 1},
            {"title": "of nobody"},
        ]});
        admin.post("db/_table/document", documents).expect(200);
        let lines = json!({"resource": [
            {"text": "seen", "document_id": 1}, {"text": "unseen", "document_id": 1, "visible": false},
            {"text": "of bob", "document_id": 3},
        ]});
        admin.post("db/_table/line", lines).expect(200);
        admin.post("db/_table/note", json!({"resource": [{"text": "secret", "document_id": 1}]})).expect(200);
        Desk { app, key, mia, bob, mia_id, bob_id }
    }

    fn as_user(&self, token: &str) -> Caller<'_> {
        with_key(&self.app, &self.key).with("X-DreamFactory-Session-Token", token)
    }

    fn mia(&self) -> Caller<'_> {
        self.as_user(&self.mia)
    }

    fn document(&self, id: u64) -> Value {
        self.app.admin().get(&format!("db/_table/document/{id}")).expect(200)
    }
}

fn tables() -> Value {
    let id = json!({"name": "id", "type": "id"});
    let text = |name: &str| json!({"name": name, "type": "string", "allow_null": false});
    let reference = |name: &str, table: &str| json!({"name": name, "type": "reference", "ref_table": table, "ref_field": "id", "allow_null": true});
    json!({"resource": [
        {"name": "document", "field": [
            id, text("title"), {"name": "owner_id", "type": "integer", "allow_null": true}, reference("account_id", "account"),
            {"name": "made_by", "type": "user_id_on_create"}, {"name": "edited_by", "type": "user_id_on_update"},
        ]},
        {"name": "line", "field": [
            id, text("text"), reference("document_id", "document"),
            {"name": "visible", "type": "boolean", "default": true},
            {"name": "made_by", "type": "user_id_on_create", "allow_null": true},
        ]},
        {"name": "note", "field": [id, text("text"), reference("document_id", "document")]},
    ]})
}

/// The key of a new app whose role has these access rows on the database.
fn key_of_role(app: &TestApp, name: &str, mut rows: Value) -> String {
    let admin = app.admin();
    let db = &admin.get("system/service?filter=name='db'&fields=id").expect(200)["resource"][0]["id"];
    for row in rows.as_array_mut().unwrap() {
        row["service_id"] = db.clone();
        row["requestor_mask"] = json!(3);
    }
    let role = json!({"name": name, "is_active": true, "role_service_access_by_role_id": rows});
    let role = admin.post("system/role?fields=id", json!({"resource": [role]})).expect(201);
    let client = json!({"name": name, "is_active": true, "type": 0, "role_id": role["resource"][0]["id"]});
    let client = admin.post("system/app?fields=api_key", json!({"resource": [client]})).expect(201);
    client["resource"][0]["api_key"].as_str().unwrap().to_owned()
}

/// A user of that app: identifier and session token.
fn add_user(app: &TestApp, name: &str, client: &Value, key: &str) -> (Value, String) {
    let email = format!("{name}@example.com");
    let user = json!({
        "name": name, "email": email, "password": PASSWORD, "is_active": true,
        "user_to_app_to_role_by_user_id": [{"app_id": client["id"], "role_id": client["role_id"]}],
    });
    let user = app.admin().post("system/user?fields=id", json!({"resource": [user]})).expect(201);
    let session = with_key(app, key).post("user/session", json!({"email": email, "password": PASSWORD})).expect(200);
    (user["resource"][0]["id"].clone(), session["session_token"].as_str().unwrap().to_owned())
}

fn with_key<'a>(app: &'a TestApp, key: &str) -> Caller<'a> {
    app.anonymous().with("X-DreamFactory-API-Key", key)
}

/// The status and the message inside a batch error of one record.
#[track_caller]
fn inner(body: &Value) -> (u64, &str) {
    let error = &body["error"];
    assert_eq!((&error["code"], &error["context"]["error"]), (&json!(1000), &json!([0])), "{body}");
    let inner = &error["context"]["resource"][0];
    (inner["code"].as_u64().unwrap(), inner["message"].as_str().unwrap())
}

const DENIED: &str = "Denied access to some of the requested fields.";

#[test]
fn database_001_a_service_needs_its_database() {
    let app = TestApp::start();
    let service = json!({"name": "none", "label": "None", "is_active": true, "type": "sqlite", "config": {}});
    let body = app.admin().post("system/service", json!({"resource": [service]})).expect(400);
    assert_eq!(inner(&body), (400, "Database connection information must contain at least database name."));
}

#[test]
fn database_005_the_maximum_of_a_service_bounds_reads_and_not_writes() {
    let app = TestApp::start();
    let admin = app.admin();
    let config = json!({"database": "few.sqlite3", "max_records": 2});
    let service = json!({"name": "few", "label": "Few", "is_active": true, "type": "sqlite", "config": config});
    admin.post("system/service", json!({"resource": [service]})).expect(201);
    let table = json!({"name": "t", "field": [{"name": "id", "type": "id"}, {"name": "n", "type": "integer"}]});
    admin.post("few/_schema", json!({"resource": [table]})).expect(200);
    let rows: Vec<Value> = (0..5).map(|n| json!({ "n": n })).collect();
    assert_eq!(admin.post("few/_table/t?fields=*", json!({ "resource": rows })).values("n").len(), 5);
    let answer = admin.get("few/_table/t").expect(200);
    assert_eq!(answer["resource"].as_array().unwrap().len(), 2);
    assert_eq!(answer["meta"], json!({"count": 5, "next": 2}));
}

#[test]
fn database_074_a_read_is_tunnelled_with_its_options_in_the_body() {
    let desk = Desk::open();
    let body = json!({
        "filter": "(title like :start) AND (owner_id = :user)", "params": {":start": "mine%", ":user": "{user.id}"},
        "fields": ["id", "title"], "order": "id desc", "limit": 10,
    });
    let found = desk.mia().with("X-HTTP-Method", "GET").post("db/_table/document", body).expect(200);
    assert_eq!(found, json!({"resource": [{"id": 2, "title": "mine too"}, {"id": 1, "title": "mine"}]}));
    assert_eq!(desk.app.count("document"), 4);
}

#[test]
fn database_075_records_in_the_body_of_a_tunnelled_read_are_read_anew() {
    let desk = Desk::open();
    let wanted = json!({"resource": [{"id": 2}, {"id": 1}]});
    let mia = desk.mia().with("X-HTTP-Method", "GET");
    assert_eq!(mia.post("db/_table/document?fields=title", wanted).values("title"), ["mine too", "mine"]);
    let hidden = mia.post("db/_table/document?fields=title", json!({"resource": [{"id": 3}]})).expect(400);
    assert_eq!(inner(&hidden), (404, "Record with identifier '3' not found."));
}

#[test]
fn database_090_lookups_are_values_in_filters_and_never_syntax() {
    let desk = Desk::open();
    let lookups = json!({"resource": [
        {"name": "widening", "value": "x' OR 'a'='a", "private": false}, {"name": "hidden", "value": "mine", "private": true},
    ]});
    desk.app.admin().post("system/lookup", lookups).expect(201);
    let titles = |filter: &str| desk.mia().get(&format!("db/_table/document?filter={filter}")).values("title");
    assert_eq!(titles("owner_id={user.id}"), ["mine", "mine too"]);
    for filter in ["title={widening}", "title='{widening}'", "title='{hidden}'"] {
        assert!(titles(filter).is_empty(), "{filter}");
    }
}

#[test]
fn database_101_a_role_filter_restricts_lists_and_counts() {
    let desk = Desk::open();
    let path = "db/_table/document";
    assert_eq!(desk.mia().get(path).values("id"), [1, 2]);
    assert_eq!(desk.as_user(&desk.bob).get(path).values("id"), [3]);
    assert_eq!(desk.app.admin().get(path).values("id"), [1, 2, 3, 4]);
    assert_eq!(desk.mia().get(&format!("{path}?count_only=true")).expect(200), 2);
    let page = desk.mia().get(&format!("{path}?limit=1&include_count=true")).expect(200);
    assert_eq!(page["meta"], json!({"count": 2, "next": 1}));
    let sums = desk.mia().get(&format!("{path}?group=owner_id&fields=owner_id,COUNT(*)")).expect(200);
    assert_eq!(sums["resource"], json!([{"owner_id": desk.mia_id, "COUNT_ALL": 2}]));
}

#[test]
fn database_102_a_hidden_row_does_not_exist_for_any_verb() {
    let desk = Desk::open();
    let mia = desk.mia();
    let path = "db/_table/document/3";
    let absent = "Record with identifier '3' not found.";
    assert_eq!(mia.get(path).refused(404), absent);
    assert_eq!(mia.get("db/_table/document/of bob?id_field=title").refused(404), absent.replace('3', "of bob"));
    assert_eq!(mia.patch(path, json!({"title": "x"})).refused(404), absent);
    assert_eq!(mia.put(path, json!({"title": "x"})).refused(404), absent);
    assert_eq!(mia.delete(path).refused(404), absent);
    assert_eq!(inner(&mia.get("db/_table/document?ids=3").expect(400)).0, 404);
    let change = json!({"resource": [{"id": 3, "title": "x"}]});
    assert_eq!(inner(&mia.patch("db/_table/document", change).expect(400)).0, 404);
    assert_eq!(inner(&mia.delete("db/_table/document?ids=3").expect(400)).0, 404);
    assert_eq!(desk.document(3)["title"], "of bob");
}

#[test]
fn database_103_a_new_row_must_be_within_the_role_filter() {
    let desk = Desk::open();
    let mia = desk.mia();
    let path = "db/_table/document";
    for record in [json!({"title": "x", "owner_id": desk.bob_id}), json!({"title": "x"})] {
        assert_eq!(inner(&mia.post(path, json!({"resource": [record]})).expect(400)), (403, DENIED));
    }
    let made = mia.post(&format!("{path}?fields=*"), json!({"resource": [{"title": "x", "owner_id": "{user.id}"}]}));
    assert_eq!(made.values("owner_id"), std::slice::from_ref(&desk.mia_id));
}

#[test]
fn database_104_a_row_can_not_be_moved_out_of_ones_own_scope() {
    let desk = Desk::open();
    let away = [json!(desk.bob_id), json!(null), json!({"expression": "owner_id + 1"}), json!({"expression": "NULL"})];
    for owner in away {
        assert_eq!(
            desk.mia().patch("db/_table/document/1", json!({"owner_id": owner})).refused(403),
            DENIED,
            "{owner}"
        );
    }
    desk.mia().patch("db/_table/document/1", json!({"OWNER_ID": desk.bob_id})).expect(403);
    assert_eq!(desk.document(1)["owner_id"], desk.mia_id);
}

#[test]
fn database_105_changes_and_deletes_by_filter_or_force_touch_visible_rows_only() {
    let desk = Desk::open();
    let changed = desk.mia().patch("db/_table/document?filter=id>0", json!({"resource": [{"title": "new"}]}));
    assert_eq!(changed.values("id"), [1, 2]);
    desk.app.admin().delete("db/_table/note?force=true").expect(200);
    desk.app.admin().delete("db/_table/line?force=true").expect(200);
    assert_eq!(desk.mia().delete("db/_table/document?filter=title='new' AND id>1").values("id"), [2]);
    assert_eq!(desk.mia().delete("db/_table/document?force=true").expect(200), json!({"success": true}));
    let left = desk.app.admin().get("db/_table/document").values("title");
    assert_eq!(left, ["of bob", "of nobody"]);
}

#[test]
fn database_106_no_client_filter_escapes_the_role_filter() {
    let desk = Desk::open();
    for filter in ["id = 1) OR (id = 3", "id > 0) --", "(id = 1)) OR ((id = 3)"] {
        let path = format!("db/_table/document?filter={filter}");
        assert_eq!(desk.mia().get(&path).refused(400), "Invalid or unparsable filter request.", "{filter}");
    }
    for filter in ["id = 1 OR id = 3", "(id=1) OR (1=1)", "NOT (id = 0)", "owner_id is null OR owner_id is not null"] {
        let path = format!("db/_table/document?fields=id&filter={filter}");
        let answer = desk.mia().get(&path);
        if answer.status() != 400 {
            assert!(answer.values("id").iter().all(|id| *id == 1 || *id == 2), "{filter}");
        }
    }
    let related = "db/_table/document/1?related=line_by_document_id&line_by_document_id.filter=";
    desk.mia().get(&format!("{related}id = 1) OR (id = 2")).expect(400);
    let lines = desk.mia().get(&format!("{related}id > 0 OR visible = false")).expect(200);
    assert_eq!(lines["line_by_document_id"].as_array().unwrap().len(), 1, "{lines}");
}

#[test]
fn database_109_related_rows_are_those_that_the_related_table_grants() {
    let desk = Desk::open();
    let document = desk.mia().get("db/_table/document/1?fields=id&related=line_by_document_id").expect(200);
    let lines = document["line_by_document_id"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["text"]), (1, &json!("seen")));
    let account = desk.mia().get("db/_table/account/1?related=document_by_account_id").expect(200);
    assert_eq!(account["document_by_account_id"].as_array().unwrap().len(), 1, "{account}");
    let parents = desk.mia().get("db/_table/line?related=document_by_document_id&fields=text").expect(200);
    let of_bob = &parents["resource"][1];
    assert_eq!((&of_bob["text"], &of_bob["document_by_document_id"]), (&json!("of bob"), &json!(null)));
}

#[test]
fn database_109_a_forbidden_relation_is_refused_by_name_and_left_out_of_all() {
    let desk = Desk::open();
    let path = "db/_table/document/1?fields=id&related=";
    let refused = desk.mia().get(&format!("{path}note_by_document_id")).refused(403);
    assert!(refused.contains("'_table/note'"), "{refused}");
    let all = desk.mia().get(&format!("{path}*")).expect(200);
    let names: Vec<&String> = all.as_object().unwrap().keys().filter(|name| name.contains("_by_")).collect();
    assert_eq!(names, ["account_by_account_id", "line_by_document_id"]);
}

#[test]
fn database_110_a_lookup_that_leads_nowhere_denies() {
    let desk = Desk::open();
    let nobody = with_key(&desk.app, &desk.key);
    assert_eq!(nobody.get("db/_table/document").refused(403), DENIED);
    assert_eq!(nobody.get("db/_table/document/1").refused(403), DENIED);
    assert_eq!(nobody.get("db/_table/line").values("text"), ["seen", "of bob"]);
}

#[test]
fn database_131_who_made_a_record_is_never_the_clients_word() {
    let desk = Desk::open();
    let record = json!({
        "title": "new", "owner_id": "{user.id}", "made_by": 77, "edited_by": 77,
        "line_by_document_id": [{"text": "for {user.email}", "visible": true, "made_by": 77}],
    });
    let path = "db/_table/document?fields=id,made_by,edited_by&related=line_by_document_id";
    let made = desk.mia().post(path, json!({"resource": [record]})).expect(200)["resource"][0].clone();
    assert_eq!((&made["made_by"], &made["edited_by"]), (&desk.mia_id, &desk.mia_id));
    let line = &made["line_by_document_id"][0];
    assert_eq!((&line["made_by"], &line["text"]), (&desk.mia_id, &json!("for mia@example.com")));
    let path = format!("db/_table/document/{}?fields=made_by,edited_by", made["id"]);
    let changed = desk.app.admin().patch(&path, json!({"title": "newer", "made_by": 77})).expect(200);
    assert_eq!(changed, json!({"made_by": desk.mia_id, "edited_by": 1}));
}

#[test]
fn database_143_a_nested_record_that_fails_takes_the_whole_batch_along() {
    let desk = Desk::open();
    let records = json!({"resource": [
        {"title": "first", "owner_id": desk.mia_id},
        {"title": "second", "owner_id": desk.mia_id, "line_by_document_id": [{"text": "kept", "visible": true}, {"text": null, "visible": true}]},
    ]});
    let body = desk.mia().post("db/_table/document?rollback=true", records.clone()).expect(400);
    assert!(body["error"]["message"].as_str().unwrap().ends_with("All changes rolled back."), "{body}");
    assert_eq!((desk.app.count("document"), desk.app.count("line")), (4, 3));
    desk.mia().post("db/_table/document?continue=true", records).expect(400);
    assert_eq!((desk.app.count("document"), desk.app.count("line")), (5, 3));
}

#[test]
fn database_143_nested_records_keep_to_what_the_role_grants() {
    let desk = Desk::open();
    let mia = desk.mia();
    let path = "db/_table/document/1";
    let refused = mia.patch(path, json!({"title": "x", "note_by_document_id": [{"text": "x"}]})).refused(403);
    assert!(refused.contains("POST access to component '_table/note'"), "{refused}");
    let outside = json!({"title": "x", "line_by_document_id": [{"text": "x", "visible": false}]});
    assert_eq!(mia.patch(path, outside).refused(403), DENIED);
    mia.patch(path, json!({"title": "x", "line_by_document_id": [{"id": 2, "text": "x"}]})).expect(400);
    mia.patch(path, json!({"title": "x", "account_by_account_id": {"id": 1, "name": "x"}})).expect(403);
    let stolen = json!({"resource": [{
        "text": "x", "visible": true, "document_by_document_id": {"id": 3, "title": "x", "owner_id": desk.mia_id},
    }]});
    mia.post("db/_table/line", stolen).expect(400);
    assert_eq!((&desk.document(1)["title"], &desk.document(3)["owner_id"]), (&json!("mine"), &desk.bob_id));
    assert_eq!((desk.app.count("line"), desk.app.count("note")), (3, 1));
}

#[test]
fn database_143_scripts_do_not_run_for_nested_records_that_are_refused() {
    let desk = Desk::open();
    desk.app.journal(&["db._table.note.post.pre_process", "db._table.line.post.pre_process"]);
    let nested = |relation: &str| json!({relation: [{"text": "x"}]});
    let both = key_of_role(
        &desk.app,
        "some",
        json!([
            {"component": "_table/document/*", "verb_mask": 31}, {"component": "_table/line/*", "verb_mask": 31},
            {"component": "_table/journal/*", "verb_mask": 31},
        ]),
    );
    let some = with_key(&desk.app, &both);
    some.patch("db/_table/document/1", nested("note_by_document_id")).expect(401);
    assert!(desk.app.ran().is_empty());
    some.patch("db/_table/document/1", nested("line_by_document_id")).expect(200);
    assert_eq!(desk.app.ran(), ["db._table.line.post.pre_process"]);
}

#[test]
fn database_160_relations_to_other_services_are_read_under_the_callers_role() {
    let desk = Desk::open();
    let admin = desk.app.admin();
    let config = json!({"database": "far.sqlite3"});
    let service = json!({"name": "far", "label": "Far", "is_active": true, "type": "sqlite", "config": config});
    let service = admin.post("system/service", json!({"resource": [service]})).expect(201)["resource"][0]["id"].clone();
    let integer = |name: &str| json!({"name": name, "type": "integer"});
    let table = json!({"name": "stamp", "field": [{"name": "id", "type": "id"}, integer("document_id")]});
    admin.post("far/_schema", json!({"resource": [table]})).expect(200);
    admin.post("far/_table/stamp", json!({"resource": [{"document_id": 1}]})).expect(200);
    let relation = json!({
        "type": "has_many", "field": "id", "is_virtual": true, "ref_service_id": service, "ref_table": "stamp",
        "ref_field": "document_id",
    });
    let made = admin.post("db/_schema/document/_related", json!({"resource": [relation]})).expect(200);
    assert_eq!(made, json!({"resource": [{"name": "far.stamp_by_document_id"}]}));
    let path = "db/_table/document/1?fields=id&far.stamp_by_document_id.fields=id&related=";
    let named = format!("{path}far.stamp_by_document_id");
    assert_eq!(admin.get(&named).expect(200), json!({"id": 1, "far.stamp_by_document_id": [{"id": 1}]}));
    desk.mia().get(&named).expect(403);
    let all = desk.mia().get(&format!("{path}*")).expect(200);
    assert!(all.get("far.stamp_by_document_id").is_none() && all.get("line_by_document_id").is_some(), "{all}");
}

#[test]
fn database_167_a_body_in_no_known_format_is_refused() {
    let app = TestApp::start();
    for (method, path) in [("POST", "db/_table/todo"), ("PATCH", "db/_table/todo/1"), ("POST", "system/role")] {
        let refused = app.admin().send_as(method, path, "application/octet-stream", b"\x01\x02").refused(400);
        assert!(refused.starts_with("Unrecognized payload type"), "{path}: {refused}");
    }
    let csv = app.admin().send_as("POST", "db/_table/todo?fields=name,priority", "text/csv", b"name,priority\nrow,7\n");
    assert_eq!(csv.expect(200)["resource"], json!([{"name": "row", "priority": 7}]));
    let xml = b"<todos><resource><name>one</name></resource><resource><name>two</name><note/></resource></todos>";
    let made = app.admin().send_as("POST", "db/_table/todo?fields=name,note", "application/xml", xml).expect(200);
    assert_eq!(made["resource"], json!([{"name": "one", "note": null}, {"name": "two", "note": null}]));
}

#[test]
fn database_172_a_script_changes_the_filter_and_not_what_the_role_hides() {
    let desk = Desk::open();
    let source = "event.request.parameters.filter = 'id = 2 OR id = 3'; event.request.parameters.fields = 'id';";
    desk.app.attach("db._table.document.get.pre_process", source);
    let path = "db/_table/document?filter=id=1";
    assert_eq!(desk.app.admin().get(path).expect(200), json!({"resource": [{"id": 2}, {"id": 3}]}));
    assert_eq!(desk.mia().get(path).expect(200), json!({"resource": [{"id": 2}]}));
}

#[test]
fn database_174_text_that_looks_like_sql_stays_text() {
    let desk = Desk::open();
    let name = "Robert'); DROP TABLE document;--";
    let record = json!({"title": name, "owner_id": desk.mia_id});
    let made = desk.mia().post("db/_table/document?fields=title", json!({"resource": [record]})).values("title");
    assert_eq!(made, [name]);
    let expression = json!({"title": {"expression": "1); DROP TABLE document; --"}});
    assert!(desk.mia().patch("db/_table/document/1", expression).refused(400).contains("not permitted"));
    for query in
        ["fields=id,(select 1)", "order=(select 1)", "group=random()", "fields=*,sqlite_version()", "ids=1 OR 1=1"]
    {
        desk.mia().get(&format!("db/_table/document?{query}")).expect(400);
    }
    for query in ["limit=1; DROP TABLE document", "offset=1; DROP TABLE document"] {
        desk.mia().get(&format!("db/_table/document?{query}")).expect(200);
    }
    assert_eq!(desk.app.count("document"), 5);
}
