//! System calls that the program may make.
//!
//! A list of what is allowed, not of what is refused: a call that the kernel gets next year is refused until somebody has looked at it. What is on
//! neither list "does not exist" (`ENOSYS`), because the C libraries then do without or take an older call; what scripts ask for by name and must
//! not have is "not permitted" (`EPERM`), because that is what their authors should read.
//!
//! Two filters, because one filter has one answer. The kernel takes the stricter answer of the two; the first one installed refuses, and the second
//! leaves what the first decided to it.

mod tables;

use crate::SandboxError;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Takes the right to make any call but those of the tables, from this thread and all that come of it.
pub(crate) fn restrict() -> Result<(), SandboxError> {
    let own = std::process::id();
    let refused = compile(refused(own).map_err(failed)?, SeccompAction::Allow, errno(libc::EPERM))?;
    let allowed = compile(allowed().map_err(failed)?, errno(libc::ENOSYS), SeccompAction::Allow)?;
    apply_filter(&refused).map_err(failed)?;
    apply_filter(&allowed).map_err(failed)
}

fn failed(error: impl ToString) -> SandboxError {
    SandboxError::rule("seccomp", error)
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

fn compile(rules: Rules, otherwise: SeccompAction, then: SeccompAction) -> Result<BpfProgram, SandboxError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(failed)?;
    let filter = SeccompFilter::new(rules, otherwise, then, architecture).map_err(failed)?;
    BpfProgram::try_from(filter).map_err(failed)
}

/// What is refused with "not permitted", whatever the second filter says.
fn refused(own: u32) -> Result<Rules, seccompiler::BackendError> {
    use SeccompCmpOp::{MaskedEq, Ne};
    let own = u64::from(own);
    let mut rules: Rules = tables::REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    // A thread is a clone that shares everything; any other clone is a process.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    rules.insert(libc::SYS_clone, vec![all_of(&[(0, MaskedEq(thread), 0)])?]);
    // Signals to itself are how programs abort; the starting of the program keeps the process id.
    rules.insert(libc::SYS_kill, vec![all_of(&[(0, Ne, own)])?]);
    rules.insert(libc::SYS_tgkill, vec![all_of(&[(0, Ne, own)])?]);
    rules.insert(libc::SYS_prlimit64, vec![all_of(&[(0, Ne, 0), (0, Ne, own)])?]);
    Ok(rules)
}

/// What the second filter lets through.
fn allowed() -> Result<Rules, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};
    let mut rules: Rules = tables::ALLOWED.iter().chain(tables::REFUSED).map(|call| (*call, Vec::new())).collect();
    for call in [libc::SYS_clone, libc::SYS_kill, libc::SYS_tgkill, libc::SYS_prlimit64] {
        rules.insert(call, Vec::new());
    }
    for (call, argument, values) in tables::ALLOWED_WITH {
        let choices = values.iter().map(|value| all_of(&[(*argument, Eq, *value)]));
        rules.insert(*call, choices.collect::<Result<_, _>>()?);
    }
    // A pair of streams that lead to each other and nowhere else; event loops wake themselves with one. A pair of datagram sockets would not do:
    // each datagram can name another receiver.
    let kinds = u64::from(libc::SOCK_STREAM.unsigned_abs());
    let pair = all_of(&[(0, Eq, u64::from(libc::AF_UNIX.unsigned_abs())), (1, MaskedEq(0xf), kinds)])?;
    rules.insert(libc::SYS_socketpair, vec![pair]);
    Ok(rules)
}

/// A rule that holds when each of these arguments compares so.
fn all_of(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions.iter().map(|(argument, operator, value)| {
        // The kernel looks at 32 bits of these arguments, so whatever stands above them must not matter.
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// Whether a thread is refused a call that its filter refuses.
pub(crate) fn are_enforced() -> bool {
    let refused = || {
        let rules = BTreeMap::from([(libc::SYS_getpriority, Vec::new())]);
        let Ok(filter) = compile(rules, SeccompAction::Allow, errno(libc::EPERM)) else { return false };
        let before = rustix::process::getpriority_process(None);
        before.is_ok() && apply_filter(&filter).is_ok() && rustix::process::getpriority_process(None).is_err()
    };
    std::thread::spawn(refused).join().unwrap_or(false)
}
