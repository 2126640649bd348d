//! A stored script, as an engine needs it.

use antiphon_model::{Limits, Value};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A script to run.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its stored name: an event's name, or a service's.
    pub name: String,
    /// Its stored type: `javascript`, `v8js`, …
    pub kind: String,
    /// Its text: the body of a function `(event, platform)`.
    pub source: Arc<str>,
    /// Its stored configuration: an object, or the text of one.
    pub config: Value,
    /// Whether its edits of the event count.
    pub allow_event_modification: bool,
    /// Changes with every save; ready-made engines of other versions are dropped.
    pub version: u64,
}

/// What happens to `{name}` in the script's text (reference 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum LookupMode {
    Off,
    /// Inside string literals, as text.
    #[default]
    Safe,
    /// Anywhere, as code.
    Raw,
}

/// The parts of a script's configuration that matter while it runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) lookups: LookupMode,
    /// `timeout_ms`: may shorten the time limit, not lengthen it.
    pub(crate) wall: Option<Duration>,
}

impl Script {
    /// The version of a library that its configuration asks for: `{"libraries": {"tax": 2}}`.
    pub fn pinned(&self, library: &str) -> Option<u64> {
        self.options().get("libraries")?.get(library)?.as_u64()
    }

    /// The hosts that its configuration lets it call, when it names any: `{"hosts": ["api.example.com"]}`.
    pub fn hosts(&self) -> Option<Vec<String>> {
        let options = self.options();
        let hosts = options.get("hosts")?.as_array()?;
        Some(hosts.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// How long one run may take.
    pub fn wall_limit(&self, limits: &Limits) -> Duration {
        let limit = Duration::from_millis(limits.script_wall_ms);
        self.settings().wall.map_or(limit, |wall| wall.min(limit))
    }

    /// The configuration as an object; null when it is none.
    fn options(&self) -> Cow<'_, Value> {
        match &self.config {
            Value::String(text) => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
            other => Cow::Borrowed(other),
        }
    }

    /// Reads the configuration. What is not understood counts as absent: the text is free for other uses.
    pub(crate) fn settings(&self) -> Settings {
        let config = self.options();
        Settings {
            lookups: match config.get("lookups").and_then(Value::as_str) {
                Some("off") => LookupMode::Off,
                Some("raw") => LookupMode::Raw,
                _ => LookupMode::Safe,
            },
            wall: config.get("timeout_ms").and_then(Value::as_u64).map(Duration::from_millis),
        }
    }
}
