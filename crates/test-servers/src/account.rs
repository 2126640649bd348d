//! Whose name a server runs under: some refuse to run as root.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// The account that a server runs under: one's own, or, for root, one with few rights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    other: Option<(u32, u32)>,
}

impl Account {
    /// The account to be used: for root the first of `names` that exists.
    pub(crate) fn unprivileged(names: &[&str]) -> io::Result<Account> {
        if fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(Account { other: None });
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        names
            .iter()
            .find_map(|name| numbers(&accounts, name))
            .map(|numbers| Account { other: Some(numbers) })
            .ok_or_else(|| {
                io::Error::other(format!(
                    "the server does not run as root, and none of these users exists: {}",
                    names.join(", ")
                ))
            })
    }

    /// Gives it a folder or file.
    pub(crate) fn own(self, path: &Path) -> io::Result<()> {
        self.other.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
    }

    /// A program that runs under it, out of reach of the terminal's signals.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.process_group(0);
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command
    }
}

/// User and group of that name in the text of `/etc/passwd`.
fn numbers(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        is_it.then_some((user, group))
    })
}
