//! Which texts a worker has in memory, so that each is sent to it once.

use crate::lookup;
use crate::script::LookupMode;
use std::collections::HashMap;
use std::sync::Arc;

/// The texts of one worker.
pub(super) struct Texts {
    known: HashMap<(String, LookupMode), Known>,
    limit: usize,
    clock: u64,
}

struct Known {
    source: Arc<str>,
    text: Text,
    used: u64,
}

/// A text that a worker has.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// Its number at this worker.
    pub(super) id: u64,
    /// What in it may be a lookup.
    pub(super) candidates: Arc<[String]>,
}

/// What to tell the worker of a text.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) text: Text,
    /// Whether it has to be sent.
    pub(super) is_new: bool,
    /// The number of one that the worker may drop.
    pub(super) forget: Option<u64>,
}

impl Texts {
    /// No text; at most `limit` are kept.
    pub(super) fn new(limit: usize) -> Texts {
        Texts { known: HashMap::new(), limit: limit.max(1), clock: 0 }
    }

    /// The number of a script's text; the same text with lookups and without is two. An older text of the same script is dropped, and when there are too many, the one that was
    /// not used for longest.
    pub(super) fn tell(&mut self, script: &str, mode: LookupMode, source: &Arc<str>) -> Told {
        self.clock += 1;
        let key = (script.to_owned(), mode);
        if let Some(known) = self.known.get_mut(&key)
            && (Arc::ptr_eq(&known.source, source) || known.source == *source)
        {
            known.used = self.clock;
            return Told { text: known.text.clone(), is_new: false, forget: None };
        }
        let older = self.known.remove(&key);
        let forget = older.or_else(|| self.least_used()).map(|known| known.text.id);
        let text = Text { id: self.clock, candidates: lookup::candidates(source).into() };
        let known = Known { source: Arc::clone(source), text: text.clone(), used: self.clock };
        self.known.insert(key, known);
        Told { text, is_new: true, forget }
    }

    fn least_used(&mut self) -> Option<Known> {
        if self.known.len() < self.limit {
            return None;
        }
        let key = self.known.iter().min_by_key(|(_, known)| known.used).map(|(key, _)| key.clone())?;
        self.known.remove(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_new_once_and_older_ones_are_forgotten() {
        let mut texts = Texts::new(2);
        let (one, two): (Arc<str>, Arc<str>) = ("1".into(), "2 {k}".into());
        let first = texts.tell("a", LookupMode::Safe, &one);
        assert_eq!((first.is_new, first.forget), (true, None));
        assert!(!texts.tell("a", LookupMode::Safe, &"1".into()).is_new);
        let changed = texts.tell("a", LookupMode::Safe, &two);
        assert_eq!((changed.is_new, changed.forget), (true, Some(first.text.id)));
        assert_eq!(*changed.text.candidates, ["k".to_owned()]);
        let other = texts.tell("b", LookupMode::Safe, &one);
        assert_eq!(other.forget, None);
        texts.tell("a", LookupMode::Safe, &two);
        assert_eq!(texts.tell("c", LookupMode::Safe, &one).forget, Some(other.text.id));
    }
}
