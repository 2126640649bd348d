//! Scripts that mean harm: to the server, to other calls, to what they must not reach.

use crate::support::{TestApp, Value, json};
use std::thread;

const BEFORE: &str = "db._table.todo.get.pre_process";
/// Tells the test that the script has begun.
const BEGAN: &str = "platform.api.post('db/_table/journal', {resource: [{entry: 'began'}]});";

fn answer(app: &TestApp, source: &str) -> Value {
    app.attach(BEFORE, source);
    app.user().get("db/_table/todo").expect(200)
}

/// Work that the engine does in one go, without looking at the clock.
#[test]
fn work_that_never_looks_at_the_clock_is_stopped_too() {
    let app = TestApp::with_limits(&[("SCRIPT_WALL_MS", 500)]);
    for source in [
        "const turn = () => Promise.resolve().then(turn); await turn();",
        "/^(a+)+$/.test('a'.repeat(50) + 'b');",
        "const numbers = Array.from({length: 400000}, (_, i) => (i * 7919) % 400009); for (;;) numbers.slice().sort();",
        "const big = 3n ** 300000n; for (;;) big * big % 7n;",
        "const text = 'ab'.repeat(1 << 19); for (;;) text.indexOf('ba'.repeat(1 << 18) + 'c');",
        "const list = new Array(1 << 20).fill('x'); for (;;) list.join(',').split(',');",
    ] {
        app.attach(BEFORE, source);
        let answer = app.user().get("db/_table/todo");
        let message = answer.refused(500).to_lowercase();
        assert!(message.contains("time") || message.contains("memory"), "{source}: {message}");
        app.user().get("db/_table/todo/1").expect(200);
    }
}

#[test]
fn nothing_of_one_call_is_there_in_the_next() {
    let app = TestApp::start();
    let source = "
        const found = [typeof globalThis.left, ({}).polluted, [1, 2].map(x => x + 1), JSON.stringify({a: 1}), Math.max(1, 2),
                       typeof platform.api.get, String(Object.keys), event.request.parameters.limit];
        globalThis.left = 'behind';
        Object.prototype.polluted = 'yes';
        Object.prototype.limit = 1;
        Array.prototype.map = () => 'hijacked';
        JSON.stringify = () => 'hijacked';
        Math.max = () => 'hijacked';
        Object.keys = () => [];
        platform.api.get = () => 'hijacked';
        Object.freeze(Object.prototype);
        event.response = {content: found};";
    let first = answer(&app, source);
    assert_eq!(first[0], "undefined");
    for _ in 0..5 {
        assert_eq!(app.user().get("db/_table/todo").expect(200), first);
    }
    app.attach("db._table.todo.get.post_process", "event.response.content = [({}).polluted ?? 'clean', typeof left];");
    assert_eq!(
        app.user().get("db/_table/todo").expect(200),
        json!(["clean", "undefined"]),
        "nor in the next script of the call"
    );
}

#[test]
fn a_stopped_script_leaves_nothing_behind_either() {
    let app = TestApp::with_limits(&[("SCRIPT_WALL_MS", 500)]);
    let source = "
        if (event.request.parameters.loop) { globalThis.left = 'behind'; Object.prototype.polluted = 1; for (;;) {} }
        event.response = {content: [typeof left, typeof ({}).polluted]};";
    app.attach(BEFORE, source);
    for _ in 0..3 {
        app.user().get("db/_table/todo?loop=1").refused(500);
        assert_eq!(app.user().get("db/_table/todo").expect(200), json!(["undefined", "undefined"]));
    }
}

#[test]
fn there_is_no_way_out_of_the_engine() {
    let app = TestApp::start();
    let told = answer(&app, "
        const names = ['process', 'Deno', 'Bun', 'std', 'os', 'bjson', 'scriptArgs', 'loadScript', 'fetch', 'XMLHttpRequest', 'Worker', 'exit'];
        event.response = {content: names.filter(name => typeof globalThis[name] !== 'undefined')};");
    assert_eq!(told, json!([]));
    for source in [
        "require('fs');",
        "require('child_process');",
        "require('/etc/passwd');",
        "require('../secret');",
        "await import('std');",
        "await import('os');",
        "process.exit(1);",
        "new Function('return process')().exit(1);",
        "event.constructor.constructor('return process')().exit(1);",
        "platform.api.get('file:///etc/passwd').content.x.y;",
    ] {
        app.attach(BEFORE, source);
        app.user().get("db/_table/todo").refused(500);
    }
    app.user().get("db/_table/todo/1").expect(200);
}

#[test]
fn a_poisoned_value_poisons_nothing() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.post.pre_process",
        "
        const record = event.request.payload.resource[0];
        event.response = {content: [record.complete === undefined, ({}).complete === undefined, Object.keys(record)]};",
    );
    let body = br#"{"resource": [{"name": "x", "__proto__": {"complete": true}, "constructor": {"prototype": {"complete": true}}}]}"#;
    let told = app.user().send_as("POST", "db/_table/todo", "application/json", body).expect(200);
    assert_eq!((&told[0], &told[1]), (&json!(true), &json!(true)), "{told}");

    for source in [
        "event.response = JSON.parse('{\"__proto__\": {\"status_code\": 500}, \"content\": {\"fine\": true}}');",
        "event.response = Object.assign(Object.create({status_code: 500}), {content: {fine: true}});",
    ] {
        assert_eq!(answer(&app, source), json!({"fine": true}), "{source}");
    }
    for source in [
        "event = null;",
        "event.request = 7;",
        "event.request = null;",
        "Object.defineProperty(event, 'request', {get() { throw 'no'; }});",
        "event.response = new Proxy({}, {get() { throw 'no'; }, has() { throw 'no'; }, ownKeys() { throw 'no'; }});",
        "event.request.parameters = new Proxy({}, {ownKeys() { for (;;) {} }});",
    ] {
        app.attach(BEFORE, source);
        let answer = app.user().get("db/_table/todo");
        assert!(matches!(answer.status(), 200 | 500), "{source}: {answer:?}");
        app.user().get("db/_table/todo/1").expect(200);
    }
}

#[test]
fn headers_cannot_be_split() {
    let app = TestApp::start();
    app.attach(BEFORE, "event.response = {content: 'x', headers: {'x-a': 'one\\r\\nx-evil: two', 'x bad': '1', 'content-length': '1000'}};");
    let answer = app.user().get("db/_table/todo");
    assert_eq!((answer.header("x-evil"), answer.header("x-a")), (None, None));
    assert_eq!(answer.expect(200), "x");
}

#[test]
fn two_scripts_that_call_each_other_are_stopped() {
    let app = TestApp::start();
    app.attach(BEFORE, "return {response: platform.api.get('db/_table/contact')};");
    app.attach("db._table.contact.get.pre_process", "return {response: platform.api.get('db/_table/todo')};");
    assert_eq!(app.user().get("db/_table/todo").refused(500), "Script recursion limit exceeded");
    app.user().get("db/_table/todo/1").expect(200);
}

#[test]
fn a_chain_of_calls_ends_at_the_depth_limit() {
    let app = TestApp::with_limits(&[("CALL_DEPTH", 2), ("SCRIPT_REENTRY", 100)]);
    let source = "
        const level = Number(event.request.parameters.level ?? 0);
        const below = platform.api.get('db/_table/todo?level=' + (level + 1));
        event.response = {content: {level, below: below.content}};";
    let told = answer(&app, source);
    assert_eq!(told["below"]["below"]["below"]["error"]["message"], "Script recursion limit exceeded", "{told}");
}

#[test]
fn while_one_script_loops_all_other_callers_are_served() {
    let app = TestApp::with_limits(&[("SCRIPT_WALL_MS", 60_000), ("SCRIPT_CPU_MS", 60_000)]);
    app.attach("db._table.contact.get.pre_process", &format!("{BEGAN} for (;;) {{}}"));
    app.attach(BEFORE, "event.request.parameters.limit = 1;");
    thread::scope(|scope| {
        let looping = scope.spawn(|| app.user().get("db/_table/contact").status());
        while app.count("journal") == 0 {}
        let others: Vec<_> = (0..32).map(|_| scope.spawn(|| app.user().get("db/_table/todo").values("id"))).collect();
        for other in others {
            assert_eq!(other.join().unwrap(), [1]);
        }
        assert!(!looping.is_finished(), "the loop must have gone on all the time");
        app.kill();
        assert_eq!(looping.join().unwrap(), 0);
    });
}

#[test]
fn more_scripts_than_there_is_room_for_wait_and_then_are_told_to_come_back() {
    let app = TestApp::with_limits(&[("SCRIPT_CONCURRENCY", 1), ("SCRIPT_WAIT_MS", 200)]);
    app.attach("db._table.contact.get.pre_process", &format!("{BEGAN} sleep(3);"));
    app.attach(BEFORE, "");
    thread::scope(|scope| {
        let slow = scope.spawn(|| app.user().get("db/_table/contact").status());
        while app.count("journal") == 0 {}
        let refused = app.user().get("db/_table/todo");
        assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("1")));
        app.user().get("db/_table/todo/1").expect(200);
        assert_eq!(slow.join().unwrap(), 200);
    });
    app.user().get("db/_table/todo").expect(200);
}

/// Loops of every kind, each stopped in the middle of something else.
const LOOPS: [&str; 16] = [
    "for (;;) {}",
    "for (;;) await null;",
    "for (;;) print('x'.repeat(1000));",
    "for (;;) JSON.parse('[' + '1,'.repeat(50000) + '1]');",
    "for (;;) JSON.stringify(Array(10000).fill({a: 1}));",
    "for (;;) event.request.headers.host.split('').sort().reverse().join('');",
    "for (;;) platform.session.user.email;",
    "for (;;) platform.api.get('db/_table/todo/1');",
    "for (;;) require('lodash')._.chunk([1, 2, 3]);",
    "for (;;) new Function('return 1')();",
    "for (;;) try { throw new Error('x'); } catch (error) { error.stack; }",
    "for (;;) new Uint8Array(100000).fill(1).reduce((sum, one) => sum + one);",
    "for (;;) [1, 2, 3].map(String).join().match(/\\d/g);",
    "function* all() { for (;;) yield 1; } for (const one of all());",
    "sleep(60);",
    "/^(a+)+$/.test('a'.repeat(50) + 'b');",
];

#[test]
fn good_calls_are_right_while_bad_ones_are_stopped_beside_them() {
    let app = TestApp::start();
    for (index, source) in LOOPS.iter().enumerate() {
        app.store(
            &format!("db._table.t{index}.get.pre_process"),
            json!({"content": source, "config": {"timeout_ms": 100}}),
        );
    }
    app.attach(BEFORE, "
        globalThis.runs = (globalThis.runs ?? 0) + 1;
        event.response = {content: [runs, [3, 1, 2].sort().join(), event.request.parameters.number, JSON.stringify({a: [1]})]};");
    thread::scope(|scope| {
        let bad: Vec<_> = (0..4)
            .map(|first| {
                let app = &app;
                scope.spawn(move || {
                    for index in (first..LOOPS.len()).step_by(4) {
                        let message = app.admin().get(&format!("db/_table/t{index}")).refused(500);
                        assert!(message.contains("time limit of 100ms"), "{}: {message}", LOOPS[index]);
                    }
                })
            })
            .collect();
        let mut number = 0;
        while number == 0 || bad.iter().any(|one| !one.is_finished()) {
            number += 1;
            let told = app.user().get(&format!("db/_table/todo?number={number}")).expect(200);
            assert_eq!(told, json!([1, "1,2,3", number.to_string(), "{\"a\":[1]}"]));
        }
    });
}
