//! What has to be done now and then, by any process: jobs of lost workers, what is forgotten, space.

use super::command::{Command, Moved, Reply, Silent};
use super::core::Core;
use super::link::Kind;
use super::snapshot;
use super::state::State;
use crate::{JobId, QueueError, QueueResult};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Ended jobs that are forgotten with one command.
const FORGET: usize = 1000;
/// Bytes that are set aside: room for the ends of some thousand jobs.
const RESERVE: usize = 2 << 20;
/// Bytes of payloads that are written again at one time, to let the space around them go.
const MOVE: u64 = 8 << 20;

/// What this process has seen of attempts that run, and of the stream of data.
#[derive(Default)]
pub struct Upkeep {
    seen: Mutex<HashMap<JobId, Seen>>,
    /// The connection that it was seen by: while there was none, no sign of life could come.
    connection: Mutex<u64>,
    /// The last message of data at the last look.
    data: Mutex<u64>,
}

/// The last sign of life of an attempt.
#[derive(Clone, Copy)]
struct Seen {
    attempt: u32,
    beat: u64,
    at: Instant,
}

impl Upkeep {
    /// Does all of it. Tells how many jobs were taken back.
    pub async fn run(&self, core: &Core) -> QueueResult<usize> {
        core.catch_up().await?;
        let taken_back = self.take_back(core).await?;
        correct(core).await?;
        forget(core).await?;
        self.let_data_go(core).await?;
        let (log, summary) = core.view.log_and_summary_bytes();
        if log > slack(core).max(summary) {
            snapshot::save(core).await?;
        }
        set_aside(core).await?;
        Ok(taken_back)
    }

    async fn take_back(&self, core: &Core) -> QueueResult<usize> {
        let silent = self.silent(core);
        if silent.is_empty() {
            return Ok(0);
        }
        let keep = core.settings.limits.job_attempts;
        match core.propose(&Command::TakeBack { now_ms: core.settings.clock.now_ms(), keep, silent }).await? {
            Reply::Count(count) => Ok(count),
            _ => Ok(0),
        }
    }

    /// The attempts that gave no sign of life for the length of a lease.
    fn silent(&self, core: &Core) -> Vec<Silent> {
        let lease = Duration::from_millis(core.settings.limits.job_lease_ms);
        let now = Instant::now();
        let mut seen = self.seen.lock();
        let connection = *core.link.connections().borrow();
        if std::mem::replace(&mut *self.connection.lock(), connection) != connection {
            seen.clear();
        }
        let running = core.view.read(State::running);
        let before = std::mem::take(&mut *seen);
        let mut silent = Vec::new();
        for one in running {
            let attempt = one.held.attempt;
            let is_same = |seen: &&Seen| seen.attempt == attempt && seen.beat == one.beat;
            let last = before.get(&one.held.id).filter(is_same).copied();
            let last = last.unwrap_or(Seen { attempt, beat: one.beat, at: now });
            seen.insert(one.held.id.clone(), last);
            if now.duration_since(last.at) >= lease {
                silent.push(one);
            }
        }
        silent
    }

    /// Lets payloads go that nothing refers to: what lies before the first one that is needed. When that is much less than there could
    /// be, the oldest needed ones are written again, so that the next time more can go.
    async fn let_data_go(&self, core: &Core) -> QueueResult<()> {
        let (first, floor, needed) = core.view.read(|state| (state.first_data(), state.floor(), state.data_bytes()));
        let data = core.link.state(Kind::Data).await?;
        let seen = std::mem::replace(&mut *self.data.lock(), data.last_sequence);
        if data.bytes <= 2 * needed + slack(core) as u64 {
            return Ok(());
        }
        // What was written since the last look may belong to jobs that are about to be taken in.
        let before = first.unwrap_or(u64::MAX).min(seen + 1);
        if before > floor {
            core.propose(&Command::Floor { sequence: before }).await?;
        }
        // What came in before the floor was known is there by now, and nothing can come any more.
        let (first, floor) = core.view.read(|state| (state.first_data(), state.floor()));
        let before = first.unwrap_or(u64::MAX).min(floor);
        if before > data.first_sequence {
            core.link.purge(Kind::Data, before).await?;
        } else {
            move_oldest(core).await?;
        }
        Ok(())
    }
}

/// What may lie in the streams without use: nothing when they are full.
fn slack(core: &Core) -> usize {
    if core.view.read(State::is_tight) { 0 } else { core.settings.limits.job_log_bytes }
}

/// Sets space aside for the log, if there is any.
async fn set_aside(core: &Core) -> QueueResult<()> {
    if core.view.read(State::has_reserve) {
        return Ok(());
    }
    let link = &core.link;
    let piece = Bytes::from(vec![0; link.room().min(RESERVE)]);
    while link.state(Kind::Reserve).await?.bytes < RESERVE as u64 {
        let name = uuid::Uuid::now_v7().simple().to_string();
        match link.publish(&link.subject(Kind::Reserve), piece.clone(), &name).await {
            Err(QueueError::Full(_)) => return link.clear(Kind::Reserve).await.map(drop),
            published => drop(published?),
        }
    }
    core.propose(&Command::Reserve { is_there: true }).await.map(drop)
}

/// Makes room in memory: forgets the oldest ended jobs before their time. Tells whether there is enough.
pub async fn make_room(core: &Core) -> QueueResult<bool> {
    let most = core.settings.limits.job_view_bytes;
    while core.view.read(State::bytes) > most {
        let (jobs, until_ms) =
            core.view.read(|state| (state.outdated(i64::MIN, i64::MAX, FORGET), state.oldest_end(FORGET)));
        if jobs.is_empty() && until_ms.is_none() {
            return Ok(false);
        }
        tracing::warn!("ended jobs are forgotten early, because all jobs in NATS take more memory than job_view_bytes");
        core.propose(&Command::Forget { jobs, identifiers_until_ms: until_ms.unwrap_or(i64::MIN) }).await?;
    }
    Ok(true)
}

async fn correct(core: &Core) -> QueueResult<()> {
    let now_ms = core.settings.clock.now_ms();
    let jobs = core.view.read(|state| state.too_long(now_ms));
    if !jobs.is_empty() {
        core.propose(&Command::Correct { now_ms, jobs }).await?;
    }
    Ok(())
}

async fn forget(core: &Core) -> QueueResult<()> {
    let limits = &core.settings.limits;
    let now_ms = core.settings.clock.now_ms();
    let ago = |ms: u64| now_ms.saturating_sub_unsigned(ms);
    let identifiers_until_ms = ago(limits.job_memory_ms);
    loop {
        let (jobs, has_identifiers) = core.view.read(|state| {
            let jobs = state.outdated(ago(limits.job_keep_dead_ms), ago(limits.job_keep_ended_ms), FORGET);
            (jobs, state.remembers_ends_until(identifiers_until_ms))
        });
        if jobs.is_empty() && !has_identifiers {
            break;
        }
        core.propose(&Command::Forget { jobs, identifiers_until_ms }).await?;
    }
    make_room(core).await.map(drop)
}

async fn move_oldest(core: &Core) -> QueueResult<()> {
    let oldest: Vec<_> = core.view.read(|state| {
        let entries = state.oldest_data(MOVE).into_iter();
        entries.filter_map(|entry| Some((entry.arrival, entry.payload.clone()?))).collect()
    });
    let blobs: Vec<_> = oldest.iter().map(|(_, blob)| blob.clone()).collect();
    let payloads = core.data.read(&core.link, &blobs).await?;
    let there: Vec<_> = oldest.into_iter().zip(payloads).filter_map(|(one, payload)| Some((one, payload?))).collect();
    let bytes: Vec<Bytes> = there.iter().map(|(_, payload)| payload.clone()).collect();
    let written = core.data.write(&core.link, &bytes).await?;
    let moves = there.into_iter().zip(written);
    let moves = moves.map(|(((arrival, from), _), to)| Moved { arrival, from, to }).collect();
    core.propose(&Command::Move { moves }).await.map(drop)
}
