//! The samples of docs/scripting.md, each attached to the event that its first line names.

use crate::queue::support::entries;
use crate::support::{JANE, TestApp, Value, json};

const GUIDE: &str = include_str!("../../docs/scripting.md");

/// The samples' events, titles and texts.
fn samples() -> Vec<(&'static str, &'static str, &'static str)> {
    let texts = GUIDE.split("```js\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    texts
        .map(|text| {
            let heading = text.lines().next().unwrap();
            let (event, title) = heading.strip_prefix("// On ").unwrap().split_once(": ").unwrap();
            (event, title, text)
        })
        .collect()
}

/// A server with the sample of that title attached.
fn with(title: &str) -> TestApp {
    let samples = samples();
    let (event, _, text) =
        samples.iter().find(|sample| sample.1 == title).unwrap_or_else(|| panic!("no sample '{title}'"));
    let app = TestApp::start();
    app.attach(event, text);
    app
}

#[test]
fn every_sample_has_a_story() {
    let here = include_str!("scripting_guide.rs");
    for (_, title, _) in samples() {
        assert!(here.contains(&format!("with(\"{title}\")")), "no story runs the sample '{title}'");
    }
}

#[test]
fn the_calls_of_the_guide_fire_the_events_that_it_says() {
    let app = TestApp::start();
    let table = GUIDE.split("| Call | Events |\n|---|---|\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for row in table.lines() {
        let mut cells = row.trim_matches(['|', ' ']).split(" | ");
        let (call, events) = (cells.next().unwrap().trim_matches('`'), cells.next().unwrap());
        let (verb, path) = call.split_once(' ').unwrap();
        let answer = app.admin().with("X-HTTP-Method", verb).post(&format!("{path}?trace_events=true"), json!({}));
        let trace: Value = serde_json::from_str(answer.header("x-script-trace").unwrap()).unwrap();
        let fired =
            trace["events"].as_array().unwrap().iter().filter_map(|event| event.as_str()?.strip_suffix(".pre_process"));
        let told: Vec<&str> = events.split(", ").map(|event| event.trim_matches('`')).collect();
        assert_eq!(fired.collect::<Vec<_>>(), told, "{call}");
    }
}

#[test]
fn a_script_that_runs_later() {
    let app = with("note new todos in the journal");
    app.user().post("db/_table/todo", json!({"resource": [{"name": "sing"}]})).expect(200);
    assert_eq!(entries(&app, 1), ["new: sing"]);
}

#[test]
fn the_first_script() {
    let app = with("refuse a todo without a name");
    let nameless = json!({"resource": [{"name": "fine"}, {"name": " "}]});
    assert_eq!(app.user().post("db/_table/todo", nameless).refused(400), "A todo needs a name.");
    assert_eq!(app.count("todo"), 3);
    app.user().post("db/_table/todo", json!({"resource": [{"name": "fine"}]})).expect(200);
}

#[test]
fn changing_the_request() {
    let app = with("show open todos only");
    assert_eq!(app.user().get("db/_table/todo").values("id"), [1, 3]);
    assert_eq!(app.user().get("db/_table/todo?filter=id > 1").values("id"), [3]);

    let app = with("sign every new record");
    app.user().post("db/_table/todo", json!({"resource": [{"name": "x"}]})).expect(200);
    assert_eq!(app.todo(4)["note"], format!("by {}", JANE.0));
}

#[test]
fn answering_and_changing_the_answer() {
    let app = with("answer in the service's place");
    let answer = app.user().get("db/_table/todo/42");
    assert_eq!(answer.header("x-answered-by"), Some("script"));
    assert_eq!(answer.expect(418), json!({"answer": 42}));
    assert_eq!(app.user().get("db/_table/todo/1").expect(200)["id"], 1);

    let app = with("keep last names in the house");
    assert_eq!(app.user().get("db/_table/contact").values("last_name"), [json!(null), json!(null)]);
    assert_eq!(app.admin().get("db/_table/contact").values("last_name"), ["Snow", "Stark"]);

    let app = with("say it in other words");
    assert_eq!(app.user().get("db/_table/todo/99").expect(404), json!({"sorry": "There is no todo 99."}));

    let app = with("answer with a summary");
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!({"open": 2, "done": 1}));
}

#[test]
fn refusing() {
    let app = with("only administrators delete");
    let refused = app.user().delete("db/_table/todo?filter=id=1").expect(403);
    assert_eq!(refused["error"]["code"], "delete_refused");
    app.admin().delete("db/_table/todo?filter=id=1").expect(200);
}

#[test]
fn platform_api() {
    let app = with("add the people of the account");
    assert_eq!(app.user().get("db/_table/account/1").expect(200)["people"], json!(["Jon", "Arya"]));

    let app = with("keep a journal of new todos");
    app.user().post("db/_table/todo", json!({"resource": [{"name": "a"}, {"name": "b"}]})).expect(200);
    assert_eq!(app.ran(), ["todo 4 is new", "todo 5 is new"]);

    let app = with("await several calls");
    assert_eq!(app.user().put("db/_table/todo", json!({})).expect(200), "Jon works for Acme.");
}

#[test]
fn platform_session() {
    let app = with("greet whoever logs in");
    let caller = app.anonymous().with("X-DreamFactory-API-Key", app.desk_key());
    let session = caller.post("user/session", json!({"email": JANE.0, "password": JANE.1})).expect(200);
    assert_eq!(session["greeting"], "Welcome Jane, you are a clerk.");
    caller.post("user/session", json!({"email": JANE.0, "password": "wrong-password"})).refused(401);
}

#[test]
fn lookups() {
    let app = with("tell the support address");
    app.admin().post("system/lookup", json!({"resource": [
        {"name": "support_host", "value": "help.example.com"}, {"name": "support_topic", "value": "bills & more", "private": true},
    ]})).expect(201);
    let answer = app.user().get("db/_table/account").expect(200);
    assert_eq!(answer["support"], "https://help.example.com/?q=bills+%26+more");
}
