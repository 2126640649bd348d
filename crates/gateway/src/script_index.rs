//! Which scripts are attached to which events, in memory.
//!
//! A call with no script attached pays one hash look-up for each of its event names. The map is immutable and swapped whole on
//! a change, so a saved script is in force for the very next call and a running call keeps what it began with.

use antiphon_model::{EventName, Phase};
use antiphon_script::Script;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;

/// A stored script and whether it is to run.
#[derive(Clone)]
pub struct ScriptSlot {
    /// The script.
    pub script: Arc<Script>,
    /// Inactive scripts are skipped, and the ledger says so.
    pub is_active: bool,
}

/// The scripts of one base name, by type.
#[derive(Clone, Default)]
pub(crate) struct Attached {
    by_phase: [Option<ScriptSlot>; 4],
}

impl Attached {
    pub(crate) fn phase(&self, phase: Phase) -> Option<&ScriptSlot> {
        self.by_phase[slot_of(phase)].as_ref()
    }

    fn is_empty(&self) -> bool {
        self.by_phase.iter().all(Option::is_none)
    }
}

type Index = HashMap<String, Attached>;

/// All stored scripts by the event that they are attached to.
#[derive(Default)]
pub struct ScriptIndex {
    by_base: ArcSwap<Index>,
}

impl ScriptIndex {
    /// Puts these scripts in place of all others. Scripts whose name can't be an event's are left out.
    pub fn replace_all(&self, slots: Vec<ScriptSlot>) {
        let mut index = Index::new();
        for slot in slots {
            insert(&mut index, slot);
        }
        self.by_base.store(Arc::new(index));
    }

    /// Adds a script, or puts it in place of the one of the same name.
    pub fn put(&self, slot: ScriptSlot) {
        self.by_base.rcu(|index| {
            let mut changed = Index::clone(index);
            insert(&mut changed, slot.clone());
            changed
        });
    }

    /// Forgets the script of that name.
    pub fn remove(&self, name: &str) {
        let Ok(event) = EventName::parse(name) else { return };
        let base = event.base.to_lowercase();
        self.by_base.rcu(|index| {
            let mut changed = Index::clone(index);
            if let Some(attached) = changed.get_mut(&base) {
                attached.by_phase[slot_of(event.phase)] = None;
                if attached.is_empty() {
                    changed.remove(&base);
                }
            }
            changed
        });
    }

    /// The script of that name.
    pub fn find(&self, name: &str) -> Option<ScriptSlot> {
        let event = EventName::parse(name).ok()?;
        self.attached(&event.base)?.phase(event.phase).cloned()
    }

    /// Whether no script is stored at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_base.load().is_empty()
    }

    /// The scripts of a base name, in any case.
    pub(crate) fn attached(&self, base: &str) -> Option<Attached> {
        let is_lower = base.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let index = self.by_base.load();
        if is_lower { index.get(base).cloned() } else { index.get(&base.to_lowercase()).cloned() }
    }
}

fn insert(index: &mut Index, slot: ScriptSlot) {
    if let Ok(event) = EventName::parse(&slot.script.name) {
        index.entry(event.base.to_lowercase()).or_default().by_phase[slot_of(event.phase)] = Some(slot);
    }
}

fn slot_of(phase: Phase) -> usize {
    match phase {
        Phase::PreProcess => 0,
        Phase::PostProcess => 1,
        Phase::Base => 2,
        Phase::Queued => 3,
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
        ScriptSlot { script: Arc::new(script), is_active: true }
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
    }
}
