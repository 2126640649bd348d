//! A script that answers in a service's place (events-and-scripting 2.3, 5.2).

use super::{Occasion, ScriptRunner, outcome};
use crate::blocking::wait_for;
use crate::event_names::fired_events;
use crate::jobs::{JobKind, Later};
use crate::nested::{is_too_deep, recursion_error};
use crate::{Call, ScriptOrigin};
use antiphon_model::{Content, Error, Phase, Response, Result, Value};
use antiphon_queue::{Enqueued, JobId};
use antiphon_script::Script;
use std::sync::Arc;
use tokio::runtime::Handle;

impl Call<'_> {
    /// The answer of a script to this call: what it returns, or what it made of `event.response`. It runs like the scripts of
    /// events, within the same limits, and the ledger tells of it. Blocks.
    ///
    /// # Errors
    /// What the script threw, or why it was stopped or could not run; 503 when its text is kept elsewhere and can't be read.
    pub fn run_script(&self, script: &Arc<Script>, origin: &ScriptOrigin) -> Result<Response> {
        let Call { gateway, entry, request, session, frame, .. } = *self;
        let script = &gateway.with_text(script, origin, frame)?;
        let runner = ScriptRunner { gateway, session, frame, service: &entry.name, secrecy: None };
        let name = &self.first_event();
        let resource = Value::String(request.resource.clone());
        let occasion = Occasion { name, phase: Phase::Service, resource: &resource, limit: None };
        let given = Response { content: Content::Value(Value::Null), ..Response::ok(Value::Null) };
        let (run, mut record) = runner.run(script, &occasion, request, Some(&given));
        if request.parameters.contains_key("log_output") && !request.flag("log_output") {
            record.output.clear();
        }
        self.ledger.lock().ran(record);
        outcome::answer_of_service(run, given)
    }

    /// Lets a script answer this call later: what it answers is nobody's. Gives the identifier of its job, or of the one that waits or
    /// runs with the same `dedup_key`. Blocks.
    ///
    /// # Errors
    /// 503 when the queue takes no jobs; when the script's text is kept elsewhere and can't be read.
    pub fn run_script_later(&self, script: &Arc<Script>, origin: &ScriptOrigin) -> Result<JobId> {
        let Call { gateway, entry, request, session, frame, .. } = *self;
        let jobs = gateway.jobs().ok_or_else(|| Error::unavailable("This process has no queue.", 60))?;
        if is_too_deep(gateway.limits(), frame, &script.name) {
            return Err(recursion_error());
        }
        let script = &gateway.with_text(script, origin, frame)?;
        let given = Response { content: Content::Value(Value::Null), ..Response::ok(Value::Null) };
        let later = Later {
            kind: JobKind::Service,
            script,
            has_text: true,
            event: &self.first_event(),
            resource: &Value::String(request.resource.clone()),
            limit: None,
            service: &entry.name,
            request,
            secrecy: None,
            response: Some(&given),
            is_final: true,
            session,
            frame,
        };
        let prepared = later.prepare(JobId::new(), gateway.limits())?;
        let id = prepared.job.id.clone();
        Ok(match wait_for(&Handle::current(), jobs.entrust(prepared))? {
            Enqueued::Stored | Enqueued::Known => id,
            Enqueued::Duplicate(other) => other,
        })
    }

    /// The event under whose name a script answers.
    fn first_event(&self) -> String {
        let Call { entry, matched, request, .. } = *self;
        let events = fired_events(&entry.name, matched, &request.resource, request.verb, |_| Some(()));
        events.into_iter().next().map_or_else(String::new, |(event, ())| event.base)
    }
}
