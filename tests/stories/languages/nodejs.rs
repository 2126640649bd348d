//! What is particular to scripts in Node.js: callbacks, promises and timers, its modules and globals, and how runs are kept apart.

use crate::support::{TestApp, Value, json};

const BEFORE: &str = "db._table.todo.get.pre_process";

fn attach(app: &TestApp, event: &str, source: &str) {
    app.store(event, json!({"type": "nodejs", "content": source}));
}

/// What a read of the todos answers with that script before it.
#[track_caller]
fn told(app: &TestApp, source: &str) -> Value {
    attach(app, BEFORE, source);
    app.user().get("db/_table/todo").expect(200)
}

/// The message of the 500 that a read of the todos ends with.
#[track_caller]
fn refused(app: &TestApp, source: &str) -> String {
    attach(app, BEFORE, source);
    app.user().get("db/_table/todo").refused(500)
}

/// What the script prints, as administrators are told.
#[track_caller]
fn printed(app: &TestApp, source: &str) -> String {
    attach(app, BEFORE, source);
    let answer = app.admin().get("db/_table/todo?trace_events=true");
    let trace: Value = serde_json::from_str(answer.header("x-script-trace").unwrap()).unwrap();
    trace["scripts"][0]["output"].as_str().unwrap().to_owned()
}

#[test]
fn the_sample_of_the_guide() {
    let section = include_str!("../../../docs/scripting.md").split("\n## Node.js\n").nth(1).unwrap();
    let sample = section.split("```javascript\n").nth(1).unwrap().split("\n```").next().unwrap();
    let event = sample.strip_prefix("// On ").unwrap().split_once(": ").unwrap().0;
    let app = TestApp::start();
    attach(&app, event, sample);
    let contact = app.admin().get("db/_table/contact/1").expect(200);
    let account = app.admin().get(&format!("db/_table/account/{}", contact["account_id"])).expect(200);
    assert_eq!(contact["account"], account["name"]);
}

#[test]
fn statement_059_every_thrown_value_aborts() {
    let app = TestApp::start();
    assert_eq!(refused(&app, "throw 'm'"), "m");
    for nothing in ["null", "undefined", "0", "false", "''"] {
        attach(&app, BEFORE, &format!("throw {nothing}"));
        assert_eq!(app.user().get("db/_table/todo").status(), 500, "{nothing}");
    }
}

#[test]
fn statement_060_errors_and_objects_choose_status_and_code() {
    let app = TestApp::start();
    for thrown in [
        "{message: 'm', code: 42, status_code: 422}",
        "Object.assign(new Error('m'), {code: 42, statusCode: 422})",
        "new (class extends Error { constructor() { super('m'); this.name = 'Mine'; this.code = 42; this.status_code = 422; } })()",
    ] {
        attach(&app, BEFORE, &format!("throw {thrown};"));
        let error = &app.user().get("db/_table/todo").expect(422)["error"];
        assert_eq!(*error, json!({"code": 42, "context": null, "message": "m", "status_code": 422}), "{thrown}");
    }
    // Node's own errors have names for codes.
    attach(&app, BEFORE, "require('fs').readFileSync('/nowhere');");
    assert_eq!(app.user().get("db/_table/todo").expect(500)["error"]["code"], 500);
}

#[test]
fn statement_066_errors_in_callbacks_timers_and_promises_abort_even_without_the_right_to_modify() {
    let app = TestApp::start();
    for source in [
        "setTimeout(() => { throw new Error('late'); }, 2);",
        "setImmediate(() => { throw 'late'; });",
        "process.nextTick(() => { throw new Error('late'); });",
        "queueMicrotask(() => { throw new Error('late'); });",
        "Promise.reject(new Error('late'));",
        "(async () => { await null; throw new Error('late'); })();",
        "platform.api.get('db/_table/account', {}, () => { throw new Error('late'); });",
        "platform.api.get('db/_table/account').then(() => { throw new Error('late'); });",
        "const e = new (require('events'))(); setTimeout(() => e.emit('error', new Error('late')), 1);",
    ] {
        app.store(BEFORE, json!({"type": "nodejs", "content": source, "allow_event_modification": false}));
        assert_eq!(app.user().get("db/_table/todo").refused(500), "late", "{source}");
    }
}

#[test]
fn statement_089_a_read_calls_back_with_text_and_response() {
    let app = TestApp::start();
    let source = "platform.api.get('db/_table/contact/1', {parameters: {fields: 'id'}}, function (body, response) {
        event.setResponse({body, status: response.statusCode, text: response.statusMessage, type: response.headers['content-type']});
    });";
    let expected = json!({"body": "{\"id\":1}", "status": 200, "text": "OK", "type": "application/json"});
    assert_eq!(told(&app, source), expected);
    let failed = "platform.api.get('db/_table/account/99', '', (body, response) => {
        event.setResponse({status: response.statusCode, code: JSON.parse(body).error.code});
    });";
    assert_eq!(told(&app, failed), json!({"status": 404, "code": 404}));
}

#[test]
fn statement_090_a_delete_takes_the_records_of_its_payload() {
    let app = TestApp::start();
    let before = app.count("todo");
    let source = "platform.api.delete('db/_table/todo', {resource: [{id: 1}, {id: 2}]}, {}, (body, response) => {
        event.setResponse(response.statusCode);
    });";
    app.store(BEFORE, json!({"type": "nodejs", "content": source}));
    assert_eq!(app.admin().get("db/_table/todo").expect(200), json!(200));
    app.admin().delete(&format!("system/event_script/{BEFORE}")).expect(200);
    assert_eq!(app.count("todo"), before - 2);
}

#[test]
fn statement_095_the_last_of_several_answers_counts_and_the_request_can_be_set() {
    let app = TestApp::start();
    let source = "event.setResponse('first', 202); setTimeout(() => event.setResponse('last', 203), 1);
                  event.setResponse('middle', 201);";
    attach(&app, BEFORE, source);
    assert_eq!(app.user().get("db/_table/todo").expect(203), json!("last"));
    attach(&app, BEFORE, "event.setRequest({parameters: {limit: 1, fields: 'id'}}); event.setRequest(null);");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!({"resource": [{"id": 1}]}));
    attach(&app, BEFORE, "event.setReturn({response: {content: 'set', status_code: 201}});");
    assert_eq!(app.user().get("db/_table/todo").expect(201), json!("set"));
}

#[test]
fn statement_096_calls_can_be_awaited_one_by_one_or_together() {
    let app = TestApp::start();
    let source = "const one = await platform.api.get('db/_table/contact/1?fields=id');
        const [two, three] = await Promise.all([platform.api.get('db/_table/contact/2?fields=id'),
                                                platform.api.call('get', '/api/v2/db/_table/account/1', '', {parameters: {fields: 'id'}})]);
        return {response: {content: [one.status_code, one.content.id, two.content.id, three.content.id]}};";
    assert_eq!(told(&app, source), json!([200, 1, 2, 1]));
}

#[test]
fn a_run_lasts_until_nothing_is_left_to_do() {
    let app = TestApp::start();
    let source = "setInterval(() => {}, 1).unref();
        let turns = 0;
        const ticking = setInterval(async () => {
            if (++turns < 3) return;
            clearInterval(ticking);
            const { content } = await platform.api.get('db/_table/contact/1?fields=id');
            setTimeout((...values) => event.setResponse([turns, content.id, ...values]), 1, 'a', 'b');
        }, 1);
        await new Promise(resolve => setImmediate(resolve));
        await require('timers/promises').setTimeout(1);
        await require('util').promisify(setTimeout)(1);";
    assert_eq!(told(&app, source), json!([3, 1, "a", "b"]));
    assert_eq!(refused(&app, "await new Promise(() => {});"), "The script waits for a promise that is never settled.");
}

#[test]
fn process_exit_ends_the_script_where_it_stands() {
    let app = TestApp::start();
    let source = "setTimeout(() => event.setResponse('later'), 1);
        event.setResponse('here');
        try { process.exit(0); } catch { event.setResponse('caught'); } finally { event.setResponse('at last'); }";
    assert_eq!(told(&app, source), json!("here"));
    assert!(refused(&app, "event.setResponse(1); process.exit(3);").ends_with("error code: 3"));
    assert_eq!(told(&app, "event.setResponse('next');"), json!("next"));
}

#[test]
fn what_is_printed_is_written_as_node_writes_it() {
    let app = TestApp::start();
    let source =
        "console.log('%s is %d', 'x', 3, {a: [1, {b: {c: {}}}]}); console.error(new Map([[1, null]]), undefined);
                  process.stdout.write('no end'); console.log('!'); console.log({type: 'run'}, '\"request\":');";
    let expected =
        "x is 3 { a: [ 1, { b: [Object] } ] }\nMap(1) { 1 => null } undefined\nno end!\n{ type: 'run' } \"request\":\n";
    assert_eq!(printed(&app, source).trim_end(), expected.trim_end());
}

#[test]
fn errors_tell_line_and_column_of_the_authors_text() {
    let app = TestApp::start();
    for (source, line) in
        [("const a = 1;\nlet = = 2;", "line 2"), ("foo(\n", "line 2"), ("}\nfunction evil() {", "Unexpected token '}'")]
    {
        let message = refused(&app, source);
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn results_that_are_no_json_are_told_or_made_plain() {
    let app = TestApp::start();
    let message = refused(&app, "const a = {}; a.a = a; event.setResponse(a);");
    assert!(message.contains("event.response can't be written as JSON"), "{message}");
    let source =
        "event.setResponse({small: 7n, large: 123456789012345678901234567890n, day: new Date(0), none: undefined});";
    let expected = json!({"small": 7, "large": "123456789012345678901234567890", "day": "1970-01-01T00:00:00.000Z"});
    assert_eq!(told(&app, source), expected);
    assert_eq!(refused(&app, "(function deep() { return 1 + deep(); })();"), "Maximum call stack size exceeded");
}

#[test]
fn the_modules_and_globals_that_scripts_use_are_there() {
    let app = TestApp::start();
    for (expression, expected) in [
        ("require('crypto').createHmac('sha256', 'k').update('d').digest('hex').slice(0, 8)", json!("e7ea21c3")),
        ("require('node:path').join('a', '..', 'b')", json!("b")),
        ("require('querystring').parse('a=1&b=2').b", json!("2")),
        ("require('url').parse('http://a/b?c=1').query", json!("c=1")),
        ("require('util').format('%s-%j', 'a', {b: 1})", json!("a-{\"b\":1}")),
        ("require('zlib').gunzipSync(require('zlib').gzipSync('text')).toString()", json!("text")),
        ("Buffer.from('text').toString('base64')", json!("dGV4dA==")),
        ("new URL('http://a/b?c=1').searchParams.get('c')", json!("1")),
        ("[atob('eA=='), btoa('x'), structuredClone({a: [1]}).a[0]]", json!(["x", "eA==", 1])),
        ("new TextDecoder().decode(new TextEncoder().encode('é'))", json!("é")),
        ("crypto.randomUUID().length", json!(36)),
        ("new (class extends require('events') {})().on('a', () => {}).listenerCount('a')", json!(1)),
        (
            "(() => { try { require('assert').equal(1, 2); } catch (error) { return error.code; } })()",
            json!("ERR_ASSERTION"),
        ),
        ("(() => { try { require('nosuch'); } catch (error) { return error.code; } })()", json!("MODULE_NOT_FOUND")),
        (
            "[typeof process.version, process.argv.length, process.env.HOME ?? null, typeof __dirname]",
            json!(["string", 1, null, "string"]),
        ),
        (
            "[_event === event, _platform === platform, event._event.stage, typeof module.exports]",
            json!([true, true, "pre_process", "object"]),
        ),
        (
            "await require('stream/promises').pipeline(['a', 'b'], async function (parts) { let all = ''; for await (const part of parts) all += part; return all; })",
            json!("ab"),
        ),
    ] {
        assert_eq!(
            told(&app, &format!("event.setResponse({{is: {expression}}});")),
            json!({"is": expected}),
            "{expression}"
        );
    }
    let message = refused(&app, "await fetch('http://127.0.0.1/');");
    assert!(message.contains("platform.api.get"), "{message}");
}

/// What a script may leave behind, and how the next run would notice.
const TRACES: [(&str, &str); 19] = [
    ("globalThis.left = 1; left2 = 2;", "[typeof left, typeof left2]"),
    ("globalThis['le' + 'ft'] = 1; (0, eval)('var left2 = 1');", "[typeof left, typeof left2]"),
    ("Array.prototype.left = 1; String.prototype.trim = () => 1;", "[[].left, ' a '.trim()]"),
    ("const hidden = Object.getPrototypeOf([]); try { hidden.left = 1; } catch {}", "[[].left]"),
    ("const same = JSON; try { same['parse'] = () => 1; } catch {}", "[JSON.parse('2')]"),
    ("(function () {}).constructor('this.left = 1')();", "[typeof left]"),
    (
        "(async () => {}).constructor.prototype.left = 1; (function* () {}).constructor.prototype.left = 1;",
        "[(async () => {}).left]",
    ),
    ("Object.setPrototypeOf(globalThis, {left: 1});", "[typeof left]"),
    (
        "JSON = Math = undefined; console.log = () => { throw 1; }; require = 1;",
        "[typeof JSON.parse, typeof Math.max, typeof console.log('x')]",
    ),
    ("process.env.LEFT = 'x'; process.left = 1;", "[process.env.LEFT, process.left]"),
    ("'a secret b'.match(/secret/);", "[RegExp.lastMatch, RegExp.input]"),
    (
        "require('util').left = 1; Buffer.left = 1; try { require('events').defaultMaxListeners = 1; } catch {}",
        "[require('util').left, Buffer.left, require('events').defaultMaxListeners]",
    ),
    (
        "try { Buffer.constructor('globalThis.left = 1; Array.prototype.left = 1')(); } catch (refused) {}",
        "[typeof left, Buffer.from([]).left, structuredClone([]).left]",
    ),
    ("require('fs').left = 1; require('os').EOL = 'x';", "[require('fs').left, require('os').EOL]"),
    (
        "setTimeout.left = clearTimeout.left = fetch.left = 1; require.left = console.left = console.log.left = 1; platform.api.left = 1; platform.api.get.left = 1;",
        "[setTimeout.left, clearTimeout.left, fetch.left, require.left, console.left, console.log.left, platform.api.left, platform.api.get.left]",
    ),
    (
        "process.stdout.write.left = process.nextTick.left = process.exit.left = 1; lookup$.left = capture$.left = 1;",
        "[process.stdout.write.left, process.nextTick.left, process.exit.left, lookup$.left, capture$.left]",
    ),
    (
        "try { process.exit(); } catch (error) { error.left = 1; }",
        "(() => { try { null.x } catch (error) { return error.left; } })()",
    ),
    ("arguments.callee.left = 1;", "[arguments.callee.left]"),
    ("setInterval(() => { event.left = 1; }, 1).unref(); setTimeout(() => {}, 1e6).unref();", "[event.left]"),
];

#[test]
fn nothing_of_a_run_is_left_for_the_next() {
    let app = TestApp::start();
    for (trace, look) in TRACES {
        let look = format!("event.setResponse({{is: {look}}});");
        let as_new = told(&app, &look);
        attach(&app, BEFORE, trace);
        for _ in 0..2 {
            app.user().get("db/_table/todo").expect(200);
        }
        assert_eq!(told(&app, &look), as_new, "{trace}");
    }
}

/// Walks over everything that can be reached, and lists what could be changed. Globals that make the process be replaced, and the
/// process object, which each run has of its own, are passed over.
const CHANGEABLE: &str = r"
    const passed = new Set(('process global globalThis FinalizationRegistry WeakRef Atomics SharedArrayBuffer WebAssembly performance Blob '
        + 'BroadcastChannel ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy DecompressionStream FormData Headers '
        + 'MessageChannel MessageEvent MessagePort ReadableStream Request Response TextDecoderStream TextEncoderStream TransformStream '
        + 'WritableStream').split(' '));
    const found = [];
    const seen = new Set([globalThis]);
    const open = [];
    for (const name of Reflect.ownKeys(globalThis)) {
        const { get, value } = Object.getOwnPropertyDescriptor(globalThis, name);
        open.push([name + ' get', get], [name, value]);
        if (get && !passed.has(name)) open.push([name, globalThis[name]]);
    }
    for (const [name, module] of Object.entries(MODULES)) for (const value of [...Object.values(module)]) open.push([name, value]);
    for (const [name, value] of Object.entries({lookup$, capture$, api: platform.api, write: process.stdout.write, exit: process.exit})) {
        open.push([name, value]);
    }
    while (open.length > 0) {
        const [path, object] = open.pop();
        if ((typeof object !== 'object' && typeof object !== 'function') || object === null || seen.has(object)) continue;
        seen.add(object);
        // One setting of event emitters can't be frozen; it is brought back after each run.
        const emitters = Object.isSealed(object) && 'setMaxListeners' in object;
        if (!Object.isFrozen(object) && !emitters) found.push(path);
        for (const name of Reflect.ownKeys(object)) {
            const { value, get, set } = Object.getOwnPropertyDescriptor(object, name);
            for (const inner of [value, get, set]) open.push([`${path}.${String(name)}`, inner]);
        }
        open.push([`${path}.parent`, Object.getPrototypeOf(object)]);
    }
    event.setResponse({found, many: seen.size > 1500});";

#[test]
fn nothing_that_scripts_share_can_be_changed() {
    let app = TestApp::start();
    // Named one by one: a script that names what it requires by a variable gets a world of its own.
    let modules = [
        "assert",
        "buffer",
        "crypto",
        "events",
        "os",
        "path",
        "querystring",
        "stream",
        "string_decoder",
        "url",
        "util",
        "zlib",
    ];
    let modules = modules.map(|name| format!("{name}: require('{name}')")).join(", ");
    let walk = CHANGEABLE.replace("MODULES", &format!("{{{modules}}}"));
    assert_eq!(told(&app, &walk), json!({"found": [], "many": true}));
}

#[test]
fn what_a_run_started_and_did_not_wait_for_does_not_meet_the_next() {
    let app = TestApp::start();
    let source = "const call = () => platform.api.get('db/_table/contact/1');
        call(); call(); setTimeout(call, 1); throw new Error('gone');";
    assert_eq!(refused(&app, source), "gone");
    let next =
        "const { content } = await platform.api.get('db/_table/contact/2?fields=id'); event.setResponse(content);";
    for _ in 0..3 {
        assert_eq!(told(&app, next), json!({"id": 2}));
        assert_eq!(refused(&app, source), "gone");
    }
}
