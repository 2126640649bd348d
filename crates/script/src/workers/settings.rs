//! What workers are told by the server that starts them.

use antiphon_model::{ScriptSettings, Value};
use std::path::PathBuf;

/// How workers are set up.
#[derive(Debug, Clone, Default)]
pub struct WorkerSettings {
    /// What the administrator configured.
    pub scripts: ScriptSettings,
    /// `platform.config`.
    pub config: Value,
    /// Folder of the packages that scripts may load.
    pub packages: Option<PathBuf>,
}
