//! The examples of docs/queue.md, each as it stands there.

use super::jobs::{id, wait_for_jobs};
use crate::support::{Answer, TestApp, Value, json};

const GUIDE: &str = include_str!("../../../docs/queue.md");
const EVENT: &str = "db._table.todo.get.queued";

/// The calls of the guide: method, path, body.
fn examples() -> Vec<(&'static str, &'static str, Value)> {
    let texts = GUIDE.split("```http\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    texts
        .map(|text| {
            let (call, body) = text.split_once('\n').unwrap_or((text, "{}"));
            let (method, path) = call.split_once(' ').unwrap();
            (method, path, serde_json::from_str(body).unwrap_or_else(|error| panic!("{text}: {error}")))
        })
        .collect()
}

/// A new dead letter, and no other.
fn dead_letter(app: &TestApp) -> String {
    app.admin().delete("system/job?filter=status in ('waiting','running','dead')").expect(200);
    app.store(
        EVENT,
        json!({"content": "if (event.request.parameters.fail == '1') throw 'as told';", "config": {"tries": 1}}),
    );
    app.admin().get("db/_table/todo?limit=1&fail=1").expect(200);
    id(&wait_for_jobs(app, "status='dead'", 1)[0])
}

#[test]
fn every_example_does_what_it_says() {
    let app = TestApp::start();
    let mut schedule = Value::Null;
    for (method, path, body) in examples() {
        let mut path = path.to_owned();
        if path.contains("{id}") {
            path = path.replace("{id}", &dead_letter(&app));
        }
        let path = path.replace("{schedule}", &schedule.to_string());
        let answer: Answer = app.admin().send_as(method, &path, "application/json", body.to_string().as_bytes());
        assert!((200..300).contains(&answer.status()), "{method} {path}: {answer:?}");
        if method == "POST" && path == "system/schedule" {
            schedule = answer.body()["resource"][0]["id"].clone();
        }
    }
}
