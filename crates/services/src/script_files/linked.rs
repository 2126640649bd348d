//! The server's own folder of scripts (events-and-scripting 6.6): what is in its `events` are event scripts of this server.
//!
//! The system database gets a copy of each, marked with its file. So all else is as for any script: it is listed, found in memory, in
//! force for every server over the same data, and still there when the folder is away for a moment.

use super::{FolderError, ScriptFile, Section, read_folder};
use crate::system::SystemStore;
use crate::system::store::{flag, required_text, text};
use antiphon_model::{Error, Result, Value, json};
use antiphon_sql::statement::Bound;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A folder of scripts, and the store that has copies of them.
pub(crate) struct LinkedFolder {
    root: PathBuf,
    store: Arc<SystemStore>,
    /// What the folder looked like when it was last read. Held while it is read.
    seen: Mutex<Option<u64>>,
}

/// A script as it is to be stored, or why its file can't be used.
#[derive(Debug, Clone, PartialEq)]
struct FileCopy {
    name: String,
    kind: String,
    content: String,
    config: Option<String>,
    is_active: bool,
    may_modify: bool,
    file: String,
    error: Option<String>,
}

impl LinkedFolder {
    /// The folder at that path.
    ///
    /// # Errors
    /// When there is none: a server that was told of one must not run without its scripts.
    pub(crate) fn open(root: &Path, store: Arc<SystemStore>) -> Result<LinkedFolder> {
        let unusable = |reason: String| {
            let message = format!("The folder of scripts '{}' can't be used: {reason}.", root.display());
            Error::new(503, format!("{message} Make it, or change the setting scripts.folder."))
        };
        let root = root.canonicalize().map_err(|error| unusable(error.to_string()))?;
        match root.is_dir() {
            true => Ok(LinkedFolder { root, store, seen: Mutex::new(None) }),
            false => Err(unusable("it is no folder".to_owned())),
        }
    }

    /// Reads the folder and stores what is different. When the folder can't be listed, everything stays as it was.
    ///
    /// # Errors
    /// When the folder can't be listed, or the system database can't be written.
    pub(crate) fn read(&self) -> Result<()> {
        let mut seen = self.seen.lock();
        let now = self.looks();
        self.store_changes()?;
        *seen = Some(now);
        Ok(())
    }

    fn read_if_changed(&self) -> Result<()> {
        let is_same = *self.seen.lock() == Some(self.looks());
        if is_same { Ok(()) } else { self.read() }
    }

    /// A number that differs when a file came, went or changed.
    fn looks(&self) -> u64 {
        let mut files: Vec<_> = std::fs::read_dir(self.root.join(Section::Events.folder()))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| {
                // Of a link, the file behind it.
                let about = std::fs::metadata(entry.path()).ok();
                let about = about.map(|file| (file.len(), file.ino(), file.mtime(), file.mtime_nsec(), file.mode()));
                (entry.file_name(), about)
            })
            .collect();
        files.sort();
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        hasher.finish()
    }

    fn store_changes(&self) -> Result<()> {
        let stored = self.stored()?;
        let (mut wanted, mut changed) = (BTreeMap::new(), Vec::new());
        let files = read_folder(&self.root, Section::Events, self.store.limits()).map_err(|error| {
            Error::internal("The folder of scripts can't be read; its scripts stay as they were.", error)
        })?;
        for file in files {
            let Some(copy) = self.copy_of(file, &stored) else { continue };
            wanted.insert(copy.name.to_lowercase(), copy);
        }
        for (name, copy) in &wanted {
            match stored.get(name) {
                Some(None) => tracing::error!(
                    file = copy.file,
                    "a script in the folder of scripts is passed over: another of its name is stored; delete that one"
                ),
                Some(Some(before)) if before == copy => {}
                _ => changed.push(copy),
            }
        }
        let is_ours = |copy: &FileCopy| Path::new(&copy.file).starts_with(&self.root);
        let ours = stored.iter().filter(|(_, copy)| copy.as_ref().is_some_and(is_ours));
        let gone: Vec<&String> = ours.map(|(name, _)| name).filter(|name| !wanted.contains_key(*name)).collect();
        self.put(&changed)?;
        self.remove(&gone)?;
        if !changed.is_empty() || !gone.is_empty() {
            tracing::info!(
                changed = changed.len(),
                deleted = gone.len(),
                "scripts were read from the folder of scripts"
            );
        }
        Ok(())
    }

    /// What is to be stored of a file. Of one that can't be used the name is enough: its script must not just vanish.
    fn copy_of(
        &self,
        file: Result<ScriptFile, FolderError>,
        stored: &BTreeMap<String, Option<FileCopy>>,
    ) -> Option<FileCopy> {
        let path = |script: &ScriptFile| {
            let names = script.written().ok()?;
            self.root.join(names.text_path).to_str().map(str::to_owned)
        };
        let is_on = |script: &ScriptFile, name: &str| script.settings.get(name) == Some(&json!(true));
        match file {
            Ok(script) => Some(FileCopy {
                config: script.settings.get("config").map(Value::to_string),
                is_active: is_on(&script, "is_active"),
                may_modify: is_on(&script, "allow_event_modification"),
                file: path(&script)?,
                name: script.name,
                kind: script.kind,
                content: script.content,
                error: None,
            }),
            Err(error) => {
                tracing::error!("{error}");
                let (_, name, kind) = error.script?;
                let before = stored.get(&name.to_lowercase()).cloned().flatten();
                let unread = FileCopy {
                    name,
                    kind: kind.to_owned(),
                    content: String::new(),
                    config: None,
                    is_active: true,
                    may_modify: false,
                    file: error.path.to_str()?.to_owned(),
                    error: None,
                };
                Some(FileCopy { error: Some(error.reason), is_active: true, ..before.unwrap_or(unread) })
            }
        }
    }

    /// The stored scripts by their names in lower case; none for those that come from no file.
    fn stored(&self) -> Result<BTreeMap<String, Option<FileCopy>>> {
        let sql = "SELECT name, type, content, config, is_active, allow_event_modification, linked_file, link_error FROM event_script";
        let rows = self.store.all(sql, &[], |row| {
            let name = required_text(row, 0);
            let copy = text(row, 6).map(|file| FileCopy {
                name: name.clone(),
                kind: required_text(row, 1),
                content: required_text(row, 2),
                config: text(row, 3),
                is_active: flag(row, 4),
                may_modify: flag(row, 5),
                file,
                error: text(row, 7),
            });
            (name.to_lowercase(), copy)
        })?;
        Ok(rows.into_iter().collect())
    }

    fn put(&self, copies: &[&FileCopy]) -> Result<()> {
        if copies.is_empty() {
            return Ok(());
        }
        let rows: Value = copies
            .iter()
            .map(|copy| {
                let shown = Path::new(&copy.file).strip_prefix(&self.root).ok().and_then(Path::to_str);
                json!([
                    copy.name,
                    copy.kind,
                    copy.content,
                    copy.config,
                    copy.is_active,
                    copy.may_modify,
                    shown,
                    copy.file,
                    copy.error
                ])
            })
            .collect();
        // Another server over the same folder may do the same at the same time.
        let sql = "INSERT INTO event_script (name, type, content, config, is_active, allow_event_modification, storage_path, \
                   linked_file, link_error) \
                   SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
                   value ->> 8 FROM json_each(?) WHERE true \
                   ON CONFLICT (name) DO UPDATE SET type = excluded.type, content = excluded.content, config = excluded.config, \
                   is_active = excluded.is_active, allow_event_modification = excluded.allow_event_modification, \
                   storage_path = excluded.storage_path, linked_file = excluded.linked_file, link_error = excluded.link_error, \
                   last_modified_date = CURRENT_TIMESTAMP WHERE event_script.linked_file IS NOT NULL";
        self.store.database().execute(sql, &[Bound::Text(rows.to_string())]).map(drop)
    }

    fn remove(&self, names: &[&String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let sql = "DELETE FROM event_script WHERE linked_file IS NOT NULL AND lower(name) IN (SELECT value FROM json_each(?))";
        self.store.database().execute(sql, &[Bound::Text(json!(names).to_string())]).map(drop)
    }
}

/// Looks at the folder behind the calls, until it is dropped.
pub(crate) struct FolderWatcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FolderWatcher {
    /// Begins.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(folder: Arc<LinkedFolder>) -> Result<FolderWatcher> {
        let (stop, stopped) = channel::<()>();
        let work = move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = folder.read_if_changed() {
                    tracing::error!(%error, cause = error.cause, "the folder of scripts");
                }
            }
        };
        let thread = std::thread::Builder::new().name("scripts folder".into()).spawn(work);
        let thread = thread.map_err(|error| Error::internal("A thread could not be started.", error))?;
        Ok(FolderWatcher { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for FolderWatcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the watcher of the folder of scripts panicked");
        }
    }
}
