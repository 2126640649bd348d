//! Code that scripts share by name: what administrators stored, then files in a folder of the server's
//! (events-and-scripting 3.5, D13).

use crate::LibraryFolder;
use antiphon_model::Result;
use antiphon_script::Library;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Names that were asked for and are remembered, there or not.
const REMEMBERED: usize = 1000;

/// Where administrators' libraries are stored.
pub trait LibraryStore: Send + Sync {
    /// The active library of that name, in any case, as it is or as it was in that version.
    ///
    /// # Errors
    /// When the store can't be read.
    fn library(&self, name: &str, version: Option<u64>) -> Result<Option<Library>>;
}

/// Every library that scripts can ask for.
pub struct Libraries {
    store: Arc<dyn LibraryStore>,
    folder: LibraryFolder,
    known: Mutex<Known>,
    /// Most bytes of text that are kept in memory.
    limit: usize,
}

#[derive(Default)]
struct Known {
    stored: HashMap<(String, Option<u64>), Option<Library>>,
    bytes: usize,
    /// Counts the times that everything was forgotten: what was read before must not be kept after.
    forgotten: u64,
}

impl Libraries {
    /// The libraries of that store and that folder; at most `limit` bytes of the store's are kept in memory.
    pub fn new(store: Arc<dyn LibraryStore>, folder: LibraryFolder, limit: usize) -> Libraries {
        Libraries { store, folder, known: Mutex::default(), limit }
    }

    /// Forgets what it knows of the store: something was changed there.
    pub fn forget(&self) {
        let mut known = self.known.lock();
        let forgotten = known.forgotten + 1;
        *known = Known { forgotten, ..Known::default() };
    }

    /// The library that a script of that type means by a name: `tax`, with or without the ending that files of its language have,
    /// or `tax@2`. Without a number it is the version that `pinned` says, else the newest.
    ///
    /// # Errors
    /// Why there is none, for the script's author.
    pub(crate) fn find(
        &self,
        asked: &str,
        kind: &str,
        pinned: &dyn Fn(&str) -> Option<u64>,
    ) -> std::result::Result<Library, String> {
        let (name, version) = match asked.rsplit_once('@') {
            Some((name, number)) if !name.is_empty() => {
                let number =
                    number.parse().map_err(|_| format!("'{number}' is no version of the library '{name}'."))?;
                (name, Some(number))
            }
            _ => (asked, None),
        };
        let language = language(kind);
        for name in spellings(name, language) {
            let version = version.or_else(|| pinned(name));
            if let Some(library) =
                self.stored(name, version).map_err(|_| format!("The library '{name}' can't be read now; try again."))?
            {
                return in_language(library, language);
            }
            if let Some(version) = version
                && self.stored(name, None).is_ok_and(|library| library.is_some())
            {
                return Err(format!("The library '{name}' has no version {version}."));
            }
        }
        let file = version.is_none().then(|| self.file(name, language)).flatten();
        file.map_or_else(|| Err(format!("There is no library '{asked}'.")), |library| in_language(library, language))
    }

    fn stored(&self, name: &str, version: Option<u64>) -> Result<Option<Library>> {
        let key = (name.to_lowercase(), version);
        let forgotten = {
            let known = self.known.lock();
            if let Some(library) = known.stored.get(&key) {
                return Ok(library.clone());
            }
            known.forgotten
        };
        let library = self
            .store
            .library(name, version)
            .inspect_err(|error| tracing::error!(%error, name, "a library can't be read"))?;
        let mut known = self.known.lock();
        if known.forgotten == forgotten {
            known.bytes += library.as_ref().map_or(0, |library| library.source.len());
            if known.stored.len() >= REMEMBERED || known.bytes > self.limit {
                *known = Known { forgotten, ..Known::default() };
                return Ok(library);
            }
            known.stored.insert(key, library.clone());
        }
        Ok(library)
    }

    fn file(&self, name: &str, language: &Language) -> Option<Library> {
        let endings = [""].into_iter().chain(language.endings.iter().copied());
        let mut names = endings.map(|ending| format!("{name}{ending}"));
        names.find_map(|name| {
            let source = self.folder.read(&name)?;
            let kind = LANGUAGES.iter().find(|language| language.endings.iter().any(|ending| name.ends_with(ending)));
            let kind = match name.ends_with(".ts") {
                true => "typescript",
                false => kind.unwrap_or(language).kinds[0],
            };
            Some(Library { name, version: None, kind: kind.to_owned(), source })
        })
    }
}

/// Script types that understand each other's libraries.
struct Language {
    name: &'static str,
    kinds: &'static [&'static str],
    /// How names of its files end.
    endings: &'static [&'static str],
}

const LANGUAGES: [Language; 3] = [
    Language {
        name: "JavaScript",
        kinds: &["javascript", "v8js", "nodejs", "typescript"],
        endings: &[".js", ".cjs", ".ts"],
    },
    Language { name: "Python", kinds: &["python3", "python"], endings: &[".py"] },
    Language { name: "PHP", kinds: &["php"], endings: &[".php"] },
];

/// The language of a script type; JavaScript for types that there are not.
fn language(kind: &str) -> &'static Language {
    LANGUAGES.iter().find(|language| language.kinds.contains(&kind)).unwrap_or(&LANGUAGES[0])
}

/// The name as asked for, and without the ending of a file.
fn spellings<'n>(name: &'n str, language: &Language) -> impl Iterator<Item = &'n str> {
    let stem = language.endings.iter().find_map(|ending| name.strip_suffix(ending));
    [name].into_iter().chain(stem.filter(|stem| !stem.is_empty()))
}

fn in_language(library: Library, wanted: &Language) -> std::result::Result<Library, String> {
    let written_in = language(&library.kind);
    match written_in.name == wanted.name {
        true => Ok(library),
        false => Err(format!(
            "The library '{}' is written in {}, and can't be loaded by a script in {}.",
            library.name, written_in.name, wanted.name
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// `tax` in versions 1 and 2, and `rates` in Python.
    #[derive(Default)]
    struct Store {
        reads: AtomicU32,
    }

    impl LibraryStore for Store {
        fn library(&self, name: &str, version: Option<u64>) -> Result<Option<Library>> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let library = |version: u64, kind: &str| Library {
                name: name.to_owned(),
                version: Some(version),
                kind: kind.to_owned(),
                source: format!("text {version}").into(),
            };
            Ok(match (name, version) {
                ("tax", None | Some(2)) => Some(library(2, "javascript")),
                ("tax", Some(1)) => Some(library(1, "javascript")),
                ("rates", None) => Some(library(1, "python3")),
                _ => None,
            })
        }
    }

    fn libraries(limit: usize) -> (Arc<Store>, Libraries) {
        let store = Arc::new(Store::default());
        let folder = LibraryFolder::new("/nonexistent", 100);
        (Arc::clone(&store), Libraries::new(store, folder, limit))
    }

    fn version(libraries: &Libraries, name: &str, pinned: Option<u64>) -> std::result::Result<Option<u64>, String> {
        libraries.find(name, "nodejs", &|_| pinned).map(|library| library.version)
    }

    #[test]
    fn the_newest_version_unless_the_name_or_the_script_says_which() {
        let (_, libraries) = libraries(1000);
        assert_eq!(version(&libraries, "tax", None), Ok(Some(2)));
        assert_eq!(version(&libraries, "tax.js", None), Ok(Some(2)));
        assert_eq!(version(&libraries, "tax@1", None), Ok(Some(1)));
        assert_eq!(version(&libraries, "tax", Some(1)), Ok(Some(1)));
        assert_eq!(version(&libraries, "tax@2", Some(1)), Ok(Some(2)));
    }

    #[test]
    fn the_author_is_told_why_there_is_none() {
        let (_, libraries) = libraries(1000);
        let told = |name| version(&libraries, name, None).unwrap_err();
        assert_eq!(told("nosuch"), "There is no library 'nosuch'.");
        assert_eq!(told("tax@7"), "The library 'tax' has no version 7.");
        assert_eq!(told("tax@new"), "'new' is no version of the library 'tax'.");
        assert!(told("rates").contains("written in Python"), "{}", told("rates"));
        assert!(libraries.find("rates", "python", &|_| None).is_ok());
    }

    #[test]
    fn what_was_read_is_remembered_until_something_changes_or_it_is_too_much() {
        let (store, libraries) = libraries(1000);
        let reads = || store.reads.load(Ordering::Relaxed);
        for _ in 0..3 {
            version(&libraries, "tax", None).unwrap();
        }
        assert_eq!(reads(), 1);
        libraries.forget();
        version(&libraries, "tax", None).unwrap();
        assert_eq!(reads(), 2);
        for number in 0..REMEMBERED {
            version(&libraries, &format!("x{number}"), None).unwrap_err();
        }
        assert!(libraries.known.lock().stored.len() < REMEMBERED);
    }
}
