//! Finding the interpreter of a language on this machine.

use super::language::Language;
use antiphon_model::ScriptSettings;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::HashMap;
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

/// How long a language counts as absent before it is looked for again.
const ABSENT: Duration = Duration::from_secs(10);

/// The interpreters of this machine, looked for when they are first needed.
pub(super) struct Interpreters {
    settings: ScriptSettings,
    found: Mutex<HashMap<Language, Finding>>,
}

#[derive(Clone)]
struct Finding {
    result: Result<Interpreter, String>,
    when: Instant,
}

impl Interpreters {
    /// None looked for yet.
    pub(super) fn new(settings: &ScriptSettings) -> Interpreters {
        Interpreters { settings: settings.clone(), found: Mutex::default() }
    }

    /// The interpreter of a language.
    ///
    /// # Errors
    /// What to install, for people.
    pub(super) fn of(&self, language: Language) -> Result<Interpreter, String> {
        let mut found = self.found.lock();
        if let Some(Finding { result, when }) = found.get(&language)
            && (result.is_ok() || when.elapsed() < ABSENT)
        {
            return result.clone();
        }
        let result = find(language, language.configured(&self.settings));
        found.insert(language, Finding { result: result.clone(), when: Instant::now() });
        result
    }

    /// Looks for it again the next time: it may have been replaced or removed.
    pub(super) fn forget(&self, language: Language) {
        self.found.lock().remove(&language);
    }
}

/// The interpreter of a language: the configured one, or the first that answers and is new enough.
fn find(language: Language, configured: Option<&Path>) -> Result<Interpreter, String> {
    let (label, install) = (language.label(), language.install());
    if let Some(path) = configured {
        let found = introduce(language, path).filter(|interpreter| is_new_enough(language, interpreter));
        return found.ok_or_else(|| format!("{label} can't be run as '{}'. {install}.", path.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(USUAL_FOLDERS.iter().map(PathBuf::from));
    let mut candidates = folders
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| language.executables().iter().map(move |name| folder.join(name)))
        .filter(|candidate| candidate.is_file());
    candidates
        .find_map(|candidate| {
            introduce(language, &candidate).filter(|interpreter| is_new_enough(language, interpreter))
        })
        .ok_or_else(|| format!("{label} is not installed on this server. {install}."))
}

fn is_new_enough(language: Language, interpreter: &Interpreter) -> bool {
    let mut numbers = interpreter.version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= language.oldest()
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
