use super::fixture::{Call, finished};
use crate::{Engines, Outcome, Script, StopReason};
use antiphon_model::{Limits, json};
use std::time::Duration;

/// Limits that let a test end soon.
fn tight() -> Limits {
    Limits { script_wall_ms: 40, script_memory_bytes: 16 << 20, ..Limits::default() }
}

/// Runs a hostile script and an honest one in turn, on the same engines.
fn hostile(source: &str, limits: &Limits, rounds: usize) -> Vec<Outcome> {
    let call = Call::default();
    let engines = Engines::new(limits);
    let patient = Engines::new(&Limits::default());
    let hostile = call.script(source);
    let honest = call.script("return event.request.payload.resource.length");
    let run = |_| {
        let run = call.run_on(&engines, &hostile);
        assert!(run.wall < Duration::from_secs(10), "{source}");
        assert_eq!(finished(call.run_on(&patient, &honest)).returned, Some(json!(1)), "{source}");
        run.outcome
    };
    (0..rounds).map(run).collect()
}

#[test]
fn endless_scripts_are_stopped_and_the_engines_go_on() {
    for source in [
        "for (;;);",
        "for (;;) { try { for (;;); } catch (e) {} }",
        "try { for (;;); } finally { for (;;); }",
        "(function again() { Promise.resolve().then(again) })()",
        "await (async function again() { await null; again() })(); for (;;) await null",
        "/(a+)+$/.test('a'.repeat(80) + 'b')",
        "[3, 1, 2].sort(() => { for (;;); })",
        "const long = 'a'.repeat(1 << 20); for (;;) long.indexOf('a'.repeat(1 << 19) + 'b')",
        "for (;;) print('x'.repeat(100))",
        "sleep(1e9)",
        "event.request.payload = { get x() { for (;;); } }",
        "return { toJSON() { for (;;); } }",
        "throw { get message() { for (;;); } }",
        "Object.prototype.toJSON = () => { for (;;); }; return {}",
        "event = { get request() { for (;;); } }",
        "for (;;) platform.session = 1",
    ] {
        for outcome in hostile(source, &tight(), 2) {
            match outcome {
                Outcome::Stopped(StopReason::WallTime, message) => assert!(message.contains("time limit of 40ms")),
                other => panic!("{source}: {other:?}"),
            }
        }
    }
}

#[test]
fn hungry_scripts_are_stopped_and_the_engines_go_on() {
    let limits = Limits { script_wall_ms: 10_000, ..tight() };
    for source in [
        "const list = []; for (;;) list.push(new Array(1000).fill(1))",
        "const list = []; for (;;) try { list.push(new Array(1000).fill(1)) } catch (e) {}",
        "let s = 'x'; for (;;) { s += s + 'y'; s.indexOf('z') }",
        "return 'x'.repeat(1 << 23).split('')",
        "new ArrayBuffer(1 << 30)",
        "event.request.payload = { toJSON() { const list = []; for (;;) list.push({}) } }",
    ] {
        for outcome in hostile(source, &limits, 2) {
            match outcome {
                Outcome::Stopped(StopReason::Memory, message) => assert!(message.contains("memory limit of 16 MiB")),
                other => panic!("{source}: {other:?}"),
            }
        }
    }
}

#[test]
fn fifty_stops_in_a_row_do_no_harm() {
    let limits = Limits { script_wall_ms: 2, ..tight() };
    for outcome in hostile("/(a+)+$/.test('a'.repeat(80) + 'b')", &limits, 50) {
        assert!(matches!(outcome, Outcome::Stopped(StopReason::WallTime, _)), "{outcome:?}");
    }
}

#[test]
fn a_script_may_shorten_its_time_but_not_lengthen_it() {
    for (wanted, limit) in [(20, "20ms"), (90_000, "40ms")] {
        let call = Call { limits: tight(), config: json!({ "timeout_ms": wanted }), ..Call::default() };
        match call.run("for (;;);").outcome {
            Outcome::Stopped(StopReason::WallTime, message) => assert!(message.contains(limit), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn output_is_cut_and_the_script_goes_on() {
    let call = Call { limits: Limits { script_output_bytes: 100, ..Limits::default() }, ..Call::default() };
    let run = call.run("for (let i = 0; i < 1000; i++) print('é'.repeat(20)); return 1");
    assert!(run.output.ends_with("\n[The rest of the output was cut.]\n") && run.output.len() < 200);
    assert_eq!(finished(run).returned, Some(json!(1)));
}

#[test]
fn idle_engines_are_bounded_by_bytes_and_old_versions_go() {
    let call = Call::default();
    let engines = Engines::new(&Limits { script_idle_bytes: 4 << 20, ..Limits::default() });
    for number in 0..30 {
        let script = Script { name: format!("script{number}"), ..call.script("return 1") };
        finished(call.run_on(&engines, &script));
        finished(call.run_on(&engines, &script));
    }
    let stats = engines.stats();
    assert_eq!((stats.runs, stats.built), (60, 30));
    assert!(stats.idle >= 2 && stats.idle_bytes <= 4 << 20, "{stats:?}");
    engines.trim_idle();
    assert_eq!(engines.stats().idle, 0);
    for version in 1..4 {
        let script = Script { version, ..call.script(&format!("return {version}")) };
        assert_eq!(finished(call.run_on(&engines, &script)).returned, Some(json!(version)));
        assert_eq!(engines.stats().idle, 1);
    }
}

#[test]
fn a_script_that_is_made_anew_never_runs_its_old_text() {
    let call = Call::default();
    let engines = Engines::new(&Limits::default());
    for round in 0..3 {
        let script = call.script(&format!("return 'round {round}'"));
        assert_eq!(finished(call.run_on(&engines, &script)).returned, Some(json!(format!("round {round}"))));
    }
}

#[test]
fn a_thread_with_little_stack_gets_help() {
    let work = || {
        let call = Call::default();
        assert_eq!(call.returned("let n = 0; (function f() { n++; if (n < 500) f() })(); return n"), json!(500));
        assert!(matches!(call.run("(function f() { f() })()").outcome, Outcome::Stopped(StopReason::Stack, _)));
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}
