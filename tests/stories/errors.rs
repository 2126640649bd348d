//! How what scripts throw reaches the client: statements 58 to 68 as far as JavaScript goes.

use crate::support::{TestApp, Value, fixture_folder, json};

/// The error that a GET of the todos ends with when a script does that before it.
fn error_of(app: &TestApp, kind: &str, source: &str) -> (u16, Value) {
    app.store("db._table.todo.get.pre_process", json!({"type": kind, "content": source}));
    let answer = app.user().get("db/_table/todo");
    let status = answer.status();
    let mut error = answer.expect(status)["error"].clone();
    // Failures carry a number by which the log finds them, a new one each time.
    error.as_object_mut().unwrap().remove("correlation_id");
    (status, error)
}

#[test]
fn statement_058_a_thrown_error_is_a_500_with_its_message() {
    let app = TestApp::start();
    let expected = json!({"code": 500, "context": null, "message": "m", "status_code": 500});
    assert_eq!(error_of(&app, "javascript", "throw new Error('m');"), (500, expected.clone()));
    assert_eq!(error_of(&app, "v8js", "throw new RangeError('m');"), (500, expected));
}

#[test]
fn statement_059_a_thrown_text_is_a_500_with_that_text() {
    let app = TestApp::start();
    for kind in ["javascript", "v8js"] {
        let (status, error) = error_of(&app, kind, "throw 'm';");
        assert_eq!((status, &error["message"]), (500, &json!("m")), "{kind}");
    }
}

#[test]
fn statement_060_a_thrown_object_chooses_status_and_code() {
    let app = TestApp::start();
    let (status, error) = error_of(&app, "javascript", "throw {message: 'm', code: 42, status_code: 400};");
    assert_eq!((status, error), (400, json!({"code": 42, "context": null, "message": "m", "status_code": 400})));
    let source = "const error = new Error('m'); error.statusCode = 409; error.code = 'taken'; throw error;";
    let (status, error) = error_of(&app, "javascript", source);
    assert_eq!((status, &error["code"]), (409, &json!("taken")));
}

#[test]
fn an_exception_set_on_the_event_counts_like_a_throw() {
    let app = TestApp::start();
    let (status, error) =
        error_of(&app, "javascript", "event.exception = {message: 'exc', code: 5, status_code: 409};");
    assert_eq!((status, error), (409, json!({"code": 5, "context": null, "message": "exc", "status_code": 409})));
}

#[test]
fn statement_065_a_syntax_error_is_a_json_500_that_tells_its_place() {
    let app = TestApp::start();
    let (status, error) = error_of(&app, "javascript", "const a = 1;\nlet = = 2;");
    let message = error["message"].as_str().unwrap();
    assert_eq!(status, 500);
    assert!(message.contains("db._table.todo.get.pre_process") && message.contains("line 2"), "{message}");
}

#[test]
fn statement_067_messages_are_not_escaped() {
    let app = TestApp::start();
    let (_, error) = error_of(&app, "javascript", r#"throw "say \"hi\" & <go>, it's ☃";"#);
    assert_eq!(error["message"], r#"say "hi" & <go>, it's ☃"#);
}

#[test]
fn statement_068_an_unknown_script_type_is_refused_when_it_is_saved() {
    let app = TestApp::start();
    let record = json!({"type": "cobol", "content": "DISPLAY 'HI'.", "is_active": true});
    let message = app.admin().post("system/event_script/db._table.todo.get.pre_process", record).refused(400);
    assert!(message.contains("cobol"), "{message}");
    app.admin().get("system/event_script/db._table.todo.get.pre_process").refused(404);
}

#[test]
fn whatever_is_thrown_aborts_the_call() {
    let app = TestApp::start();
    for thrown in ["undefined", "null", "0", "''", "false", "[]", "{}", "Symbol('s')", "() => 1"] {
        let (status, error) = error_of(&app, "javascript", &format!("throw {thrown};"));
        assert_eq!(status, 500, "{thrown}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{thrown}: {error}");
    }
    assert_eq!(error_of(&app, "javascript", "await Promise.reject('late');").1["message"], "late");
}

#[test]
fn a_script_of_a_language_that_is_not_there_says_so() {
    let missing = [("ANTIPHON_SCRIPTS__PYTHON3".to_owned(), "/nowhere/python3".to_owned())];
    let app = TestApp::in_folder(fixture_folder(), &missing);
    let (status, error) = error_of(&app, "python3", "pass");
    assert_eq!(status, 503, "{error}");
    assert!(error["message"].as_str().unwrap().contains("python3"), "{error}");
}
