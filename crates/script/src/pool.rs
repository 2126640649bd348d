//! Ready engines that wait for the next call, bounded by bytes; the least recently used go first.

use crate::javascript::Prepared;
use antiphon_quickjs::current_processor;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Which engines are as good as each other, as far as names tell; the text itself is compared as well, because a script that was
/// deleted and made anew begins again with the first version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) script: String,
    pub(crate) kind: String,
    pub(crate) version: u64,
    /// Whether lookups inside its texts are looked up.
    pub(crate) lookups: bool,
    /// Distinguishes texts into which lookups were put as code; 0 for all others.
    pub(crate) text: u64,
}

struct Idle {
    prepared: Prepared,
    source: Arc<str>,
    /// Which processor ran it last: there its memory is still near.
    processor: usize,
    bytes: usize,
    used: u64,
}

#[derive(Default)]
struct Shelves {
    idle: HashMap<Key, Vec<Idle>>,
    bytes: usize,
    clock: u64,
}

/// Engines at rest.
pub(crate) struct Pool {
    shelves: Mutex<Shelves>,
    limit: usize,
}

impl Pool {
    /// Keeps at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Pool {
        Pool { shelves: Mutex::new(Shelves::default()), limit }
    }

    /// A ready engine for that text: the one that this processor used last, else the most recently used one. A restore touches the
    /// whole of an engine, which costs a multiple when the memory lies in another processor's cache. Engines of another text under the
    /// same key are dropped.
    pub(crate) fn take(&self, key: &Key, source: &Arc<str>) -> Option<Prepared> {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.idle.get_mut(key)?;
        let processor = current_processor();
        let near = shelf.iter().rposition(|idle| idle.processor == processor);
        let idle = shelf.remove(near.or(shelf.len().checked_sub(1))?);
        shelves.bytes -= idle.bytes;
        if Arc::ptr_eq(&idle.source, source) || idle.source == *source {
            return Some(idle.prepared);
        }
        let dropped = shelves.remove_where(|other| other == key);
        drop(shelves);
        drop((idle, dropped));
        None
    }

    /// Puts an engine back. Engines of other versions of its script are dropped.
    pub(crate) fn put(&self, key: Key, source: Arc<str>, prepared: Prepared) {
        let bytes = prepared.resident();
        let mut dropped = Vec::new();
        let mut shelves = self.shelves.lock();
        shelves.clock += 1;
        let used = shelves.clock;
        if !shelves.idle.contains_key(&key) {
            dropped.extend(shelves.remove_where(|other| other.script == key.script && other.version != key.version));
        }
        shelves.bytes += bytes;
        shelves.idle.entry(key).or_default().push(Idle {
            prepared,
            source,
            processor: current_processor(),
            bytes,
            used,
        });
        while shelves.bytes > self.limit {
            let Some(oldest) = shelves.take_oldest() else { break };
            dropped.push(oldest);
        }
        drop(shelves);
        // Unmapping takes its time; it happens outside of the lock.
        drop(dropped);
    }

    /// Drops every engine at rest.
    pub(crate) fn clear(&self) {
        let mut shelves = self.shelves.lock();
        shelves.bytes = 0;
        let dropped = std::mem::take(&mut shelves.idle);
        drop(shelves);
        drop(dropped);
    }

    /// How many engines wait, and the bytes they hold.
    pub(crate) fn size(&self) -> (usize, usize) {
        let shelves = self.shelves.lock();
        (shelves.idle.values().map(Vec::len).sum(), shelves.bytes)
    }
}

impl Shelves {
    fn remove_where(&mut self, stale: impl Fn(&Key) -> bool) -> Vec<Idle> {
        let removed: Vec<Idle> = self.idle.extract_if(|key, _| stale(key)).flat_map(|(_, idle)| idle).collect();
        self.bytes -= removed.iter().map(|idle| idle.bytes).sum::<usize>();
        removed
    }

    fn take_oldest(&mut self) -> Option<Idle> {
        // The first of each shelf is its oldest: engines are taken from and put to the end.
        let key = self
            .idle
            .iter()
            .filter_map(|(key, idle)| idle.first().map(|first| (first.used, key)))
            .min_by_key(|(used, _)| *used)
            .map(|(_, key)| key.clone())?;
        let shelf = self.idle.get_mut(&key)?;
        let oldest = shelf.remove(0);
        if shelf.is_empty() {
            self.idle.remove(&key);
        }
        self.bytes -= oldest.bytes;
        Some(oldest)
    }
}
