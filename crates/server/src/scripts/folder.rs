//! The folder's side: reading all of it, and what to say of files that can't be used.

use antiphon_model::Limits;
use antiphon_services::script_files::{ScriptFile, Section, Written, read_folder};
use std::path::Path;

/// Every script of these sections.
///
/// # Errors
/// All that is wrong, one line each: half a folder is not what its owner meant.
pub fn read_all(root: &Path, sections: &[Section], limits: &Limits) -> Result<Vec<ScriptFile>, String> {
    if !root.is_dir() {
        return Err(format!("There is no folder '{}'.", root.display()));
    }
    let (mut scripts, mut wrong) = (Vec::new(), Vec::new());
    for section in sections {
        match read_folder(root, *section, limits) {
            Err(error) => wrong.push(error.to_string()),
            Ok(found) => found.into_iter().for_each(|script| match script {
                Ok(script) => scripts.push(script),
                Err(error) => wrong.push(error.to_string()),
            }),
        }
    }
    if wrong.is_empty() { Ok(scripts) } else { Err(wrong.join("\n          ")) }
}

/// A script's files.
///
/// # Errors
/// For a type that has no files.
pub fn written(script: &ScriptFile) -> Result<Written, String> {
    script
        .written()
        .map_err(|error| format!("The {} '{}' has no files: {}", script.section.noun(), script.name, error.message))
}
