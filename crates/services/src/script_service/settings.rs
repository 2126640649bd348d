//! The configuration of a script service (events-and-scripting 5.1).

use antiphon_gateway::{Link, ScriptOrigin};
use antiphon_model::{Object, Value, truthy};
use std::sync::Arc;
use std::time::Duration;

/// How long answers are kept when the configuration does not say: the original's five hours (other-services 1).
const DEFAULT_CACHE: Duration = Duration::from_secs(18_000);

/// What a script service is told to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// The script's text.
    pub(super) content: String,
    /// The script's own options: an object, or null.
    pub(super) config: Value,
    /// Runs later.
    pub(super) queued: bool,
    /// The script answers `as_access_list=true` itself.
    pub(super) implements_access_list: bool,
    /// Where the text is.
    pub(super) origin: ScriptOrigin,
    /// How long answers to GET are kept; none when they are not.
    pub(super) cache: Option<Duration>,
}

impl Settings {
    /// Reads a stored configuration; none when there is none.
    pub(super) fn of(config: &Object) -> Option<Settings> {
        if config.is_empty() {
            return None;
        }
        let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
        let flag = |name: &str| config.get(name).is_some_and(truthy);
        let seconds = config.get("cache_ttl").and_then(number).filter(|seconds| *seconds > 0);
        let storage = config.get("storage_service_id").and_then(number).and_then(|id| i64::try_from(id).ok());
        let filled = |name: &str| Some(text(name)).filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let origin = match storage.zip(filled("storage_path")) {
            None => ScriptOrigin::Stored,
            Some((service_id, path)) => {
                let (repository, reference) = (filled("scm_repository"), filled("scm_reference"));
                ScriptOrigin::Linked(Arc::new(Link { service_id, path, repository, reference }))
            }
        };
        Some(Settings {
            content: text("content").to_owned(),
            config: config.get("config").cloned().unwrap_or_default(),
            queued: flag("queued"),
            implements_access_list: flag("implements_access_list"),
            origin,
            cache: flag("cache_enabled").then(|| seconds.map_or(DEFAULT_CACHE, Duration::from_secs)),
        })
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::json;

    fn settings(config: Value) -> Option<Settings> {
        Settings::of(config.as_object().unwrap())
    }

    #[test]
    fn a_service_that_says_nothing_has_no_settings_and_one_that_says_little_has_defaults() {
        assert_eq!(settings(json!({})), None);
        let plain = settings(json!({"content": "return 1;"})).unwrap();
        assert_eq!((plain.queued, plain.origin, plain.cache), (false, ScriptOrigin::Stored, None));
    }

    #[test]
    fn answers_are_kept_only_when_that_is_switched_on() {
        let kept = |config| settings(config).unwrap().cache;
        assert_eq!(kept(json!({"cache_enabled": false, "cache_ttl": 60})), None);
        assert_eq!(kept(json!({"cache_enabled": "true", "cache_ttl": "60"})), Some(Duration::from_secs(60)));
        assert_eq!(kept(json!({"cache_enabled": true, "cache_ttl": 0})), Some(DEFAULT_CACHE));
    }

    #[test]
    fn a_text_is_elsewhere_only_when_service_and_path_are_given() {
        let linked = |config| settings(config).unwrap().origin != ScriptOrigin::Stored;
        assert!(linked(json!({"storage_service_id": 3, "storage_path": "a.js"})));
        assert!(!linked(json!({"storage_service_id": 3, "storage_path": null})));
        assert!(!linked(json!({"storage_service_id": null, "storage_path": "a.js"})));
    }
}
