//! Packages for Node.js.

use super::{failed, run};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Names the packages.
pub(super) const MANIFEST: &str = "package.json";
/// Written by npm; with it the same versions come again, or none.
const LOCK: &str = "package-lock.json";
const MODULES: &str = "node_modules";

/// Installs into `release` what the manifest in `folder` names. npm works beside the manifest, because paths in it are meant from
/// there; what it made is moved when it is complete.
pub(super) fn install(folder: &Path, release: &Path) -> Result<(), String> {
    let modules = folder.join(MODULES);
    match fs::remove_dir_all(&modules) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("removed", &modules, &error)),
        _ => {}
    }
    let command = if folder.join(LOCK).is_file() { "ci" } else { "install" };
    let flags = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"];
    run(Command::new("npm").arg(command).args(flags), folder)?;
    if !modules.is_dir() {
        // A manifest without dependencies.
        return Ok(());
    }
    refuse_links(&modules)?;
    fs::rename(&modules, release.join(MODULES)).map_err(|error| failed("moved", &modules, &error))
}

/// npm links to packages that are folders of this machine. Workers may not read those, and the link would break.
fn refuse_links(modules: &Path) -> Result<(), String> {
    let entries = fs::read_dir(modules).map_err(|error| failed("read", modules, &error))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_symlink() {
            return Err(format!(
                "The package '{name}' is a folder. Pack it with 'npm pack', and name the .tgz file in {MANIFEST}."
            ));
        }
        if name.starts_with('@') {
            refuse_links(&path)?;
        }
    }
    Ok(())
}
