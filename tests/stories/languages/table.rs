//! The languages that the suite runs over, and one script in each of their grammars.

use crate::support::{TestApp, Value, json};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a language is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    JavaScript,
    Python,
    Php,
}

/// A script type.
pub struct Language {
    /// As stored in a script's `type`.
    pub kind: &'static str,
    pub grammar: Grammar,
    /// Whether this release runs it.
    has_come: bool,
}

/// Every script type, in the order in which they take their turns.
pub const LANGUAGES: [Language; 7] = [
    Language { kind: "javascript", grammar: Grammar::JavaScript, has_come: true },
    Language { kind: "v8js", grammar: Grammar::JavaScript, has_come: true },
    Language { kind: "typescript", grammar: Grammar::JavaScript, has_come: true },
    Language { kind: "nodejs", grammar: Grammar::JavaScript, has_come: true },
    Language { kind: "python3", grammar: Grammar::Python, has_come: true },
    Language { kind: "python", grammar: Grammar::Python, has_come: true },
    Language { kind: "php", grammar: Grammar::Php, has_come: true },
];

/// The same script in each grammar. Calls of `platform.api` are awaited in JavaScript, so that they read the same in Node.js.
pub struct Text {
    javascript: String,
    python: String,
    php: String,
}

/// The same script in each grammar.
pub fn text(javascript: impl Into<String>, python: impl Into<String>, php: impl Into<String>) -> Text {
    Text { javascript: javascript.into(), python: python.into(), php: php.into() }
}

/// A server, and the language whose turn it is.
pub struct World {
    app: TestApp,
    pub language: &'static Language,
}

impl Deref for World {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl World {
    /// The text in the language whose turn it is.
    pub fn in_language<'t>(&self, text: &'t Text) -> &'t str {
        match self.language.grammar {
            Grammar::JavaScript => &text.javascript,
            Grammar::Python => &text.python,
            Grammar::Php => &text.php,
        }
    }

    /// Attaches an active script that may modify the event.
    pub fn script(&self, event: &str, text: &Text) {
        self.script_with(event, text, json!({}));
    }

    /// Attaches an active script whose edits must not count.
    pub fn read_only_script(&self, event: &str, text: &Text) {
        self.script_with(event, text, json!({"allow_event_modification": false}));
    }

    /// Attaches a script with these further members of its record.
    pub fn script_with(&self, event: &str, text: &Text, members: Value) {
        let mut record = json!({"type": self.language.kind, "content": self.in_language(text)});
        record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.store(event, record);
    }

    /// Makes a script service of that name.
    pub fn service(&self, name: &str, text: &Text) {
        let config = json!({"content": self.in_language(text)});
        let service = json!({"name": name, "type": self.language.kind, "is_active": true, "config": config});
        self.admin().post("system/service", json!({ "resource": [service] })).expect(201);
    }

    /// What a read of the todos answers, with that script before it.
    #[track_caller]
    pub fn told(&self, text: &Text) -> Value {
        self.script("db._table.todo.get.pre_process", text);
        self.user().get("db/_table/todo").expect(200)
    }
}

/// Tells the same story in every language, each with a server of its own, and then says in which it failed.
#[track_caller]
pub fn in_every_language(story: impl Fn(&World)) {
    in_languages(|_| true, story);
}

/// Tells the same story in the languages that are asked for.
#[track_caller]
pub fn in_languages(which: impl Fn(&Language) -> bool, story: impl Fn(&World)) {
    with_limits(&[], which, story);
}

/// Tells the same story in every language, with these limits.
#[track_caller]
pub fn within_limits(limits: &[(&str, u64)], story: impl Fn(&World)) {
    with_limits(limits, |_| true, story);
}

#[track_caller]
fn with_limits(limits: &[(&str, u64)], which: impl Fn(&Language) -> bool, story: impl Fn(&World)) {
    let failed: Vec<_> = LANGUAGES
        .iter()
        .filter(|language| language.has_come && which(language))
        .filter(|language| {
            let world = World { app: TestApp::with_limits(limits), language };
            catch_unwind(AssertUnwindSafe(|| story(&world))).is_err()
        })
        .map(|language| language.kind)
        .collect();
    assert!(failed.is_empty(), "failed in {failed:?}; the reasons are above, in this order");
}
