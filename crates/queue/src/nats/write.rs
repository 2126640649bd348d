//! Writes commands to the log: those that come while others are under way go together in one message.

use super::command::{Command, Message};
use super::core::{Core, Proposal};
use super::error::refused;
use super::link::Kind;
use crate::{QueueError, QueueResult};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Messages under way at one time: enough that the server is never idle, few enough that commands gather.
const UNDER_WAY: usize = 4;
/// Most bytes of one message, so that a large one holds nobody up for long.
const MESSAGE: usize = 256 << 10;
/// The number of commands of which nobody waits for the outcome.
const NOBODY: u64 = 0;
/// What a message and each command have around their text.
pub const FRAME: usize = 128;

/// Writes what is proposed, for ever.
pub async fn write(core: Arc<Core>, by: String, mut proposals: mpsc::Receiver<Proposal>) {
    let mut under_way = FuturesUnordered::new();
    let mut next: Option<Proposal> = None;
    loop {
        tokio::select! {
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            first = take(&mut next, &mut proposals), if under_way.len() < UNDER_WAY => {
                let Some(first) = first else { return };
                let batch = gather(first, &mut next, &mut proposals, MESSAGE.min(core.link.room()));
                under_way.push(send(&core, &by, batch));
            }
        }
    }
}

async fn take(next: &mut Option<Proposal>, proposals: &mut mpsc::Receiver<Proposal>) -> Option<Proposal> {
    match next.take() {
        Some(proposal) => Some(proposal),
        None => proposals.recv().await,
    }
}

/// What waits, as much as goes into one message; `next` is what no longer did.
fn gather(
    first: Proposal,
    next: &mut Option<Proposal>,
    proposals: &mut mpsc::Receiver<Proposal>,
    room: usize,
) -> Vec<(u64, String)> {
    let mut bytes = 2 * FRAME + first.text.len();
    let mut batch = vec![(first.number, first.text)];
    while let Ok(proposal) = proposals.try_recv() {
        bytes += FRAME + proposal.text.len();
        if bytes > room {
            *next = Some(proposal);
            break;
        }
        batch.push((proposal.number, proposal.text));
    }
    batch
}

async fn send(core: &Core, by: &str, batch: Vec<(u64, String)>) {
    // Who waits is told when it comes back in the log.
    if let Err(error) = publish(core, by, &batch).await {
        let numbers: Vec<u64> = batch.iter().map(|(number, _)| *number).collect();
        core.view.fail(&numbers, &error);
    }
}

/// Publishes to the log, at the cost of what was set aside when there is no room: jobs must be able to end, which makes room.
async fn publish(core: &Core, by: &str, batch: &[(u64, String)]) -> QueueResult<u64> {
    let subject = core.link.subject(Kind::Log);
    let identifier = format!("{by}.{}", batch.first().map_or(0, |(number, _)| *number));
    let bytes = Bytes::from(Message::bytes(by, batch));
    match core.link.publish(&subject, bytes.clone(), &identifier).await {
        Err(error @ QueueError::Full(_)) => {
            if !core.link.clear(Kind::Reserve).await? {
                return Err(error);
            }
            tracing::warn!(%error, "no more jobs are taken in until there is room");
            let text = serde_json::to_string(&Command::Reserve { is_there: false }).map_err(|error| refused(&error))?;
            let told = Message::bytes(by, &[(NOBODY, text)]);
            core.link.publish(&subject, told.into(), &format!("{identifier}.reserve")).await?;
            core.link.publish(&subject, bytes, &identifier).await
        }
        published => published,
    }
}
