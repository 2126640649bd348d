//! Runs in the real interpreters of this machine.

use super::fixture::{Call, World, finished};
use crate::*;
use antiphon_model::{Limits, ScriptSettings, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A behaviour in each language: type and text.
type InEach = [(&'static str, &'static str); 3];

fn trusting(limits: &Limits) -> Engines {
    let settings = WorkerSettings { confinement: Confinement::Nothing, ..WorkerSettings::default() };
    Engines::with_workers(limits, settings)
}

fn script(call: &Call, kind: &str, source: &str) -> Script {
    Script { kind: kind.into(), ..call.script(source) }
}

fn run(engines: &Engines, call: &Call, kind: &str, source: &str) -> Run {
    call.run_on(engines, &script(call, kind, source))
}

#[test]
fn edits_calls_sessions_and_prints_work_in_every_language() {
    let sources: InEach = [
        (
            "nodejs",
            "console.log('seen'); const got = await platform.api.get('db/_table/todo'); \
             event.request.parameters.filter = platform.session.user.email + got.content.resource[0].id;",
        ),
        (
            "php",
            "print('seen'); $got = $platform['api']->get('db/_table/todo'); $id = $got['content']['resource'][0]['id']; \
             $event['request']['parameters']['filter'] = $platform['session']['user']['email'] . $id;",
        ),
        (
            "python3",
            "print('seen')\ngot = platform.api.get('db/_table/todo')\n\
             event.request.parameters.filter = platform.session.user.email + str(got.content.resource[0].id)",
        ),
    ];
    let engines = trusting(&Limits::default());
    for (kind, source) in sources {
        let call = Call::default();
        let run = run(&engines, &call, kind, source);
        assert_eq!(run.output.trim(), "seen", "{kind}: {run:?}");
        let finished = finished(run);
        assert_eq!(finished.edits.request, *json!({"parameters": {"filter": "ann@example.com1"}}).as_object().unwrap());
        assert_eq!(call.world.calls.lock()[0].path, "db/_table/todo", "{kind}");
    }
}

#[test]
fn a_response_is_set_before_and_changed_after_the_service() {
    let before: InEach = [
        ("nodejs", "event.response = {status_code: 403}; event.stop_propagation = true"),
        ("php", "$event['response'] = ['status_code' => 403]; $event['stop_propagation'] = true;"),
        ("python3", "event.response = {'status_code': 403}\nevent.stop_propagation = True"),
    ];
    let after: InEach = [
        ("nodejs", "event.response.content.resource[1].name = 'x'"),
        ("php", "$event['response']['content']['resource'][1]['name'] = 'x';"),
        ("python3", "event.response.content.resource[1].name = 'x'"),
    ];
    let engines = trusting(&Limits::default());
    for (kind, source) in before {
        let edits = finished(run(&engines, &Call::default(), kind, source)).edits;
        assert_eq!((edits.response, edits.response_replaced), (Some(json!({"status_code": 403})), true), "{kind}");
        assert!(edits.stop_propagation && edits.request.is_empty(), "{kind}");
        let reading = Call { may_modify: false, ..Call::default() };
        let edits = finished(run(&engines, &reading, kind, source)).edits;
        assert_eq!((edits.response, edits.response_ignored, edits.stop_propagation), (None, true, true), "{kind}");
    }
    for (kind, source) in after {
        let edits = finished(run(&engines, &Call::answered(), kind, source)).edits;
        assert_eq!(edits.response_changed, ["content"], "{kind}");
        let content = json!({"resource": [{"id": 1, "name": "buy milk"}, {"id": 2, "name": "x"}]});
        assert_eq!(edits.response.unwrap()["content"], content, "{kind}");
    }
}

#[test]
fn an_endless_loop_is_stopped_and_the_next_run_works() {
    let loops: InEach = [("nodejs", "for (;;);"), ("php", "while (true) {}"), ("python3", "while True:\n    pass")];
    let engines = trusting(&Limits { script_wall_ms: 300, ..Limits::default() });
    for (kind, source) in loops {
        let stopped = run(&engines, &Call::default(), kind, source);
        let Outcome::Stopped(StopReason::WallTime, message) = &stopped.outcome else { panic!("{kind}: {stopped:?}") };
        assert!(message.contains("time limit of 300ms"), "{message}");
        assert!(stopped.wall < Duration::from_secs(3), "{kind}: {:?}", stopped.wall);
    }
    let engines = trusting(&Limits { script_cpu_ms: 200, ..Limits::default() });
    for (kind, source) in loops {
        let stopped = run(&engines, &Call::default(), kind, source);
        assert!(matches!(stopped.outcome, Outcome::Stopped(StopReason::CpuTime, _)), "{kind}: {stopped:?}");
        finished(run(&engines, &Call::default(), kind, "return 1;"));
    }
}

#[test]
fn endless_output_is_cut_and_holds_nobody_up() {
    let floods: InEach = [
        ("nodejs", "const s = 'x'.repeat(1e6); for (let i = 0; i < 200; i++) require('fs').writeSync(1, s); return 7"),
        ("php", "for ($i = 0; $i < 200; $i++) { fwrite(STDERR, str_repeat('x', 1000000)); } return 7;"),
        ("python3", "import os\nfor i in range(200):\n    os.write(1, b'x' * 1000000)\nreturn 7"),
    ];
    let engines = trusting(&Limits::default());
    for (kind, source) in floods {
        let run = run(&engines, &Call::default(), kind, source);
        let limit = Limits::default().script_output_bytes;
        assert!(run.output.len() < limit + 100 && run.output.ends_with("was cut.]\n"), "{kind}: {}", run.output.len());
        assert_eq!(finished(run).returned, Some(json!(7)), "{kind}");
    }
}

#[test]
fn syntax_errors_name_the_authors_line() {
    let broken: InEach = [("nodejs", "let a = 1;\nlet = ;"), ("php", "$a = 1;\n$b = ;"), ("python3", "a = 1\nb = = 2")];
    let engines = trusting(&Limits::default());
    for (kind, source) in broken {
        assert_eq!(engines.check(kind, source).unwrap_err().line, 2, "{kind}");
        assert_eq!(engines.check(kind, "return 1;"), Ok(()), "{kind}");
        let Outcome::Failed(error) = run(&engines, &Call::default(), kind, source).outcome else { panic!("{kind}") };
        assert!(error.status == 500 && error.message.contains("at line 2"), "{kind}: {error:?}");
    }
}

#[test]
fn what_a_run_leaves_behind_is_not_there_in_the_next() {
    let pairs: [(&str, &str, &str); 3] = [
        (
            "nodejs",
            "globalThis.left = 1; Array.prototype.left = 1; process.env.LEFT = '1'",
            "return [typeof left, [].left, process.env.LEFT]",
        ),
        (
            "php",
            "$GLOBALS['left'] = 1; define('LEFT', 1); ini_set('precision', '3'); putenv('LEFT=1');",
            "return [isset($GLOBALS['left']), defined('LEFT'), ini_get('precision') === '3', getenv('LEFT')];",
        ),
        (
            "python3",
            "import builtins, os, json\nbuiltins.left = 1\nos.environ['LEFT'] = '1'\njson.left = 1",
            "import builtins, os, json\nreturn [hasattr(builtins, 'left'), os.environ.get('LEFT'), hasattr(json, 'left')]",
        ),
    ];
    let engines = trusting(&Limits { workers_per_language: 1, ..Limits::default() });
    for (kind, leave, look) in pairs {
        let fresh = finished(run(&engines, &Call::default(), kind, look)).returned;
        for _ in 0..3 {
            finished(run(&engines, &Call::default(), kind, leave));
            assert_eq!(finished(run(&engines, &Call::default(), kind, look)).returned, fresh, "{kind}");
        }
    }
}

/// A world in which each call runs another script on the same engines, one level deeper, down to `deepest`.
struct Nested<'a> {
    engines: &'a Engines,
    kind: &'a str,
    depth: u8,
    deepest: u8,
    runs: &'a AtomicU64,
}

impl Host for Nested<'_> {
    fn call(&self, _: ApiCall) -> ApiResponse {
        let call = Call::default();
        let inner = Nested { depth: self.depth + 1, ..*self };
        let source = match (self.kind, inner.depth < self.deepest) {
            (_, false) => "return 1;",
            ("nodejs", _) => "return platform.api.get('db')",
            ("php", _) => "return $platform['api']->get('db');",
            _ => "platform.api.get('db').read()",
        };
        self.runs.fetch_add(1, Ordering::Relaxed);
        finished(call.run_with(self.engines, &script(&call, self.kind, source), &inner));
        ApiResponse { status_code: 200, content: json!(1), content_type: None, headers: Default::default() }
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

    fn depth(&self) -> u8 {
        self.depth
    }
}

#[test]
fn scripts_that_wait_for_inner_ones_leave_workers_for_them() {
    let engines = &trusting(&Limits { workers_per_language: 2, workers_nested: 1, ..Limits::default() });
    let runs = &AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let world = Nested { engines, kind: "python3", depth: 1, deepest: 4, runs };
                let call = Call::default();
                finished(call.run_with(engines, &script(&call, "python3", "platform.api.get('db').read()"), &world));
            });
        }
    });
    assert_eq!(runs.load(Ordering::Relaxed), 4 * 3);
}

#[test]
fn when_all_workers_are_busy_calls_wait_in_order_up_to_a_limit() {
    let limits = Limits { workers_per_language: 1, workers_waiting: 1, script_wall_ms: 1_500, ..Limits::default() };
    let engines = &trusting(&limits);
    finished(run(engines, &Call::default(), "python3", "return 1"));
    let endless = "import time\ntime.sleep(60)";
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || run(engines, &Call::default(), "python3", endless));
        }
        while engines.worker_report().languages.iter().all(|language| language.figures.waiting == 0) {
            std::thread::yield_now();
        }
        let Outcome::Failed(refused) = run(engines, &Call::default(), "python3", "return 1").outcome else { panic!() };
        assert_eq!((refused.status, refused.retry_after), (503, Some(1)));
    });
}

#[test]
fn a_missing_interpreter_is_named_with_what_to_install() {
    let scripts = ScriptSettings { node: Some("/no/such/node".into()), ..ScriptSettings::default() };
    let settings = WorkerSettings { scripts, confinement: Confinement::Nothing, ..WorkerSettings::default() };
    let engines = Engines::with_workers(&Limits::default(), settings);
    let Outcome::Failed(error) = run(&engines, &Call::default(), "nodejs", "return 1").outcome else { panic!() };
    assert!(error.status == 503 && error.message.contains("apt-get install nodejs"), "{error:?}");
    assert_eq!(engines.usable("nodejs").unwrap_err().message, error.message);
    assert_eq!(engines.usable("python3"), Ok(()));
    assert_eq!(engines.check("nodejs", "let = ;"), Ok(()));
}

#[test]
fn types_that_are_switched_off_neither_run_nor_are_stored() {
    let scripts = ScriptSettings { disable: vec!["python3".into()], ..ScriptSettings::default() };
    let settings = WorkerSettings { scripts, confinement: Confinement::Nothing, ..WorkerSettings::default() };
    let engines = Engines::with_workers(&Limits::default(), settings);
    let Outcome::Failed(error) = run(&engines, &Call::default(), "python3", "return 1").outcome else { panic!() };
    assert_eq!((error.status, &*error.message), (503, "Scripting with python3 is disabled for this instance."));
    finished(run(&engines, &Call::default(), "python", "return 1"));
    let scripts = ScriptSettings { disable: vec!["all".into()], ..ScriptSettings::default() };
    let engines = Engines::with_workers(&Limits::default(), WorkerSettings { scripts, ..WorkerSettings::default() });
    let Outcome::Failed(error) = run(&engines, &Call::default(), "javascript", "return 1").outcome else { panic!() };
    assert_eq!(error.message, "All scripting is disabled for this instance.");
    assert_eq!(engines.enabled("sqlite"), Ok(()));
}

#[test]
fn without_word_of_what_confines_them_no_worker_starts() {
    let engines = Engines::new(&Limits::default());
    let Outcome::Failed(error) = run(&engines, &Call::default(), "php", "return 1;").outcome else { panic!() };
    assert_eq!(error.status, 503);
}

#[test]
fn lookups_reach_the_literals_of_every_language() {
    let sources: InEach = [
        ("nodejs", "return 'a {my_key} {unknown} {user.email}'"),
        ("php", "return 'a {my_key} {unknown} {user.email}';"),
        ("python3", "return 'a {my_key} {unknown} {user.email}'"),
    ];
    let engines = trusting(&Limits::default());
    for (kind, source) in sources {
        let expected = json!("a it's \"${1}\" \\ {unknown} {user.email}");
        assert_eq!(finished(run(&engines, &Call::default(), kind, source)).returned, Some(expected), "{kind}");
        let off = Call { config: json!({"lookups": "off"}), world: World::default(), ..Call::default() };
        let as_is = json!("a {my_key} {unknown} {user.email}");
        assert_eq!(finished(run(&engines, &off, kind, source)).returned, Some(as_is), "{kind}");
        let raw = Call { config: json!("{\"lookups\": \"raw\"}"), ..Call::default() };
        let source = "return {number};";
        assert_eq!(finished(run(&engines, &raw, kind, source)).returned, Some(json!(42)), "{kind}");
    }
}
