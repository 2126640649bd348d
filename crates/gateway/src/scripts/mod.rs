//! The scripts of one call: which events fire, in which order their scripts run, and what their outcomes do to the call
//! (events-and-scripting 2.2 to 2.8).

mod outcome;
mod queued;
mod request_merge;
mod response_merge;
mod run;
mod secrecy;
mod service_event;
mod service_script;

pub(crate) use queued::judge_later;
pub(crate) use run::{Occasion, ScriptRunner};
pub(crate) use secrecy::masked;
pub use secrecy::{MASK, Secrecy, SecrecyOf, mask, unmask};

use crate::event_names::{FiredEvent, fired_events};
use crate::failure::report;
use crate::script_index::Attached;
use crate::{Gateway, Ledger, Matched, ScriptRun};
use antiphon_model::{Error, Phase, Request, Response};
use antiphon_script::{Run, Script};
use outcome::Effect;
use std::borrow::Cow;
use std::sync::Arc;

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
    pub runner: ScriptRunner<'a>,
    pub plan: &'a Plan,
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
            if self.runner.secrecy.is_some() {
                secrecy::unmask_changes(&mut effect.request, &request.payload);
            }
            request_merge::apply(request, &effect.request)?;
            if let Some(response) = effect.response {
                answer = Some(response_merge::from_script(&response)?);
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
    /// Events that no call fires have no response. Answers with what a script failed with last: no call can be told.
    pub(crate) fn base(&self, request: &Request, response: Option<&Response>, ledger: &mut Ledger) -> Option<Error> {
        let mut failure = None;
        for (event, attached) in &self.plan.events {
            let Some((script, run)) = self.run(event, attached, Phase::Base, request, response, ledger) else {
                continue;
            };
            match outcome::interpret(&script, Phase::Base, run, ledger) {
                Ok(effect) if effect.stop_propagation => return failure,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(target: "antiphon::script", script = %script.name, %error, "a script failed after the call");
                    failure = Some(error);
                }
            }
        }
        failure
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
            ledger.ran(ScriptRun::skipped(&script, "skipped: inactive"));
            return None;
        }
        let script = match self.runner.gateway.with_text(&script, &slot.origin, self.runner.frame) {
            Ok(script) => script,
            Err(error) => return missing(script, phase, error, ledger),
        };
        let name = match phase.suffix() {
            Some(suffix) => Cow::Owned(format!("{}.{suffix}", event.base)),
            None => Cow::Borrowed(event.base.as_str()),
        };
        let occasion = Occasion { name: &name, phase, resource: &event.resource, limit: event.limit.as_ref() };
        let (run, record) = self.runner.run(&script, &occasion, request, response);
        ledger.ran(record);
        Some((script, run))
    }
}

/// What comes of a script without its text: a check that doesn't run must not let calls pass, anything else is logged and passed over.
fn missing(script: Arc<Script>, phase: Phase, error: Error, ledger: &mut Ledger) -> Option<(Arc<Script>, Run)> {
    missing_text(&script, &error);
    if phase != Phase::PreProcess {
        ledger.ran(ScriptRun::skipped(&script, "skipped: its text can't be read"));
        return None;
    }
    let run = Run::failed(error);
    ledger.ran(ScriptRun::skipped(&script, &outcome::name(&run.outcome)));
    Some((script, run))
}

fn missing_text(script: &Script, error: &Error) {
    tracing::error!(target: "antiphon::script", script = %script.name, %error, cause = error.cause, "a linked script can't be read");
}
