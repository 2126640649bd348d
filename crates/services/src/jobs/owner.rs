//! The name of this process, and whether another one lives: a file for each, locked while its process lives. The system takes
//! the lock back however a process ends, so no clock and no heartbeat is needed.

use antiphon_gateway::jobs::Owner;
use antiphon_model::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// What the files of processes end with.
const ENDING: &str = "lock";

/// This process over its data folder.
pub(crate) struct Process {
    name: String,
    /// What the names of this instance's processes begin with.
    instance: String,
    folder: PathBuf,
    /// Held as long as the process lives.
    _lock: File,
}

impl Process {
    /// Names this process of that instance in that folder, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub(crate) fn enter(folder: &Path, instance: &str) -> Result<Process> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::internal(format!("The folder '{}' can't be used.", folder.display()), error)
        };
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| failed(&error))?;
        let instance = format!("{instance}-");
        let name = format!("{instance}{}-{:016x}", std::process::id(), u64::from_le_bytes(random));
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        // Locked before it has its name, so that nobody ever finds it unlocked.
        let unnamed = folder.join(format!("{name}.new"));
        let lock = File::create_new(&unnamed).map_err(|error| failed(&error))?;
        lock.try_lock().map_err(|error| failed(&error))?;
        std::fs::rename(&unnamed, path(folder, &name)).map_err(|error| failed(&error))?;
        let process = Process { name, instance, folder: folder.to_owned(), _lock: lock };
        process.sweep();
        Ok(process)
    }

    /// Removes the files of processes that are gone.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for file in entries.flatten().map(|entry| entry.path()) {
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if file.extension().is_some_and(|ending| ending == ENDING) && !self.is_alive(name) {
                // Another process may have removed it.
                let _ = std::fs::remove_file(&file);
            }
        }
    }
}

impl Owner for Process {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_instance(&self, name: &str) -> bool {
        name.starts_with(&self.instance)
    }

    fn is_alive(&self, name: &str) -> bool {
        if name == self.name {
            return true;
        }
        match File::open(path(&self.folder, name)) {
            Err(_) => false,
            Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What stays behind is swept by the next process.
        let _ = std::fs::remove_file(path(&self.folder, &self.name));
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{ENDING}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_ends_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let one = Process::enter(folder.path(), "abc").unwrap();
        let two = Process::enter(folder.path(), "abc").unwrap();
        assert!(one.is_instance(two.name()) && !one.is_instance("abd-1-2") && !one.is_instance("1-2"));
        assert!(one.is_alive(two.name()) && two.is_alive(one.name()) && one.is_alive(one.name()));
        let gone = two.name().to_owned();
        drop(two);
        assert!(!one.is_alive(&gone) && !one.is_alive("never-was") && !one.is_alive("../x"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1-dead.lock"), "").unwrap();
        std::fs::write(folder.path().join("note.txt"), "").unwrap();
        let process = Process::enter(folder.path(), "abc").unwrap();
        assert!(!folder.path().join("1-dead.lock").exists() && folder.path().join("note.txt").exists());
        assert!(!process.is_alive("1-dead"));
    }
}
