//! Sweeping out what jobs leave behind in the table.
//!
//! Every change of a job leaves an old row, and its entries at the head of the indexes, exactly where claims look for the next job. PostgreSQL
//! sweeps by itself, but looks around only once a minute: by then a busy queue has left so much that claims take several times as long.

use super::connections::Connections;
use super::row::value;
use crate::QueueResult;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Whether there is enough to sweep: more than some, and a fifth of what stays, which a sweep reads too. Not soon after the last one, since it may
/// have been for nothing: what somebody's long transaction may still want to see stays.
const IS_DUE: &str = "SELECT n_dead_tup > 10000 + n_live_tup / 5 \
    AND coalesce(greatest(last_vacuum, last_autovacuum) < now() - interval '10 seconds', true) \
    FROM pg_stat_user_tables WHERE schemaname = 'antiphon_queue' AND relname = 'job'";

/// Not the end of the file, which needs a lock that claims would wait for; and not while somebody else does it.
const SWEEP: &str = "VACUUM (SKIP_LOCKED, TRUNCATE off, INDEX_CLEANUP on) antiphon_queue.job";

/// One sweep at a time.
#[derive(Debug)]
pub(super) struct Sweep {
    connections: Arc<Connections>,
    turn: Arc<Semaphore>,
}

impl Sweep {
    pub(super) fn new(connections: Arc<Connections>) -> Sweep {
        Sweep { connections, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Begins to sweep where that is due; nobody waits for it.
    pub(super) async fn when_due(&self) -> QueueResult<()> {
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else { return Ok(()) };
        let rows = self.connections.rows(IS_DUE, &[]).await?;
        let is_due = rows.first().map(|row| value::<bool>(row, 0)).transpose()?;
        if is_due == Some(true) {
            let connections = Arc::clone(&self.connections);
            tokio::spawn(async move {
                if let Err(error) = connections.at_length(SWEEP).await {
                    tracing::debug!(%error, "the queue's table was not swept; PostgreSQL does it by itself, later");
                }
                drop(turn);
            });
        }
        Ok(())
    }
}
