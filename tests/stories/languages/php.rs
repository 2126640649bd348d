//! What is particular to PHP; what it has in common with the other languages is in the suite.

use crate::support::{Answer, TestApp, Value, json};

const EVENT: &str = "db._table.todo.get.pre_process";

/// A read of the todos with that script before it.
fn read(app: &TestApp, source: &str) -> Answer {
    app.store(EVENT, json!({"type": "php", "content": source}));
    app.admin().get("db/_table/todo")
}

/// What the script returns as `response`.
#[track_caller]
fn told(app: &TestApp, source: &str) -> Value {
    read(app, source).expect(200)
}

/// The error that a read ends with.
#[track_caller]
fn error(app: &TestApp, status: u16, source: &str) -> Value {
    let mut error = read(app, source).expect(status)["error"].take();
    error.as_object_mut().unwrap().remove("correlation_id");
    error
}

/// The sample of docs/scripting.md with that title, attached to its event.
fn with(title: &str) -> TestApp {
    let guide = include_str!("../../../docs/scripting.md");
    let mut samples = guide.split("```php\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let heading = |text: &&str| text.lines().next().unwrap().ends_with(&format!(": {title}"));
    let text = samples.find(heading).unwrap_or_else(|| panic!("no sample '{title}'"));
    let event = text.strip_prefix("// On ").unwrap().split(": ").next().unwrap();
    let app = TestApp::start();
    app.store(event, json!({"type": "php", "content": text}));
    app
}

#[test]
fn the_samples_of_the_guide_work() {
    let app = with("refuse a todo without a name, in PHP");
    let nameless = json!({"resource": [{"name": "fine"}, {"name": " "}]});
    assert_eq!(app.user().post("db/_table/todo", nameless).refused(400), "A todo needs a name.");
    assert_eq!(app.count("todo"), 3);
    let app = with("add the people of the account, in PHP");
    let account = app.admin().get("db/_table/account/1").expect(200);
    assert!(account["people"].as_array().is_some_and(|people| !people.is_empty()), "{account}");
}

#[test]
fn statement_062_a_bad_request_has_its_status_and_code() {
    let app = TestApp::start();
    let expected = json!({"code": 123456, "context": null, "message": "m", "status_code": 400});
    let source = "throw new \\DreamFactory\\Core\\Exceptions\\BadRequestException('m', 123456);";
    assert_eq!(error(&app, 400, source), expected);
}

#[test]
fn statement_063_a_rest_exception_has_any_status() {
    let app = TestApp::start();
    let expected = json!({"code": 418, "context": null, "message": "m", "status_code": 418});
    assert_eq!(error(&app, 418, "throw new \\DreamFactory\\Core\\Exceptions\\RestException(418, 'm');"), expected);
    let source = "throw new \\DreamFactory\\Core\\Exceptions\\RestException(409, 'm', 9, null, ['at' => 'x']);";
    let expected = json!({"code": 9, "context": {"at": "x"}, "message": "m", "status_code": 409});
    assert_eq!(error(&app, 409, source), expected);
}

#[test]
fn statement_064_a_batch_tells_which_of_its_parts_failed() {
    let app = TestApp::start();
    let source = "use DreamFactory\\Core\\Exceptions as E;
        throw new E\\BatchException([new E\\BadRequestException('Missing Name'), ['name' => 'Tomo'],
            new E\\BadRequestException('Missing Location')], 'Some failed requests');";
    let missing = |what: &str| json!({"code": 400, "context": null, "message": what, "status_code": 400});
    assert_eq!(
        error(&app, 400, source),
        json!({"code": 1000, "message": "Some failed requests", "status_code": 400, "context": {"error": [0, 2],
            "resource": [missing("Missing Name"), {"name": "Tomo"}, missing("Missing Location")]}})
    );
}

#[test]
fn statement_065_errors_of_php_are_json_and_tell_the_line() {
    let app = TestApp::start();
    for (source, message) in [
        ("$x = 1;\nthis is not php", "line 2"),
        ("break;", "line 1"),
        ("nosuchfunc();", "Call to undefined function nosuchfunc()"),
        ("strlen([]);", "must be of type string, array given"),
        ("function f() {}\nfunction f() {}", "Cannot redeclare f()"),
        ("new \\DreamFactory\\Core\\Models\\User();", "not available to scripts"),
    ] {
        let error = error(&app, 500, source);
        assert!(error["message"].as_str().unwrap().contains(message), "{source}: {error}");
    }
    assert_eq!(error(&app, 500, "throw new \\Exception('boom', 403);")["code"], 403);
}

#[test]
fn statement_102_tags_are_taken_off_and_calls_may_be_spelt_as_one_likes() {
    let app = TestApp::start();
    let source = "<?php
        $api = $platform['api']; $get = $api->get; $path = 'db/_table/todo?fields=id&limit=1';
        $results = [$api->get($path), ($api->get)($path), $get($path), $platform['api']->get->__invoke($path),
            $api->call('GET', $path), $api->get('db/_table/todo', null, ['parameters' => ['fields' => 'id', 'limit' => 1]])];
        $event['response'] = ['content' => array_map(fn ($result) => $result['content']['resource'], $results)];
        ?>\n";
    // The script reads its own table: one level of it is enough.
    let source = source.replace("<?php", "<?php if ($event['request']['uri'] === null) { return; }");
    assert_eq!(told(&app, &source), json!(vec![json!([{"id": 1}]); 6]));
}

#[test]
fn exit_ends_the_script_and_nothing_else() {
    let app = TestApp::start();
    for ending in ["exit;", "die('bye');", "try { exit(1); } finally { $event['request']['parameters']['limit'] = 2; }"]
    {
        let source = format!("$event['request']['parameters']['limit'] = 1; {ending} throw new Exception('no');");
        assert_eq!(read(&app, &source).values("id"), [1], "{ending}");
    }
    assert_eq!(read(&app, "").values("id").len(), 3);
}

#[test]
fn functions_and_classes_may_be_declared_and_declared_again() {
    let app = TestApp::start();
    let source = "$event['response'] = ['content' => [twice(2), Counter::next(), Counter::next()]];
        function twice($x) { return 2 * $x; }
        class Counter { private static $n = 0; static function next() { return ++self::$n; } }";
    for _ in 0..3 {
        assert_eq!(told(&app, source), json!([4, 1, 2]));
    }
}

#[test]
fn a_tainted_process_is_not_used_again_and_a_clean_one_is() {
    let app = TestApp::start();
    let process = "$event['response'] = ['content' => getmypid()];";
    let pids: Vec<Value> = (0..3).map(|_| told(&app, process)).collect();
    assert!(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2], "{pids:?}");
    let source = "$f = 'getmypid'; if (($event['request']['headers']['x-ask'] ?? '') === '1') { $event['response'] = ['content' => $f()]; }";
    app.store(EVENT, json!({"type": "php", "content": source}));
    let asked = || app.admin().with("X-Ask", "1").get("db/_table/todo").expect(200);
    let first = asked();
    assert_ne!(asked(), first, "what is called by a name taints the run in which it is");
}

#[test]
fn shared_code_is_required_by_name() {
    let app = TestApp::start();
    let library = |name: &str, content: &str| {
        let record = json!({"type": "php", "content": content});
        app.admin().post(&format!("system/script_library/{name}"), record).expect(201);
    };
    library(
        "tax",
        "<?php\nrequire_once 'rates.php';\nfunction gross($net) { return $net * rate(); }\nreturn 'loaded';",
    );
    library("rates", "function rate() { return 1.5; }");
    let source = "$event['response'] = ['content' => [require_once 'tax.php', require_once('tax.php'), gross(100)]];";
    assert_eq!(told(&app, source), json!(["loaded", true, 150.0]));
    let error = error(&app, 500, "require 'nothing.php';");
    assert!(error["message"].as_str().unwrap().contains("nothing.php"), "{error}");
}

#[test]
fn empty_objects_stay_what_they_were_when_left_alone() {
    let app = TestApp::start();
    app.store(
        "db._table.todo.get.pre_process",
        json!({"type": "javascript",
        "content": "event.response = {content: {resource: [{id: 1, map: {}, list: [], half: 1.0}], other: {}}};"}),
    );
    app.store(
        "db._table.todo.get.post_process",
        json!({"type": "php",
        "content": "$event['response']['content']['resource'][0]['id'] = 2;"}),
    );
    let expected = json!({"resource": [{"id": 2, "map": {}, "list": [], "half": 1}], "other": {}});
    assert_eq!(app.admin().get("db/_table/todo").expect(200), expected);
}

#[test]
fn what_is_printed_and_warned_of_is_logged() {
    let app = TestApp::start();
    read(&app, "echo 'seen by PHP'; $x = $nothing; ?> and <b>this</b> <?php").expect(200);
    let log = app.wait_for_log("seen by PHP");
    assert!(log.contains("Undefined variable $nothing"), "{log}");
}
