//! Scripts as files: one with the text, named after the script, and one with its settings beside it, so that Git works.
//!
//! ```text
//! events/db._table.todo.get.pre_process.js     the text
//! events/db._table.todo.get.pre_process.json   {"is_active": true, "allow_event_modification": true}
//! services/math.py                             a script service
//! libraries/tax.js                             shared code
//! ```
//!
//! The same script always makes the same two files, byte for byte.

mod folder;
mod linked;
mod name;

pub use folder::{FolderError, paths_in, read_file, read_folder};
pub(crate) use linked::{FolderWatcher, LinkedFolder};

use antiphon_model::{Error, Object, Result, Value, json};

/// What a script is for; each has a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Runs on an event; named after it.
    Events,
    /// Is a service; named like it.
    Services,
    /// Is used by others under its name.
    Libraries,
}

impl Section {
    /// All of them, in the order in which they are written to a server: libraries first, because others use them.
    pub const ALL: [Section; 3] = [Section::Libraries, Section::Services, Section::Events];

    /// The name of its folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Section::Events => "events",
            Section::Services => "services",
            Section::Libraries => "libraries",
        }
    }

    /// For people, in the singular.
    pub const fn noun(self) -> &'static str {
        match self {
            Section::Events => "event script",
            Section::Services => "script service",
            Section::Libraries => "library",
        }
    }
}

/// A script as it is written to files.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptFile {
    /// What it is for.
    pub section: Section,
    /// Its full name.
    pub name: String,
    /// Its type: `javascript`, `python3`, ...
    pub kind: String,
    /// Its text.
    pub content: String,
    /// Everything else, by the names of the API. Members that are null are left out.
    pub settings: Object,
}

/// The names of the two files of a script, relative to the folder of all, and what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Path of the text.
    pub text_path: String,
    /// Path of the settings.
    pub settings_path: String,
    /// The settings: one JSON object, two spaces deep, with a line end.
    pub settings: String,
}

impl ScriptFile {
    /// The names of its files, and its settings as text.
    ///
    /// # Errors
    /// 400 for a type that scripts don't have.
    pub fn written(&self) -> Result<Written> {
        let extension = name::extension_of(&self.kind).ok_or_else(|| {
            Error::bad_request(format!("'{}' is no type of scripts; see system/script_type.", self.kind))
        })?;
        let stem = name::stem(&self.name);
        let path = |extension: &str| format!("{}/{stem}.{extension}", self.section.folder());
        let text_path = path(extension);
        let mut settings = Object::new();
        if name::is_cut(&stem) {
            settings.insert("name".into(), json!(self.name));
        }
        if name::split(&text_path).is_none_or(|(_, implied)| implied != self.kind) {
            settings.insert("type".into(), json!(self.kind));
        }
        let mut others: Vec<_> = self.settings.iter().filter(|(_, value)| !value.is_null()).collect();
        others.sort_by_key(|(name, _)| *name);
        for (name, value) in others {
            // A document keeps the order that its author gave it.
            let value = if name == "doc" { value.clone() } else { sorted(value) };
            settings.insert(name.clone(), value);
        }
        let mut text = serde_json::to_string_pretty(&settings)
            .map_err(|error| Error::internal("Settings can't be written.", error))?;
        text.push('\n');
        Ok(Written { text_path, settings_path: path("json"), settings: text })
    }

    /// The script in a file of that name and text, with the settings beside it, if there are any.
    ///
    /// # Errors
    /// Why it can't be used, in plain words.
    fn parse(
        section: Section,
        file: &str,
        content: String,
        settings: Option<&str>,
    ) -> std::result::Result<ScriptFile, String> {
        let Some((stem, implied)) = name::split(file) else {
            return Err("its name has no extension of a script".to_owned());
        };
        let mut settings: Object = match settings {
            None => Object::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|error| format!("its settings are no JSON object: {error}"))?
            }
        };
        let told = settings.shift_remove("name");
        let name = match told.as_ref().and_then(Value::as_str) {
            Some(name) if name::stem(name) == stem => name.to_owned(),
            Some(name) => {
                return Err(format!("its settings name '{name}', whose file would be called '{}'", name::stem(name)));
            }
            None if name::is_cut(stem) => {
                return Err("its name is cut, and its settings don't tell it in full".to_owned());
            }
            None => name::unstem(stem).ok_or("its name is encoded wrongly")?,
        };
        let kind = match settings.shift_remove("type") {
            None => implied.to_owned(),
            Some(Value::String(kind)) if name::extension_of(&kind) == name::extension_of(implied) => kind,
            Some(kind) => return Err(format!("its settings say type {kind}, which its extension doesn't fit")),
        };
        settings.retain(|_, value| !value.is_null());
        // Who puts a script there wants it to run; whether its edits count is another question.
        settings.entry("is_active").or_insert(json!(true));
        if section == Section::Events {
            settings.entry("allow_event_modification").or_insert(json!(false));
        }
        Ok(ScriptFile { section, name, kind, content, settings })
    }
}

/// The same value with the members of its objects in the order of their names.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect::<Object>().into()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
