//! What the log comes to, written down now and then, so that the log can be cut off.

use super::command::{Command, VERSION};
use super::core::Core;
use super::error::{refused, unreachable};
use super::link::{Kind, Link};
use super::state::{Saved, State};
use crate::QueueResult;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

/// Pieces that are written or read at one time.
const AT_ONCE: usize = 8;

/// What stands under the name of the index: the last one holds.
#[derive(Serialize, Deserialize)]
struct Index {
    version: u32,
    /// The last message of the log that is in it.
    applied: u64,
    saved: Saved,
    /// The messages with the pieces: lines of JSON, cut anywhere.
    parts: Vec<u64>,
}

/// The last one, with its position in the log and its bytes; nothing at position 0 when there is none.
pub async fn load(link: &Link) -> QueueResult<(State, u64, usize)> {
    let Some((_, bytes)) = link.last(Kind::Snapshot, &index_subject(link)).await? else {
        return Ok((State::default(), 0, 0));
    };
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| refused(&error))?;
    if index.version > VERSION {
        return Err(refused("its jobs were written by a newer release: update this one"));
    }
    let parts = stream::iter(index.parts).map(|sequence| async move {
        let part = link.fetch(Kind::Snapshot, sequence).await?;
        // Somebody wrote a newer one meanwhile.
        part.ok_or_else(|| unreachable("a summary of its log has gone"))
    });
    let parts: Vec<Bytes> = parts.buffered(AT_ONCE).try_collect().await?;
    let lines = parts.concat();
    let state = State::thaw(index.saved, &lines).map_err(|error| refused(&error))?;
    Ok((state, index.applied, lines.len()))
}

/// Writes one and cuts the log off. Nothing happens when somebody else does it at the same time.
pub async fn save(core: &Core) -> QueueResult<()> {
    let link = &core.link;
    let before = link.last(Kind::Snapshot, &index_subject(link)).await?.map_or(0, |(sequence, _)| sequence);
    let Some((applied, saved, lines)) = pieces(core).await? else { return Ok(()) };
    let room = link.room();
    let pieces: Vec<Bytes> = lines.chunks(room).map(Bytes::copy_from_slice).collect();
    let subject = format!("{}.part", link.subject(Kind::Snapshot));
    let parts = stream::iter(pieces).map(|piece| {
        let subject = &subject;
        async move { link.publish(subject, piece, &uuid::Uuid::now_v7().simple().to_string()).await }
    });
    let parts: Vec<u64> = parts.buffered(AT_ONCE).try_collect().await?;
    let first = parts.first().copied();
    let index =
        serde_json::to_vec(&Index { version: VERSION, applied, saved, parts }).map_err(|error| refused(&error))?;
    let Some(index) = link.publish_after(&index_subject(link), index.into(), before).await? else { return Ok(()) };
    core.propose(&Command::Saved { bytes: lines.len() }).await?;
    link.purge(Kind::Log, applied + 1).await?;
    link.purge(Kind::Snapshot, first.unwrap_or(index)).await
}

/// The state as it is, with its position in the log and its lines; none while it is not known.
async fn pieces(core: &Core) -> QueueResult<Option<(u64, Saved, Vec<u8>)>> {
    let Some((applied, frozen)) = core.view.read_at(|state, applied| (applied, state.freeze())) else {
        return Ok(None);
    };
    // A large state takes a while to be written down.
    let written = tokio::task::spawn_blocking(move || frozen.lines().map(|lines| (frozen.saved, lines)));
    let (saved, lines) = written.await.map_err(|error| refused(&error))?.map_err(|error| refused(&error))?;
    Ok(Some((applied, saved, lines)))
}

fn index_subject(link: &Link) -> String {
    format!("{}.index", link.subject(Kind::Snapshot))
}
