//! What people do to jobs and queues.

use super::connections::Connections;
use super::row::{stored, value};
use crate::{Edit, JobId, QueueResult};

/// Takes a waiting or running job out.
pub(super) async fn cancel(connections: &Connections, id: &JobId, shift_ms: i64) -> QueueResult<bool> {
    let row = connections.row("SELECT antiphon_queue.cancel($1::text::uuid, $2)", &[&id.as_str(), &shift_ms]).await?;
    value(&row, 0)
}

/// Changes a waiting job, or lets one that is dead or cancelled wait again.
pub(super) async fn redrive(connections: &Connections, id: &JobId, edit: &Edit, shift_ms: i64) -> QueueResult<bool> {
    let sql = "SELECT antiphon_queue.redrive($1::text::uuid, $2, $3, $4, $5, $6, $7)";
    let payload = edit.payload.as_deref();
    let tries = edit.tries.map(|tries| i64::from(tries.max(1)));
    let delay_ms = stored(edit.delay_ms);
    let row = connections
        .row(sql, &[&id.as_str(), &payload, &edit.priority, &edit.queue, &tries, &delay_ms, &shift_ms])
        .await?;
    value(&row, 0)
}

/// Forgets an ended job but for its identifier.
pub(super) async fn discard(connections: &Connections, id: &JobId) -> QueueResult<bool> {
    let row = connections.row("SELECT antiphon_queue.discard($1::text::uuid)", &[&id.as_str()]).await?;
    value(&row, 0)
}

/// Holds a queue or lets it go on.
pub(super) async fn pause(connections: &Connections, queue: &str, is_paused: bool) -> QueueResult<()> {
    connections.rows("SELECT antiphon_queue.pause($1, $2)", &[&queue, &is_paused]).await.map(drop)
}
