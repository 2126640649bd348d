//! Connections to the database, few and used again.

use super::address::Address;
use super::error::{is_conflict, is_lost, pool_error, queue_error};
use super::schema;
use crate::{QueueError, QueueResult};
use antiphon_model::Limits;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// How often a statement is said before its caller is told that it failed; every one may be repeated.
const TRIES: usize = 3;

/// The values of a statement.
pub(super) type Values<'a> = [&'a (dyn ToSql + Sync)];

/// A bounded pool of connections, and the queue's tables behind it.
pub(super) struct Connections {
    pool: Pool,
    longest: Duration,
    has_schema: OnceCell<()>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connections").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Connections {
    /// None is made before it is needed.
    pub(super) fn new(address: Address, limits: &Limits) -> QueueResult<Connections> {
        let longest = Duration::from_millis(limits.queue_timeout_ms);
        let settings = session_settings(longest);
        let prepare_session = Hook::async_fn(move |connection, _| {
            let settings = settings.clone();
            Box::pin(async move { connection.batch_execute(&settings).await.map_err(HookError::Backend) })
        });
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(address.config, address.tls, recycling))
            .max_size(limits.queue_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(longest))
            .create_timeout(Some(longest))
            .recycle_timeout(Some(longest))
            .post_create(prepare_session)
            .build()
            .map_err(|error| QueueError::Refused(format!("connections to PostgreSQL: {error}")))?;
        Ok(Connections { pool, longest, has_schema: OnceCell::new() })
    }

    /// The rows that a statement gives. It is said again when its connection was lost, or another statement was in its way, so it must
    /// be one that may be repeated.
    pub(super) async fn rows(&self, sql: &str, values: &Values<'_>) -> QueueResult<Vec<Row>> {
        let mut tries = 0;
        loop {
            tries += 1;
            let connection = self.ready().await?;
            match timeout(self.patience(), said(&connection, sql, values)).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) if tries < TRIES && is_conflict(&error) => {
                    tracing::debug!(%error, "the queue says a statement again");
                }
                Ok(Err(error)) if tries < TRIES && (connection.is_closed() || is_lost(&error)) => {
                    tracing::debug!(%error, "the queue says a statement again, on another connection");
                    drop(Object::take(connection));
                    // What broke this one broke the others, too, though they may not have noticed yet.
                    self.pool.retain(|_connection, _metrics| false);
                }
                Ok(Err(error)) => return Err(queue_error(&error)),
                Err(_elapsed) => {
                    // Nobody knows what it still does: it must not serve anybody else.
                    drop(Object::take(connection));
                    return Err(QueueError::Unreachable("PostgreSQL does not answer".to_owned()));
                }
            }
        }
    }

    /// The one row of a statement that gives one.
    pub(super) async fn row(&self, sql: &str, values: &Values<'_>) -> QueueResult<Row> {
        let row = self.rows(sql, values).await?.pop();
        row.ok_or_else(|| QueueError::Refused("PostgreSQL gave no row where there is always one".to_owned()))
    }

    /// Runs a statement that gives no rows and may take as long as it likes, on a connection that serves nobody else after it.
    pub(super) async fn at_length(&self, sql: &str) -> QueueResult<()> {
        let connection = Object::take(self.ready().await?);
        connection.batch_execute("SET statement_timeout = 0").await.map_err(|error| queue_error(&error))?;
        connection.batch_execute(sql).await.map_err(|error| queue_error(&error))
    }

    /// A connection to a database that has the queue's tables.
    async fn ready(&self) -> QueueResult<Object> {
        let mut connection = self.pool.get().await.map_err(|error| pool_error(&error))?;
        if !self.has_schema.initialized() {
            let migrate = async || {
                let migrated = timeout(self.patience(), schema::migrate(&mut connection)).await;
                migrated.map_err(|_| QueueError::Unreachable("PostgreSQL does not answer".to_owned()))?
            };
            self.has_schema.get_or_try_init(migrate).await?;
        }
        Ok(connection)
    }

    /// Longer than the server lets a statement run, so that it is the one to end it.
    fn patience(&self) -> Duration {
        self.longest * 2
    }
}

async fn said(connection: &Object, sql: &str, values: &Values<'_>) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = connection.prepare_cached(sql).await?;
    connection.query(&statement, values).await
}

/// What every connection is told first. The table of jobs grows and shrinks faster than statistics follow: plans that read all of it are
/// out of the question, whatever they say.
fn session_settings(longest: Duration) -> String {
    format!(
        "SET statement_timeout = {}; SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_mergejoin = off; \
         SET jit = off; SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on",
        longest.as_millis()
    )
}
