//! The languages that have workers: which script types they serve, which interpreter runs them, and with which program.

use super::reconcile::Loss;
use antiphon_model::{Limits, ScriptSettings};
use antiphon_sandbox::MemoryRule;
use std::path::Path;

/// A language with workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    /// Node.js.
    Node,
    /// PHP.
    Php,
    /// Python 3; it serves the type `python`, too.
    Python,
}

/// A file of a worker's program.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// Lets the worker refuse `import()` with an error of the script's own world; makes no code of texts in the worker's world (in those of scripts it
/// may be); and gives no buffers that hold what earlier runs left in memory.
const NODE_FLAGS: [&str; 4] =
    ["--experimental-vm-modules", "--no-warnings", "--disallow-code-generation-from-strings", "--zero-fill-buffers"];

macro_rules! programs {
    ($folder:literal: $($name:literal),+) => {
        &[$(Program { name: $name, text: include_str!(concat!("../../workers/", $folder, "/", $name)) }),+]
    };
}

impl Language {
    /// Every language with workers.
    pub(super) const ALL: [Language; 3] = [Language::Node, Language::Php, Language::Python];

    /// The language that serves a script type.
    pub(crate) fn of(kind: &str) -> Option<Language> {
        match kind {
            "nodejs" => Some(Language::Node),
            "php" => Some(Language::Php),
            "python" | "python3" => Some(Language::Python),
            _ => None,
        }
    }

    /// The files of the worker's program; the first one is started.
    pub(super) fn programs(self) -> &'static [Program] {
        match self {
            Language::Node => {
                programs!("node": "worker.js", "channel.js", "harden.js", "host.js", "modules.js", "packages.js", "realm.js", "run.js", "texts.js", "world.js")
            }
            Language::Php => {
                programs!("php": "worker.php", "channel.php", "contained.php", "exceptions.php", "functions.php", "library.php", "literals.php", "platform.php", "report.php", "run.php", "serve.php", "source.php", "surroundings.php", "texts.php", "tokens.php")
            }
            Language::Python => {
                programs!("python": "worker.py", "allowed.py", "bunch.py", "changes.py", "channel.py", "contained.py", "failures.py", "httplib.py", "libraries.py", "lookups.py", "munch.py", "names.py", "output.py", "platform_api.py", "run.py", "service.py", "texts.py", "touched.py")
            }
        }
    }

    /// What the interpreter is given before the program's path. Its own limits are below those of its process, because it tells
    /// better what happened.
    pub(super) fn arguments(self, limits: &Limits) -> Vec<String> {
        let memory = (limits.worker_memory_bytes >> 20) / 2;
        let settings: Vec<String> = match self {
            Language::Node => {
                let flags = NODE_FLAGS.iter().map(ToString::to_string);
                return flags.chain([format!("--max-old-space-size={memory}")]).collect();
            }
            // No environment, no site packages, no compiled files written.
            Language::Python => return ["-I", "-S", "-B"].map(str::to_owned).to_vec(),
            // Extensions that scripts use are named one by one, and passed over where they are not installed. The worker itself
            // needs the tokenizer.
            Language::Php => [
                "display_errors=stderr",
                "display_startup_errors=0",
                "error_log=/dev/null",
                "enable_dl=0",
                "extension=tokenizer",
                "extension=ctype",
                "extension=mbstring",
                "extension=iconv",
                "extension=bcmath",
                "extension=gmp",
                "extension=dom",
                "extension=simplexml",
            ]
            .into_iter()
            .map(str::to_owned)
            .chain([format!("memory_limit={memory}M")])
            .collect(),
        };
        // No configuration file of the machine's.
        let settings = settings.into_iter().flat_map(|setting| ["-d".to_owned(), setting]);
        ["-n".to_owned()].into_iter().chain(settings).collect()
    }

    /// What counts as memory of its processes: V8 reserves far more addresses than it ever uses.
    pub(super) fn memory_rule(self) -> MemoryRule {
        match self {
            Language::Node => MemoryRule::Data,
            Language::Php | Language::Python => MemoryRule::AddressSpace,
        }
    }

    /// The oldest version that will do: the one named in `install`.
    pub(super) fn oldest(self) -> (u32, u32) {
        match self {
            Language::Node => (18, 0),
            Language::Php => (8, 1),
            Language::Python => (3, 9),
        }
    }

    /// Names of the interpreter's program.
    pub(super) fn executables(self) -> &'static [&'static str] {
        match self {
            Language::Node => &["node", "nodejs"],
            Language::Php => &["php"],
            Language::Python => &["python3"],
        }
    }

    /// Arguments with which the interpreter prints the path of its own program and its version, a line each.
    pub(super) fn introduction(self) -> &'static [&'static str] {
        match self {
            Language::Node => &["-p", "process.execPath + '\\n' + process.versions.node"],
            Language::Php => &["-n", "-r", "echo PHP_BINARY, PHP_EOL, PHP_VERSION, PHP_EOL;"],
            Language::Python => {
                &["-I", "-S", "-B", "-c", "import sys; print(sys.executable); print(sys.version.split()[0])"]
            }
        }
    }

    /// Where the administrator says that the interpreter is.
    pub(super) fn configured(self, settings: &ScriptSettings) -> Option<&Path> {
        match self {
            Language::Node => settings.node.as_deref(),
            Language::Php => settings.php.as_deref(),
            Language::Python => settings.python3.as_deref().or(settings.python.as_deref()),
        }
    }

    /// For people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Language::Node => "Node.js",
            Language::Php => "PHP",
            Language::Python => "Python",
        }
    }

    /// What to do when the interpreter is not there.
    pub(super) fn install(self) -> &'static str {
        match self {
            Language::Node => {
                "Install Node.js 18 or newer (Debian: apt-get install nodejs), or set scripts.node to its path"
            }
            Language::Php => {
                "Install PHP 8.1 or newer (Debian: apt-get install php-cli), or set scripts.php to its path"
            }
            Language::Python => {
                "Install Python 3.9 or newer (Debian: apt-get install python3), or set scripts.python3 to its path"
            }
        }
    }

    /// What values lose on their way through the language.
    pub(super) fn loss(self) -> Loss {
        match self {
            Language::Node => Loss { big_integers: true, empty_objects: false },
            Language::Php => Loss { big_integers: false, empty_objects: true },
            Language::Python => Loss { big_integers: false, empty_objects: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    #[test]
    fn every_file_of_a_worker_is_embedded() {
        for (language, folder) in [(Language::Node, "node"), (Language::Php, "php"), (Language::Python, "python")] {
            let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("workers").join(folder);
            let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let files = files.filter(|entry| entry.file_type().unwrap().is_file());
            let there: BTreeSet<String> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();
            let embedded: BTreeSet<String> =
                language.programs().iter().map(|program| program.name.to_owned()).collect();
            assert_eq!(there, embedded, "{language:?}");
        }
    }
}
