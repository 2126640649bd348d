//! What workers are told by the server that starts them.

use antiphon_model::{ScriptSettings, Value};
use antiphon_sandbox::Protection;
use std::path::PathBuf;

/// How workers are set up.
#[derive(Debug, Clone, Default)]
pub struct WorkerSettings {
    /// What the administrator configured.
    pub scripts: ScriptSettings,
    /// What keeps workers from the rest of the machine.
    pub confinement: Confinement,
    /// `platform.config`.
    pub config: Value,
    /// Folder of the packages that scripts may load, or a link to it; it need not be there.
    pub packages: Option<PathBuf>,
}

/// What keeps workers from the rest of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Confinement {
    /// Nobody said, so no worker starts.
    #[default]
    Unknown,
    /// The sandbox, entered by way of this program: the server's own, or another that calls `antiphon_sandbox::enter_from_arguments`.
    Sandbox(PathBuf),
    /// Nothing: for tests with scripts that are trusted.
    Nothing,
}

impl WorkerSettings {
    /// The folder of the packages as it is now: an installation puts another one in its place.
    pub(super) fn installed(&self) -> Option<PathBuf> {
        self.packages.as_deref()?.canonicalize().ok()
    }

    /// What the machine need not enforce. Names that are none were refused when the settings were read.
    pub(super) fn accepted(&self) -> Vec<Protection> {
        let accepts =
            |protection: &Protection| self.scripts.accept_missing.iter().any(|name| name == protection.name());
        Protection::ALL.into_iter().filter(accepts).collect()
    }
}
