//! Payloads: written once, several small ones in one message, large ones over several; read when a job is given to a worker.

use super::blob::Blob;
use super::link::{Kind, Link};
use crate::QueueResult;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Messages that are written or read at one time.
const AT_ONCE: usize = 32;
/// Payloads are put together up to that many bytes.
const TOGETHER: usize = 64 << 10;
/// What is kept of messages that were written or read last.
const CACHE: usize = 16 << 20;

/// The latest messages of data.
#[derive(Default)]
pub struct Data {
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    messages: HashMap<u64, Bytes>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl Data {
    /// Writes payloads; tells for each where it is.
    pub async fn write(&self, link: &Link, payloads: &[Bytes]) -> QueueResult<Vec<Blob>> {
        let (messages, mut blobs) = pack(payloads, link.room());
        let subject = link.subject(Kind::Data);
        let written = stream::iter(messages).map(|message| {
            let subject = &subject;
            async move {
                let sequence =
                    link.publish(subject, message.clone(), &uuid::Uuid::now_v7().simple().to_string()).await?;
                self.cache.lock().put(sequence, message);
                Ok(sequence)
            }
        });
        let sequences: Vec<u64> = written.buffered(AT_ONCE).try_collect().await?;
        for blob in &mut blobs {
            for place in &mut blob.sequences {
                *place =
                    usize::try_from(*place).ok().and_then(|place| sequences.get(place).copied()).unwrap_or_default();
            }
        }
        Ok(blobs)
    }

    /// Reads payloads; none for those of which something has gone.
    pub async fn read(&self, link: &Link, blobs: &[Blob]) -> QueueResult<Vec<Option<Bytes>>> {
        let wanted: BTreeSet<u64> = blobs.iter().flat_map(|blob| blob.sequences.iter().copied()).collect();
        let messages =
            stream::iter(wanted).map(|sequence| async move { Ok((sequence, self.message(link, sequence).await?)) });
        let messages: HashMap<u64, Option<Bytes>> = messages.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(blobs.iter().map(|blob| unpack(blob, |sequence| messages.get(&sequence).cloned().flatten())).collect())
    }

    async fn message(&self, link: &Link, sequence: u64) -> QueueResult<Option<Bytes>> {
        let known = self.cache.lock().messages.get(&sequence).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let message = link.fetch(Kind::Data, sequence).await?;
        if let Some(message) = &message {
            self.cache.lock().put(sequence, message.clone());
        }
        Ok(message)
    }
}

impl Cache {
    fn put(&mut self, sequence: u64, message: Bytes) {
        if message.len() > CACHE || self.messages.contains_key(&sequence) {
            return;
        }
        self.bytes += message.len();
        self.messages.insert(sequence, message);
        self.order.push_back(sequence);
        while self.bytes > CACHE {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.messages.remove(&oldest).map_or(0, |message| message.len());
        }
    }
}

/// Messages with these payloads, and where each is: with the places of messages instead of sequences.
fn pack(payloads: &[Bytes], room: usize) -> (Vec<Bytes>, Vec<Blob>) {
    let mut messages: Vec<Bytes> = Vec::new();
    let mut open = BytesMut::new();
    let mut blobs = Vec::with_capacity(payloads.len());
    let together = TOGETHER.min(room);
    for payload in payloads {
        if !open.is_empty() && open.len() + payload.len() > together {
            messages.push(open.split().freeze());
        }
        let first = messages.len() as u64;
        if payload.len() > together {
            let pieces = payload.len().div_ceil(room);
            messages
                .extend((0..pieces).map(|piece| payload.slice(piece * room..payload.len().min((piece + 1) * room))));
            blobs.push(Blob { sequences: (first..messages.len() as u64).collect(), offset: 0, length: payload.len() });
        } else {
            let sequences = if payload.is_empty() { Vec::new() } else { vec![first] };
            blobs.push(Blob { sequences, offset: open.len(), length: payload.len() });
            open.extend_from_slice(payload);
        }
    }
    if !open.is_empty() {
        messages.push(open.freeze());
    }
    (messages, blobs)
}

fn unpack(blob: &Blob, message: impl Fn(u64) -> Option<Bytes>) -> Option<Bytes> {
    let end = blob.offset + blob.length;
    match blob.sequences.as_slice() {
        [] => Some(Bytes::new()),
        [one] => message(*one).filter(|message| message.len() >= end).map(|message| message.slice(blob.offset..end)),
        many => {
            let mut whole = BytesMut::with_capacity(blob.length);
            for sequence in many {
                whole.extend_from_slice(&message(*sequence)?);
            }
            (whole.len() >= end).then(|| whole.freeze().slice(blob.offset..end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(sizes in proptest::collection::vec(0_usize..300, 0..20), room in 1_usize..200) {
            let payloads: Vec<Bytes> = sizes.iter().enumerate().map(|(place, size)| Bytes::from(vec![place as u8; *size])).collect();
            let (messages, blobs) = pack(&payloads, room);
            prop_assert!(messages.iter().all(|message| message.len() <= room && !message.is_empty()));
            for (payload, blob) in payloads.iter().zip(&blobs) {
                prop_assert_eq!(unpack(blob, |place| messages.get(place as usize).cloned()), Some(payload.clone()));
            }
        }
    }
}
