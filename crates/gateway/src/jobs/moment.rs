//! The moment of a schedule: an event of its own, which no call fires.

use super::JobPayload;
use crate::event_names::FiredEvent;
use crate::jobs::Promised;
use crate::scripts::{EventRunner, Plan, ScriptRunner};
use crate::{Gateway, Ledger, blocking};
use antiphon_model::Result;
use std::sync::Arc;

/// The event of every schedule.
const DOCUMENTED: &str = "system.schedule.{name}.run";

impl Gateway {
    /// Fires `system.schedule.{name}.run`: runs the script of its plain name and queues that of `.queued`. Answers with what was printed.
    ///
    /// # Errors
    /// What the script failed with.
    pub(super) async fn run_moment(self: &Arc<Self>, payload: JobPayload) -> Result<String> {
        self.catch_up()?;
        let JobPayload { event, service, resource, limit, identity, .. } = &payload;
        let session = self.identity().session_of(identity.user_id, identity.app_id, identity.client())?;
        let session = Arc::new(session);
        let request = payload.request.clone().into_request(service, identity.requestor())?;
        let fired = |base: String| FiredEvent { base, resource: resource.clone(), limit: limit.clone() };
        // The documented name, then that of the very schedule.
        let events = [DOCUMENTED.to_owned(), event.clone()].map(fired).into();
        let plan = Plan::of_events(self, events);
        let _permit = self.script_permit_of_job().await;
        let runner = ScriptRunner { gateway: self, session: &session, frame: None, service, secrecy: None };
        let runner = EventRunner { runner, plan: &plan };
        let mut ledger = Ledger::default();
        let later = blocking(|| match runner.base(&request, None, &mut ledger) {
            // It is tried again; what follows it follows when it did well.
            Some(error) => Err(error),
            None => Ok(runner.queued(&request, None, &Promised::default(), &mut ledger)),
        })?;
        self.entrust(later, &mut ledger).await;
        Ok(ledger.output())
    }
}
