//! Settings of scripting.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where the interpreters are, and which languages may run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptSettings {
    /// The program of Node.js; found on the search path by default.
    pub node: Option<PathBuf>,
    /// The program of PHP's command line; found on the search path by default.
    pub php: Option<PathBuf>,
    /// The program of Python 3, for scripts of the type `python`; that of `python3` by default.
    pub python: Option<PathBuf>,
    /// The program of Python 3; found on the search path by default.
    pub python3: Option<PathBuf>,
    /// A folder whose `events` are scripts of this server, read again when they change.
    pub folder: Option<PathBuf>,
    /// Script types that may neither be stored nor run; `all` stands for every one.
    pub disable: Vec<String>,
}
