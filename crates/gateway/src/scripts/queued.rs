//! Scripts that run later: which of a call's, and as which jobs.

use super::{EventRunner, Plan, missing_text, outcome};
use crate::event_names::FiredEvent;
use crate::jobs::{Fate, JobKind, Later, PreparedJob, Promised};
use crate::nested::is_too_deep;
use crate::script_index::ScriptSlot;
use crate::{Gateway, Ledger, ScriptOrigin, ScriptRun};
use antiphon_model::{Error, Phase, Request, Response, Result};
use antiphon_queue::Enqueued;
use antiphon_script::{Run, Script};
use std::sync::Arc;

/// A job that nothing carries yet, and the script that it is for.
pub(crate) struct Unentrusted {
    script: Arc<Script>,
    job: PreparedJob,
}

impl Plan {
    /// How many jobs a call makes.
    pub(crate) fn jobs(&self) -> usize {
        self.later().count()
    }

    /// The active queued scripts with their events, in order.
    fn later(&self) -> impl Iterator<Item = (&FiredEvent, &ScriptSlot)> {
        let slots = self.events.iter().filter_map(|(event, attached)| Some((event, attached.phase(Phase::Queued)?)));
        slots.filter(|(_, slot)| slot.is_active)
    }
}

impl EventRunner<'_> {
    /// The jobs of the call's queued scripts, with the promised identifiers.
    ///
    /// # Errors
    /// When one can't be written down.
    pub(crate) fn jobs(
        &self,
        request: &Request,
        response: Option<&Response>,
        promised: &Promised,
        is_final: bool,
    ) -> Result<Vec<PreparedJob>> {
        let later = self.plan.later().enumerate().filter(|(_, (_, slot))| !self.is_too_deep(&slot.script));
        later
            .map(|(index, (event, slot))| self.job(index, event, slot, (request, response), promised, is_final))
            .collect()
    }

    /// Sees the jobs of the call's queued scripts off, when request and response are final. Answers with those that no write carries: somebody
    /// has to entrust them to the queue.
    pub(crate) fn queued(
        &self,
        request: &Request,
        response: Option<&Response>,
        promised: &Promised,
        ledger: &mut Ledger,
    ) -> Vec<Unentrusted> {
        let fate = promised.take_fate();
        let mut unentrusted = Vec::new();
        let mut index = 0;
        for (event, attached) in &self.plan.events {
            ledger.fired(&event.base, Phase::Queued);
            let Some(slot) = attached.phase(Phase::Queued) else { continue };
            if !slot.is_active {
                ledger.ran(ScriptRun::skipped(&slot.script, "skipped: inactive"));
                continue;
            }
            let number = index;
            index += 1;
            if let Some(why) = self.obstacle(&slot.script, &fate) {
                tracing::warn!(target: "antiphon::script", script = %slot.script.name, "no job: {why}");
                ledger.ran(ScriptRun::skipped(&slot.script, &format!("skipped: {why}")));
                continue;
            }
            let job = match self.job(number, event, slot, (request, response), promised, true) {
                Ok(job) => job,
                Err(error) => {
                    not_queued(&slot.script, &error, ledger);
                    continue;
                }
            };
            match (&fate, self.runner.gateway.jobs()) {
                (Fate::Committed(outbox), Some(jobs)) => {
                    ledger.ran(ScriptRun::skipped(&slot.script, &format!("queued: job {}", job.job.id)));
                    jobs.hand_over(outbox, job);
                }
                _ => unentrusted.push(Unentrusted { script: Arc::clone(&slot.script), job }),
            }
        }
        unentrusted
    }

    fn obstacle(&self, script: &Script, fate: &Fate) -> Option<&'static str> {
        match fate {
            _ if self.runner.gateway.jobs().is_none() => Some("this process has no queue"),
            Fate::Undone => Some("the write was undone, and its job with it"),
            _ if self.is_too_deep(script) => Some("its jobs would go on making each other for ever"),
            _ => None,
        }
    }

    /// Scripts that queue each other would never end.
    fn is_too_deep(&self, script: &Script) -> bool {
        is_too_deep(self.runner.gateway.limits(), self.runner.frame, &script.name)
    }

    fn job(
        &self,
        index: usize,
        event: &FiredEvent,
        slot: &ScriptSlot,
        (request, response): (&Request, Option<&Response>),
        promised: &Promised,
        is_final: bool,
    ) -> Result<PreparedJob> {
        let runner = &self.runner;
        // A text that is kept elsewhere can't be fetched while a database is locked; without it the job takes the text of its time.
        let text = match slot.origin {
            ScriptOrigin::Stored => Some(Arc::clone(&slot.script)),
            _ if !is_final => None,
            _ => runner
                .gateway
                .with_text(&slot.script, &slot.origin, runner.frame)
                .inspect_err(|error| missing_text(&slot.script, error))
                .ok(),
        };
        let later = Later {
            kind: JobKind::Event,
            script: text.as_ref().unwrap_or(&slot.script),
            has_text: text.is_some(),
            event: &format!("{}.queued", event.base),
            resource: &event.resource,
            limit: event.limit.as_ref(),
            service: runner.service,
            request,
            secrecy: runner.secrecy,
            response,
            is_final,
            session: runner.session,
            frame: runner.frame,
        };
        later.prepare(promised.id(index), runner.gateway.limits())
    }
}

impl Gateway {
    /// Entrusts jobs to the queue. None of them can fail the call any more.
    pub(crate) async fn entrust(self: &Arc<Self>, unentrusted: Vec<Unentrusted>, ledger: &mut Ledger) {
        let Some(jobs) = self.jobs() else { return };
        for Unentrusted { script, job } in unentrusted {
            let id = job.job.id.clone();
            match jobs.entrust(job).await {
                Ok(Enqueued::Stored | Enqueued::Known) => {
                    ledger.ran(ScriptRun::skipped(&script, &format!("queued: job {id}")));
                }
                Ok(Enqueued::Duplicate(other)) => {
                    ledger.ran(ScriptRun::skipped(&script, &format!("skipped: job {other} has the same dedup_key")));
                }
                Err(error) => not_queued(&script, &error, ledger),
            }
        }
    }
}

/// A script that will not run although its event fired is worth more than a line in the log.
fn not_queued(script: &Script, error: &Error, ledger: &mut Ledger) {
    tracing::error!(target: "antiphon::script", script = %script.name, %error, cause = error.cause, "a job could not be queued");
    ledger.warn(format!("Script '{}' could not be queued: {}", script.name, error.message));
    ledger.ran(ScriptRun::skipped(script, &format!("failed: {}", error.message)));
}

/// Whether a script that ran later did well. What it says of request and response counts for nothing.
///
/// # Errors
/// What it threw or returned as an error, or why it was stopped.
pub(crate) fn judge_later(script: &Script, phase: Phase, run: Run, ledger: &mut Ledger) -> Result<()> {
    match phase {
        Phase::Service => outcome::answer_of_service(run, Response::ok(antiphon_model::Value::Null)).map(drop),
        _ => outcome::interpret(script, phase, run, ledger).map(drop),
    }
}
