//! What a program may do: its plan, made by the server and read by the launcher.

use crate::{Protection, SUBCOMMAND, SandboxError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One program and everything it may reach. Holds paths and numbers only: the plan stands on a command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The program, an absolute path without symbolic links. It and its loader are the only files that may be executed.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Files and folders (with all below them) that it may read. Those that don't exist are passed over.
    pub readable: Vec<PathBuf>,
    /// The one folder that it may write to; also its working folder.
    pub scratch: PathBuf,
    /// Its limits.
    pub limits: ProcessLimits,
    /// What the administrator accepted that the machine can't enforce.
    pub accept_missing: Vec<Protection>,
    /// The server's process id: the program ends with the server.
    pub server: u32,
}

/// Limits of one process, all set hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessLimits {
    /// Most memory in bytes.
    pub memory_bytes: u64,
    /// What counts as memory.
    pub memory_rule: MemoryRule,
    /// Most open descriptors.
    pub open_files: u64,
    /// Largest file that can be written, in bytes.
    pub file_bytes: u64,
    /// Largest stack of a thread in bytes.
    pub stack_bytes: u64,
}

/// What counts as memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryRule {
    /// Everything that is mapped: the stricter rule, for interpreters that map what they use.
    AddressSpace,
    /// Private memory that can be written: for interpreters that reserve far more addresses than they ever use, as V8 does.
    Data,
}

impl Plan {
    /// The command that starts the program: `launcher sandbox-exec <plan>`, with an empty environment. Descriptors 0, 1 and 2 are the caller's to set;
    /// the program gets no others.
    ///
    /// The program dies with the thread that spawned it, so spawn from a thread that lives as long as the server.
    ///
    /// # Errors
    /// When a path of the plan is not Unicode.
    pub fn command(&self, launcher: &Path) -> Result<Command, SandboxError> {
        let mut command = Command::new(launcher);
        command.arg(SUBCOMMAND).arg(serde_json::to_string(self)?).env_clear().current_dir(&self.scratch);
        Ok(command)
    }
}
