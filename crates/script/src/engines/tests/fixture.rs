//! One call and one world, as scripts are given them in these tests.

use crate::*;
use antiphon_model::{Headers, Limits, Object, Phase, Value, json};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A call on its way, and what the script reaches of the world.
pub(super) struct Call {
    pub(super) kind: &'static str,
    pub(super) limits: Limits,
    pub(super) phase: Phase,
    pub(super) may_modify: bool,
    pub(super) config: Value,
    pub(super) payload: Value,
    pub(super) content: Vec<u8>,
    pub(super) parameters: Object,
    pub(super) headers: Headers,
    pub(super) resource: Value,
    pub(super) response: Option<Value>,
    pub(super) world: World,
}

/// The world: records what it is asked.
#[derive(Default)]
pub(super) struct World {
    pub(super) calls: Mutex<Vec<ApiCall>>,
    pub(super) sessions: AtomicU64,
}

impl Host for World {
    fn call(&self, call: ApiCall) -> ApiResponse {
        let content = json!({ "resource": [{ "id": 1, "path": call.path }] });
        self.calls.lock().push(call);
        let headers = Headers::from_iter([("x-node".to_owned(), "1".to_owned())]);
        ApiResponse { status_code: 200, content, content_type: None, headers }
    }

    fn session(&self) -> Value {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        json!({ "user": { "email": "ann@example.com" }, "role": { "name": "writer" }, "api_key": "36fd" })
    }

    fn config(&self) -> Value {
        json!({ "version": "1.0", "resources_wrapper": "resource" })
    }

    fn lookup(&self, name: &str) -> Option<String> {
        match name {
            "my_key" => Some("it's \"${1}\" \\".into()),
            "user.email" => Some("mallory".into()),
            "number" => Some("41 + 1".into()),
            _ => None,
        }
    }

    fn library(&self, name: &str, kind: &str) -> Result<Library, String> {
        let source = match name {
            "mine.js" => "exports.twice = n => n * 2; exports.deeper = () => require('lodash').VERSION",
            "prices.ts" => include_str!("prices.ts"),
            "wrong.ts" => "export const a: = 1;",
            "broken.js" => "throw new Error('broken library')",
            _ => return Err(format!("There is no library '{name}'.")),
        };
        Ok(Library {
            name: name.into(),
            version: None,
            kind: if name.ends_with(".ts") { "typescript" } else { kind }.into(),
            source: source.into(),
        })
    }
}

impl Default for Call {
    fn default() -> Call {
        let payload = json!({ "resource": [{ "name": "buy milk", "complete": false }] });
        Call {
            kind: "javascript",
            limits: Limits { script_wall_ms: 5_000, ..Limits::default() },
            phase: Phase::PreProcess,
            may_modify: true,
            config: Value::Null,
            content: payload.to_string().into_bytes(),
            payload,
            parameters: Object::from_iter([("filter".to_owned(), json!("id > 1"))]),
            headers: Headers::from_iter([("host".to_owned(), "api.example.com".to_owned())]),
            resource: json!("todo"),
            response: None,
            world: World::default(),
        }
    }
}

impl Call {
    /// A call whose service has answered.
    pub(super) fn answered() -> Call {
        let response = json!({ "resource": [{ "id": 1, "name": "buy milk" }, { "id": 2, "name": "sleep" }] });
        Call { phase: Phase::PostProcess, response: Some(response), ..Call::default() }
    }

    pub(super) fn script(&self, source: &str) -> Script {
        Script {
            name: "db._table.todo.get.pre_process".into(),
            kind: self.kind.into(),
            source: source.into(),
            config: self.config.clone(),
            allow_event_modification: self.may_modify,
            version: 1,
        }
    }

    pub(super) fn run(&self, source: &str) -> Run {
        self.run_on(&Engines::new(&self.limits), &self.script(source))
    }

    pub(super) fn run_on(&self, engines: &Engines, script: &Script) -> Run {
        self.run_with(engines, script, &self.world)
    }

    pub(super) fn run_with(&self, engines: &Engines, script: &Script, host: &dyn Host) -> Run {
        let headers = Headers::from_iter([("etag".to_owned(), "7".to_owned())]);
        let event = Event {
            name: "db._table.todo.get.pre_process",
            phase: self.phase,
            script_name: "db._table.todo.get.pre_process",
            resource: &self.resource,
            limit: None,
            request: EventRequest {
                api_version: "2.0",
                method: "POST",
                parameters: &self.parameters,
                headers: &self.headers,
                payload: &self.payload,
                content: &self.content,
                content_type: "application/json",
                uri: Some("/api/v2/db/_table/todo?filter=id%20%3E%201"),
                service: Some("db"),
                resource: None,
            },
            response: self.response.as_ref().map(|content| EventResponse {
                status_code: 200,
                content,
                content_type: None,
                format: 201,
                headers: &headers,
            }),
        };
        engines.run(script, &event, host)
    }

    /// The result of a script that must come to its end.
    pub(super) fn finish(&self, source: &str) -> Finished {
        finished(self.run(source))
    }

    /// What a script returns that must come to its end.
    pub(super) fn returned(&self, source: &str) -> Value {
        self.finish(source).returned.unwrap_or_default()
    }

    /// What a script throws that must throw.
    pub(super) fn thrown(&self, source: &str) -> Thrown {
        match self.run(source).outcome {
            Outcome::Threw(thrown) => thrown,
            other => panic!("{source}: {other:?}"),
        }
    }
}

pub(super) fn finished(run: Run) -> Finished {
    match run.outcome {
        Outcome::Finished(finished) => finished,
        other => panic!("{other:?}"),
    }
}
