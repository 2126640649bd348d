//! The scripts of one call: which events fire, in which order their scripts run, and what their outcomes do to the call
//! (events-and-scripting 2.2 to 2.8).

mod outcome;
mod request_merge;
mod response_merge;
mod secrecy;
mod service_event;

pub use secrecy::{MASK, Secrecy, SecrecyOf, mask, unmask};

use crate::event_names::{FiredEvent, fired_events};
use crate::failure::report;
use crate::nested::recursion_error;
use crate::platform::Platform;
use crate::script_index::Attached;
use crate::{Frame, Gateway, Ledger, Matched, ScriptRun};
use antiphon_model::{Content, Error, Phase, Request, Response, Session, Value};
use antiphon_script::{Event, EventRequest, EventResponse, Outcome, Run, Script};
use outcome::Effect;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// The events of one call with the scripts attached to them.
pub(crate) struct Plan {
    events: Vec<(FiredEvent, Attached)>,
}

impl Plan {
    /// Looks up the scripts of a call. Costs nothing when no script is stored and nobody wants to see the events. A copy has none.
    pub(crate) fn of(gateway: &Gateway, service: &str, matched: &Matched, request: &Request, trace: bool) -> Plan {
        if request.verbatim || matched.route.is_silent() || (gateway.scripts().is_empty() && !trace) {
            return Plan { events: Vec::new() };
        }
        let look_up = |base: &str| gateway.scripts().attached(base).or_else(|| trace.then(Attached::default));
        let events = fired_events(service, matched, &request.resource, request.verb, look_up);
        Plan { events }
    }

    /// Looks up the scripts of events that no call fires.
    pub(crate) fn of_events(gateway: &Gateway, events: Vec<FiredEvent>) -> Plan {
        let attached = |event: FiredEvent| gateway.scripts().attached(&event.base).map(|attached| (event, attached));
        Plan { events: events.into_iter().filter_map(attached).collect() }
    }

    /// Whether nothing is to be done for any event.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Runs the scripts of one call, phase by phase.
pub(crate) struct EventRunner<'a> {
    pub gateway: &'a Arc<Gateway>,
    pub session: &'a Arc<Session>,
    pub frame: Option<&'a Arc<Frame>>,
    pub service: &'a str,
    pub plan: &'a Plan,
    /// What of the body scripts must not see.
    pub secrecy: Option<SecrecyOf>,
}

impl EventRunner<'_> {
    /// Before the service. An error refuses the call; a response answers it in the service's place.
    pub(crate) fn pre_process(&self, request: &mut Request, ledger: &mut Ledger) -> Result<Option<Response>, Error> {
        let mut answer = None;
        for (event, attached) in &self.plan.events {
            let Some((script, run)) = self.run(event, attached, Phase::PreProcess, request, None, ledger) else {
                continue;
            };
            let mut effect = outcome::interpret(&script, Phase::PreProcess, run, ledger)?;
            let stop = effect.stop_propagation;
            if self.secrecy.is_some() {
                secrecy::unmask_changes(&mut effect.request, &request.payload);
            }
            request_merge::apply(request, &effect.request)?;
            if let Some(response) = effect.response {
                answer = Some(response_merge::from_pre_process(&response)?);
            }
            if stop {
                break;
            }
        }
        Ok(answer)
    }

    /// After the service, whatever came of it. An error takes the response's place.
    pub(crate) fn post_process(&self, request: &Request, response: &mut Response, ledger: &mut Ledger) {
        for (event, attached) in &self.plan.events {
            let ran = self.run(event, attached, Phase::PostProcess, request, Some(response), ledger);
            let Some((script, run)) = ran else { continue };
            match outcome::interpret(&script, Phase::PostProcess, run, ledger) {
                Ok(Effect { response: edits, stop_propagation, .. }) => {
                    if let Some(edits) = edits {
                        response_merge::apply(response, &edits);
                    }
                    if stop_propagation {
                        return;
                    }
                }
                Err(error) => {
                    *response = report(&error);
                    return;
                }
            }
        }
    }

    /// The base event, when the response is settled: nothing that a script does can change it any more.
    /// Events that no call fires have no response.
    pub(crate) fn base(&self, request: &Request, response: Option<&Response>, ledger: &mut Ledger) {
        for (event, attached) in &self.plan.events {
            let Some((script, run)) = self.run(event, attached, Phase::Base, request, response, ledger) else {
                continue;
            };
            match outcome::interpret(&script, Phase::Base, run, ledger) {
                Ok(effect) if effect.stop_propagation => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(target: "antiphon::script", script = %script.name, %error, "a script failed after the call");
                }
            }
        }
    }

    /// The queued events. There is no queue in this release, and the ledger says so.
    pub(crate) fn queued(&self, ledger: &mut Ledger) {
        for (event, attached) in &self.plan.events {
            ledger.fired(&event.base, Phase::Queued);
            if let Some(slot) = attached.phase(Phase::Queued) {
                tracing::warn!(target: "antiphon::script", script = %slot.script.name, "queued scripts do not run in this release");
                ledger.ran(record_of(&slot.script, "skipped: queued scripts do not run in this release"));
            }
        }
    }

    fn run(
        &self,
        event: &FiredEvent,
        attached: &Attached,
        phase: Phase,
        request: &Request,
        response: Option<&Response>,
        ledger: &mut Ledger,
    ) -> Option<(Arc<Script>, Run)> {
        ledger.fired(&event.base, phase);
        let slot = attached.phase(phase)?;
        let script = Arc::clone(&slot.script);
        if !slot.is_active {
            ledger.ran(record_of(&script, "skipped: inactive"));
            return None;
        }
        let reentries = self.frame.map_or(0, |frame| frame.count(&script.name));
        let run = if reentries >= usize::from(self.gateway.limits().script_reentry) {
            Run {
                outcome: Outcome::Failed(recursion_error()),
                output: String::new(),
                wall: Duration::ZERO,
                cpu: Duration::ZERO,
            }
        } else {
            self.run_in_engine(event, &script, phase, request, response)
        };
        let record = record_of(&script, &outcome::name(&run.outcome));
        ledger.ran(ScriptRun { wall: run.wall, output: run.output.clone(), ..record });
        Some((script, run))
    }

    fn run_in_engine(
        &self,
        event: &FiredEvent,
        script: &Arc<Script>,
        phase: Phase,
        request: &Request,
        response: Option<&Response>,
    ) -> Run {
        let frame = Frame::push(&script.name, self.frame);
        let host = Platform {
            gateway: self.gateway,
            session: self.session,
            frame: &frame,
            requestor: request.requestor,
            runtime: Handle::current(),
        };
        let name = match phase.suffix() {
            Some(suffix) => format!("{}.{suffix}", event.base),
            None => event.base.clone(),
        };
        let masked = secrecy::masked(request, self.secrecy, script.allow_event_modification);
        let content = match &masked {
            Some(payload) => Cow::Owned(payload.to_string().into_bytes()),
            None => raw_content(request),
        };
        let from_uri = request.uri.as_ref().map(|uri| uri.split_once('?').map_or("", |(_, query)| query));
        let resource = from_uri.map(|query| match query {
            "" => request.resource.clone(),
            query => format!("{}?{query}", request.resource),
        });
        let response_content = response.map(|response| response_value(&response.content));
        let event = Event {
            name: &name,
            phase,
            script_name: &script.name,
            resource: &event.resource,
            limit: event.limit.as_ref(),
            request: EventRequest {
                api_version: "2.0",
                method: request.verb.as_str(),
                parameters: &request.parameters,
                headers: &request.headers,
                payload: masked.as_ref().unwrap_or(&request.payload),
                content: &content,
                content_type: request.content_type.as_deref().unwrap_or("application/json"),
                uri: request.uri.as_deref(),
                service: request.uri.as_ref().map(|_| self.service),
                resource: resource.as_deref(),
            },
            response: response.zip(response_content.as_ref()).map(|(response, content)| EventResponse {
                status_code: response.status,
                content,
                content_type: response.content_type.as_deref(),
                format: if response.content_type.is_none() { 201 } else { 0 },
                headers: &response.headers,
            }),
        };
        self.gateway.engines().run(script, &event, &host)
    }
}

fn record_of(script: &Script, outcome: &str) -> ScriptRun {
    ScriptRun {
        script: script.name.clone(),
        version: script.version,
        outcome: outcome.to_owned(),
        wall: Duration::ZERO,
        output: String::new(),
    }
}

/// The raw body. Calls from inside have none of their own, so theirs is the payload written out.
fn raw_content(request: &Request) -> Cow<'_, [u8]> {
    match request.content.is_empty() && !request.payload.is_null() {
        true => Cow::Owned(request.payload.to_string().into_bytes()),
        false => Cow::Borrowed(&request.content),
    }
}

fn response_value(content: &Content) -> Cow<'_, Value> {
    match content {
        Content::Value(value) => Cow::Borrowed(value),
        other => Cow::Owned(other.to_value()),
    }
}
