//! The queue's own tables, in a schema of their own.

use super::error::queue_error;
use crate::{QueueError, QueueResult};
use deadpool_postgres::Object;

/// The steps from an empty database to what this version needs; each is done once, in order, and never changed.
const STEPS: &[&str] = &[concat!(
    include_str!("sql/tables.sql"),
    include_str!("sql/common.sql"),
    include_str!("sql/enqueue.sql"),
    include_str!("sql/claim.sql"),
    include_str!("sql/finish.sql"),
    include_str!("sql/change.sql"),
    include_str!("sql/maintain.sql"),
    include_str!("sql/look.sql"),
)];

/// The advisory lock under which one process at a time changes tables.
const MIGRATION_LOCK: i64 = 0x616e_7469_7068_6f6e;

/// Brings the tables to what this version needs. Others that do the same at the same time wait for each other.
pub(super) async fn migrate(connection: &mut Object) -> QueueResult<()> {
    if step(connection).await? == STEPS.len() {
        return Ok(());
    }
    let or_error = |error: tokio_postgres::Error| queue_error(&error);
    let transaction = connection.transaction().await.map_err(or_error)?;
    transaction.query("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(or_error)?;
    let done = step(&transaction).await?;
    if done == 0 {
        transaction
            .batch_execute(
                "CREATE SCHEMA antiphon_queue; CREATE TABLE antiphon_queue.version (step bigint PRIMARY KEY)",
            )
            .await
            .map_err(or_error)?;
    }
    for (number, sql) in (1_i64..).zip(STEPS).skip(done) {
        transaction.batch_execute(sql).await.map_err(or_error)?;
        transaction.execute("INSERT INTO antiphon_queue.version VALUES ($1)", &[&number]).await.map_err(or_error)?;
    }
    transaction.commit().await.map_err(or_error)
}

/// How many steps are done.
async fn step(connection: &impl deadpool_postgres::GenericClient) -> QueueResult<usize> {
    let or_error = |error: tokio_postgres::Error| queue_error(&error);
    // Not `to_regclass`, which may answer from what this connection remembers from before it waited for the lock.
    let there = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = 'antiphon_queue' AND c.relname = 'version')";
    if !connection.query_one(there, &[]).await.map_err(or_error)?.get::<_, bool>(0) {
        return Ok(0);
    }
    let row = connection.query_one("SELECT count(*) FROM antiphon_queue.version", &[]).await.map_err(or_error)?;
    match usize::try_from(row.get::<_, i64>(0)) {
        Ok(done) if done <= STEPS.len() => Ok(done),
        _ => Err(QueueError::Refused(
            "its tables in PostgreSQL were made by a newer version of Antiphon; use that version or newer".to_owned(),
        )),
    }
}
