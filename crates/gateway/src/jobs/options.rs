//! What a script's configuration says of its jobs (events-and-scripting 7.3).

use antiphon_model::{Limits, Object, Value};
use std::borrow::Cow;

/// The queue of jobs that name none.
pub const DEFAULT_QUEUE: &str = "default";
/// Tries when the configuration does not say (events-and-scripting 7.4).
const TRIES: u32 = 3;
/// First wait before another try, in milliseconds.
const BACKOFF_MS: u64 = 1_000;
/// Longest wait before another try: an hour.
const BACKOFF_MAX_MS: u64 = 3_600_000;
/// What the original's console calls them begins so.
const PREFIX: &str = "queued_";

/// How jobs of a script are queued. Names are taken in any case, with and without `QUEUED_` before them.
#[derive(Debug, Clone, PartialEq)]
pub struct JobOptions {
    /// `connection`: where jobs are kept.
    pub connection: Option<String>,
    /// `queue`: the queue that they stand in.
    pub queue: String,
    /// `delay`, in seconds there.
    pub delay_ms: u64,
    /// `priority`: higher first.
    pub priority: i16,
    /// `tries`: attempts before a job is given up.
    pub tries: u32,
    /// `backoff`, in seconds there: the wait before the second try, doubled for each further one.
    pub backoff_ms: u64,
    /// `backoff_max`, in seconds there.
    pub backoff_max_ms: u64,
    /// `order_key`: jobs with the same one run one after the other. May name values of the event: `{request.payload.id}`.
    pub order_key: Option<String>,
    /// `dedup_key`: no second job while one with the same waits or runs. May name values of the event.
    pub dedup_key: Option<String>,
    /// `concurrency`: jobs of the script that run at one time.
    pub concurrency: Option<u32>,
}

impl JobOptions {
    /// Reads a stored configuration: an object, or the text of one. What can't be understood counts as absent, and
    /// [`mistakes`](JobOptions::mistakes) tells of it.
    pub fn of(config: &Value, limits: &Limits) -> JobOptions {
        let mut ignored = Vec::new();
        read(config, limits, &mut ignored)
    }

    /// What of a configuration can't be used, one sentence each.
    pub fn mistakes(config: &Value, limits: &Limits) -> Vec<String> {
        let mut mistakes = Vec::new();
        read(config, limits, &mut mistakes);
        mistakes
    }
}

fn read(config: &Value, limits: &Limits, mistakes: &mut Vec<String>) -> JobOptions {
    let config = match config {
        Value::String(text) => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        other => Cow::Borrowed(other),
    };
    let empty = Object::new();
    let mut reader = Reader { options: config.as_object().unwrap_or(&empty), mistakes };
    let seconds = |limit_ms: u64| move |value: f64| (value >= 0.0).then_some(((value * 1000.0) as u64).min(limit_ms));
    let longest = limits.job_delay_ms;
    JobOptions {
        connection: reader.text("connection", limits),
        queue: reader.text("queue", limits).unwrap_or_else(|| DEFAULT_QUEUE.to_owned()),
        delay_ms: reader.number("delay", "seconds from now on, 0 or more", seconds(longest)).unwrap_or(0),
        priority: reader
            .number("priority", "a whole number from -32768 to 32767", |value| {
                (value.fract() == 0.0 && (f64::from(i16::MIN)..=f64::from(i16::MAX)).contains(&value))
                    .then_some(value as i16)
            })
            .unwrap_or(0),
        tries: reader.number("tries", "a whole number from 1 on", whole(limits.job_tries)).unwrap_or(TRIES),
        backoff_ms: reader.number("backoff", "seconds, 0 or more", seconds(longest)).unwrap_or(BACKOFF_MS),
        backoff_max_ms: reader.number("backoff_max", "seconds, 0 or more", seconds(longest)).unwrap_or(BACKOFF_MAX_MS),
        order_key: reader.text("order_key", limits),
        dedup_key: reader.text("dedup_key", limits),
        concurrency: reader.number("concurrency", "a whole number from 1 on", whole(u32::MAX)),
    }
}

fn whole(most: u32) -> impl Fn(f64) -> Option<u32> {
    move |value| (value.fract() == 0.0 && value >= 1.0).then_some(value.min(f64::from(most)) as u32)
}

struct Reader<'a> {
    options: &'a Object,
    mistakes: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn find(&self, name: &str) -> Option<&Value> {
        let is_it = |key: &str| {
            let key = key.to_ascii_lowercase();
            key.strip_prefix(PREFIX).unwrap_or(&key) == name
        };
        let found = self.options.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)?;
        let is_empty = found.is_null() || found.as_str().is_some_and(|text| text.trim().is_empty());
        (!is_empty).then_some(found)
    }

    fn text(&mut self, name: &str, limits: &Limits) -> Option<String> {
        let text = match self.find(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.mistakes.push(format!("'{name}' must be a text."));
                return None;
            }
        };
        if text.len() > limits.job_key_bytes {
            self.mistakes.push(format!("'{name}' may not be longer than {} bytes.", limits.job_key_bytes));
            return None;
        }
        if text.contains(char::is_control) {
            self.mistakes.push(format!("'{name}' may not have control characters, such as NUL or a line break."));
            return None;
        }
        Some(text)
    }

    fn number<T>(&mut self, name: &str, wanted: &str, take: impl Fn(f64) -> Option<T>) -> Option<T> {
        let value = self.find(name)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite());
        let taken = number.and_then(take);
        if taken.is_none() {
            self.mistakes.push(format!("'{name}' must be {wanted}."));
        }
        taken
    }
}

/// The text with spaces in the place of control characters, which not every queue can keep.
pub(super) fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A key with the values of the event in the place of their names; none when it comes to nothing. What is not there is empty, a
/// value that is too long is cut, and control characters become spaces.
pub(super) fn expand(template: &str, event: &Value, limits: &Limits) -> Option<String> {
    let mut key = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        key.push_str(before);
        let Some((path, after)) = after.split_once('}') else {
            key.push('{');
            rest = after;
            continue;
        };
        match path.split('.').try_fold(event, |value, name| member(value, name)) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => key.push_str(text),
            Some(other) => key.push_str(&other.to_string()),
        }
        rest = after;
    }
    key.push_str(rest);
    let mut key = printable(&key);
    let end = key.floor_char_boundary(limits.job_key_bytes);
    key.truncate(end);
    (!key.is_empty()).then_some(key)
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::json;

    fn options(config: Value) -> JobOptions {
        JobOptions::of(&config, &Limits::default())
    }

    #[test]
    fn both_spellings_count_in_any_case_and_from_a_text_too() {
        let documented = options(json!({"queue": "mail", "delay": 5, "connection": "far"}));
        let consoles = options(json!({"QUEUED_QUEUE": "mail", "QUEUED_DELAY": "5", "QUEUED_CONNECTION": "far"}));
        let text = options(json!("{\"Queue\": \"mail\", \"queued_delay\": 5.0, \"CONNECTION\": \"far\"}"));
        assert_eq!((&documented, &documented), (&consoles, &text));
        assert_eq!((documented.queue.as_str(), documented.delay_ms), ("mail", 5000));
        assert_eq!(documented.connection.as_deref(), Some("far"));
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        for nothing in [Value::Null, json!({}), json!("no json"), json!({"queue": "", "delay": null})] {
            let defaults = options(nothing);
            assert_eq!((defaults.queue.as_str(), defaults.delay_ms, defaults.tries), ("default", 0, 3));
            assert_eq!((defaults.connection, defaults.concurrency, defaults.order_key), (None, None, None));
        }
    }

    #[test]
    fn what_makes_no_sense_is_named_and_not_used() {
        let config = json!({"delay": -1, "priority": 1.5, "tries": 0, "queue": ["a"], "concurrency": "many", "dedup_key": "k".repeat(300)});
        let mistakes = JobOptions::mistakes(&config, &Limits::default());
        for name in ["delay", "priority", "tries", "queue", "concurrency", "dedup_key"] {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(&format!("'{name}'"))), "{name}: {mistakes:?}");
        }
        assert_eq!(options(config), options(Value::Null));
        assert!(JobOptions::mistakes(&json!({"delay": "2.5", "tries": 7}), &Limits::default()).is_empty());
        let far = Limits::default();
        assert_eq!(options(json!({"delay": 1e300, "tries": 1e9})).delay_ms, far.job_delay_ms);
        assert_eq!(options(json!({"tries": 1e9})).tries, far.job_tries);
    }

    #[test]
    fn no_name_has_control_characters() {
        for name in ["connection", "queue", "order_key", "dedup_key"] {
            let config = json!({ name: "a\u{0}b" });
            let mistakes = JobOptions::mistakes(&config, &Limits::default());
            assert!(mistakes.len() == 1 && mistakes[0].contains("control characters"), "{mistakes:?}");
            assert_eq!(options(config), options(Value::Null));
        }
        let event = json!({"request": {"parameters": {"id": "1\u{0}2\n3\u{85}"}}});
        let key = expand("todo-{request.parameters.id}", &event, &Limits::default());
        assert_eq!(key.as_deref(), Some("todo-1 2 3 "));
    }

    #[test]
    fn keys_name_values_of_the_event() {
        let limits = Limits::default();
        let event = json!({"request": {"payload": {"resource": [{"id": 7, "name": "a"}]}}, "resource": "todo"});
        let expanded = |template: &str| expand(template, &event, &limits);
        assert_eq!(expanded("todo-{request.payload.resource.0.id}").as_deref(), Some("todo-7"));
        assert_eq!(expanded("{resource}/{request.payload.resource.0.name}").as_deref(), Some("todo/a"));
        assert_eq!(expanded("{request.payload.nothing}"), None);
        assert_eq!(expanded("a{b").as_deref(), Some("a{b"));
        assert_eq!(expand(&"ü".repeat(200), &event, &limits).unwrap().len(), 254);
    }
}
