//! What this machine can enforce, found out by doing it.

use crate::{calls, files};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A protection by its name in the configuration and in `/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Files outside of the interpreter's and the scratch folder can't be opened (Linux 5.13).
    LandlockFiles,
    /// TCP is refused by landlock as well (Linux 6.7). A second wall: seccomp refuses sockets of every kind.
    LandlockNetwork,
    /// Signals and abstract sockets are refused by landlock as well (Linux 6.12). A second wall: seccomp refuses both.
    LandlockScopes,
    /// System calls are filtered: no network, no processes, no signals to others, no changes of the machine.
    Seccomp,
}

impl Protection {
    /// All protections.
    pub const ALL: [Protection; 4] =
        [Protection::LandlockFiles, Protection::LandlockNetwork, Protection::LandlockScopes, Protection::Seccomp];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Protection::LandlockFiles => "landlock_files",
            Protection::LandlockNetwork => "landlock_network",
            Protection::LandlockScopes => "landlock_scopes",
            Protection::Seccomp => "seccomp",
        }
    }

    /// Whether seccomp alone does what it does.
    fn is_second_wall(self) -> bool {
        matches!(self, Protection::LandlockNetwork | Protection::LandlockScopes)
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a machine can enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    enforced: Vec<Protection>,
}

impl Capabilities {
    /// Finds out what this machine can enforce, without effect on the caller: files and system calls are really refused to a short-lived thread.
    #[must_use]
    pub fn probe() -> Capabilities {
        let works = |protection: &Protection| match protection {
            Protection::LandlockFiles => files::are_enforced(),
            Protection::LandlockNetwork => files::network_is_enforced(),
            Protection::LandlockScopes => files::scopes_are_enforced(),
            Protection::Seccomp => calls::are_enforced(),
        };
        Capabilities { enforced: Protection::ALL.into_iter().filter(works).collect() }
    }

    /// Whether the machine enforces this.
    #[must_use]
    pub fn has(&self, protection: Protection) -> bool {
        self.enforced.contains(&protection)
    }

    /// What the machine lacks, is needed and was not accepted: workers are refused while this is not empty. A second wall is needed only where the
    /// first one is missing.
    #[must_use]
    pub fn unacceptable(&self, accepted: &[Protection]) -> Vec<Protection> {
        let behind_another = |protection: Protection| protection.is_second_wall() && self.has(Protection::Seccomp);
        let fine = |protection: Protection| {
            self.has(protection) || accepted.contains(&protection) || behind_another(protection)
        };
        Protection::ALL.into_iter().filter(|protection| !fine(*protection)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_wall_is_needed_only_without_the_first() {
        let has = |enforced: &[Protection]| Capabilities { enforced: enforced.to_vec() };
        let old = has(&[Protection::LandlockFiles, Protection::Seccomp]);
        assert_eq!(old.unacceptable(&[]), []);
        let unfiltered = has(&[Protection::LandlockFiles, Protection::LandlockScopes]);
        assert_eq!(unfiltered.unacceptable(&[]), [Protection::LandlockNetwork, Protection::Seccomp]);
        assert_eq!(unfiltered.unacceptable(&[Protection::Seccomp]), [Protection::LandlockNetwork]);
        assert_eq!(has(&[]).unacceptable(&Protection::ALL), []);
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        for protection in Protection::ALL {
            assert_eq!(serde_json::to_value(protection).unwrap(), protection.name());
        }
    }
}
