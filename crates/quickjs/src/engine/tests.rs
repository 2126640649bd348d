use super::*;
use crate::{HostCall, HostError};
use serde_json::json;
use std::cell::RefCell;
use std::time::Instant;

const BUDGET: Budget = Budget { wall: Duration::from_secs(20), cpu: Duration::from_secs(20) };
/// For scripts that end by another limit, however slow the machine is.
const PATIENT: Budget = Budget { wall: Duration::from_secs(60), cpu: Duration::from_secs(60) };
const TIGHT: Budget = Budget { wall: Duration::from_millis(60), cpu: Duration::from_secs(20) };
const SIZES: Sizes = Sizes { memory: 32 << 20, stack: 512 << 10 };

/// An engine that runs the body of one function with `host` in scope.
fn engine(body: &str) -> (Engine, Function) {
    let mut engine = Engine::new(SIZES).unwrap();
    let host = engine.host_function().unwrap();
    let maker = engine.evaluate("maker", &format!("(host) => function run() {{\n{body}\n}}"), &BUDGET).unwrap();
    let run = engine.build(maker, &[Build::Function(host)], &BUDGET).unwrap();
    engine.seal().unwrap();
    (engine, run)
}

/// Runs it once; gives what the script passed to `host(1, ...)`.
fn run(engine: &mut Engine, function: Function, budget: &Budget) -> (Report, Vec<Value>) {
    let said = RefCell::new(Vec::new());
    let report = engine.run(&[function], budget, &|_, call: &mut HostCall<'_>| {
        let value = call.json(0)?.unwrap_or(json!("undefined"));
        said.borrow_mut().push(value);
        Ok(())
    });
    engine.restore();
    (report, said.into_inner())
}

fn say(body: &str) -> Vec<Value> {
    let (mut engine, function) = engine(body);
    let (report, said) = run(&mut engine, function, &BUDGET);
    assert_eq!(report.outcome, Ok(()));
    said
}

#[test]
fn a_restore_brings_back_globals_and_prototypes() {
    let (mut engine, function) = engine(
        "host(1, [typeof leaked, [].map === undefined, ({}).x === undefined, JSON.stringify(1)]);
         leaked = 1; delete Array.prototype.map; Object.prototype.x = 1; JSON.stringify = null; Math.random();",
    );
    for _ in 0..20 {
        let (report, said) = run(&mut engine, function, &BUDGET);
        assert_eq!(report.outcome, Ok(()));
        assert_eq!(said, [json!(["undefined", false, true, "1"])]);
    }
}

#[test]
fn an_engine_moves_between_threads() {
    let (mut engine, function) = engine("host(1, [1, 2, 3].map(n => n * 2))");
    for _ in 0..4 {
        engine = std::thread::spawn(move || {
            let (_, said) = run(&mut engine, function, &BUDGET);
            assert_eq!(said, [json!([2, 4, 6])]);
            engine
        })
        .join()
        .unwrap();
    }
}

#[test]
fn hostile_scripts_end_at_their_limit_and_leave_the_engine_usable() {
    let time = [
        "for (;;);",
        "for (;;) { try { for (;;); } catch (e) {} finally { continue; } }",
        "(function again() { Promise.resolve().then(again); })();",
        "/(a+)+$/.test('a'.repeat(60) + 'b');",
        "[...Array(400).keys()].sort(() => { for (;;); });",
        "const long = 'a'.repeat(1 << 20); for (;;) long.indexOf('a'.repeat(1 << 19) + 'b');",
        "let n = 3n; for (;;) n = n * n % (2n ** 20000n);",
        "JSON.stringify({ get x() { for (;;); } });",
        "host(1, { get x() { for (;;); } });",
        "host(1, new Proxy({}, { ownKeys() { for (;;); } }));",
        "host(1, { toJSON() { for (;;); } });",
        "for (;;) host(1, 1);",
        "function* g() { for (;;) { try { yield 1 } finally { continue } } } for (const x of g()) { }",
        "const list = new Array(300000).fill('abcdefgh'.repeat(10)); for (;;) list.sort();",
    ];
    let memory = [
        "const list = []; for (;;) list.push(new Array(1000).fill(1));",
        "const list = []; for (;;) { try { list.push(new Array(1000).fill(1)); } catch (e) {} }",
        "let s = 'x'; for (;;) { s += s + 'y'; s.indexOf('z'); }",
        "let s = 'x'; for (;;) { try { s += s + 'y'; s.indexOf('z'); } catch (e) { s = 'x'.repeat(1 << 24); } }",
        "host(1, { get x() { const list = []; for (;;) list.push({}); } });",
        "new Uint8Array(1 << 30)",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i });",
    ];
    for (reason, scripts) in [(StopReason::WallTime, &time[..]), (StopReason::Memory, &memory[..])] {
        for script in scripts {
            let (mut engine, function) = engine(script);
            for _ in 0..3 {
                let begun = Instant::now();
                let budget = if reason == StopReason::Memory { PATIENT } else { TIGHT };
                let (report, _) = run(&mut engine, function, &budget);
                assert_eq!(report.outcome, Err(Failure::Stopped(reason)), "{script}");
                assert!(begun.elapsed() < Duration::from_secs(60), "{script}");
            }
        }
    }
}

#[test]
fn fifty_kills_in_a_row_leave_the_engine_as_it_was() {
    let (mut engine, function) = engine(
        "host(1, typeof before); before = 1;
         if (Math.max(1, 2) === 2) /(a+)+$/.test('a'.repeat(60) + 'b'); for (;;);",
    );
    let budget = Budget { wall: Duration::from_millis(3), cpu: BUDGET.cpu };
    for _ in 0..50 {
        let (report, said) = run(&mut engine, function, &budget);
        assert_eq!(report.outcome, Err(Failure::Stopped(StopReason::WallTime)));
        assert!(said.iter().all(|said| said == "undefined"));
    }
}

#[test]
fn a_kill_in_any_part_of_the_engine_is_survived() {
    let busy = [
        "const big = 3n ** 400000n; for (;;) big * big",
        "const text = JSON.stringify(new Array(200000).fill({ a: [1, 'x'] })); for (;;) JSON.parse(text)",
        "const list = new Array(200000).fill({ a: [1, 'x'] }); for (;;) JSON.stringify(list)",
        "const text = 'ab,'.repeat(400000); for (;;) text.split(',').join(';').toUpperCase()",
        "const list = Array.from({ length: 300000 }, (_, n) => String(n * 7919 % 300000)); for (;;) list.slice().sort()",
        "const text = 'a1'.repeat(300000); for (;;) text.replace(/[0-9]/g, 'xyz')",
        "for (let n = 0; ; n++) { const o = {}; for (let i = 0; i < 2000; i++) o['k' + i * n] = i; }",
        "let list = []; for (;;) { list = []; for (let i = 0; i < 300000; i++) list.push({ list }); }",
        "const text = 'x'.repeat(2000000); for (;;) host(1, [text, text])",
        "for (;;) eval('(function () {' + 'a = b + c * d;'.repeat(20000) + '})')",
        "for (;;) new RegExp('(?:a|b|[c-e]){1,3}'.repeat(2000), 'u')",
        "for (;;) new Date(2024, 1, 1).toLocaleString()",
    ];
    let mut engines: Vec<_> =
        busy.iter().map(|script| engine(&format!("host(1, typeof seen); seen = 1; {script}"))).collect();
    for round in 0..4u64 {
        for (script, (engine, function)) in busy.iter().zip(&mut engines) {
            let wall = Duration::from_millis(5 + round * 7);
            let (report, said) = run(engine, *function, &Budget { wall, cpu: BUDGET.cpu });
            // Some fill the arena before their time is over, on a fast machine.
            assert!(matches!(report.outcome, Err(Failure::Stopped(_))), "{script}");
            assert!(said.first().is_none_or(|said| said == "undefined"), "{script}");
        }
    }
}

#[test]
fn processor_time_has_a_limit_of_its_own() {
    for script in ["for (;;);", "/(a+)+$/.test('a'.repeat(60) + 'b');"] {
        let (mut engine, function) = engine(script);
        let budget = Budget { wall: Duration::from_secs(60), cpu: Duration::from_millis(30) };
        let (report, _) = run(&mut engine, function, &budget);
        assert_eq!(report.outcome, Err(Failure::Stopped(StopReason::CpuTime)), "{script}");
        assert!(report.cpu >= Duration::from_millis(30));
    }
}

#[test]
fn recursion_of_any_kind_is_an_error_that_can_be_caught() {
    let scripts = [
        "function f() { return f() + 1 } f();",
        "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o);",
        "const o = { get x() { return o.x } }; o.x;",
        "const p = new Proxy({}, { get(t, k) { return p[k] } }); p.x;",
        "[1].map(function f() { return [1].map(f) });",
        "let s = '['.repeat(100000); JSON.parse(s);",
        "eval('('.repeat(100000));",
        "'x'.replace(/x/, function f() { return 'x'.replace(/x/, f) });",
        "new RegExp('('.repeat(20000) + ')'.repeat(20000)).exec('x');",
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; JSON.stringify(a);",
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; a.flat(Infinity);",
    ];
    let work = move || {
        for script in scripts {
            let (mut engine, function) = engine(&format!("try {{ {script} }} catch (e) {{ host(1, e.name) }}"));
            for _ in 0..3 {
                let (report, said) = run(&mut engine, function, &BUDGET);
                assert_eq!(report.outcome, Ok(()), "{script}");
                assert!(
                    matches!(said[0].as_str(), Some("RangeError" | "InternalError" | "SyntaxError")),
                    "{script} {said:?}"
                );
            }
        }
    };
    // The stack of a thread of the asynchronous runtime, and one that is smaller than scripts may use.
    for stack in [2 << 20, 384 << 10] {
        std::thread::Builder::new().stack_size(stack).spawn(work).unwrap().join().unwrap();
    }
}

#[test]
fn host_calls_nest_engines_on_one_thread() {
    let (mut outer, outer_run) = engine("host(1, 'outer'); host(2); host(1, 'after')");
    let (inner, inner_run) = engine("for (;;);");
    let inner = RefCell::new(inner);
    let said = RefCell::new(Vec::new());
    let report = outer.run(&[outer_run], &BUDGET, &|identifier, call| {
        match identifier {
            2 => {
                let (report, _) = run(&mut inner.borrow_mut(), inner_run, &TIGHT);
                said.borrow_mut().push(json!(report.outcome == Err(Failure::Stopped(StopReason::WallTime))));
            }
            _ => said.borrow_mut().push(call.json(0)?.unwrap_or_default()),
        }
        Ok(())
    });
    assert_eq!(report.outcome, Ok(()));
    assert_eq!(said.into_inner(), [json!("outer"), json!(true), json!("after")]);
}

#[test]
fn a_deadline_that_passes_in_a_host_call_stops_the_script_after_it() {
    let (mut engine, function) = engine("host(1); try { host(2) } finally { host(3) }");
    let calls = RefCell::new(Vec::new());
    let report = engine.run(&[function], &TIGHT, &|identifier, call| {
        calls.borrow_mut().push(identifier);
        std::thread::sleep(call.remaining());
        Ok(())
    });
    assert_eq!(report.outcome, Err(Failure::Stopped(StopReason::WallTime)));
    assert_eq!(calls.into_inner(), [1]);
}

#[test]
fn a_host_error_is_thrown_and_a_panic_stays_in_its_call() {
    let (mut engine, function) = engine(
        "for (const id of [1, 2, 3]) try { host(id) } catch (e) { host(9, [e instanceof Error, e.message ?? e]) }",
    );
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let said = RefCell::new(Vec::new());
    let report = engine.run(&[function], &BUDGET, &|identifier, call| match identifier {
        1 => Err(HostError::Error("no".into())),
        2 => Err(HostError::Throw(json!({ "message": { "status": 4 } }))),
        3 => panic!("in the host"),
        _ => {
            said.borrow_mut().push(call.json(0)?.unwrap_or_default());
            Ok(())
        }
    });
    std::panic::set_hook(hook);
    assert_eq!(report.outcome, Ok(()));
    let said = said.into_inner();
    assert_eq!(said[0], json!([true, "no"]));
    assert_eq!(said[1], json!([false, { "status": 4 }]));
    assert_eq!(said[2], json!([true, "The platform failed while it served the script."]));
}

#[test]
fn the_host_can_be_called_while_it_reads_an_argument() {
    let said =
        say("host(1, { get inner() { host(1, { toJSON: () => { host(1, 'deep'); return 'inner' } }); return 1 } })");
    assert_eq!(said, [json!("deep"), json!("inner"), json!({ "inner": 1 })]);
}

#[test]
fn an_unhandled_rejection_reaches_the_next_step() {
    let mut engine = Engine::new(SIZES).unwrap();
    let host = engine.host_function().unwrap();
    let maker = |engine: &mut Engine, body: &str| {
        let maker = engine.evaluate("maker", body, &BUDGET).unwrap();
        engine.build(maker, &[Build::Function(host)], &BUDGET).unwrap()
    };
    let first = maker(&mut engine, "host => () => { (async () => { throw new Error('lost') })() }");
    let handled = maker(&mut engine, "host => () => { (async () => { throw 1 })().catch(() => {}) }");
    let last = maker(&mut engine, "host => (rejected, reason) => host(1, [rejected, rejected && reason.message])");
    engine.seal().unwrap();
    for (first, expected) in [(first, json!([true, "lost"])), (handled, json!([false, false]))] {
        let said = RefCell::new(Value::Null);
        let report = engine.run(&[first, last], &BUDGET, &|_, call| {
            *said.borrow_mut() = call.json(0)?.unwrap_or_default();
            Ok(())
        });
        engine.restore();
        assert_eq!(report.outcome, Ok(()));
        assert_eq!(said.into_inner(), expected);
    }
}

#[test]
fn errors_name_their_line_and_column() {
    let mut engine = Engine::new(SIZES).unwrap();
    let failure = engine.evaluate("todo", "(function () {\nlet a = 1;\n  let b = = 2;\n})", &BUDGET).unwrap_err();
    let Failure::Threw(exception) = failure else { panic!("{failure:?}") };
    assert_eq!(exception.name, "SyntaxError");
    assert!(exception.stack.contains("todo:3:11"), "{}", exception.stack);
    assert!(engine.compile("wrong", "(function () {", &BUDGET).is_err());
}

#[test]
fn compiled_code_runs_in_other_engines_and_knows_its_lines() {
    let code = {
        let scratch = Engine::new(SIZES).unwrap();
        scratch
            .compile("library", "(host) => function run() {\n host(1, /a+/.exec('caab')[0]);\n null.x }", &BUDGET)
            .unwrap()
    };
    for _ in 0..3 {
        let mut engine = Engine::new(SIZES).unwrap();
        let host = engine.host_function().unwrap();
        let maker = engine.load(&code, &BUDGET).unwrap();
        let function = engine.build(maker, &[Build::Function(host)], &BUDGET).unwrap();
        engine.seal().unwrap();
        let (report, said) = run(&mut engine, function, &BUDGET);
        assert_eq!(said, [json!("aa")]);
        let Err(Failure::Threw(exception)) = report.outcome else { panic!("{report:?}") };
        assert!(exception.stack.contains("library:3:"), "{}", exception.stack);
    }
}

#[test]
fn blocking_and_modules_are_refused() {
    assert_eq!(
        say("try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) } catch (e) { host(1, e.name) }"),
        [json!("TypeError")]
    );
    assert_eq!(
        say("host(1, [typeof std, typeof os, typeof require, typeof process])"),
        [json!(["undefined", "undefined", "undefined", "undefined"])]
    );
    let (mut engine, function) = engine("import('/etc/passwd').catch(e => host(1, e.name))");
    assert_eq!(run(&mut engine, function, &BUDGET).1, [json!("ReferenceError")]);
}

#[test]
fn a_small_arena_is_an_error_not_a_crash() {
    let failure = Engine::new(Sizes { memory: 1 << 20, stack: 64 << 10 }).map(|_| ());
    assert!(failure.is_ok() || failure == Err(Failure::Stopped(StopReason::Memory)));
}
