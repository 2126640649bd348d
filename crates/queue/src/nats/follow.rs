//! Reads the log.

use super::core::Core;
use super::error::unreachable;
use super::link::Kind;
use super::snapshot;
use crate::{QueueError, QueueResult};
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::ReplayPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// Pause before the log is asked for again.
const AGAIN: Duration = Duration::from_millis(100);

/// Applies the log to what is known, for ever.
pub async fn follow(core: Arc<Core>) {
    loop {
        match read(&core).await {
            Ok(()) => {}
            Err(QueueError::Unreachable(why)) => tracing::debug!(why, "the log of jobs is not delivered"),
            Err(error) => tracing::error!(%error, "the log of jobs can't be read"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Reads until something is lost: messages that have gone, or the connection.
async fn read(core: &Arc<Core>) -> QueueResult<()> {
    let mut connections = core.link.connections();
    connections.mark_unchanged();
    let mut applied = position(core).await?;
    let stream = core.link.handle(Kind::Log).await?;
    let consumer = stream.create_consumer(OrderedConfig {
        deliver_subject: core.link.inbox(),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: applied + 1 },
        replay_policy: ReplayPolicy::Instant,
        ..OrderedConfig::default()
    });
    let consumer = consumer.await.map_err(|error| unreachable(&error))?;
    let mut messages = consumer.messages().await.map_err(|error| unreachable(&error))?;
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            Ok(()) = connections.changed() => return Ok(()),
            () = core.view.outdated.notified() => return Ok(()),
        };
        let message = message.ok_or_else(|| unreachable("the log ended"))?.map_err(|error| unreachable(&error))?;
        let sequence = message.info().map_err(|error| unreachable(&error))?.stream_sequence;
        if sequence <= applied {
            continue;
        }
        if sequence != applied + 1 {
            return Err(unreachable("it was cut off further than it was read"));
        }
        let abandoned = core.view.apply(sequence, &message.payload)?;
        applied = sequence;
        if !abandoned.is_empty() {
            let core = core.clone();
            tokio::spawn(async move { core.release(abandoned).await });
        }
    }
}

/// Where to go on; what is known is loaded anew when the log does not have what follows.
async fn position(core: &Core) -> QueueResult<u64> {
    core.link.make_streams().await?;
    let log = core.link.state(Kind::Log).await?;
    let applied = *core.view.applied().borrow();
    match applied {
        Some(applied) if applied <= log.last_sequence && applied + 1 >= log.first_sequence => Ok(applied),
        _ => {
            let (state, applied, bytes) = snapshot::load(&core.link).await?;
            if applied > log.last_sequence || applied + 1 < log.first_sequence {
                return Err(unreachable("what its log comes to does not fit the log: a stream was deleted or cut off"));
            }
            core.view.load(state, applied, bytes);
            Ok(applied)
        }
    }
}
