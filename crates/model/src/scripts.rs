//! Settings of scripting.

use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// Where the interpreters are, and which languages may run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptSettings {
    /// The program of Node.js; found on the search path by default.
    pub node: Option<PathBuf>,
    /// The program of PHP's command line; found on the search path by default.
    pub php: Option<PathBuf>,
    /// A program of Python 3, used where `python3` is not set: one interpreter runs the scripts of both types.
    pub python: Option<PathBuf>,
    /// The program of Python 3; found on the search path by default.
    pub python3: Option<PathBuf>,
    /// A folder whose `events` are scripts of this server, read again when they change.
    pub folder: Option<PathBuf>,
    /// Script types that may neither be stored nor run; `all` stands for every one.
    #[serde(deserialize_with = "list_or_text")]
    pub disable: Vec<String>,
    /// Names of protections that the machine can't enforce, and without which scripts run all the same.
    #[serde(deserialize_with = "list_or_text")]
    pub accept_missing: Vec<String>,
}

/// Reads a list, or one text with commas as a variable holds it.
///
/// # Errors
/// When it is neither.
pub fn list_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ListOrText {
        List(Vec<String>),
        Text(String),
    }
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(list) => list,
        ListOrText::Text(text) => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
    })
}
