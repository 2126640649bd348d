//! From a server to a folder, and what is different between them.

use super::api::Api;
use super::folder::{read_all, written};
use super::records::Server;
use super::{DIFFERENT, FolderFlags, PullFlags};
use crate::terminal::say;
use antiphon_model::Limits;
use antiphon_services::script_files::{ScriptFile, Section};
use similar::TextDiff;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// Lines around a difference.
const CONTEXT: usize = 3;

/// Files by path, with what is in them.
type Files = BTreeMap<String, String>;

/// Writes the scripts of the server into the folder.
///
/// # Errors
/// What the server or the folder refused.
pub async fn pull(api: &dyn Api, flags: &PullFlags) -> Result<ExitCode, String> {
    let FolderFlags { folder, .. } = &flags.folder;
    let sections = flags.folder.sections();
    let theirs = files_of(&server_scripts(api, &sections).await?)?;
    let ours = match folder.is_dir() {
        true => files_in(folder, &sections)?,
        false => Files::new(),
    };
    for (path, text) in &theirs {
        if ours.get(path) != Some(text) {
            write(&folder.join(path), text)?;
            say(&format!("{} {path}", if ours.contains_key(path) { "changed" } else { "new    " }));
        }
    }
    for path in ours.keys().filter(|path| !theirs.contains_key(*path)) {
        if flags.delete {
            std::fs::remove_file(folder.join(path)).map_err(|error| format!("'{path}' can't be deleted: {error}."))?;
            say(&format!("deleted {path}"));
        } else {
            say(&format!("kept    {path} (the server has no such script; --delete removes it)"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what a push would change.
///
/// # Errors
/// What the server or the folder refused.
pub async fn diff(api: &dyn Api, flags: &FolderFlags, limits: &Limits) -> Result<ExitCode, String> {
    let sections = flags.sections();
    let theirs = files_of(&server_scripts(api, &sections).await?)?;
    let ours = files_of(&read_all(&flags.folder, &sections, limits)?)?;
    let difference = difference(&theirs, &ours);
    difference.iter().for_each(|text| say(text.trim_end_matches('\n')));
    Ok(if difference.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// The scripts of the server in these sections.
async fn server_scripts(api: &dyn Api, sections: &[Section]) -> Result<Vec<ScriptFile>, String> {
    let server = Server::of(api).await?;
    let mut scripts = Vec::new();
    for section in sections {
        scripts.extend(server.scripts(*section).await?.into_iter().map(|stored| stored.script));
    }
    Ok(scripts)
}

/// The files that scripts are written to.
fn files_of(scripts: &[ScriptFile]) -> Result<Files, String> {
    let mut files = Files::new();
    for script in scripts {
        let names = written(script)?;
        files.insert(names.text_path, script.content.clone());
        files.insert(names.settings_path, names.settings);
    }
    Ok(files)
}

/// The files that are there: the texts of scripts, and the settings beside them.
fn files_in(root: &Path, sections: &[Section]) -> Result<Files, String> {
    let mut files = Files::new();
    for section in sections {
        for path in antiphon_services::script_files::paths_in(root, *section).map_err(|error| error.to_string())? {
            // What is no text is different from any script.
            let text = std::fs::read(root.join(&path)).map_err(|error| format!("'{path}' can't be read: {error}."))?;
            files.insert(path, String::from_utf8_lossy(&text).into_owned());
        }
    }
    Ok(files)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("'{}' can't be written: {error}.", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

/// The differences in the form of `diff -u`, one text for each file.
fn difference(theirs: &Files, ours: &Files) -> Vec<String> {
    let mut paths: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
    paths.sort();
    paths.dedup();
    let compared = paths.into_iter().filter_map(|path| {
        let (before, after) = (theirs.get(path), ours.get(path));
        if before == after {
            return None;
        }
        let side = |text: Option<&String>, side: &str| match text {
            Some(_) => format!("{side}/{path}"),
            None => "/dev/null".to_owned(),
        };
        let texts = TextDiff::from_lines(before.map_or("", String::as_str), after.map_or("", String::as_str));
        let (before, after) = (side(before, "server"), side(after, "folder"));
        let text = texts.unified_diff().context_radius(CONTEXT).header(&before, &after).to_string();
        // Files without a line have no difference of lines.
        Some(if text.is_empty() { format!("--- {before}\n+++ {after}\n") } else { text })
    });
    compared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_difference_reads_like_that_of_other_tools() {
        let theirs = files(&[("same", "1\n"), ("changed", "a\nb\nc\n"), ("gone", "x\n")]);
        let ours = files(&[("same", "1\n"), ("changed", "a\nB\nc"), ("new", "")]);
        let expected = [
            "--- server/changed\n+++ folder/changed\n@@ -1,3 +1,3 @@\n a\n-b\n-c\n+B\n+c\n\\ No newline at end of file\n",
            "--- server/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
            "--- /dev/null\n+++ folder/new\n",
        ];
        assert_eq!(difference(&theirs, &ours), expected);
        assert_eq!(difference(&ours, &ours), [""; 0]);
    }
}
