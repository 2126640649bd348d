//! Jobs that a call promises: their identifiers exist before the service is called, so that its write can leave them behind.

use super::{Jobs, Outbox, PreparedJob};
use crate::scripts::EventRunner;
use crate::{Call, CarriedWrite};
use antiphon_model::{OutboxMessage, Request, Response, Result, Value};
use antiphon_queue::JobId;
use parking_lot::Mutex;
use std::sync::Arc;

/// What became of the write that was to carry the jobs.
#[derive(Clone, Default)]
pub(crate) enum Fate {
    /// There was none, or it could not carry them.
    #[default]
    NotWritten,
    /// It was undone: the jobs are gone with it.
    Undone,
    /// It is committed, and they are in that outbox.
    Committed(Arc<dyn Outbox>),
}

/// The jobs of one call, in the order of its events. Whatever becomes of the call, they are not lost: when nobody takes them on, the relay
/// does, as the write left them.
#[derive(Default)]
pub(crate) struct Promised {
    jobs: Option<Arc<Jobs>>,
    ids: Vec<JobId>,
    fate: Mutex<Fate>,
}

impl Promised {
    /// Identifiers for that many jobs.
    pub(crate) fn new(jobs: Option<&Arc<Jobs>>, count: usize) -> Promised {
        match count {
            0 => Promised::default(),
            _ => Promised {
                jobs: jobs.cloned(),
                ids: (0..count).map(|_| JobId::new()).collect(),
                fate: Mutex::default(),
            },
        }
    }

    /// The identifier of the job of that event; a new one when none was promised.
    pub(crate) fn id(&self, index: usize) -> JobId {
        self.ids.get(index).cloned().unwrap_or_else(JobId::new)
    }

    /// What became of the write; whoever asks takes the jobs on.
    pub(crate) fn take_fate(&self) -> Fate {
        std::mem::take(&mut *self.fate.lock())
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        if let (Fate::Committed(outbox), Some(jobs)) = (self.take_fate(), &self.jobs) {
            jobs.abandoned(outbox, std::mem::take(&mut self.ids));
        }
    }
}

/// What follows the write of a call: the jobs of its queued scripts, and of those of the writes that it carries along.
pub struct CallFollowup<'a> {
    jobs: &'a Jobs,
    /// Each with what it is answered with; none for the call itself, whose answer the service tells.
    writes: Vec<(EventRunner<'a>, &'a Request, &'a Promised, Option<Response>)>,
}

impl<'a> CallFollowup<'a> {
    /// What follows the write of that call; none when nothing does.
    pub fn of(call: &'a Call<'a>, carried: &'a [CarriedWrite]) -> Option<CallFollowup<'a>> {
        let jobs = call.gateway.jobs()?;
        let own = (call.event_runner(call.plan, call.matched), call.request, call.promised, None);
        let others = carried.iter().map(|write| write.promising(call));
        let writes: Vec<_> = std::iter::once(own).chain(others).filter(|write| !write.2.ids.is_empty()).collect();
        (!writes.is_empty()).then_some(CallFollowup { jobs, writes })
    }

    /// What the write is to leave behind; `answer` is what the service answers, as far as it knows that by then.
    ///
    /// # Errors
    /// When a job can't be written down.
    pub fn messages(&self, answer: &Value) -> Result<Vec<OutboxMessage>> {
        let answered = Response::ok(answer.clone());
        let mut messages = Vec::new();
        for (runner, request, promised, own) in &self.writes {
            let response = own.as_ref().unwrap_or(&answered);
            let prepared: Vec<PreparedJob> = runner.jobs(request, Some(response), promised, false)?;
            for job in &prepared {
                messages.push(self.jobs.message(job, false)?);
            }
        }
        Ok(messages)
    }

    /// The write is committed, with its messages in that outbox.
    pub fn committed(&self, outbox: &Arc<dyn Outbox>) {
        self.set(|| Fate::Committed(Arc::clone(outbox)));
    }

    /// The write was undone.
    pub fn undone(&self) {
        self.set(|| Fate::Undone);
    }

    fn set(&self, fate: impl Fn() -> Fate) {
        self.writes.iter().for_each(|write| *write.2.fate.lock() = fate());
    }
}
