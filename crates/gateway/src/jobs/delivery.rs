//! Jobs on their way into their queues.

use super::{Envelope, JobPayload, Jobs, Outbox};
use antiphon_model::{Error, OutboxMessage, Result};
use antiphon_queue::{NewJob, QueueError, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A job that an outbox has, in its latest form.
pub(super) struct Letter {
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) message: OutboxMessage,
    /// Whether the outbox has it in another form, or lost it.
    pub(super) is_new: bool,
}

/// Bytes of what it carries.
pub(super) fn weight(letter: &Letter) -> usize {
    letter.message.payload.len()
}

/// A job that its queue is asked to take in.
struct Sent {
    letter: Letter,
    job: NewJob,
}

/// What became of jobs.
#[derive(Default)]
pub(super) struct Delivered {
    /// They are in their queues, and can be removed where they were left behind.
    pub(super) done: Vec<Letter>,
    /// They have to wait.
    pub(super) kept: Vec<Letter>,
}

/// Puts jobs into their queues. Those have to wait whose connection is `down`, or turns out to be.
pub(super) async fn deliver(jobs: &Arc<Jobs>, letters: Vec<Letter>, down: &mut BTreeSet<String>) -> Delivered {
    let mut by_connection: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
    let mut done = Vec::new();
    for letter in letters {
        match new_job(&letter.message) {
            Ok((connection, job)) => {
                let (connection, _) = jobs.queues.store(connection.as_deref());
                by_connection.entry(connection.to_owned()).or_default().push(Sent { letter, job });
            }
            Err(error) => {
                tracing::error!(id = letter.message.id, %error, "what was left behind is no job, and is removed");
                done.push(letter);
            }
        }
    }
    let mut kept = Vec::new();
    for (connection, sent) in by_connection {
        if down.contains(&connection) {
            kept.extend(sent.into_iter().map(|sent| sent.letter));
            continue;
        }
        let (_, store) = jobs.queues.store(Some(&connection));
        let batch = sent.iter().map(|sent| sent.job.clone()).collect();
        match store.enqueue(batch).await {
            Ok(_) => done.extend(sent.into_iter().map(|sent| sent.letter)),
            Err(QueueError::Refused(_)) => {
                for sent in sent {
                    one_by_one(jobs, &**store, sent, &mut done, &mut kept).await;
                }
            }
            Err(error) => {
                tracing::warn!(connection, %error, "the queue takes no jobs; they wait where they were left behind");
                kept.extend(sent.into_iter().map(|sent| sent.letter));
                down.insert(connection);
            }
        }
    }
    Delivered { done, kept }
}

/// One job of a batch that was refused for one of them. The refused one becomes a job that says so: a dead letter that people find.
async fn one_by_one(jobs: &Jobs, store: &dyn Store, sent: Sent, done: &mut Vec<Letter>, kept: &mut Vec<Letter>) {
    let Sent { letter, job } = sent;
    let refusal = match store.enqueue(vec![job.clone()]).await {
        Ok(_) => return done.push(letter),
        Err(QueueError::Refused(reason)) => reason,
        Err(_) => return kept.push(letter),
    };
    tracing::error!(job = %job.job.id, script = job.job.script, reason = refusal, "the queue refuses a job; a dead letter tells of it");
    match refused_job(jobs, job, &refusal) {
        Ok(notice) => match store.enqueue(vec![notice]).await {
            Ok(_) => done.push(letter),
            Err(_) => kept.push(letter),
        },
        Err(error) => {
            tracing::error!(%error, "the refused job stays where it was left behind");
            kept.push(letter);
        }
    }
}

/// What is left of a job that its queue refuses: its script's name and the reason, without what could be the cause.
fn refused_job(jobs: &Jobs, refused: NewJob, reason: &str) -> Result<NewJob> {
    let NewJob { mut job, .. } = refused;
    job.order_key = None;
    job.dedup_key = None;
    job.queue = super::DEFAULT_QUEUE.to_owned();
    job.script = printable(&job.script);
    job.event = printable(&job.event);
    let payload = JobPayload::refused(&job.script, &job.event, reason);
    Ok(NewJob { job, payload: jobs.seal(&payload)?.into() })
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(255).collect()
}

fn new_job(message: &OutboxMessage) -> Result<(Option<String>, NewJob)> {
    let envelope: Envelope =
        serde_json::from_str(&message.envelope).map_err(|error| Error::internal("No envelope.", error))?;
    Ok((envelope.connection, NewJob { job: envelope.job, payload: message.payload.clone().into() }))
}
