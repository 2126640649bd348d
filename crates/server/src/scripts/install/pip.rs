//! Packages for Python.

use super::{failed, run};
use antiphon_model::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Names the packages.
pub(super) const MANIFEST: &str = "requirements.txt";
/// Written by the first installation: every package with its version and the hash of its file.
const LOCK: &str = "requirements.lock";
/// What pip says of a choice of packages; only there while the lock is made.
const REPORT: &str = ".pip-report.json";

/// Installs into `release` what the manifest in `folder` names: what the lock says, when it was made for that manifest.
pub(super) fn install(folder: &Path, release: &Path, python: &Path) -> Result<(), String> {
    let manifest = read(&folder.join(MANIFEST))?;
    let lock = folder.join(LOCK);
    let header = header(&manifest);
    if !fs::read_to_string(&lock).is_ok_and(|locked| locked.starts_with(&header)) {
        let packages = choose(folder, python)?;
        fs::write(&lock, header + &packages).map_err(|error| failed("written", &lock, &error))?;
    }
    let mut command = pip(python);
    command
        .args(["--require-hashes", "--no-deps", "--no-compile", "--target"])
        .arg(release)
        .args(["--requirement", LOCK]);
    run(&mut command, folder)
}

/// `pip install`, which never runs the code of a package: wheels only.
fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]);
    command.args(["--root-user-action", "ignore"]);
    command
}

/// The lines of a lock for what pip would install now.
fn choose(folder: &Path, python: &Path) -> Result<String, String> {
    let report = folder.join(REPORT);
    let mut command = pip(python);
    command.args(["--dry-run", "--ignore-installed", "--quiet", "--report", REPORT, "--requirement", MANIFEST]);
    let chosen = run(&mut command, folder).and_then(|()| {
        let report: Value = serde_json::from_str(&read(&report)?).map_err(|error| format!("pip's report: {error}"))?;
        locked(&report)
    });
    let _ = fs::remove_file(&report);
    chosen
}

/// What the lock begins with: the manifest that it was made for.
fn header(manifest: &str) -> String {
    let lines: String = manifest.lines().map(|line| format!("#   {line}\n")).collect();
    format!("# Written by antiphon scripts install for these requirements:\n{lines}# End of requirements.\n")
}

/// A line for each package of pip's report.
fn locked(report: &Value) -> Result<String, String> {
    let mut lines = String::new();
    for package in report["install"].as_array().into_iter().flatten() {
        let text = |path: &str| package.pointer(path).and_then(Value::as_str);
        let (Some(name), Some(version)) = (text("/metadata/name"), text("/metadata/version")) else {
            return Err(
                "pip's report names a package without name or version; a newer pip is needed (22.2).".to_owned()
            );
        };
        // Older versions of pip tell the hash of a local file in the older form only.
        let hash = text("/download_info/archive_info/hashes/sha256")
            .or_else(|| text("/download_info/archive_info/hash")?.strip_prefix("sha256="));
        let Some(hash) = hash else {
            return Err(format!(
                "The package '{name}' is no file with a hash; give a version, or the address of a wheel."
            ));
        };
        let is_direct = package["is_direct"] == true;
        let source = match text("/download_info/url").filter(|_| is_direct) {
            Some(url) => format!("{name} @ {url}"),
            None => format!("{name}=={version}"),
        };
        let _ = writeln!(lines, "{source} --hash=sha256:{hash}");
    }
    Ok(lines)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, is_direct: bool, hashes: Value) -> Value {
        json!({
            "metadata": {"name": name, "version": "1.2"}, "is_direct": is_direct,
            "download_info": {"url": "file:///w/x.whl", "archive_info": {"hashes": hashes}},
        })
    }

    #[test]
    fn a_lock_names_versions_and_hashes_and_where_files_are_that_have_no_index() {
        let hashes = json!({"sha256": "ab"});
        let report = json!({"install": [package("one", false, hashes.clone()), package("two", true, hashes)]});
        let lines = "one==1.2 --hash=sha256:ab\ntwo @ file:///w/x.whl --hash=sha256:ab\n";
        assert_eq!(locked(&report).as_deref(), Ok(lines));
        let without = json!({"install": [package("three", true, json!({}))]});
        assert!(locked(&without).unwrap_err().contains("'three'"));
    }

    #[test]
    fn a_lock_is_for_one_manifest() {
        let lock = header("flask>=2\n") + "flask==2.1 --hash=sha256:ab\n";
        assert!(lock.starts_with(&header("flask>=2\n")));
        assert!(!lock.starts_with(&header("flask>=2\nx\n")) && !lock.starts_with(&header("flask\n")));
    }
}
