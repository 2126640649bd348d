//! Writes commands to the log: those that come while others are under way go together in one message.

use super::command::Message;
use super::core::{Core, Proposal};
use super::link::Kind;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Messages under way at one time: enough that the server is never idle, few enough that commands gather.
const UNDER_WAY: usize = 4;
/// Most bytes of one message, so that a large one holds nobody up for long.
const MESSAGE: usize = 256 << 10;
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
    let numbers: Vec<u64> = batch.iter().map(|(number, _)| *number).collect();
    let identifier = format!("{by}.{}", numbers.first().copied().unwrap_or_default());
    let bytes = Message::bytes(by, &batch).into();
    // Who waits is told when it comes back in the log.
    if let Err(error) = core.link.publish(&core.link.subject(Kind::Log), bytes, &identifier).await {
        core.view.fail(&numbers, &error);
    }
}
