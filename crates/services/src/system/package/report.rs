//! What an import did, or would do: for the log of its answer.

use super::kinds::Kind;
use antiphon_model::{Error, Response, Value, json};
use indexmap::IndexSet;

/// What became of something in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Created,
    Updated,
    /// It is there already, and was left as it is.
    Skipped,
    /// It is there already, just so.
    Unchanged,
    Failed,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Action::Created => "created",
            Action::Updated => "updated",
            Action::Skipped => "skipped",
            Action::Unchanged => "unchanged",
            Action::Failed => "failed",
        }
    }
}

/// Collects what happens.
#[derive(Default)]
pub(super) struct Report {
    notices: Vec<String>,
    warnings: IndexSet<String>,
    records: Vec<Value>,
    imported: usize,
    failures: Vec<Value>,
}

impl Report {
    /// Something that nobody has to act on.
    pub(super) fn notice(&mut self, text: String) {
        self.notices.push(text);
    }

    /// Something that somebody should look at; told once.
    pub(super) fn warn(&mut self, text: String) {
        self.warnings.insert(text);
    }

    /// What became of a record.
    pub(super) fn record(&mut self, kind: &Kind, name: &str, action: Action) {
        if action == Action::Skipped {
            self.notice(format!("The {} '{name}' exists already and was left as it is.", kind.name));
        }
        self.count(action, 1);
        self.records.push(json!({ "resource": kind.name, "name": name, "action": action.as_str() }));
    }

    /// What became of tables or rows of a service; `count` rows for data.
    pub(super) fn part(&mut self, resource: &str, name: &str, action: Action, count: Option<usize>) {
        if action == Action::Skipped && count.is_none() {
            self.notice(format!("'{resource}/{name}' exists already and was left as it is."));
        }
        self.count(action, count.unwrap_or(1));
        let mut entry = json!({ "resource": resource, "name": name, "action": action.as_str() });
        if let (Some(count), Some(members)) = (count, entry.as_object_mut()) {
            members.insert("count".into(), json!(count));
        }
        self.records.push(entry);
    }

    /// A record that can't be stored.
    pub(super) fn refused(&mut self, kind: &Kind, name: &str, error: &Error) {
        self.failures.push(json!({ "resource": kind.name, "name": name, "error": error.to_value() }));
    }

    /// The error of an import in which records were refused; the rest is undone then.
    pub(super) fn refusal(&self) -> Option<Error> {
        let first = self.failures.first()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let message = format!(
            "The package was not imported, and nothing was changed: {} of its records can't be stored. The {} '{}': {}",
            self.failures.len(),
            text(&first["resource"]),
            text(&first["name"]),
            text(&first["error"]["message"]),
        );
        Some(Error::bad_request(message).with_context(json!({ "record": self.failures })))
    }

    /// The answer: 201 when something was imported, or would be.
    pub(super) fn into_response(self, dry_run: bool) -> Response {
        let imported = self.imported > 0;
        let mut body = json!({
            "success": imported,
            "log": { "notice": self.notices, "warning": self.warnings },
            "record": self.records,
        });
        if let Some(members) = body.as_object_mut().filter(|_| dry_run) {
            members.insert("dry_run".into(), json!(true));
        }
        match imported && !dry_run {
            true => Response::created(body),
            false => Response::ok(body),
        }
    }

    fn count(&mut self, action: Action, count: usize) {
        if matches!(action, Action::Created | Action::Updated) {
            self.imported += count;
        }
    }
}
