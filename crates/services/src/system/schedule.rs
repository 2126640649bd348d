//! What `system/schedule` has beside its records.

use super::SystemStore;
use antiphon_gateway::ServiceEvent;

/// The event that fires at a schedule's moments.
pub(super) fn run_event(store: &SystemStore) -> ServiceEvent {
    let values = store.schedule_names().unwrap_or_else(|error| {
        tracing::warn!(%error, "the events of schedules are listed without their names");
        Vec::new()
    });
    ServiceEvent { path: "schedule.{name}.run", parameter: "name", values }
}
