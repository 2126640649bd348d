use super::fixture::{Call, finished};
use crate::Engines;
use antiphon_model::json;

#[test]
fn values_are_returned_as_json() {
    let call = Call::default();
    let cases = [
        ("return { a: [1, 'x', null, 1.5] }", json!({ "a": [1, "x", null, 1.5] })),
        ("return true", json!(true)),
        ("return 0", json!(0)),
        ("return ''", json!("")),
        ("return new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("return Promise.resolve(4)", json!(4)),
        ("return await Promise.all([1, (async () => 2)()])", json!([1, 2])),
        ("return { then(done) { done('thenable') } }", json!("thenable")),
        ("event.setReturn({ a: 1 })", json!({ "a": 1 })),
        (
            "return platform.api.get('x')",
            json!({
                "status_code": 200, "content": { "resource": [{ "id": 1, "path": "x" }] }, "format": 201,
                "content_type": null, "headers": { "x-node": "1" },
            }),
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(call.finish(source).returned, Some(expected), "{source}");
    }
    let nothing = [
        "",
        "// nothing",
        "return",
        "return null",
        "return undefined",
        "return () => 1",
        "return Symbol()",
        "return event",
    ];
    for source in nothing {
        assert_eq!(call.finish(source).returned, None, "{source}");
    }
}

#[test]
fn scripts_are_written_in_any_fashion() {
    let call = Call::default();
    for source in [
        "var event = event || {}; event.request.payload = 5;",
        "undeclared = 5; event.request.payload = undeclared;",
        "if (true) { function inner() { return 5 } } event.request.payload = inner();",
        "with ({ five: 5 }) event.request.payload = five;",
        "'use strict'; event.request.payload = 5; // the end",
        "event.request.payload = 010 - 3; /* the end */",
        "<!-- html comments\nevent.request.payload = 5\n-->",
        "const run = async () => { await null; event.request.payload = 5 }; run();",
        "Promise.resolve(5).then(five => { event.request.payload = five })",
        "event.request.payload = eval('2 + 3')",
        "event.request.payload = new Function('return 5')()",
        "class A { #x = 5; get x() { return this.#x } } event.request.payload = new A().x ?? 0",
    ] {
        assert_eq!(call.finish(source).edits.request.get("payload"), Some(&json!(5)), "{source}");
    }
}

#[test]
fn nothing_of_a_run_is_left_for_the_next() {
    let call = Call::default();
    let engines = Engines::new(&call.limits);
    let script = call.script(
        "const before = [typeof leaked, ({}).x, typeof [].map, JSON.stringify([1]), typeof require('lodash').mine,
                         event.request.payload.seen, typeof platform.extra];
         leaked = 1; Object.prototype.x = 1; Array.prototype.map = null; JSON.stringify = () => 'broken';
         require('lodash').mine = 1; event.request.payload.seen = 1; platform.extra = 1;
         Object.defineProperty(Object.prototype, 'get', { get() { throw 1 } });
         Promise.prototype.then = null; Function.prototype.call = null; Reflect.defineProperty = null;
         return before;",
    );
    for _ in 0..5 {
        let finished = finished(call.run_on(&engines, &script));
        assert_eq!(
            finished.returned,
            Some(json!(["undefined", null, "function", "[1]", "undefined", null, "undefined"]))
        );
        assert_eq!(finished.edits.request["payload"]["seen"], json!(1));
    }
    assert_eq!(engines.stats().built, 1);
}

#[test]
fn edits_are_found_whatever_a_script_does_to_its_world() {
    let call = Call::answered();
    for pollution in [
        "Array.prototype[Symbol.iterator] = null",
        "Object.defineProperty(Array.prototype, 0, { set() { throw 1 } })",
        "Object.prototype.value = 1; Object.prototype.get = 1; Object.prototype.set = () => { throw 1 }",
        "Object.prototype.response = 1; Object.prototype.then = 1",
        "Reflect.defineProperty = Object.defineProperty = JSON.stringify = JSON.parse = String = Error = null",
        "for (const name of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[name] } catch {}",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null",
    ] {
        let edits =
            call.finish(&format!("{pollution}; event.request.payload.x = 1; event.response.status_code = 201")).edits;
        assert_eq!(edits.request["payload"]["x"], json!(1), "{pollution}");
        assert_eq!(edits.response, Some(json!({ "status_code": 201 })), "{pollution}");
    }
}

#[test]
fn random_numbers_differ_between_runs_and_time_passes() {
    let call = Call::default();
    let engines = Engines::new(&call.limits);
    let script = call.script("return [Math.random(), Math.random(), Date.now()]");
    let mut seen = Vec::new();
    for _ in 0..20 {
        let returned = finished(call.run_on(&engines, &script)).returned.unwrap();
        for number in [&returned[0], &returned[1]] {
            let number = number.as_f64().unwrap();
            assert!((0.0..1.0).contains(&number) && !seen.contains(&number));
            seen.push(number);
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        assert!(now.abs_diff(returned[2].as_f64().unwrap() as u128) < 60_000);
    }
    let mean = call.returned("let sum = 0; for (let i = 0; i < 20000; i++) sum += Math.random(); return sum / 20000");
    assert!((0.48..0.52).contains(&mean.as_f64().unwrap()), "{mean}");
}

#[test]
fn the_frames_of_a_stack_hand_out_no_function() {
    let source = "
        const found = [];
        Error.prepareStackTrace = (_, frames) => {
            for (const frame of frames) {
                const members = Object.getOwnPropertyNames(Object.getPrototypeOf(frame));
                found.push(...members.filter(name => typeof frame[name] === 'function' && typeof frame[name]() === 'function'));
            }
            return frames.length > 1 ? 'deep' : 'flat';
        };
        let stack;
        try { platform.api.get('') } catch (error) { stack = error.stack }
        Error.prepareStackTrace = undefined;
        return { found, stack, usual: typeof new Error('x').stack }";
    let expected = json!({ "found": [], "stack": "deep", "usual": "string" });
    assert_eq!(Call::default().finish(source).returned, Some(expected));
}
