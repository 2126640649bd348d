//! Installations side by side: a new one is made beside the one in use, and takes its place in one step.

use super::failed;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The link to the installation in use.
const INSTALLED: &str = "installed";
/// Where installations are, by number.
const RELEASES: &str = "releases";
/// The installation that is being made.
const UNFINISHED: &str = "unfinished";

/// An installation that is being made; given up when it is dropped.
pub(super) struct Release {
    releases: PathBuf,
    path: PathBuf,
}

impl Release {
    /// A new one in that folder of packages.
    pub(super) fn begin(folder: &Path) -> Result<Release, String> {
        let releases = folder.join(RELEASES);
        fs::create_dir_all(&releases).map_err(|error| failed("made", &releases, &error))?;
        let path = releases.join(UNFINISHED);
        match fs::create_dir(&path) {
            Ok(()) => Ok(Release { releases, path }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(format!(
                "Another installation is going on. If none is, because the last one was killed, remove {}.",
                path.display()
            )),
            Err(error) => Err(failed("made", &path, &error)),
        }
    }

    /// Where to install.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it in use, and removes all others but the one before: workers that run may still load from that.
    pub(super) fn publish(self) -> Result<PathBuf, String> {
        let before = numbers(&self.releases).into_iter().max();
        let number = before.map_or(1, |number| number + 1);
        let path = self.releases.join(number.to_string());
        fs::rename(&self.path, &path).map_err(|error| failed("moved", &self.path, &error))?;
        let folder = self.releases.parent().unwrap_or(&self.releases);
        let (link, new) = (folder.join(INSTALLED), folder.join(format!("{INSTALLED}.new")));
        let _ = fs::remove_file(&new);
        symlink(Path::new(RELEASES).join(number.to_string()), &new)
            .and_then(|()| fs::rename(&new, &link))
            .map_err(|error| failed("put in place", &link, &error))?;
        for old in numbers(&self.releases).into_iter().filter(|old| *old != number && Some(*old) != before) {
            let _ = fs::remove_dir_all(self.releases.join(old.to_string()));
        }
        Ok(link)
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        // Gone already when it was published.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn numbers(releases: &Path) -> Vec<u64> {
    let entries = fs::read_dir(releases).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_installation_takes_the_place_of_the_one_before_and_an_unfinished_one_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let publish = |text: &str| {
            let release = Release::begin(folder.path()).unwrap();
            fs::write(release.path().join("x"), text).unwrap();
            release.publish().unwrap()
        };
        let installed = || fs::read_to_string(folder.path().join("installed/x")).unwrap();
        assert_eq!(publish("1"), folder.path().join("installed"));
        assert_eq!(installed(), "1");
        let unfinished = Release::begin(folder.path()).unwrap();
        assert!(Release::begin(folder.path()).is_err_and(|reason| reason.contains("Another installation")));
        drop(unfinished);
        assert_eq!(installed(), "1");
        for text in ["2", "3"] {
            publish(text);
            assert_eq!(installed(), text);
        }
        let mut left = numbers(&folder.path().join("releases"));
        left.sort_unstable();
        assert_eq!(left, [2, 3]);
    }
}
