//! Finding the interpreter of a language on this machine.

use super::language::Language;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where interpreters are on most machines, for servers that were started without a search path.
const USUAL_FOLDERS: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin", "/snap/bin"];
/// Longest that an interpreter may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(10);

/// An interpreter that is there and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// Its own program, whatever scripts and links lead to it.
    pub(super) program: PathBuf,
    /// As it tells.
    pub(super) version: String,
}

/// The interpreter of a language: the configured one, or the first that answers.
///
/// # Errors
/// What to install, for people.
pub(super) fn find(language: Language, configured: Option<&Path>) -> Result<Interpreter, String> {
    if let Some(path) = configured {
        return introduce(language, path).ok_or_else(|| {
            let label = language.label();
            format!("{label} can't be run as '{}'. {}.", path.display(), language.install())
        });
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(USUAL_FOLDERS.iter().map(PathBuf::from));
    let candidates = folders
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| language.executables().iter().map(move |name| folder.join(name)))
        .filter(|candidate| candidate.is_file());
    candidates
        .into_iter()
        .find_map(|candidate| introduce(language, &candidate))
        .ok_or_else(|| format!("{} is not installed on this server. {}.", language.label(), language.install()))
}

/// Asks a program for the path of the interpreter and its version.
fn introduce(language: Language, program: &Path) -> Option<Interpreter> {
    let mut child = Command::new(program)
        .args(language.introduction())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let text = read_within(&mut child, INTRODUCTION);
    // It has answered, or it never will.
    let _ = child.kill();
    let _ = child.wait();
    let text = text?;
    let mut lines = text.lines();
    let program = PathBuf::from(lines.next()?.trim());
    let version = lines.next()?.trim().to_owned();
    program.is_file().then_some(Interpreter { program, version })
}

fn read_within(child: &mut Child, patience: Duration) -> Option<String> {
    let mut pipe = child.stdout.take()?;
    let deadline = Instant::now() + patience;
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = Timespec::try_from(deadline.checked_duration_since(Instant::now())?).ok()?;
        if poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&left)).ok()? == 0 {
            return None;
        }
        match pipe.read(&mut buffer).ok()? {
            0 => return String::from_utf8(text).ok(),
            length => text.extend_from_slice(&buffer[..length]),
        }
        if text.len() > buffer.len() {
            return None;
        }
    }
}
