//! Files of records become tables.

use super::people::{client, grant, person, role};
use crate::support::{Answer, Caller, TestApp, Value, json};

const PEOPLE: &str = "name,zip,age,score,active,born,note\nAda,01234,36,1.5,true,1815-12-10,\"one, two\"\nBob,99999,,2,false,1900-01-01,\n";

/// Sends a CSV file in a form, as administration pages do.
fn upload(caller: &Caller, query: &str, file_name: &str, content: &str) -> Answer {
    let form = format!(
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: text/csv\r\n\r\n{content}\r\n--B--\r\n"
    );
    caller.send_as("POST", &format!("system/import?{query}"), "multipart/form-data; boundary=B", form.as_bytes())
}

fn types(admin: &Caller, table: &str) -> Vec<(String, String)> {
    let schema = admin.get(&format!("db/_schema/{table}")).expect(200);
    let text = |field: &Value, member: &str| field[member].as_str().unwrap().to_owned();
    schema["field"].as_array().unwrap().iter().map(|field| (text(field, "name"), text(field, "type"))).collect()
}

#[test]
fn a_csv_file_becomes_a_table_with_columns_of_their_types() {
    let app = TestApp::start();
    let done = upload(&app.admin(), "resource=people", "anything.csv", PEOPLE).expect(201);
    assert_eq!(done, json!({"resource": format!("http://{}/api/v2/db/_table/people", app.address())}));
    let expected = [
        ("id", "id"),
        ("name", "string"),
        ("zip", "string"),
        ("age", "bigint"),
        ("score", "double"),
        ("active", "boolean"),
        ("born", "date"),
        ("note", "string"),
    ];
    assert_eq!(types(&app.admin(), "people"), expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
    let rows = app.admin().get("db/_table/people").expect(200)["resource"].clone();
    assert_eq!(
        rows[0],
        json!({"id": 1, "name": "Ada", "zip": "01234", "age": 36, "score": 1.5, "active": true, "born": "1815-12-10", "note": "one, two"})
    );
    assert_eq!((&rows[1]["age"], &rows[1]["note"], &rows[1]["active"]), (&Value::Null, &Value::Null, &json!(false)));
}

#[test]
fn a_body_of_csv_will_do_and_the_file_may_name_the_table() {
    let app = TestApp::start();
    app.admin().send_as("POST", "system/import?resource=plain&service=db", "text/csv", b"id,x\n7,a\n9,b\n").expect(201);
    assert_eq!(app.admin().get("db/_table/plain").values("id"), [7, 9]);
    upload(&app.admin(), "", "My Data-2024.csv", "x\n1\n").expect(201);
    assert_eq!(app.admin().get("db/_table/my_data_2024").values("x"), [1]);
}

#[test]
fn rows_are_added_to_a_table_that_is_there() {
    let app = TestApp::start();
    upload(&app.admin(), "resource=todo", "t.csv", "name,priority,note\nfirst,7,\nsecond,,x\n").expect(201);
    let rows = app.admin().get("db/_table/todo?filter=id>3").expect(200)["resource"].clone();
    assert_eq!((&rows[0]["priority"], &rows[0]["note"]), (&json!(7), &Value::Null));
    assert_eq!((&rows[1]["priority"], &rows[1]["note"]), (&json!(1), &json!("x")));
}

#[test]
fn a_file_that_cannot_be_stored_leaves_nothing_behind() {
    let app = TestApp::start();
    let admin = app.admin();
    assert!(upload(&admin, "resource=todo", "t.csv", "name,nonsense\na,b\n").refused(400).contains("'nonsense'"));
    upload(&admin, "resource=todo", "t.csv", "name,priority\na,1\nb,many\n").refused(400);
    assert_eq!(app.count("todo"), 3);
    app.attach("db._table.fresh.post.pre_process", "throw 'Not today.';");
    upload(&admin, "resource=fresh", "t.csv", "a\n1\n").refused(500);
    admin.get("db/_schema/fresh").refused(404);
    for (query, name, content) in [
        ("resource=x", "t.csv", ""),
        ("resource=x", "t.csv", "a,b\n1\n"),
        ("resource=x", "t.csv", "a,a\n1,2\n"),
        ("resource=x", "t.txt.exe", "a\n"),
        ("", "---.csv", "a\n1\n"),
        ("resource=x&import_url=http://127.0.0.1/x.csv", "t.csv", "a\n1\n"),
    ] {
        upload(&admin, query, name, content).refused(400);
    }
    admin.get("db/_schema/x").refused(404);
    admin.post("system/import", json!({})).refused(400);
    upload(&admin, "resource=x&service=nowhere", "t.csv", "a\n1\n").refused(404);
    upload(&admin, "resource=x&service=user", "t.csv", "a\n1\n").refused(404);
}

#[test]
fn an_import_may_do_what_its_caller_may() {
    let app = TestApp::start();
    let role = role(
        &app,
        "importer",
        &[grant(1, "import", 2), grant(5, "_schema/todo", 1), grant(5, "_table/todo", 2), grant(5, "_schema/vault", 1)],
    );
    let client = client(&app, "importer", None);
    let somebody = person(&app, "importer", &[(&client, role)]);
    let caller = client.session(&app, &somebody.token);
    upload(&caller, "resource=todo", "t.csv", "name\nallowed\n").expect(201);
    upload(&caller, "resource=vault", "t.csv", "secret\nmine\n").refused(403);
    upload(&caller, "resource=brand_new", "t.csv", "x\n1\n").refused(403);
    app.admin().get("db/_schema/brand_new").refused(404);
    assert_eq!((app.count("todo"), app.count("vault")), (4, 1));
}

#[test]
fn an_import_fires_its_own_events_and_those_of_the_table() {
    let app = TestApp::start();
    app.journal(&[
        "system.import.post.pre_process",
        "db._table.todo.post.pre_process",
        "db._table.todo.post.post_process",
    ]);
    upload(&app.admin(), "resource=todo", "t.csv", "name\nx\n").expect(201);
    let expected =
        ["system.import.post.pre_process", "db._table.todo.post.pre_process", "db._table.todo.post.post_process"];
    assert_eq!(app.ran(), expected);
}
