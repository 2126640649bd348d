//! What scripts find around themselves, and how their ends are told.

use super::worker::Worker;
use serde_json::{Value, json};

fn returned(source: &str) -> Value {
    let mut ran = Worker::start().run(source);
    assert_eq!(ran.end["t"], "done", "{source}: {ran:?}");
    ran.end["returned"].take()
}

fn thrown(source: &str) -> Value {
    let ran = Worker::start().run(source);
    assert_eq!(ran.end["t"], "threw", "{source}: {ran:?}");
    ran.end
}

#[test]
fn only_what_changed_comes_back() {
    let mut worker = Worker::start();
    let event = |ran: super::worker::Ran| ran.end["event"].clone();
    assert_eq!(event(worker.run("")), json!({"stop_propagation": false}));
    let ran =
        worker.run("$event['request']['parameters']['limit'] = 1; $event['stop_propagation'] = true; return $event;");
    assert_eq!(event(ran), json!({"stop_propagation": true, "request": {"parameters": {"limit": 1}}}));
    let ran = worker.run("foreach ($event['request']['payload']['resource'] as &$r) { unset($r['n']); }");
    let payload = json!({"payload": {"resource": [{"name": "a"}, {"name": "b"}]}});
    assert_eq!(event(ran), json!({"stop_propagation": false, "request": payload}));
    let source = "$event['response'] = ['status_code' => 403]; $event['request']['method'] = 'PUT';";
    let ran = worker.run_with(source, json!({"may_modify": false}));
    assert_eq!(event(ran), json!({"stop_propagation": false, "response_set": true}));
    for replaced in ["$event = null;", "$event = 'text';", "unset($event);"] {
        assert_eq!(event(worker.run(replaced)), json!({"stop_propagation": false}), "{replaced}");
    }
}

#[test]
fn calls_are_made_in_every_spelling() {
    let ran = Worker::start().run(
        "$api = $platform['api']; $get = $api->get; $options = ['headers' => ['A: b'], CURLOPT_USERPWD => 'u:p'];
         return [$get('a'), ($api->get)('b'), $api->get('c'), $api->get->__invoke('d'), $platform['api']->get->__invoke('e'),
             $api->call('patch', 'f', ['x' => 1.0], $options), $api->delete('g', '{\"ids\":[1]}', [])];",
    );
    let paths: Vec<_> = ran.calls.iter().map(|call| call["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["a", "b", "c", "d", "e", "f", "g"]);
    let (call, delete) = (&ran.calls[5], &ran.calls[6]);
    assert_eq!((&call["verb"], &call["payload"]), (&json!("PATCH"), &json!({"x": 1.0})));
    assert_eq!(call["options"], json!({"headers": ["A: b"], "10005": "u:p"}));
    assert_eq!(
        (&delete["verb"], &delete["payload"], &delete["options"]),
        (&json!("DELETE"), &json!("{\"ids\":[1]}"), &Value::Null)
    );
    let answer = json!({"status_code": 200, "content": {"verb": "GET", "path": "a"}, "content_type": null, "format": 201, "headers": []});
    assert_eq!(ran.end["returned"][0], answer);
}

#[test]
fn exceptions_keep_their_statuses() {
    let classes = [
        ("BadRequest", 400),
        ("InvalidJson", 400),
        ("Unauthorized", 401),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("ConflictResource", 409),
        ("TooManyRequests", 429),
        ("InternalServerError", 500),
        ("NotImplemented", 501),
        ("ServiceUnavailable", 503),
    ];
    for (class, status) in classes {
        let end = thrown(&format!("throw new \\DreamFactory\\Core\\Exceptions\\{class}Exception('m');"));
        assert_eq!((&end["status_code"], &end["code"], &end["message"]), (&json!(status), &json!(status), &json!("m")));
    }
    let end = thrown("throw new \\DreamFactory\\Core\\Exceptions\\RestException(418, 'm', 99, null, ['k' => 'v']);");
    assert_eq!((&end["status_code"], &end["code"], &end["context"]), (&json!(418), &json!(99), &json!({"k": "v"})));
    let end = thrown("throw new \\DreamFactory\\Core\\Exceptions\\DfException(new \\Exception('inner', 7));");
    assert_eq!((&end["status_code"], &end["code"], &end["message"]), (&Value::Null, &json!(7), &json!("inner")));
    let end = thrown("\n\nthrow new \\Exception('plain', 403);");
    assert_eq!((&end["status_code"], &end["code"], &end["line"]), (&Value::Null, &json!(403), &json!(3)));
}

#[test]
fn errors_of_php_tell_the_authors_line() {
    for (source, message, line) in [
        ("\n$x = nosuch();", "Call to undefined function nosuch()", 2),
        ("strlen([]);", "strlen(): Argument #1 ($string) must be of type string, array given", 1),
        (
            "function f(int $x) {}\n\nf('x');",
            "f(): Argument #1 ($x) must be of type int, string given, called in line 3",
            1,
        ),
        ("$f = function () {\n  return 1 % 0;\n};\n$f();", "Modulo by zero", 2),
        ("function f() {\n  g(); }\nf();", "Call to undefined function g()", 2),
        ("\n$x = str_repeat('x', 1 << 27);", "memory limit", 2),
        ("trigger_error('grave', E_USER_ERROR);", "grave", 1),
        ("\nreturn new \\DreamFactory\\Core\\Models\\User();", "use $platform['api'] instead", 2),
        ("Log::info('x');", "use $platform['api'] instead", 1),
        ("class A { function __destruct() { throw new Exception('late'); } }\n$a = new A();", "late", 1),
        ("return fopen('php://memory', 'r') ?: 1;", "can't be sent", 0),
        ("return \"\\xff\";", "base64_encode", 0),
        ("return NAN;", "can't be sent", 0),
        ("$a = []; $a[] = &$a; return $a;", "can't be sent", 0),
    ] {
        let end = thrown(source);
        assert!(end["message"].as_str().unwrap().contains(message), "{source}: {end}");
        assert_eq!(end["line"].as_u64().unwrap_or(0), line, "{source}: {end}");
        assert!(!end.to_string().contains(env!("CARGO_MANIFEST_DIR")), "{end}");
        assert_eq!(end["syntax"], false);
    }
}

#[test]
fn texts_that_are_no_scripts_tell_where() {
    let mut worker = Worker::start();
    for (source, line) in [
        ("\nthis is not php", 2),
        ("$x = 1;\n}\n{", 2),
        ("if (1) {\n", 1),
        ("\nbreak;", 2),
        ("f(;", 1),
        ("\nfunction f() {\n  $x = ;\n}", 3),
        ("class A { function }", 1),
    ] {
        // What is found only when PHP compiles ends the process.
        let end = Worker::start().check(source);
        assert_eq!(
            (&end["t"], &end["syntax"], &end["line"]),
            (&json!("threw"), &json!(true), &json!(line)),
            "{source}: {end}"
        );
        let end = thrown(source);
        assert_eq!((&end["syntax"], &end["line"]), (&json!(true), &json!(line)), "{source}: {end}");
    }
    assert_eq!(worker.check("function f() {}\nclass A {}\nexit('ran');")["t"], "checked");
    assert_eq!(worker.run("return function_exists('f');").end["returned"], false);
}

#[test]
fn tags_imports_and_declarations_are_where_authors_put_them() {
    assert_eq!(returned("<?php return __LINE__; ?>\n"), 1);
    assert_eq!(returned("\n\n<?php\nreturn __LINE__;"), 4);
    assert_eq!(returned("\u{feff}<?php return 1;"), 1);
    assert_eq!(returned("return 1 ?>"), 1);
    assert_eq!(returned("return 1; // last"), 1);
    assert_eq!(
        returned("return twice(2);\nfunction twice($x) { return half(4 * $x); }\nfunction half($x) { return $x / 2; }"),
        4
    );
    assert_eq!(
        returned("return (new B())->n();\nclass A { function n() { return __LINE__; } }\nclass B extends A {}\n"),
        2
    );
    assert_eq!(
        returned("declare(strict_types=1);\nuse DateTimeImmutable as Moment;\nreturn (new Moment('@0'))->format('Y');"),
        "1970"
    );
    assert_eq!(returned("require_once 'tax.php'; return tax(2);"), 3.0);
    assert_eq!(returned("set_include_path('/nowhere'); ini_restore('include_path'); return 1;"), 1);
}

#[test]
fn what_is_printed_goes_to_the_log() {
    let ran = Worker::start().run("echo 'a'; $x = $nothing; ?><b>\n<?php print_r([1]); exit('bye');");
    assert_eq!(
        ran.printed,
        "aWarning: Undefined variable $nothing (script line 1)\n<b>\nArray\n(\n    [0] => 1\n)\nbye"
    );
    assert_eq!(ran.end["t"], "done");
    let ran = Worker::start().run("for ($i = 0; $i < 100000; $i++) echo '0123456789';");
    assert_eq!(ran.printed.len(), 65537, "one byte more than the limit tells that there was more");
}

#[test]
fn exit_ends_the_script_with_the_event_as_it_stands() {
    for source in [
        "$event['request']['method'] = 'PUT'; exit; echo 'no';",
        "function f(&$e) { $e['request']['method'] = 'PUT'; die('x'); } f($event); echo 'no';",
        "try { $event['request']['method'] = 'PUT'; exit(1); } finally { echo 'no'; }",
    ] {
        let ran = Worker::start().run(source);
        assert_eq!(ran.end["event"]["request"], json!({"method": "PUT"}), "{source}: {ran:?}");
        assert!(!ran.printed.contains("no"));
    }
}

#[test]
fn an_exception_set_on_the_event_counts_like_a_throw() {
    let end = thrown("$event['exception'] = ['message' => 'm', 'code' => 5, 'status_code' => 409];");
    assert_eq!((&end["message"], &end["code"], &end["status_code"]), (&json!("m"), &json!(5), &json!(409)));
    assert_eq!(thrown("$event['exception'] = 'text';")["message"], "text");
    assert_eq!(thrown("$event['exception'] = new \\Exception('e', 3);")["code"], 3);
}
