//! Workers that break the protocol: only their own run fails.

use super::fixture::{Call, finished};
use crate::*;
use antiphon_model::{Limits, ScriptSettings, Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use tempfile::TempDir;

/// An "interpreter" that speaks the protocol, badly. `start` is Python that runs before it is ready; `run` for each frame after
/// that, unless its text is `behave`.
fn interpreter(folder: &TempDir, start: &str, run: &str) -> ScriptSettings {
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let text = format!(
        "#!{}\n\
         import json, os, struct, sys, time\n\
         if '-c' in sys.argv:\n    print(os.path.abspath(sys.argv[0]))\n    print('3.11.0')\n    sys.exit()\n\
         def read():\n    header = os.read(0, 4)\n    if not header:\n        sys.exit()\n    \
         left = struct.unpack('<I', header)[0]\n    body = b''\n    \
         while len(body) < left:\n        body += os.read(0, left - len(body))\n    return json.loads(body)\n\
         def send(frame):\n    body = json.dumps(frame).encode()\n    os.write(0, struct.pack('<I', len(body)) + body)\n\
         def done(**more):\n    send({{'t': 'done', 'clean': True, 'event': {{'stop_propagation': False}}, **more}})\n\
         read()\n{start}\nsend({{'t': 'ready', 'version': '3.11.0'}})\n\
         texts = {{}}\nwhile True:\n    frame = read()\n    source = texts.setdefault(frame.get('text'), frame.get('source', ''))\n    \
         if source == 'behave':\n        done(returned=os.getpid())\n        continue\n{}",
        python.trim(),
        indented(run),
    );
    let path = folder.path().join("python3");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    ScriptSettings { python3: Some(path), ..ScriptSettings::default() }
}

fn engines(scripts: ScriptSettings, limits: &Limits) -> Engines {
    Engines::with_workers(
        limits,
        WorkerSettings { scripts, confinement: Confinement::Nothing, ..WorkerSettings::default() },
    )
}

fn run(engines: &Engines, source: &str) -> Run {
    let call = Call::default();
    let script = Script { kind: "python3".into(), name: source.into(), ..call.script(source) };
    call.run_on(engines, &script)
}

#[test]
fn a_worker_that_breaks_the_protocol_fails_its_own_run_only() {
    let broken = [
        ("os.write(0, b'GET / HTTP/1.1\\r\\n\\r\\n')", "disturbed"),
        ("os.write(0, struct.pack('<I', 0xffffffff))\ntime.sleep(60)", "disturbed"),
        ("send({'t': 'other'})", "disturbed"),
        ("send({'t': 'ready', 'version': '1'})", "disturbed"),
        ("send([1, 2])", "disturbed"),
        ("os.close(0)\ntime.sleep(60)", "ended"),
        ("os.write(2, b'last words')\nos._exit(3)", "ended"),
        ("os.write(0, struct.pack('<I', 100))\nos.write(0, b'{')\nos.abort()", "ended"),
        ("time.sleep(60)", "time limit"),
        ("while True:\n    send({'t': 'print', 'text': 'x' * 1000})", "time limit"),
        ("while True:\n    send({'t': 'call', 'id': 1, 'verb': 'GET', 'path': 'db'})", "time limit"),
    ];
    let folder = TempDir::new().unwrap();
    for (behaviour, expected) in broken {
        let limits = Limits { script_wall_ms: 700, ..Limits::default() };
        let engines = engines(interpreter(&folder, "", behaviour), &limits);
        let told = match run(&engines, "misbehave").outcome {
            Outcome::Failed(error) => error.to_string(),
            Outcome::Stopped(_, message) => message,
            other => panic!("{behaviour}: {other:?}"),
        };
        assert!(told.contains(expected), "{behaviour}: {told}");
        assert!(!behaviour.contains("last words") || told.contains("last words"), "{told}");
        finished(run(&engines, "behave"));
    }
}

#[test]
fn a_worker_that_speaks_out_of_turn_is_not_used_again() {
    let folder = TempDir::new().unwrap();
    // Both at once, so that the second one is there when the next run looks for a worker.
    let twice = "body = json.dumps({'t': 'done', 'clean': True, 'returned': 'forged', 'event': {}}).encode()\n\
        os.write(0, (struct.pack('<I', len(body)) + body) * 2)";
    let settings = interpreter(&folder, "", twice);
    let engines = engines(settings, &Limits::default());
    assert_eq!(finished(run(&engines, "speaks twice")).returned, Some(json!("forged")));
    for _ in 0..3 {
        let next = finished(run(&engines, "behave")).returned;
        assert!(next.as_ref().is_some_and(Value::is_number), "{next:?}");
    }
}

#[test]
fn what_is_called_clean_after_a_warning_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let engines =
        engines(interpreter(&folder, "", "send({'t': 'unclean'})\ndone(returned=os.getpid())"), &Limits::default());
    let first = finished(run(&engines, "a")).returned;
    let second = finished(run(&engines, "b")).returned;
    assert_ne!(first, second);
    let clean = finished(run(&engines, "behave")).returned;
    assert_eq!(finished(run(&engines, "behave")).returned, clean);
}

#[test]
fn an_interpreter_that_does_not_start_is_a_503_that_says_why() {
    let broken = [
        ("sys.stderr.write('no such module')\nsys.exit(1)", "no such module"),
        ("time.sleep(60)", "not ready in time"),
        ("os.write(0, b'\\x02\\x00\\x00\\x00{]')\ntime.sleep(60)", "no JSON"),
    ];
    let folder = TempDir::new().unwrap();
    for (start, expected) in broken {
        let limits = Limits { worker_start_ms: 400, ..Limits::default() };
        let engines = engines(interpreter(&folder, start, ""), &limits);
        let Outcome::Failed(error) = run(&engines, "x").outcome else { panic!("{start}") };
        assert_eq!((error.status, error.retry_after), (503, Some(1)));
        assert!(error.cause.as_deref().unwrap_or_default().contains(expected), "{error}");
    }
}
