//! What a change or a deletion of its record means for a job.

use super::edit::Wish;
use super::{JOBS, asked, listing, text};
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result};
use antiphon_queue::{JobDetail, JobId, JobStatus, Queues, Store};
use antiphon_sql::records::{RecordRule, Stage};
use std::sync::Arc;

/// Does to jobs what is asked of their records.
pub(super) struct JobRule<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) queues: &'a Queues,
}

impl JobRule<'_> {
    /// The store that has a record's job, and its identifier.
    fn place(&self, existing: &Object) -> Result<(&str, &Arc<dyn Store>, JobId)> {
        let id = text(existing, "id");
        let (connection, store) = self.queues.store(Some(text(existing, "connection")));
        Ok((connection, store, JobId::parse(id).ok_or_else(|| Error::record_not_found(id))?))
    }
}

impl RecordRule for JobRule<'_> {
    fn wants_existing(&self) -> bool {
        true
    }

    fn settable_hidden_fields(&self) -> &[&str] {
        &["delay", "script_version", "request", "response"]
    }

    fn before_update(&self, _stage: &Stage<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        let (connection, store, id) = self.place(existing)?;
        let found = || asked(store.get(&id))?.ok_or_else(|| Error::record_not_found(&id));
        // Clients send whole records back.
        let can_be_asked_for = [JobStatus::Waiting, JobStatus::Cancelled].map(JobStatus::as_str);
        if record.get("status") == existing.get("status") && !can_be_asked_for.contains(&text(record, "status")) {
            record.shift_remove("status");
        }
        let wish = Wish::of(self.call, record)?;
        let before = found()?;
        match wish.status {
            Some(JobStatus::Cancelled) => {
                if !asked(store.cancel(&id))? {
                    return Err(conflict(format!("The job {id} has ended, so it can't be cancelled.")));
                }
            }
            wanted => {
                let status = before.record.status;
                if wanted.is_none() && matches!(status, JobStatus::Dead | JobStatus::Cancelled) {
                    return Err(conflict(format!(
                        "The job {id} is {}. Say \"status\": \"waiting\" to let it run again.",
                        status.as_str()
                    )));
                }
                let can_wait = !matches!(status, JobStatus::Running | JobStatus::Succeeded);
                if !can_wait || !asked(store.redrive(&id, wish.edit(self.call, &before)?))? {
                    let status = found()?.record.status.as_str();
                    return Err(conflict(format!(
                        "The job {id} is {status}: only waiting, dead and cancelled jobs can be changed or run again."
                    )));
                }
            }
        }
        // The record tells what is there now.
        *record = columns(connection, &found()?);
        Ok(())
    }

    fn before_delete(&self, _stage: &Stage<'_>, existing: &Object) -> Result<()> {
        let (_, store, id) = self.place(existing)?;
        let was_open = asked(store.cancel(&id))?;
        // A worker still runs it: its record goes when the time of ended jobs is over.
        match was_open && text(existing, "status") == JobStatus::Running.as_str() {
            true => Ok(()),
            false => asked(store.discard(&id)).map(drop),
        }
    }
}

/// A job's record, without the key.
fn columns(connection: &str, detail: &JobDetail) -> Object {
    let row = listing::row(connection, &detail.record);
    let values = row.as_array().cloned().unwrap_or_default();
    JOBS.columns.iter().map(|(name, _)| (*name).to_owned()).zip(values).skip(1).collect()
}

fn conflict(message: String) -> Error {
    Error::new(409, message)
}
