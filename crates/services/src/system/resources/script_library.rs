//! Code that scripts share (events-and-scripting D13).

use super::event_script::{check, mistake};
use super::{Resource, invalid, require, require_if_given};
use antiphon_gateway::Call;
use antiphon_model::{Object, Result, Value};
use antiphon_script::known_type;

pub(super) struct ScriptLibraries;

impl Resource for ScriptLibraries {
    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        require(record, "name")?;
        check_name(record.get("name").and_then(Value::as_str).unwrap_or_default())?;
        require(record, "type")?;
        record.remove("version");
        check(call, record, record.get("type"))
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        require_if_given(record, "type")?;
        record.remove("version");
        // Scripts know it by its name.
        if let Some(name) = existing.get("name") {
            record.insert("name".into(), name.clone());
        }
        check(call, record, record.get("type").or(existing.get("type")))
    }
}

/// A name must be one that every language can ask for, and not look like a path or a version.
fn check_name(name: &str) -> Result<()> {
    let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter));
    let begins_well = name.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    match is_plain && begins_well {
        true => Ok(()),
        false => Err(invalid(
            "name",
            "The name of a library has only letters, digits, underscores, dashes and dots, and begins with a letter, a digit or an \
             underscore.",
        )),
    }
}

/// Why these libraries will not load, one sentence each.
pub(in crate::system) fn warnings(call: &Call<'_>, records: &[&Object]) -> Vec<String> {
    let warning = |record: &&Object| {
        let text = |field: &str| record.get(field).and_then(Value::as_str);
        let (kind, content) = (text("type").filter(|kind| known_type(kind))?, text("content")?);
        let mistake = mistake(call, kind, Some(content))?;
        Some(format!("Library '{}' can't be loaded: {mistake}", text("name").unwrap_or_default()))
    };
    records.iter().filter_map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_every_language_can_ask_for() {
        for name in ["tax", "tax.js", "_tax-2", "7z"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["tax@2", "a/b", "../tax", ".hidden", "tax rates", "-x", ""] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
