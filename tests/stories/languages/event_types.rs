//! The types of an event, for editors: `system/event/{event_name}?types=typescript`.

use crate::support::{TestApp, Value};
use std::process::Command;

/// The declarations for an event, as text.
fn types(app: &TestApp, event: &str) -> String {
    let answer = app.admin().get(&format!("system/event/{event}?types=typescript")).expect(200);
    match answer {
        Value::String(text) => text,
        other => panic!("{other}"),
    }
}

#[test]
fn types_follow_the_schema_of_the_table() {
    let app = TestApp::start();
    let text = types(&app, "db._table.todo.post.pre_process");
    for line in [
        "resource: Array<",
        "  note?: string | null;",
        "  name: string;",
        "declare const event: ScriptEvent;",
        "  response?: any;",
        "declare const platform: Platform;",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    assert!(
        !text.contains("first_name?: string | null;\n  last_name?: string | null;\n  phone"),
        "other tables are not needed: {text}"
    );
    let after = types(&app, "db._table.todo.get.post_process");
    for line in ["response: EventResponse;", "& PlatformFailure;", "  filter?: any;"] {
        assert!(after.contains(line), "{line} is missing in {after}");
    }
}

#[test]
fn events_that_there_are_not_have_no_types() {
    let app = TestApp::start();
    for event in ["nosuch.get.pre_process", "db._nothing.get", "db._table.todo.teapot"] {
        app.admin().get(&format!("system/event/{event}?types=typescript")).expect(404);
    }
    app.admin().get("system/event/db._table.todo.get?types=cobol").expect(400);
}

/// Whether the real compiler takes a script with these declarations; none when nobody named the compiler (`make test` does).
fn compiles(declarations: &str, script: &str) -> Option<bool> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (event, script) = (file("event.d.ts", declarations), file("script.ts", script));
    let compiler = std::env::var_os("ANTIPHON_TEST_TSC")?;
    let arguments = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023"];
    let output = Command::new(compiler).args(arguments).args([event, script]).output().unwrap();
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    }
    Some(output.status.success())
}

#[test]
fn the_compiler_takes_right_scripts_and_refuses_wrong_ones() {
    let app = TestApp::start();
    let before = types(&app, "db._table.todo.post.pre_process");
    let right = "const note: string | null | undefined = event.request.payload.resource[0].note;
        for (const todo of event.request.payload.resource) todo.name = (todo.name ?? '').trim();
        event.request.parameters.fields = '*';
        event.response = { status_code: 400, content: { note } };
        const answer = platform.api.get('db/_table/todo', null, { parameters: { limit: 1 } });
        if (platform.session.user?.is_sys_admin) console.log(answer.content.resource);";
    let Some(taken) = compiles(&before, right) else { return };
    assert!(taken, "{before}");
    for wrong in [
        "event.request.payload.resource[0].notee;",
        "const note: number = event.request.payload.resource[0].note;",
        "event.request.method = 'POST';",
        "platform.session.user.email;",
        "platform.api.fetch('x');",
    ] {
        assert_eq!(compiles(&before, wrong), Some(false), "{wrong}");
    }
    let after = types(&app, "db._table.todo.get.post_process");
    assert_eq!(
        compiles(
            &after,
            "for (const todo of event.response.content.resource) todo.note = null; event.response.content.error?.message;"
        ),
        Some(true),
        "{after}"
    );
}
