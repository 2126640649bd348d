//! Which scripts are attached to which events, in memory.
//!
//! A call with no script attached pays one look-up for each of its event names. The maps are immutable and swapped on a change,
//! so a saved script is in force for the very next call and a running call keeps what it began with.

use crate::ScriptOrigin;
use antiphon_model::{EventName, Phase};
use antiphon_script::Script;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A stored script and whether it is to run.
#[derive(Clone)]
pub struct ScriptSlot {
    /// The script.
    pub script: Arc<Script>,
    /// Inactive scripts are skipped, and the ledger says so.
    pub is_active: bool,
    /// Where its text is.
    pub origin: ScriptOrigin,
}

/// The scripts of one base name, by type.
#[derive(Clone, Default)]
pub(crate) struct Attached {
    by_phase: [Option<ScriptSlot>; 4],
}

impl Attached {
    pub(crate) fn phase(&self, phase: Phase) -> Option<&ScriptSlot> {
        self.by_phase.get(slot_of(phase))?.as_ref()
    }

    fn is_empty(&self) -> bool {
        self.by_phase.iter().all(Option::is_none)
    }
}

type Index = HashMap<String, Attached>;

/// Parts of the index. Saving a script copies one of them, so its cost hardly depends on how many scripts there are: of
/// 10,000 scripts a part has 40.
const PARTS: usize = 256;

/// All stored scripts by the event that they are attached to.
pub struct ScriptIndex {
    parts: Vec<ArcSwap<Index>>,
    hasher: RandomState,
    /// How many base names have scripts.
    names: AtomicUsize,
    /// Held while anything changes.
    changing: Mutex<()>,
}

impl Default for ScriptIndex {
    fn default() -> ScriptIndex {
        ScriptIndex {
            parts: (0..PARTS).map(|_| ArcSwap::default()).collect(),
            hasher: RandomState::new(),
            names: AtomicUsize::new(0),
            changing: Mutex::new(()),
        }
    }
}

impl ScriptIndex {
    /// Puts these scripts in place of all others. Scripts whose name can't be an event's are left out.
    pub fn replace_all(&self, slots: Vec<ScriptSlot>) {
        let mut parts: Vec<Index> = (0..PARTS).map(|_| Index::new()).collect();
        for slot in slots {
            let Ok(event) = EventName::parse(&slot.script.name) else { continue };
            let base = event.base.to_lowercase();
            let part = &mut parts[self.part_of(&base)];
            part.entry(base).or_default().by_phase[slot_of(event.phase)] = Some(slot);
        }
        let _changing = self.changing.lock();
        self.names.store(parts.iter().map(HashMap::len).sum(), Ordering::Release);
        for (part, index) in self.parts.iter().zip(parts) {
            part.store(Arc::new(index));
        }
    }

    /// Adds a script, or puts it in place of the one of the same name.
    pub fn put(&self, slot: ScriptSlot) {
        let Ok(event) = EventName::parse(&slot.script.name) else { return };
        self.change(&event, Some(slot));
    }

    /// Forgets the script of that name.
    pub fn remove(&self, name: &str) {
        let Ok(event) = EventName::parse(name) else { return };
        self.change(&event, None);
    }

    fn change(&self, event: &EventName, slot: Option<ScriptSlot>) {
        let base = event.base.to_lowercase();
        let part = &self.parts[self.part_of(&base)];
        let _changing = self.changing.lock();
        let mut index = Index::clone(&part.load());
        let before = index.len();
        let attached = index.entry(base.clone()).or_default();
        attached.by_phase[slot_of(event.phase)] = slot;
        if attached.is_empty() {
            index.remove(&base);
        }
        let others = self.names.load(Ordering::Acquire) - before;
        self.names.store(others + index.len(), Ordering::Release);
        part.store(Arc::new(index));
    }

    /// The script of that name.
    pub fn find(&self, name: &str) -> Option<ScriptSlot> {
        let event = EventName::parse(name).ok()?;
        self.attached(&event.base)?.phase(event.phase).cloned()
    }

    /// Whether no script is stored at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.load(Ordering::Acquire) == 0
    }

    /// The scripts of a base name, in any case.
    pub(crate) fn attached(&self, base: &str) -> Option<Attached> {
        let is_lower = base.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let base = if is_lower { Cow::Borrowed(base) } else { Cow::Owned(base.to_lowercase()) };
        self.parts[self.part_of(&base)].load().get(&*base).cloned()
    }

    fn part_of(&self, base: &str) -> usize {
        // The low bits; the remainder is below PARTS, which fits any usize.
        (self.hasher.hash_one(base) % PARTS as u64) as usize
    }
}

fn slot_of(phase: Phase) -> usize {
    match phase {
        Phase::PreProcess => 0,
        Phase::PostProcess => 1,
        Phase::Base => 2,
        Phase::Queued => 3,
        // Nothing is attached to it.
        Phase::Service => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(name: &str, source: &str) -> ScriptSlot {
        let script = Script {
            name: name.into(),
            kind: "javascript".into(),
            source: source.into(),
            config: antiphon_model::Value::Null,
            allow_event_modification: false,
            version: 1,
        };
        ScriptSlot { script: Arc::new(script), is_active: true, origin: ScriptOrigin::Stored }
    }

    fn source(index: &ScriptIndex, base: &str, phase: Phase) -> Option<String> {
        index.attached(base)?.phase(phase).map(|slot| slot.script.source.to_string())
    }

    #[test]
    fn a_script_is_found_by_its_event_in_any_case_and_replaced_by_the_next_of_its_name() {
        let index = ScriptIndex::default();
        index.put(slot("DB._table.Todo.get.pre_process", "1"));
        index.put(slot("db._table.todo.get.pre_process", "2"));
        assert_eq!(source(&index, "db._table.TODO.get", Phase::PreProcess).as_deref(), Some("2"));
        assert_eq!(source(&index, "db._table.todo.get", Phase::PostProcess), None);
    }

    #[test]
    fn a_removed_script_is_gone_and_the_others_stay() {
        let index = ScriptIndex::default();
        index.replace_all(vec![slot("a.get", "base"), slot("a.get.queued", "queued")]);
        index.remove("A.get.queued");
        assert_eq!(source(&index, "a.get", Phase::Queued), None);
        assert_eq!(source(&index, "a.get", Phase::Base).as_deref(), Some("base"));
        index.remove("a.get");
        assert!(index.is_empty());
        index.remove("a.get");
        assert!(index.is_empty());
    }

    #[test]
    fn the_number_of_names_stays_right_over_many_changes() {
        let index = ScriptIndex::default();
        for number in 0..2000 {
            index.put(slot(&format!("db._table.t{number}.get"), "1"));
            index.put(slot(&format!("db._table.t{number}.get.queued"), "2"));
        }
        assert_eq!(index.names.load(Ordering::Acquire), 2000);
        assert_eq!(source(&index, "db._table.t1999.get", Phase::Queued).as_deref(), Some("2"));
        index.replace_all(vec![slot("a.get", "base")]);
        assert_eq!((index.names.load(Ordering::Acquire), source(&index, "db._table.t7.get", Phase::Base)), (1, None));
        index.remove("a.get");
        assert!(index.is_empty());
    }
}
