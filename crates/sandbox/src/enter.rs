//! The launcher: gives up every right that the plan does not name and becomes the program.

use crate::{Capabilities, Plan, SandboxError, calls, descriptors, files, privileges, resources};
use rustix::process::Signal;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The hidden subcommand under which the server's program is the launcher.
pub const SUBCOMMAND: &str = "sandbox-exec";
/// Exit code of a launcher that could not start the program.
const CANNOT_START: u8 = 125;

/// The launcher's main function when the command line asks for it: `PROGRAM sandbox-exec <plan>`. Comes back only with the code to exit with when
/// the program could not be started; the reason stands on standard error.
pub fn enter_from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    if arguments.nth(1)?.to_str() != Some(SUBCOMMAND) {
        return None;
    }
    let plan = arguments.next().unwrap_or_default();
    let reason = match serde_json::from_str::<Plan>(&plan.to_string_lossy()) {
        Ok(plan) => enter(&plan),
        Err(error) => SandboxError::Plan(error),
    };
    // Nobody is left to tell when even this can't be written.
    let _ = writeln!(std::io::stderr(), "sandbox: {reason}");
    Some(ExitCode::from(CANNOT_START))
}

/// Becomes the plan's program, with the plan's rights. Comes back only when that fails; the process then has lost rights and should end.
#[must_use]
pub fn enter(plan: &Plan) -> SandboxError {
    match restrict(plan) {
        Ok(()) => start(plan),
        Err(error) => error,
    }
}

/// The order matters: each step needs rights that a later one takes away.
fn restrict(plan: &Plan) -> Result<(), SandboxError> {
    let capabilities = Capabilities::probe();
    let missing = capabilities.unacceptable(&plan.accept_missing);
    if let Some(protection) = missing.first() {
        return Err(SandboxError::Missing(protection.to_string()));
    }
    leave_the_server(plan)?;
    descriptors::close_inherited()?;
    resources::offer_as_victim();
    privileges::drop_all()?;
    files::restrict(plan, &capabilities)?;
    if capabilities.has(crate::Protection::Seccomp) {
        calls::restrict()?;
    }
    // Last, because the launcher may well be larger than the program is allowed to be.
    resources::limit(&plan.limits)
}

/// A session of its own, no permission bits for others on what it writes, and an end with the server's.
fn leave_the_server(plan: &Plan) -> Result<(), SandboxError> {
    // Fails for leaders of a process group only, who are in no session that matters.
    let _ = rustix::process::setsid();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| SandboxError::rule("parent-death signal", error))?;
    // The server may have died before the signal was asked for.
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get().unsigned_abs());
    if parent == Some(plan.server) { Ok(()) } else { Err(SandboxError::Orphan) }
}

fn start(plan: &Plan) -> SandboxError {
    let reason = Command::new(&plan.program)
        .args(&plan.arguments)
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&plan.scratch)
        .exec();
    SandboxError::Start { program: plan.program.clone(), reason }
}
