//! Events of type `service`: something happened, and no call stands for it (events-and-scripting 1.5). Only the plain name and
//! `.queued` can have scripts, and there is no response that a script could change.

use super::{EventRunner, Plan, ScriptRunner, SecrecyOf};
use crate::event_names::FiredEvent;
use crate::jobs::Promised;
use crate::rate::{BucketKey, RateLimit, Refusal};
use crate::{Gateway, Ledger, blocking};
use antiphon_model::{Request, Session, json};
use std::sync::Arc;

impl Gateway {
    /// Fires `system.limit.{id}.exceeded` for each limit that refuses for the first time in its window. `secrecy` is that of the
    /// refused call.
    pub(crate) fn announce_refusal(
        self: &Arc<Self>,
        refusal: &Refusal,
        request: &Request,
        session: &Arc<Session>,
        secrecy: Option<SecrecyOf>,
    ) {
        for (limit, bucket) in &refusal.first_time {
            tracing::info!(limit = limit.id, bucket = %limit.key(bucket.user_id), "a limit on calls is exceeded");
            self.fire(exceeded(limit, *bucket), request, session, secrecy);
        }
    }

    /// Runs the scripts of events that no call fires, in the name of `session` and beside the call that caused them: nobody waits
    /// for them. `request` is what caused them.
    fn fire(
        self: &Arc<Self>,
        events: Vec<FiredEvent>,
        request: &Request,
        session: &Arc<Session>,
        secrecy: Option<SecrecyOf>,
    ) {
        let plan = Plan::of_events(self, events);
        if plan.is_empty() {
            return;
        }
        let (gateway, request, session) = (Arc::clone(self), request.clone(), Arc::clone(session));
        tokio::spawn(async move {
            let _permit = match gateway.script_permit(None).await {
                Ok(permit) => permit,
                Err(error) => {
                    tracing::warn!(%error, "the scripts of an event did not run");
                    return;
                }
            };
            let service = request.service.clone();
            let runner = ScriptRunner { gateway: &gateway, session: &session, frame: None, service: &service, secrecy };
            let runner = EventRunner { runner, plan: &plan };
            let mut ledger = Ledger::default();
            let later = blocking(|| {
                runner.base(&request, None, &mut ledger);
                runner.queued(&request, None, &Promised::default(), &mut ledger)
            });
            gateway.entrust(later, &mut ledger).await;
        });
    }
}

/// The documented name, then that of the very limit.
fn exceeded(limit: &RateLimit, bucket: BucketKey) -> Vec<FiredEvent> {
    let mut described = limit.to_value();
    described["cache_key"] = json!(limit.key(bucket.user_id));
    let event = |id: String| FiredEvent {
        base: format!("system.limit.{id}.exceeded"),
        resource: json!(limit.id),
        limit: Some(described.clone()),
    };
    vec![event("{id}".to_owned()), event(limit.id.to_string())]
}
