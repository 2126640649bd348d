//! A script that answers in a service's place (events-and-scripting 2.3, 5.2).

use super::{Occasion, ScriptRunner, outcome};
use crate::event_names::fired_events;
use crate::{Call, ScriptOrigin};
use antiphon_model::{Content, Phase, Response, Result, Value};
use antiphon_script::Script;
use std::sync::Arc;

impl Call<'_> {
    /// The answer of a script to this call: what it returns, or what it made of `event.response`. It runs like the scripts of
    /// events, within the same limits, and the ledger tells of it. Blocks.
    ///
    /// # Errors
    /// What the script threw, or why it was stopped or could not run; 503 when its text is kept elsewhere and can't be read.
    pub fn run_script(&self, script: &Arc<Script>, origin: &ScriptOrigin) -> Result<Response> {
        let Call { gateway, entry, request, session, matched, frame, .. } = *self;
        let script = &gateway.with_text(script, origin, frame)?;
        let runner = ScriptRunner { gateway, session, frame, service: &entry.name, secrecy: None };
        let events = fired_events(&entry.name, matched, &request.resource, request.verb, |_| Some(()));
        let name = events.first().map_or("", |(event, ())| event.base.as_str());
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
}
