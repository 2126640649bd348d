//! Names of events: `service[.resource].verb[.type]`.

use crate::Verb;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest event name in characters that can be stored.
pub const EVENT_NAME_LIMIT: usize = 255;

/// Which of a call's points in time an event marks; the last part of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the service; may refuse, change or answer.
    PreProcess,
    /// After the service; may change the answer.
    PostProcess,
    /// The name without a type: after everything, the answer is fixed.
    Base,
    /// Later, from the queue.
    Queued,
    /// No event: the service that answers is itself a script. Never part of a name.
    Service,
}

impl Phase {
    /// The types that a scriptable name can end in.
    pub const SUFFIXED: [Phase; 3] = [Phase::PreProcess, Phase::PostProcess, Phase::Queued];

    /// The last part of the name; none for the base event.
    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Phase::PreProcess => Some("pre_process"),
            Phase::PostProcess => Some("post_process"),
            Phase::Base | Phase::Service => None,
            Phase::Queued => Some("queued"),
        }
    }

    /// `event.stage` as scripts see it.
    pub const fn stage(self) -> &'static str {
        match self {
            Phase::PreProcess => "pre_process",
            Phase::PostProcess => "post_process",
            Phase::Base | Phase::Queued => "api",
            Phase::Service => "service",
        }
    }
}

/// An event's name in its parts. Names are stored as given and matched without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventName {
    /// `service[.resource].verb`, without the type.
    pub base: String,
    /// The type.
    pub phase: Phase,
}

impl EventName {
    /// Takes a name apart at its type. A name that ends in none of the three types is a base event.
    pub fn parse(name: &str) -> Result<EventName, InvalidEventName> {
        if name.trim().is_empty() {
            return Err(InvalidEventName::Empty);
        }
        if name.chars().count() > EVENT_NAME_LIMIT {
            return Err(InvalidEventName::TooLong);
        }
        if let Some(position) = name.chars().position(char::is_control) {
            return Err(InvalidEventName::Control { position });
        }
        for phase in Phase::SUFFIXED {
            let Some(suffix) = phase.suffix() else { continue };
            let Some(split) = name.len().checked_sub(suffix.len() + 1) else { continue };
            if split > 0
                && name.is_char_boundary(split)
                && name.as_bytes()[split] == b'.'
                && name[split + 1..].eq_ignore_ascii_case(suffix)
            {
                return Ok(EventName { base: name[..split].to_owned(), phase });
            }
        }
        Ok(EventName { base: name.to_owned(), phase: Phase::Base })
    }

    /// The verb, when the base ends in one.
    pub fn verb(&self) -> Option<Verb> {
        let last = self.base.rsplit('.').next()?;
        Verb::ALL.into_iter().find(|verb| verb.lower().eq_ignore_ascii_case(last))
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.base)?;
        match self.phase.suffix() {
            Some(suffix) => write!(out, ".{suffix}"),
            None => Ok(()),
        }
    }
}

/// Why a text can't be an event's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventName {
    /// Nothing, or only blanks.
    #[error("Script name is required.")]
    Empty,
    /// More than [`EVENT_NAME_LIMIT`] characters.
    #[error("Script name is too long: at most {EVENT_NAME_LIMIT} characters are allowed.")]
    TooLong,
    /// A control character.
    #[error("Script name has a control character at position {position}; remove it.")]
    Control {
        /// Zero-based, in characters.
        position: usize,
    },
}

impl From<InvalidEventName> for crate::Error {
    fn from(error: InvalidEventName) -> Self {
        crate::Error::bad_request(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_at_its_type_without_regard_to_case() {
        let name = EventName::parse("db._table.{table_name}.get.Pre_Process").unwrap();
        assert_eq!((name.base.as_str(), name.phase), ("db._table.{table_name}.get", Phase::PreProcess));
        assert_eq!(name.verb(), Some(Verb::Get));
        assert_eq!(EventName::parse("db.get").unwrap().phase, Phase::Base);
    }

    #[test]
    fn a_name_that_cannot_be_stored_says_why() {
        assert_eq!(EventName::parse(" "), Err(InvalidEventName::Empty));
        assert_eq!(EventName::parse("a\nb"), Err(InvalidEventName::Control { position: 1 }));
        assert_eq!(EventName::parse(&"é".repeat(256)), Err(InvalidEventName::TooLong));
        assert!(EventName::parse(&"é".repeat(255)).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_name_that_prints_as_it_was_or_is_refused(text in ".{0,300}") {
            if let Ok(name) = EventName::parse(&text) {
                let printed = name.to_string();
                proptest::prop_assert!(printed.eq_ignore_ascii_case(&text));
                proptest::prop_assert_eq!(EventName::parse(&printed), Ok(name));
            }
        }

        #[test]
        fn the_parts_of_a_name_are_found_again(
            segments in proptest::collection::vec("[a-zA-Z0-9_{}-]{1,12}", 1..6),
            verb in 0..5usize,
            suffix in 0..3usize,
        ) {
            let base = format!("{}.{}", segments.join("."), Verb::ALL[verb].lower());
            let phase = Phase::SUFFIXED[suffix];
            let name = EventName { base, phase };
            proptest::prop_assert_eq!(EventName::parse(&name.to_string()), Ok(name.clone()));
            proptest::prop_assert_eq!(name.verb(), Some(Verb::ALL[verb]));
        }
    }
}
