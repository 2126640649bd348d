//! What scripts throw, in the ways of their languages.

use crate::languages::table::{Text, World, in_every_language, text};
use crate::support::{Value, json};

const EVENT: &str = "db._table.todo.get.pre_process";

/// The error that a read of the todos ends with, without the number by which the log finds it.
fn error_of(world: &World, source: &Text) -> (u16, Value) {
    world.read_only_script(EVENT, source);
    let answer = world.user().get("db/_table/todo");
    let status = answer.status();
    let mut error = answer.expect(status)["error"].clone();
    error.as_object_mut().unwrap_or_else(|| panic!("no error: {status}")).remove("correlation_id");
    (status, error)
}

#[test]
fn statements_058_and_061_an_exception_is_a_500_with_its_message() {
    in_every_language(|world| {
        let thrown = text("throw new Error('m');", "raise ValueError('m')", "throw new \\Exception('m');");
        let expected = json!({"code": 500, "context": null, "message": "m", "status_code": 500});
        assert_eq!(error_of(world, &thrown), (500, expected));
    });
}

#[test]
fn statements_060_and_063_an_exception_chooses_status_and_code() {
    in_every_language(|world| {
        let thrown = text(
            "throw {message: 'm', code: 42, status_code: 418};",
            "refusal = ValueError('m')\nrefusal.status_code = 418\nrefusal.code = 42\nraise refusal",
            "throw new \\DreamFactory\\Core\\Exceptions\\RestException(418, 'm', 42);",
        );
        let expected = json!({"code": 42, "context": null, "message": "m", "status_code": 418});
        assert_eq!(error_of(world, &thrown), (418, expected));
    });
}

#[test]
fn statement_065_a_syntax_error_is_a_json_500_that_tells_its_place() {
    in_every_language(|world| {
        let broken = text("const a = 1;\nlet = = 2;", "a = 1\nb = = 2", "$a = 1;\n$b = = 2;");
        let (status, error) = error_of(world, &broken);
        let message = error["message"].as_str().unwrap();
        assert_eq!(status, 500);
        assert!(message.contains(EVENT) && message.contains("line 2"), "{message}");
    });
}

#[test]
fn statement_067_messages_are_not_escaped() {
    in_every_language(|world| {
        let thrown = text(
            r#"throw "say \"hi\" & <go>, it's ☃";"#,
            r#"raise ValueError("say \"hi\" & <go>, it's ☃")"#,
            r#"throw new \Exception("say \"hi\" & <go>, it's ☃");"#,
        );
        assert_eq!(error_of(world, &thrown).1["message"], r#"say "hi" & <go>, it's ☃"#);
    });
}

#[test]
fn an_error_of_the_language_itself_aborts_and_is_told_with_its_reason() {
    in_every_language(|world| {
        let slip = text("nosuch.thing();", "nosuch.thing()", "nosuch_thing();");
        let (status, error) = error_of(world, &slip);
        assert_eq!(status, 500);
        assert!(error["message"].as_str().unwrap().contains("nosuch"), "{error}");
    });
}

#[test]
fn an_exception_that_the_script_catches_is_its_own_affair() {
    in_every_language(|world| {
        let told = world.told(&text(
            "try { throw new Error('inner'); } catch (error) { event.response = {content: error.message}; }",
            "try:\n    raise ValueError('inner')\nexcept ValueError as error:\n    event.response = {'content': str(error)}",
            "try { throw new \\Exception('inner'); } catch (\\Exception $error) { $event['response'] = ['content' => $error->getMessage()]; }",
        ));
        assert_eq!(told, "inner");
    });
}

#[test]
fn an_exception_set_on_the_event_counts_like_a_throw() {
    in_every_language(|world| {
        let set = text(
            "event.exception = {message: 'exc', code: 5, status_code: 409};",
            "event.exception = {'message': 'exc', 'code': 5, 'status_code': 409}",
            "$event['exception'] = ['message' => 'exc', 'code' => 5, 'status_code' => 409];",
        );
        let expected = json!({"code": 5, "context": null, "message": "exc", "status_code": 409});
        assert_eq!(error_of(world, &set), (409, expected));
    });
}

#[test]
fn a_syntax_error_is_told_when_the_script_is_saved_and_refused_when_asked() {
    in_every_language(|world| {
        let broken = text("let = = 2;", "b = = 2", "$b = = 2;");
        let record = json!({"type": world.language.kind, "content": world.in_language(&broken), "is_active": true});
        let stored = world.admin().post(&format!("system/event_script/{EVENT}"), record.clone());
        let warning = stored.header("warning").unwrap_or_default().to_owned();
        assert!(warning.contains("line 1"), "{warning:?}");
        let path = format!("system/event_script/{EVENT}?validate=true");
        assert!(world.admin().post(&path, record).refused(400).contains("line 1"));
    });
}
