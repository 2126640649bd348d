use super::fixture::Call;
use crate::{Engines, Outcome, StopReason};
use antiphon_model::{Limits, json};

#[test]
fn whatever_is_thrown_becomes_a_message() {
    let call = Call::default();
    let cases = [
        ("throw 'm'", "m"),
        ("throw new Error('say \"hi\"')", "say \"hi\""),
        ("throw { message: 'm' }", "m"),
        ("throw 0", "0"),
        ("throw false", "false"),
        ("throw undefined", "Unknown scripting error."),
        ("throw null", "Unknown scripting error."),
        ("throw ''", "Unknown scripting error."),
        ("throw {}", "Unknown scripting error."),
        ("throw Symbol('s')", "Symbol(s)"),
        ("throw { get message() { throw 1 } }", "Unknown scripting error."),
        ("throw new Proxy({}, { get() { throw 1 } })", "Unknown scripting error."),
        ("(async () => { throw new Error('lost') })()", "lost"),
        ("return Promise.reject('no')", "no"),
        ("await null; throw new Error('later')", "later"),
        ("return new Promise(() => {})", "The script waits for a promise that is never settled."),
        (
            "const a = {}; a.a = a; return a",
            "Converting circular structure to JSON: '.a' refers back to an object that contains it.",
        ),
        ("return 10n", "Do not know how to serialize a BigInt."),
        ("return event.request.payload.no.way", "cannot read property 'way' of undefined"),
    ];
    for (source, message) in cases {
        assert_eq!(call.thrown(source).message, message, "{source}");
    }
    assert!(call.finish("(async () => { throw 1 })().catch(() => {})").returned.is_none());
}

#[test]
fn an_exception_that_is_set_on_the_event_counts_like_one_that_is_thrown() {
    let call = Call::default();
    let thrown = call.thrown("event.exception = { message: 'set', code: 5, status_code: 409 };");
    assert_eq!((thrown.message.as_str(), thrown.code, thrown.status_code), ("set", Some(json!(5)), Some(409)));
    assert_eq!(call.thrown("event.exception = new Error('an error')").message, "an error");
    assert_eq!(call.thrown("event.exception = 'a text'").message, "a text");
    for empty in ["null", "''", "0", "{}", "[]"] {
        call.finish(&format!("event.exception = {empty};"));
    }
}

#[test]
fn codes_and_statuses_are_honoured_on_objects_and_errors() {
    let call = Call::default();
    let thrown = call.thrown("throw { message: 'm', code: 42, status_code: 400 }");
    assert_eq!((thrown.code, thrown.status_code), (Some(json!(42)), Some(400)));
    let thrown = call.thrown("throw Object.assign(new Error('m'), { code: 'E_NO', statusCode: 409 })");
    assert_eq!((thrown.code, thrown.status_code), (Some(json!("E_NO")), Some(409)));
    let thrown = call.thrown("throw { message: 'm', code: {}, status_code: 99999 }");
    assert_eq!((thrown.code, thrown.status_code), (None, None));
    assert_eq!(call.thrown("throw { message: 'm', status_code: '404' }").status_code, Some(404));
}

#[test]
fn errors_know_the_authors_lines() {
    let call = Call::default();
    let thrown = call.thrown("const a = 1;\n\n  throw new Error('here');");
    assert_eq!((thrown.line, thrown.column), (Some(3), Some(13)));
    let thrown = call.thrown("throw new Error('first line');");
    assert_eq!((thrown.line, thrown.column), (Some(1), Some(11)));
    let thrown = call.thrown("function inner() { null.x }\nevent = event;\ninner();");
    assert_eq!(thrown.line, Some(1));
    assert_eq!(
        thrown.stack.as_deref(),
        Some("at inner db._table.todo.get.pre_process:1:19\nat db._table.todo.get.pre_process:3:1\n")
    );
    assert_eq!(call.thrown("await 1;\nnull.x").line, Some(2));
}

#[test]
fn a_syntax_error_names_its_place() {
    let engines = Engines::new(&Limits::default());
    let error = engines.check("javascript", "let a = 1;\nlet b = = 2;").unwrap_err();
    assert_eq!((error.line, error.column), (2, 9));
    let error = engines.check("v8js", "let = = 2;").unwrap_err();
    assert_eq!((error.line, error.column), (1, 7));
    assert!(engines.check("javascript", "return await platform.api.get('db')").is_ok());
    assert!(engines.check("javascript", "var await = 1; return await + 1").is_ok());
    assert!(engines.check("javascript", "// only a comment").is_ok());
    assert!(engines.check("javascript", "").is_ok());
    assert!(engines.check("python3", "def x(:").is_ok());
    match Call::default().run("let a;\nlet a;").outcome {
        Outcome::Failed(error) => {
            assert_eq!(error.status, 500);
            assert!(
                error.message.starts_with("Syntax error in script 'db._table.todo.get.pre_process' at line 2, column "),
                "{}",
                error.message
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_that_closes_its_function_is_no_script() {
    let engines = Engines::new(&Limits::default());
    for source in
        ["}); (function () {", "}, function () {", "}) + 5; (() => {", "} finally {} } ) ; ( function ( ) { try {"]
    {
        assert!(engines.check("javascript", source).is_err(), "{source}");
    }
}

#[test]
fn recursion_is_stopped_cleanly() {
    let call = Call::default();
    for source in [
        "(function f() { f() })()",
        "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)",
        "const o = { get x() { return o.x } }; o.x",
        "const p = new Proxy({}, { get: (t, k) => p[k] }); p.x",
        "event.request.payload = { toJSON() { return this.toJSON() } }",
    ] {
        match call.run(source).outcome {
            Outcome::Stopped(StopReason::Stack, message) => assert!(message.contains("recursed too deeply")),
            other => panic!("{source}: {other:?}"),
        }
    }
}

#[test]
fn a_type_that_cannot_run_says_so() {
    let call = Call::default();
    let engines = Engines::new(&call.limits);
    for (kind, status, message) in [
        ("cobol", 500, "Unsupported script engine type 'cobol'."),
        ("python3", 503, "The Python interpreter can't be started for scripts. Please try again."),
    ] {
        let script = crate::Script { kind: kind.into(), ..call.script("1") };
        match call.run_on(&engines, &script).outcome {
            Outcome::Failed(error) => assert_eq!((error.status, error.message.as_str()), (status, message)),
            other => panic!("{other:?}"),
        }
    }
}
