//! The private folder of the workers: their programs, and a scratch folder for each. It is removed with the server; those of servers
//! that were killed are removed by the next one.

use super::language::Language;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the folders' names begin with.
const PREFIX: &str = "antiphon-workers-";
/// Held locked as long as the server lives.
const LOCK: &str = "lock";

/// The folder.
pub(super) struct WorkerFolder {
    path: PathBuf,
    scratches: AtomicU64,
    /// Locked until this is dropped, however the server ends.
    _lock: File,
}

/// A folder in which one worker may write; removed when dropped.
pub(super) struct Scratch {
    path: PathBuf,
}

impl WorkerFolder {
    /// A fresh folder with the programs of every language in it.
    pub(super) fn create() -> io::Result<WorkerFolder> {
        let parent = std::env::temp_dir();
        remove_stale(&parent);
        let path = fresh(&parent)?.canonicalize()?;
        let lock = File::create(path.join(LOCK))?;
        lock.lock()?;
        for language in Language::ALL {
            let folder = path.join(folder_name(language));
            private(&folder)?;
            for program in language.programs() {
                std::fs::write(folder.join(program.name), program.text)?;
            }
        }
        Ok(WorkerFolder { path, scratches: AtomicU64::new(0), _lock: lock })
    }

    /// The folder of a language's program.
    pub(super) fn programs(&self, language: Language) -> PathBuf {
        self.path.join(folder_name(language))
    }

    /// A fresh folder for one worker.
    pub(super) fn scratch(&self) -> io::Result<Scratch> {
        let path = self.path.join(format!("scratch-{}", self.scratches.fetch_add(1, Ordering::Relaxed)));
        private(&path)?;
        Ok(Scratch { path })
    }
}

impl Drop for WorkerFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Scratch {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in it, up to what matters: stops counting above `enough`.
    pub(super) fn size(&self, enough: u64) -> u64 {
        size_of(&self.path, enough)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn folder_name(language: Language) -> String {
    language.label().to_ascii_lowercase()
}

/// A new folder that nobody else could have made before.
fn fresh(parent: &Path) -> io::Result<PathBuf> {
    let process = std::process::id();
    for number in 0..10_000 {
        let path = parent.join(format!("{PREFIX}{process}-{number}"));
        match private(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
    Err(io::Error::other("no name is free for a folder of the workers"))
}

fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Removes the folders of servers that are gone. Whoever still lives holds the lock of its folder.
fn remove_stale(parent: &Path) {
    let folders = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for folder in folders.filter(|folder| folder.file_name().to_string_lossy().starts_with(PREFIX)) {
        let lock = File::open(folder.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

fn size_of(folder: &Path, enough: u64) -> u64 {
    let mut total = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.len();
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            if total > enough {
                return total;
            }
        }
    }
    total
}
