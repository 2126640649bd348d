//! `antiphon scripts install`: the packages that scripts may load, from `package.json` and `requirements.txt` in the folder
//! `packages` of the data folder.
//!
//! The server never does this: it takes the network, and the rights to write. What is installed is locked, so that the next installation
//! gives the same; no package runs code of its own meanwhile.

mod npm;
mod pip;
mod release;

use crate::config::Settings;
use crate::terminal;
use release::Release;
use std::path::Path;
use std::process::{Command, Stdio};

/// Folder of the packages in the data folder.
const PACKAGES: &str = "packages";

/// Installs what the manifests name, and puts it in the place of what was installed before.
///
/// # Errors
/// When there is no manifest, or a package can't be had: what was installed stays.
pub fn install(settings: &Settings) -> Result<(), String> {
    let folder = settings.data.join(PACKAGES);
    let folder = folder.canonicalize().unwrap_or(folder);
    let (has_npm, has_pip) = (folder.join(npm::MANIFEST).is_file(), folder.join(pip::MANIFEST).is_file());
    if !has_npm && !has_pip {
        return Err(format!(
            "There is nothing to install. Write the packages that scripts may load into {} (npm) or {} (pip) in the folder {}.",
            npm::MANIFEST,
            pip::MANIFEST,
            folder.display()
        ));
    }
    let release = Release::begin(&folder)?;
    if has_npm {
        npm::install(&folder, release.path())?;
    }
    if has_pip {
        let python = settings.scripts.python3.as_deref().unwrap_or(Path::new("python3"));
        pip::install(&folder, release.path(), python)?;
    }
    let installed = release.publish()?;
    terminal::say(&format!("Installed in {}. Workers that start from now on see it.", installed.display()));
    Ok(())
}

/// Runs a program of the machine in that folder; what it says goes where this program's words go.
fn run(command: &mut Command, folder: &Path) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("'{name}' can't be started ({error}). Install it, or make it known in PATH."))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("'{name}' failed, see above ({status}). What was installed before stays in place.")),
    }
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("{} can't be {what}: {error}.", path.display())
}
