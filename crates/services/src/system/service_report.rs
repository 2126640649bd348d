//! Who created, changed and deleted services, for `system/service_report` (system-and-users 4.1, 4.6).
//!
//! A row is written in the transaction of the change itself, so the two are there together or not at all.

use antiphon_gateway::Call;
use antiphon_model::{Object, Result, Value};
use antiphon_sql::records::Stage;
use antiphon_sql::statement::Bound;

/// What was done to a service.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Created,
    Modified,
    Deleted,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Action::Created => "created",
            Action::Modified => "modified",
            Action::Deleted => "deleted",
        }
    }
}

/// Writes down what is done to a service, known by its identifier; the newest rows up to the limit stay. Other tables have no report.
///
/// # Errors
/// When the row can't be written; then the change must not be made either.
pub(super) fn note(call: &Call<'_>, stage: &Stage<'_>, action: Action, service: &Object) -> Result<()> {
    let Some(id) = service.get("id").and_then(Value::as_i64).filter(|_| stage.table.name == "service") else {
        return Ok(());
    };
    let text = |text: &str| Bound::Text(text.to_owned());
    let email = call.session.user.as_ref().map_or(Bound::Null, |user| text(&user.email));
    stage.execute(
        "INSERT INTO service_report (service_id, service_name, user_email, action, request_verb) \
         SELECT id, name, ?, ?, ? FROM service WHERE id = ?",
        &[email, text(action.name()), text(call.request.verb.as_str()), Bound::Integer(id)],
    )?;
    let most = i64::try_from(call.gateway.limits().service_report_rows).unwrap_or(i64::MAX);
    stage.execute(
        "DELETE FROM service_report WHERE id <= (SELECT max(id) FROM service_report) - ?",
        &[Bound::Integer(most)],
    )?;
    Ok(())
}
