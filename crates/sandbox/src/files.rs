//! Files that the program may open, and landlock's own word against network and signals.

use crate::surroundings::loader_of;
use crate::{Capabilities, Plan, Protection, SandboxError};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::fs::File;
use std::path::Path;

/// The newest rules that were tested. Older kernels enforce what they know of them.
const TESTED: ABI = ABI::V7;
/// Devices that programs read from at their start, and one to write to. All are without state.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Takes the right to open any file but the plan's.
pub(crate) fn restrict(plan: &Plan, capabilities: &Capabilities) -> Result<(), SandboxError> {
    if !capabilities.has(Protection::LandlockFiles) {
        return Ok(());
    }
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = ruleset(capabilities).map_err(failed)?;
    for program in std::iter::once(plan.program.clone()).chain(loader_of(&plan.program)) {
        rules = allow(rules, &program, AccessFs::ReadFile | AccessFs::Execute)?;
    }
    for path in &plan.readable {
        rules = allow(rules, path, read)?;
    }
    for device in DEVICES {
        rules = allow(rules, Path::new(device), AccessFs::ReadFile | AccessFs::WriteFile)?;
    }
    rules = allow(rules, &plan.scratch, scratch_rights())?;
    rules.restrict_self().map_err(failed)?;
    Ok(())
}

fn failed(error: impl ToString) -> SandboxError {
    SandboxError::rule("landlock", error)
}

/// Everything is handled, so everything that no rule allows is refused.
fn ruleset(capabilities: &Capabilities) -> Result<RulesetCreated, landlock::RulesetError> {
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(TESTED))?;
    if capabilities.has(Protection::LandlockNetwork) {
        rules = rules.handle_access(AccessNet::from_all(TESTED))?;
    }
    if capabilities.has(Protection::LandlockScopes) {
        rules = rules.scope(Scope::from_all(TESTED))?;
    }
    rules.create()
}

/// Files, folders, links and pipes, read and written, moved and removed; nothing there is executed, and nothing there is a device or a socket.
fn scratch_rights() -> BitFlags<AccessFs> {
    AccessFs::from_all(TESTED)
        & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::IoctlDev)
}

fn allow(rules: RulesetCreated, path: &Path, rights: BitFlags<AccessFs>) -> Result<RulesetCreated, SandboxError> {
    // What is not there can't be opened anyway.
    let Ok(handle) = PathFd::new(path) else { return Ok(rules) };
    let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(TESTED) };
    rules.add_rule(PathBeneath::new(handle, rights)).map_err(failed)
}

/// Whether a thread that may open nothing is refused a file.
pub(crate) fn are_enforced() -> bool {
    let refused = || {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .and_then(Ruleset::create);
        rules.is_ok_and(|rules| rules.restrict_self().is_ok() && File::open("/").is_err())
    };
    // A thread of its own, because what is given up can't be had back.
    std::thread::spawn(refused).join().unwrap_or(false)
}

/// Whether the kernel takes rules about TCP.
pub(crate) fn network_is_enforced() -> bool {
    let rules =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessNet::from_all(ABI::V4));
    rules.and_then(Ruleset::create).is_ok()
}

/// Whether the kernel takes rules about signals and abstract sockets.
pub(crate) fn scopes_are_enforced() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).scope(Scope::from_all(ABI::V6));
    rules.and_then(Ruleset::create).is_ok()
}
