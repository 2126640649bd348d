//! What `system/schedule` has beside its records.

use super::{SystemService, SystemStore};
use antiphon_gateway::{Call, ServiceEvent, wait_for};
use antiphon_model::{Error, Response, Result, json};
use antiphon_queue::{Clock, JobId};
use tokio::runtime::Handle;

/// Runs a schedule now, beside its moments: answers with the job.
pub(super) fn run(service: &SystemService, call: &Call<'_>, id: &str) -> Result<Response> {
    let unknown = || Error::record_not_found(id);
    let number = id.parse().map_err(|_| unknown())?;
    let schedule = service.store().schedule(number)?.ok_or_else(unknown)?;
    let session = call.session;
    let own = (session.user_id(), session.app.as_ref().map(|app| app.id));
    if !session.is_admin() && own != (schedule.user_id, schedule.app_id) {
        return Err(Error::forbidden(
            "A schedule runs in the name of its user: only administrators may run those of others.",
        ));
    }
    if schedule.user_id.is_none() {
        return Err(Error::new(409, "The user of this schedule was deleted. Give it another one by 'user_id'."));
    }
    let jobs = call.gateway.jobs().ok_or_else(|| Error::unavailable("There is no queue in this process.", 5))?;
    let queued = schedule.enqueue(jobs, JobId::new(), Clock::default().now_ms(), call.gateway.limits());
    let job = wait_for(&Handle::current(), queued)?;
    Ok(Response { status: 202, ..Response::ok(json!({ "id": job.as_str() })) })
}

/// The event that fires at a schedule's moments.
pub(super) fn run_event(store: &SystemStore) -> ServiceEvent {
    let values = store.schedule_names().unwrap_or_else(|error| {
        tracing::warn!(%error, "the events of schedules are listed without their names");
        Vec::new()
    });
    ServiceEvent { path: "schedule.{name}.run", parameter: "name", values }
}
