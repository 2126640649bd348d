//! From an event and its script to a job.

use super::options::{expand, printable};
use super::payload::{Identity, JobKind, JobPayload, SavedRequest, SavedResponse, SavedScript};
use super::{JobOptions, Jobs};
use crate::Frame;
use crate::scripts::{SecrecyOf, masked};
use antiphon_model::{Limits, Request, Response, Result, Session, Value, json};
use antiphon_queue::{Job, JobId};
use antiphon_script::Script;
use std::sync::Arc;

/// A job that is ready to be sealed.
#[derive(Clone)]
pub(crate) struct PreparedJob {
    pub connection: Option<String>,
    pub job: Job,
    pub payload: Vec<u8>,
}

/// A script that is to run later, and on what.
pub(crate) struct Later<'a> {
    pub kind: JobKind,
    pub script: &'a Script,
    /// Whether the script is there with its text; otherwise the job takes that of its time.
    pub has_text: bool,
    /// Full name of the event.
    pub event: &'a str,
    /// `event.resource`.
    pub resource: &'a Value,
    /// `event.limit`.
    pub limit: Option<&'a Value>,
    /// The service that is called, as stored.
    pub service: &'a str,
    pub request: &'a Request,
    /// What of the request's body scripts must not see.
    pub secrecy: Option<SecrecyOf>,
    pub response: Option<&'a Response>,
    pub is_final: bool,
    pub session: &'a Session,
    pub frame: Option<&'a Arc<Frame>>,
}

impl Later<'_> {
    /// The job, with that identifier.
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn prepare(&self, id: JobId, limits: &Limits) -> Result<PreparedJob> {
        let options = JobOptions::of(&self.script.config, limits);
        let mut above: Vec<String> = Vec::new();
        let mut frame = self.frame;
        while let Some(current) = frame {
            above.push(current.script().to_owned());
            frame = current.above();
        }
        above.reverse();
        let payload = JobPayload {
            kind: self.kind,
            event: self.event.to_owned(),
            service: self.service.to_owned(),
            resource: self.resource.clone(),
            limit: self.limit.cloned(),
            script: self.has_text.then(|| SavedScript::of(self.script)),
            request: SavedRequest::of(self.request, masked(self.request, self.secrecy, false)),
            response: self.response.map(SavedResponse::of),
            is_final: self.is_final,
            identity: Identity::of(self.session, self.request.requestor),
            refused: None,
            above,
        };
        let job = job(id, &self.script.name, self.event, &options, limits, &payload);
        let payload = payload.to_bytes(self.session.session_token.as_deref())?;
        Ok(PreparedJob { connection: options.connection, job, payload })
    }
}

/// The envelope of a job.
fn job(id: JobId, script: &str, event: &str, options: &JobOptions, limits: &Limits, payload: &JobPayload) -> Job {
    let key = |template: &Option<String>| {
        let template = template.as_deref()?;
        match template.contains('{') {
            true => expand(template, &values(payload), limits),
            false => Some(template.to_owned()),
        }
    };
    Job {
        id,
        queue: options.queue.clone(),
        // Part of an event's name is what the caller wrote.
        script: printable(script),
        event: printable(event),
        priority: options.priority,
        delay_ms: options.delay_ms,
        order_key: key(&options.order_key),
        dedup_key: key(&options.dedup_key),
        concurrency: options.concurrency,
        tries: options.tries,
        backoff_ms: options.backoff_ms,
        backoff_max_ms: options.backoff_max_ms,
        created_ms: antiphon_queue::Clock::default().now_ms(),
    }
}

/// What keys may name: the event as scripts see it.
fn values(payload: &JobPayload) -> Value {
    let content = payload.response.as_ref().map(|response| match &response.content {
        super::SavedContent::Value(value) => value.clone(),
        super::SavedContent::Text(text) => Value::String(text.clone()),
        _ => Value::Null,
    });
    json!({
        "resource": payload.resource,
        "request": {
            "method": payload.request.method,
            "parameters": payload.request.parameters,
            "payload": payload.request.payload,
        },
        "response": { "content": content },
        "user_id": payload.identity.user_id,
    })
}

impl Jobs {
    /// The envelope of a job that no script's configuration describes alone, such as that of a schedule's moment.
    pub fn envelope(&self, id: JobId, script: &str, config: &Value, payload: &JobPayload) -> Job {
        let options = JobOptions::of(config, &self.limits);
        job(id, script, &payload.event, &options, &self.limits, payload)
    }
}
