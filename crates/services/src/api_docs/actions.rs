//! The schemas of actions: log-in, passwords, profiles and the like.

use antiphon_gateway::Schema;
use antiphon_model::Object;

/// The text is part of the program; a test reads it.
const ACTIONS: &str = include_str!("actions.json");

/// The schemas that the actions of the system and user services name.
pub(crate) fn schemas() -> Vec<Schema> {
    let known: Object = serde_json::from_str(ACTIONS).unwrap_or_default();
    known.into_iter().map(|(name, schema)| Schema { name, is_record: false, schema }).collect()
}
