//! From a folder to a server.

use super::PushFlags;
use super::api::Api;
use super::folder::{read_all, written};
use super::records::{Server, Stored};
use crate::terminal::say;
use antiphon_model::Limits;
use antiphon_services::script_files::ScriptFile;
use std::process::ExitCode;

/// Makes the scripts of the server what those of the folder are. The folder is read as a whole first, so that nothing is stored
/// when a file of it can't be used.
///
/// # Errors
/// What the folder or the server refused; what was stored before stays.
pub async fn push(api: &dyn Api, flags: &PushFlags, limits: &Limits) -> Result<ExitCode, String> {
    let sections = flags.folder.sections();
    let ours = read_all(&flags.folder.folder, &sections, limits)?;
    let server = Server::of(api).await?;
    let mut theirs = Vec::new();
    for section in &sections {
        theirs.extend(server.scripts(*section).await?);
    }
    let would = if flags.dry_run { "would be " } else { "" };
    for script in &ours {
        let before = theirs.iter().find(|stored| is_same(script, &stored.script));
        let word = match before {
            Some(before) if is_equal(script, &before.script)? => continue,
            Some(_) => "changed",
            None => "created",
        };
        if !flags.dry_run {
            server.put(script, before).await?;
        }
        say(&format!("{would}{word} {} {}", script.section.noun(), script.name));
    }
    let is_gone = |stored: &&Stored| !ours.iter().any(|script| is_same(script, &stored.script));
    for stored in theirs.iter().filter(is_gone).filter(|_| flags.delete) {
        if !flags.dry_run {
            server.delete(stored).await?;
        }
        say(&format!("{would}deleted {} {}", stored.script.section.noun(), stored.script.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether both are the same script, whatever they hold. Names match in any case.
fn is_same(one: &ScriptFile, other: &ScriptFile) -> bool {
    one.section == other.section && one.name.to_lowercase() == other.name.to_lowercase()
}

/// Whether both make the same files.
fn is_equal(one: &ScriptFile, other: &ScriptFile) -> Result<bool, String> {
    Ok(one.content == other.content && written(one)?.settings == written(other)?.settings && one.kind == other.kind)
}
