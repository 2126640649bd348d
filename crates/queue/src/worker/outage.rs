//! What of a connection does not work, told once and not with every try.

use parking_lot::Mutex;
use std::collections::BTreeSet;

/// What fails on one connection.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Operations whose last try failed.
    failing: BTreeSet<&'static str>,
    last_error: Option<String>,
}

impl Outage {
    /// An operation failed.
    pub fn failed(&self, connection: &str, operation: &'static str, error: &dyn std::fmt::Display) {
        let mut state = self.state.lock();
        let is_new = state.failing.is_empty();
        state.failing.insert(operation);
        let text = error.to_string();
        if is_new {
            tracing::error!(
                connection,
                operation,
                error = text,
                "the queue fails; jobs wait, and it is tried again until it works"
            );
        }
        state.last_error = Some(text);
    }

    /// An operation succeeded.
    pub fn worked(&self, connection: &str, operation: &'static str) {
        let mut state = self.state.lock();
        if state.failing.remove(operation) && state.failing.is_empty() {
            tracing::info!(connection, "the queue works again");
        }
    }

    /// Whether something fails now, and the last error there ever was.
    pub fn tell(&self) -> (bool, Option<String>) {
        let state = self.state.lock();
        (!state.failing.is_empty(), state.last_error.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_until_everything_works_again() {
        let outage = Outage::default();
        assert_eq!(outage.tell(), (false, None));
        outage.failed("default", "claim", &"down");
        outage.failed("default", "renew", &"down too");
        outage.worked("default", "claim");
        assert_eq!(outage.tell(), (true, Some("down too".to_owned())));
        outage.worked("default", "renew");
        assert_eq!(outage.tell(), (false, Some("down too".to_owned())));
    }
}
