use super::fixture::{Call, finished};
use crate::*;
use antiphon_model::{Limits, Value, json};

#[test]
fn stops_on_some_threads_never_reach_runs_on_others() {
    let engines = Engines::new(&Limits::default());
    let hostile = |script: &Script| Script { config: json!({ "timeout_ms": 3 }), ..script.clone() };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engines = &engines;
            scope.spawn(move || {
                let call = Call::default();
                for round in 0..40 {
                    if (thread + round) % 2 == 0 {
                        let source = "/(a+)+$/.test('a'.repeat(80) + 'b')";
                        let script = Script { name: "hostile".into(), ..call.script(source) };
                        let outcome = call.run_on(engines, &hostile(&script)).outcome;
                        assert!(matches!(outcome, Outcome::Stopped(StopReason::WallTime, _)), "{outcome:?}");
                    } else {
                        let source =
                            "let n = 0; for (let i = 0; i < 20000; i++) n += i; return [n, typeof leaked, leaked = 1]";
                        let script = Script { name: "honest".into(), ..call.script(source) };
                        let returned = finished(call.run_on(engines, &script)).returned;
                        assert_eq!(returned, Some(json!([199_990_000, "undefined", 1])));
                    }
                }
            });
        }
    });
    let stats = engines.stats();
    assert_eq!(stats.runs, 160);
    assert!(stats.built <= 8, "{stats:?}");
}

/// A world in which each call runs a script that may call again.
struct Nested<'a> {
    engines: &'a Engines,
    depth: usize,
}

impl Host for Nested<'_> {
    fn call(&self, call: ApiCall) -> ApiResponse {
        let answer = Call::default();
        let nested = Nested { engines: self.engines, depth: self.depth + 1 };
        let content = if self.depth >= 6 {
            json!(["bottom"])
        } else {
            let run = answer.run_with(self.engines, &answer.script(NESTING), &nested);
            finished(run).returned.unwrap_or_default()
        };
        ApiResponse { status_code: 200, content, content_type: Some(call.path), headers: Default::default() }
    }

    fn session(&self) -> Value {
        Value::Null
    }

    fn config(&self) -> Value {
        Value::Null
    }

    fn lookup(&self, _: &str) -> Option<String> {
        None
    }

    fn library(&self, _: &str, _: &str) -> Result<Library, String> {
        Err(String::new())
    }
}

const NESTING: &str = "const below = platform.api.get('again').content; return [...below, below.length]";

#[test]
fn scripts_nest_through_their_calls_on_one_small_thread() {
    let engines = Engines::new(&Limits::default());
    let work = || {
        let call = Call::default();
        for _ in 0..5 {
            let run = call.run_with(&engines, &call.script(NESTING), &Nested { engines: &engines, depth: 0 });
            assert_eq!(finished(run).returned, Some(json!(["bottom", 1, 2, 3, 4, 5, 6, 7])));
        }
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(2 << 20).spawn_scoped(scope, work).unwrap().join().unwrap();
    });
    assert_eq!(engines.stats().built, 7);
}
