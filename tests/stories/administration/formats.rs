//! JSON, XML and CSV, in requests and answers, and records in uploaded files.

use crate::support::{Answer, Caller, TestApp, Value, json};

fn text(answer: Answer) -> String {
    assert!(answer.status() < 300, "{answer:?}");
    answer.body().as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

fn accepting<'a>(caller: Caller<'a>, accept: &str) -> Caller<'a> {
    caller.with("Accept", accept)
}

/// The names of all roles.
fn roles(app: &TestApp) -> Vec<Value> {
    app.admin().get("system/role?order=id").values("name")
}

/// A form with one file.
fn upload(caller: &Caller, path: &str, field: &str, file_name: &str, content: &[u8]) -> Answer {
    let head = format!(
        "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nnothing\r\n\
         --B\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file_name}\"\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--B--\r\n"].concat();
    caller.send_as("POST", path, "multipart/form-data; boundary=B", &body)
}

#[test]
fn statement_034_xml_has_the_root_dfapi() {
    let app = TestApp::start();
    let xml =
        text(accepting(app.admin(), "application/xml").get("system/role?fields=id,name,description&order=id&limit=1"));
    assert_eq!(
        xml,
        "<?xml version=\"1.0\" ?><dfapi>\n\t<resource>\n\t\t<id>1</id>\n\t\t<name>clerk</name>\n\t\t\
         <description></description>\n\t</resource>\n</dfapi>\n"
    );
    let one = accepting(app.admin(), "text/xml").get("system/role/1?fields=id");
    assert!(one.header("content-type").unwrap().starts_with("text/xml"), "{one:?}");
    assert_eq!(text(one), "<?xml version=\"1.0\" ?><dfapi>\n\t<id>1</id>\n</dfapi>\n");
    assert!(text(accepting(app.user(), "application/xml").get("db/_table/todo/1")).contains("<name>buy milk</name>"));
    assert!(text(accepting(app.user(), "application/xml").get("user/profile")).contains("<email>jane@"));
}

#[test]
fn statement_035_csv_has_a_header_row_and_no_wrapper() {
    let app = TestApp::start();
    let path = "system/role?fields=id,name&order=id&limit=2&include_count=true";
    assert_eq!(text(accepting(app.admin(), "text/csv").get(path)), "id,name\n1,clerk\n2,visitor\n");
    assert!(
        text(accepting(app.user(), "text/csv").get("db/_table/todo?fields=id,name"))
            .starts_with("id,name\n1,\"buy milk\"\n")
    );
}

#[test]
fn statement_036_the_parameter_beats_the_header() {
    let app = TestApp::start();
    let admin = accepting(app.admin(), "text/csv");
    for accept in ["xml", "application/xml"] {
        assert!(text(admin.get(&format!("system/role?accept={accept}"))).contains("<dfapi>"), "{accept}");
    }
    assert!(admin.get("system/role?accept=json").expect(200)["resource"].is_array());
}

#[test]
fn statement_037_a_file_name_makes_a_download() {
    let app = TestApp::start();
    let csv = app.admin().get("system/role?file=role.csv&fields=name&order=id&limit=1");
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"role.csv\";"));
    assert_eq!(text(csv), "name\nclerk\n");
    let json = app.admin().get("system/role?file=true");
    assert_eq!(json.header("content-disposition"), Some("attachment; filename=\"role.json\";"));
    assert!(json.expect(200)["resource"].is_array());
    assert!(text(app.admin().get("system/role?file=all.xml")).contains("<dfapi>"));
    let wicked = app.admin().get("system/role?file=..%2F%22%0D%0AX-Evil:%201.csv");
    assert_eq!((wicked.status(), wicked.header("x-evil")), (200, None), "{wicked:?}");
}

#[test]
fn statement_038_xml_and_csv_bodies_create_records() {
    let app = TestApp::start();
    let admin = app.admin();
    let many = b"<dfapi><resource><name>x1</name><is_active>true</is_active></resource><resource><name>x2</name></resource></dfapi>";
    admin.send_as("POST", "system/role", "application/xml", many).expect(201);
    admin.send_as("POST", "system/role", "text/xml", b"<resource><name>x3</name></resource>").expect(201);
    admin.send_as("POST", "system/role", "text/csv", b"name,description\nc1,\"a, \"\"b\"\"\"\nc2,\n").expect(201);
    admin.send_as("POST", "system/role", "application/x-www-form-urlencoded", b"resource[0][name]=f1").expect(201);
    assert_eq!(roles(&app)[2..], ["x1", "x2", "x3", "c1", "c2", "f1"]);
    assert_eq!(admin.get("system/role?filter=name=c1").values("description"), ["a, \"b\""]);
    assert_eq!(admin.get("system/role?filter=name=x1").values("is_active"), [true]);
    let changed = b"<role><description>changed</description></role>";
    admin.send_as("PATCH", "system/role/1", "application/xml", changed).expect(200);
    assert_eq!(admin.get("system/role/1").expect(200)["description"], "changed");
    let todo = app.user().send_as("POST", "db/_table/todo?fields=name,priority", "text/csv", b"name,priority\ncsv,7\n");
    assert_eq!(todo.expect(200)["resource"][0], json!({"name": "csv", "priority": 7}));
}

#[test]
fn errors_are_told_in_the_format_that_was_asked_for() {
    let app = TestApp::start();
    let xml = accepting(app.admin(), "application/xml").get("system/role/999");
    assert_eq!((xml.status(), xml.header("content-type")), (404, Some("application/xml")));
    assert_eq!(
        xml.body(),
        "<?xml version=\"1.0\" ?><dfapi>\n\t<error>\n\t\t<code>404</code>\n\t\t<context></context>\n\t\t\
         <message>Record with identifier '999' not found.</message>\n\t\t<status_code>404</status_code>\n\t</error>\n</dfapi>\n"
    );
    let csv = accepting(app.anonymous(), "text/csv").get("nosuch");
    assert_eq!(csv.status(), 400);
    assert!(csv.body().as_str().unwrap().starts_with("code,context,message,status_code\n400,,"), "{csv:?}");
    let neither = accepting(app.admin(), "image/png").get("system/role/999");
    assert!(neither.refused(404).contains("999"), "what can't be met is no reason to hide the error");
    let unmet = accepting(app.admin(), "image/png").get("system/role/1");
    assert!(unmet.refused(400).contains("can not be resolved to acceptable content type"));
    let early = accepting(app.admin(), "application/xml").send_as("POST", "system/role", "application/json", b"[");
    assert_eq!(early.status(), 400);
    assert!(early.body().as_str().unwrap().contains("<code>400</code>"), "{early:?}");
}

#[test]
fn records_come_in_uploaded_files() {
    let app = TestApp::start();
    let admin = app.admin();
    let exported = text(admin.get("system/user?file=user.csv"));
    assert!(exported.lines().next().unwrap().contains("email"), "{exported}");
    let csv = "email,name,is_active,default_app_id\nann@example.com,Ann,1,\nbob@example.com,Bob,,\n";
    let created = upload(&admin, "system/user?fields=*", "file", "people.csv", csv.as_bytes()).expect(201);
    let told: Vec<_> =
        created["resource"].as_array().unwrap().iter().map(|user| (&user["name"], &user["is_active"])).collect();
    assert_eq!(told, [(&json!("Ann"), &json!(true)), (&json!("Bob"), &json!(false))]);
    upload(&admin, "system/role", "files", "r.json", br#"{"resource": [{"name": "from json"}]}"#).expect(201);
    let xml = b"<dfapi><resource><name>from xml</name></resource></dfapi>";
    upload(&admin, "system/role", "files", "r.xml", xml).expect(201);
    assert_eq!(roles(&app)[2..], ["from json", "from xml"]);
    let unknown = upload(&admin, "system/role", "file", "r.zip", b"PK").refused(400);
    assert!(unknown.starts_with("Unrecognized payload type") && unknown.contains("r.zip"), "{unknown}");
    assert!(upload(&admin, "system/role", "file", "r.json", b"[{]").refused(400).contains("line 1 column 3"));
    upload(&admin, "system/role", "other", "r.json", b"[]").refused(400);
}

#[test]
fn what_was_exported_can_be_imported() {
    let app = TestApp::start();
    for (extension, kind) in [("csv", "text/csv"), ("xml", "application/xml"), ("json", "application/json")] {
        let made = app.admin().post("system/lookup", json!([{"name": "a.b", "value": "x, \"y\" <z>\nü"}])).expect(201);
        let id = &made["resource"][0]["id"];
        let path = format!("system/lookup?filter=name='a.b'&fields=name,value&file=l.{extension}");
        let answer = app.admin().get(&path);
        let exported = match answer.body() {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        app.admin().delete(&format!("system/lookup/{id}")).expect(200);
        app.admin().send_as("POST", "system/lookup", kind, exported.as_bytes()).expect(201);
        let back = app.admin().get("system/lookup?filter=name='a.b'&fields=id,value").expect(200);
        assert_eq!(back["resource"][0]["value"], "x, \"y\" <z>\nü", "{extension}: {exported}");
        app.admin().delete(&format!("system/lookup/{}", back["resource"][0]["id"])).expect(200);
    }
}

#[test]
fn texts_in_other_character_sets_arrive_whole() {
    let app = TestApp::start();
    let admin = app.admin();
    admin.send_as("POST", "system/role", "text/csv; charset=windows-1252", b"name\ncaf\xE9 \x80\n").expect(201);
    let utf16: Vec<u8> = "\u{feff}[{\"name\": \"ü☃\"}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    admin.send_as("POST", "system/role", "application/json", &utf16).expect(201);
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><d><resource><name>\xE4</name></resource></d>";
    admin.send_as("POST", "system/role", "text/xml", latin).expect(201);
    assert_eq!(roles(&app)[2..], ["café €", "ü☃", "ä"]);
    admin.send_as("POST", "system/role", "application/json", b"[{\"name\": \"\xFF\"}]").refused(400);
}
