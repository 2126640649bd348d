//! Where PostgreSQL's programs are: distributions keep those of the server out of the path.

use crate::StartError;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with the programs of one version.
#[derive(Debug, Clone)]
pub(super) struct Programs(PathBuf);

impl Programs {
    /// The programs in the path, those that `pg_config` tells of, or those of the newest version where Debian keeps them.
    pub(super) fn find() -> Result<Programs, StartError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
            folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
        folders.extend(versions());
        folders
            .into_iter()
            .find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()))
            .map(Programs)
            .ok_or(StartError::NotInstalled { server: "PostgreSQL's server", package: "postgresql" })
    }

    /// One of them.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// The folders of Debian's versions, newest first.
fn versions() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(Path::new("/usr/lib/postgresql"))
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
