//! Library scripts: files in a folder of the server's that scripts `require` by name.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The folder of library scripts. A file that isn't there, or is larger than a script may be, is not found.
pub struct LibraryFolder {
    root: PathBuf,
    largest: u64,
}

impl LibraryFolder {
    /// The folder at that path; it need not exist. `largest` in bytes.
    pub fn new(root: impl Into<PathBuf>, largest: usize) -> LibraryFolder {
        LibraryFolder { root: root.into(), largest: largest as u64 }
    }

    /// The text of a library. Names are relative paths that never leave the folder, links included.
    pub fn read(&self, name: &str) -> Option<Arc<str>> {
        let relative = Path::new(name);
        if name.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let root = self.root.canonicalize().ok()?;
        let path = root.join(relative).canonicalize().ok()?;
        let metadata = path.metadata().ok()?;
        if !path.starts_with(&root) || !metadata.is_file() || metadata.len() > self.largest {
            return None;
        }
        std::fs::read_to_string(path).ok().map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_read_from_the_folder_and_nothing_outside_it_is() {
        let folder = std::env::temp_dir().join(format!("antiphon-library-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::fs::write(folder.join("inner/tax.js"), "exports.rate = 7;").unwrap();
        std::fs::write(folder.join("secret.js"), "no").unwrap();
        std::os::unix::fs::symlink(folder.join("secret.js"), folder.join("inner/link.js")).unwrap();
        let library = LibraryFolder::new(folder.join("inner"), 100);
        assert_eq!(library.read("tax.js").as_deref(), Some("exports.rate = 7;"));
        for name in ["../secret.js", "/etc/hostname", "link.js", "", "nosuch.js"] {
            assert_eq!(library.read(name), None, "{name}");
        }
        assert_eq!(LibraryFolder::new(folder.join("inner"), 3).read("tax.js"), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
