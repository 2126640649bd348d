//! The connection, and what is asked of the server.

use super::address::Address;
use super::error::{Answer, refused, unreachable};
use crate::{QueueError, QueueResult};
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, DiscardPolicy, RawMessageErrorKind, State, Stream};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Request, RequestError, RequestErrorKind, connection};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::watch;

/// How long one request may take before it is tried again.
pub const REQUEST: Duration = Duration::from_secs(2);
/// How long an operation tries.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// Pause before a lost connection is tried again.
const AGAIN: Duration = Duration::from_millis(100);
/// What a message may take beside its payload.
const HEADERS: usize = 1024;
/// The server tells repeated messages by their identifier for that long.
const REPEATS: Duration = Duration::from_secs(120);

/// A stream of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Commands.
    Log,
    /// Payloads.
    Data,
    /// What the log comes to, now and then.
    Snapshot,
    /// Nothing of use: it goes when there is no room for the log.
    Reserve,
}

/// A connection that heals itself.
pub struct Link {
    address: Address,
    client: Client,
    context: Context,
    /// Grows with every connection made.
    connections: watch::Receiver<u64>,
}

impl Link {
    /// Connects and makes the streams.
    pub async fn open(address: Address) -> QueueResult<Link> {
        let (told, connections) = watch::channel(0_u64);
        let client = ConnectOptions::new()
            .name("antiphon queue")
            .connection_timeout(REQUEST)
            .request_timeout(Some(REQUEST))
            .reconnect_delay_callback(|tries| if tries <= 1 { Duration::ZERO } else { AGAIN })
            .event_callback(move |event| {
                if matches!(event, Event::Connected) {
                    told.send_modify(|count| *count += 1);
                }
                std::future::ready(())
            })
            .connect(&address.servers)
            .await
            .map_err(|error| QueueError::Unreachable(format!("NATS at {}: {error}", address.hosts())))?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(REQUEST);
        let link = Link { address, client, context, connections };
        link.make_streams().await?;
        Ok(link)
    }

    /// Makes the streams that are not there.
    pub async fn make_streams(&self) -> QueueResult<()> {
        for (kind, subject) in [(Kind::Log, ""), (Kind::Data, ""), (Kind::Snapshot, ".>"), (Kind::Reserve, "")] {
            let stream = self.context.get_or_create_stream(Config {
                name: self.stream(kind),
                subjects: vec![format!("{}{subject}", self.subject(kind))],
                discard: DiscardPolicy::New,
                num_replicas: self.address.replicas,
                duplicate_window: REPEATS,
                allow_direct: true,
                ..Config::default()
            });
            let config = stream.await.map_err(|error| super::error::of_stream(&error))?.cached_info().config.clone();
            let may_lose = config.max_messages > 0 || config.max_bytes > 0;
            if !config.max_age.is_zero() || may_lose && config.discard == DiscardPolicy::Old {
                return Err(refused(&format!(
                    "the stream {} lets old messages go by itself, and jobs with them: set its \"discard\" to \"new\" and its \"max_age\" to 0",
                    config.name
                )));
            }
        }
        Ok(())
    }

    /// The server's name for a stream.
    pub fn stream(&self, kind: Kind) -> String {
        let name = match kind {
            Kind::Log => "log",
            Kind::Data => "data",
            Kind::Snapshot => "snapshot",
            Kind::Reserve => "reserve",
        };
        format!("{}_{name}", self.address.prefix)
    }

    /// What messages of it are published under; those of snapshots have a further word.
    pub fn subject(&self, kind: Kind) -> String {
        self.stream(kind).replacen(&format!("{}_", self.address.prefix), &format!("{}.", self.address.prefix), 1)
    }

    /// A subject of this connection alone.
    pub fn inbox(&self) -> String {
        self.client.new_inbox()
    }

    /// Changes when a connection was made.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    /// Most bytes of one message.
    pub fn room(&self) -> usize {
        self.client.server_info().max_payload.saturating_sub(HEADERS).max(HEADERS)
    }

    /// Publishes a message and waits until it is stored; gives its sequence. Tries again while the server is away; `identifier` is
    /// what repetitions are told by.
    pub async fn publish(&self, subject: &str, bytes: Bytes, identifier: &str) -> QueueResult<u64> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", identifier);
        let mut connections = self.connections();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            connections.mark_unchanged();
            let sent = tokio::select! {
                sent = self.send(subject, bytes.clone(), headers.clone()) => sent,
                // What was under way was lost with the connection before.
                Ok(()) = connections.changed() => Err(unreachable("the connection was lost")),
            };
            match sent {
                Err(QueueError::Unreachable(_)) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN).await
                }
                sent => return sent,
            }
        }
    }

    /// The same, once, if the last message of that subject is still the one with that sequence. None if it is not.
    pub async fn publish_after(&self, subject: &str, bytes: Bytes, last: u64) -> QueueResult<Option<u64>> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", last.to_string());
        match self.ask(subject, bytes, headers).await? {
            Answer::Stored(sequence) => Ok(Some(sequence)),
            Answer::Other => Ok(None),
        }
    }

    /// What a stream holds.
    pub async fn state(&self, kind: Kind) -> QueueResult<State> {
        let stream = self.handle(kind).await?;
        Ok(stream.get_info().await.map_err(|error| unreachable(&error))?.state)
    }

    /// One message; none when it has gone.
    pub async fn fetch(&self, kind: Kind, sequence: u64) -> QueueResult<Option<Bytes>> {
        let stream = self.handle(kind).await?;
        match stream.direct_get(sequence).await {
            Ok(message) => return Ok(Some(message.payload)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => {}
            Err(error) => return Err(unreachable(&error)),
        }
        // A copy of the stream may be behind its leader.
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// The last message of that subject, with its sequence.
    pub async fn last(&self, kind: Kind, subject: &str) -> QueueResult<Option<(u64, Bytes)>> {
        match self.handle(kind).await?.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some((message.sequence, message.payload))),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// Lets all messages before that sequence go.
    pub async fn purge(&self, kind: Kind, before: u64) -> QueueResult<()> {
        if before <= 1 {
            // Servers take it for everything.
            return Ok(());
        }
        let stream = self.handle(kind).await?;
        stream.purge().sequence(before).await.map(drop).map_err(|error| unreachable(&error))
    }

    /// Lets all messages go; tells whether there were any.
    pub async fn clear(&self, kind: Kind) -> QueueResult<bool> {
        let stream = self.handle(kind).await?;
        stream.purge().await.map(|done| done.purged > 0).map_err(|error| unreachable(&error))
    }

    /// A stream, without asking whether it is there.
    pub async fn handle(&self, kind: Kind) -> QueueResult<Stream<()>> {
        self.context.get_stream_no_info(self.stream(kind)).await.map_err(|error| unreachable(&error))
    }

    async fn send(&self, subject: &str, bytes: Bytes, headers: HeaderMap) -> QueueResult<u64> {
        match self.ask(subject, bytes, headers).await? {
            Answer::Stored(sequence) => Ok(sequence),
            Answer::Other => Err(refused("the stream refused a message")),
        }
    }

    fn silence(&self, error: &RequestError) -> QueueError {
        let is_connected = self.client.connection_state() == connection::State::Connected;
        if is_connected && matches!(error.kind(), RequestErrorKind::TimedOut | RequestErrorKind::NoResponders) {
            return unreachable(
                "the server is there, but its JetStream does not answer: see its log; a full disk stops it",
            );
        }
        unreachable(error)
    }

    async fn ask(&self, subject: &str, bytes: Bytes, headers: HeaderMap) -> QueueResult<Answer> {
        let request = Request::new().payload(bytes).headers(headers).timeout(Some(REQUEST));
        let answer =
            self.client.send_request(subject.to_owned(), request).await.map_err(|error| self.silence(&error))?;
        Answer::read(&answer.payload)
    }
}
