//! Reading the scripts of a folder.

use super::{ScriptFile, Section, name};
use antiphon_model::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Why a file could not be read as a script, or a folder not at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' can't be used as a script: {reason}.", path.display())]
pub struct FolderError {
    /// Which file or folder.
    pub path: PathBuf,
    /// Why, in plain words.
    pub reason: String,
    /// The script that would be there, when the file's name tells it.
    pub script: Option<(Section, String, &'static str)>,
}

/// Every script of a section, in the order of their names; for files that can't be used, why.
///
/// # Errors
/// When the section's folder is there but can't be listed. A missing one is empty.
pub fn read_folder(
    root: &Path,
    section: Section,
    limits: &Limits,
) -> Result<Vec<Result<ScriptFile, FolderError>>, FolderError> {
    let folder = root.join(section.folder());
    let files = names_in(root, &folder)?.into_iter().filter(|file| name::split(file).is_some());
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    let scripts = files.map(|file| {
        let path = folder.join(&file);
        let script = read(section, &file, &path, limits)?;
        match seen.insert(script.name.to_lowercase(), path.clone()) {
            None => Ok(script),
            Some(first) => {
                let reason = format!("'{}' is for the same {}", first.display(), section.noun());
                Err(failed(&path, reason, None))
            }
        }
    });
    Ok(scripts.collect())
}

/// The script in one file, with the settings beside it. It is one of events, unless its folder is that of another section.
///
/// # Errors
/// Why it can't be used.
pub fn read_file(path: &Path, limits: &Limits) -> Result<ScriptFile, FolderError> {
    let folder = path.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_owned()));
    let is_in = |section: &Section| folder.as_ref().is_some_and(|folder| folder == section.folder());
    let section = Section::ALL.into_iter().find(is_in).unwrap_or(Section::Events);
    let file = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    read(section, file, path, limits)
}

/// The paths of a section's files, relative to the folder of all: scripts, and the settings beside them.
///
/// # Errors
/// When the section's folder is there but can't be listed.
pub fn paths_in(root: &Path, section: Section) -> Result<Vec<String>, FolderError> {
    let names = names_in(root, &root.join(section.folder()))?;
    let stems: BTreeSet<&str> = names.iter().filter_map(|file| name::split(file)).map(|(stem, _)| stem).collect();
    let belongs = |file: &&String| {
        name::split(file).is_some() || file.strip_suffix(".json").is_some_and(|stem| stems.contains(stem))
    };
    Ok(names.iter().filter(belongs).map(|file| format!("{}/{file}", section.folder())).collect())
}

/// The names of what is in a folder, sorted; names that are no text belong to nobody here.
fn names_in(root: &Path, folder: &Path) -> Result<BTreeSet<String>, FolderError> {
    let unreadable = |error: std::io::Error| failed(folder, error.to_string(), None);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound && root.is_dir() => return Ok(BTreeSet::new()),
        entries => entries.map_err(unreadable)?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    names.filter_map(|name| name.map_err(unreadable).transpose()).collect()
}

fn failed(path: &Path, reason: String, script: Option<(Section, String, &'static str)>) -> FolderError {
    FolderError { path: path.to_owned(), reason, script }
}

fn read(section: Section, file: &str, path: &Path, limits: &Limits) -> Result<ScriptFile, FolderError> {
    let script = name::split(file).and_then(|(stem, kind)| Some((section, name::unstem(stem)?, kind)));
    let fail = |reason: String| failed(path, reason, script.clone());
    let content = text_of(path, limits.script_source_bytes).map_err(fail)?;
    let settings_path = path.with_file_name(format!("{}.json", name::split(file).map_or(file, |(stem, _)| stem)));
    let settings = match settings_path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        _ => Some(
            text_of(&settings_path, limits.script_settings_bytes)
                .map_err(|reason| fail(format!("its settings: {reason}")))?,
        ),
    };
    ScriptFile::parse(section, file, content, settings.as_deref()).map_err(fail)
}

/// The text of a file, which may not be larger than `largest` bytes.
fn text_of(path: &Path, largest: usize) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("it is no file".to_owned());
    }
    let mut text = String::new();
    // One byte more tells a file that is too large from one that just fits.
    file.take(largest as u64 + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    match text.len() > largest {
        true => Err(format!("it is larger than {largest} bytes")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::json;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn read(files: &[(&str, &str)]) -> Vec<Result<ScriptFile, FolderError>> {
        read_folder(folder_with(files).path(), Section::Events, &Limits::default()).unwrap()
    }

    #[test]
    fn a_script_is_its_text_and_the_settings_beside_it() {
        let scripts = read(&[
            ("events/a.get.pre_process.js", "return 1;"),
            ("events/a.get.pre_process.json", r#"{"type": "v8js", "is_active": false, "config": null}"#),
            ("events/b.{id}.get.py", "pass"),
            ("events/README.md", "not a script"),
        ]);
        let scripts: Vec<_> = scripts.into_iter().map(Result::unwrap).collect();
        assert_eq!(scripts.len(), 2);
        assert_eq!((scripts[0].name.as_str(), scripts[0].kind.as_str()), ("a.get.pre_process", "v8js"));
        assert_eq!(scripts[0].settings.get("is_active"), Some(&json!(false)));
        assert_eq!((scripts[1].name.as_str(), scripts[1].kind.as_str()), ("b.{id}.get", "python3"));
        assert_eq!(scripts[1].settings.get("is_active"), Some(&json!(true)), "without settings a script runs");
        assert_eq!(scripts[1].settings.get("allow_event_modification"), Some(&json!(false)));
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        for (name, kind) in
            [("a.get", "javascript"), ("x/y.node", "nodejs"), (&"n".repeat(255), "python"), ("a.get", "v8js")]
        {
            let settings = json!({
                "is_active": true, "allow_event_modification": false, "config": {"timeout_ms": 5}, "storage_path": null,
            });
            let settings = settings.as_object().unwrap().clone();
            let script = ScriptFile {
                section: Section::Events,
                name: name.into(),
                kind: kind.into(),
                content: "x\n".into(),
                settings,
            };
            let written = script.written().unwrap();
            let files =
                [(written.text_path.as_str(), "x\n"), (written.settings_path.as_str(), written.settings.as_str())];
            let back = read(&files).remove(0).unwrap();
            assert_eq!((&back.name, &back.kind, &back.content), (&script.name, &script.kind, &script.content));
            assert_eq!(back.written().unwrap(), written);
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why_and_for_which_script() {
        for (files, reason) in [
            (vec![("events/a.get.js", ""), ("events/a.get.json", "{")], "no JSON object"),
            (vec![("events/a.get.js", ""), ("events/a.get.json", r#"{"type": "php"}"#)], "extension"),
            (vec![("events/a.get.js", ""), ("events/a.get.json", r#"{"name": "b.get"}"#)], "'b.get'"),
            (vec![("events/a%FF.get.js", "")], "encoded wrongly"),
            (vec![("events/a~0.js", "")], "cut"),
        ] {
            let error = read(&files).remove(0).unwrap_err();
            assert!(error.reason.contains(reason), "{error}");
        }
        let error = read(&[("events/a.get.js", ""), ("events/A.get.py", "")]).remove(1).unwrap_err();
        assert!(error.reason.contains("same event script"), "{error}");
        let broken = read(&[("events/a.get.js", ""), ("events/a.get.json", "[]")]).remove(0).unwrap_err();
        assert_eq!(broken.script, Some((Section::Events, "a.get".to_owned(), "javascript")));
    }

    #[test]
    fn what_is_too_large_or_no_text_or_no_file_is_not_read() {
        let folder = folder_with(&[("events/large.js", "12345"), ("events/dir.js/x", "")]);
        std::fs::write(folder.path().join("events/bytes.js"), [0xff, 0xfe]).unwrap();
        let limits = Limits { script_source_bytes: 4, ..Limits::default() };
        let scripts = read_folder(folder.path(), Section::Events, &limits).unwrap();
        assert_eq!(scripts.len(), 3);
        assert!(scripts.iter().all(Result::is_err), "{scripts:?}");
    }

    #[test]
    fn a_missing_section_is_empty_and_a_missing_folder_an_error() {
        let folder = folder_with(&[("events/a.get.js", "")]);
        assert_eq!(read_folder(folder.path(), Section::Libraries, &Limits::default()), Ok(Vec::new()));
        assert!(read_folder(&folder.path().join("nosuch"), Section::Events, &Limits::default()).is_err());
    }
}
