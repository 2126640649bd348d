//! Consumers written by hand: they take a payload and do nothing with it. No attempts, no leases, no rules, no books.

use crate::{JOBS, PATIENCE, SINGLE, Seen, micros, rate};
use antiphon_model::{Error, Result};
use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::{AsyncMessage, Client, NoTls};

/// Bytes of a payload: as many as those of the queued scripts have.
const PAYLOAD: usize = 2_600;
/// Consumers side by side: as many as jobs run at one time.
const CONSUMERS: usize = 8;

/// Bytes that nothing can make smaller, like those of sealed jobs.
fn payload() -> Result<Vec<u8>> {
    let mut bytes = vec![0; PAYLOAD];
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal("The consumer by hand failed.", error)
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    Ok(client)
}

/// The usual loop: lock the first free row, take it out, commit; `most` rows at a time.
pub(crate) async fn skip_locked(url: &str, most: i64) -> Result<Seen> {
    let client = connect(url).await?;
    let table = "DROP TABLE IF EXISTS by_hand; CREATE TABLE by_hand (id bigserial PRIMARY KEY, payload bytea NOT NULL)";
    client.batch_execute(table).await.map_err(failed)?;
    let begin = Instant::now();
    let insert = "INSERT INTO by_hand (payload) SELECT $1 FROM generate_series(1, $2)";
    for _ in 0..JOBS / 250 {
        client.execute(insert, &[&payload()?, &250_i32]).await.map_err(failed)?;
    }
    let added = rate(JOBS, begin);
    let taken = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut consumers = Vec::new();
    for _ in 0..CONSUMERS {
        let (mut client, taken) = (connect(url).await?, Arc::clone(&taken));
        consumers.push(tokio::spawn(async move {
            let take = "DELETE FROM by_hand WHERE id IN (SELECT id FROM by_hand ORDER BY id FOR UPDATE SKIP LOCKED LIMIT $1) \
                        RETURNING payload";
            let take = client.prepare(take).await.map_err(failed)?;
            while taken.load(Ordering::Relaxed) < JOBS {
                let transaction = client.transaction().await.map_err(failed)?;
                let rows = transaction.query(&take, &[&most]).await.map_err(failed)?;
                transaction.commit().await.map_err(failed)?;
                taken.fetch_add(rows.len(), Ordering::Relaxed);
                if rows.is_empty() {
                    return Ok(());
                }
            }
            Ok::<(), Error>(())
        }));
    }
    for consumer in consumers {
        consumer.await.map_err(failed)??;
    }
    let ended = rate(JOBS, begin);
    Ok(Seen { added, ended, waits: notified(url, &client).await? })
}

/// How long a row waits when its consumer is woken by a notification.
async fn notified(url: &str, adding: &Client) -> Result<Vec<f64>> {
    let (listening, mut connection) = tokio_postgres::connect(url, NoTls).await.map_err(failed)?;
    let (woken, mut wakes) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notification(_)) if woken.send(()).is_ok() => {}
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    listening.batch_execute("LISTEN by_hand").await.map_err(failed)?;
    let add = "WITH added AS (INSERT INTO by_hand (payload) VALUES ($1)) SELECT pg_notify('by_hand', '')";
    let take = "DELETE FROM by_hand WHERE id = (SELECT id FROM by_hand ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING payload";
    let (add, take) = (adding.prepare(add).await.map_err(failed)?, listening.prepare(take).await.map_err(failed)?);
    let mut waits = Vec::with_capacity(SINGLE);
    for _ in 0..SINGLE {
        let begin = Instant::now();
        adding.query(&add, &[&payload()?]).await.map_err(failed)?;
        tokio::time::timeout(PATIENCE, wakes.recv()).await.map_err(failed)?;
        listening.query(&take, &[]).await.map_err(failed)?;
        waits.push(micros(begin));
    }
    Ok(waits)
}

/// A durable pull consumer that acknowledges each message.
pub(crate) async fn jetstream(url: &str, round: usize) -> Result<Seen> {
    let context = jetstream::new(async_nats::connect(url).await.map_err(failed)?);
    let name = format!("by_hand_{round}");
    let config = stream::Config {
        name: name.clone(),
        subjects: vec![name.clone()],
        retention: stream::RetentionPolicy::WorkQueue,
        ..stream::Config::default()
    };
    let stream = context.create_stream(config).await.map_err(failed)?;
    let begin = Instant::now();
    let mut acknowledgements = Vec::with_capacity(JOBS);
    for _ in 0..JOBS {
        acknowledgements.push(context.publish(name.clone(), payload()?.into()).await.map_err(failed)?);
    }
    for acknowledgement in acknowledgements {
        acknowledgement.await.map_err(failed)?;
    }
    let added = rate(JOBS, begin);
    let config = consumer::pull::Config { durable_name: Some(name.clone()), ..consumer::pull::Config::default() };
    let consumer = stream.create_consumer(config).await.map_err(failed)?;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(64)
        .expires(Duration::from_secs(30))
        .messages()
        .await
        .map_err(failed)?;
    let begin = Instant::now();
    for _ in 0..JOBS {
        let message = messages.next().await.ok_or_else(|| failed("no message"))?.map_err(failed)?;
        message.ack().await.map_err(failed)?;
    }
    let ended = rate(JOBS, begin);
    let mut waits = Vec::with_capacity(SINGLE);
    for _ in 0..SINGLE {
        let begin = Instant::now();
        context.publish(name.clone(), payload()?.into()).await.map_err(failed)?.await.map_err(failed)?;
        let message = messages.next().await.ok_or_else(|| failed("no message"))?.map_err(failed)?;
        waits.push(micros(begin));
        message.ack().await.map_err(failed)?;
    }
    Ok(Seen { added, ended, waits })
}
