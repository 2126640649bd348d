//! Resource limits of the program, set hard: it can't raise them.

use crate::{MemoryRule, ProcessLimits, SandboxError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Adjustment of the kernel's choice of a victim when the machine is out of memory: scripts before servers.
const FIRST_VICTIM: &str = "1000";

/// Sets the limits on this process.
pub(crate) fn limit(limits: &ProcessLimits) -> Result<(), SandboxError> {
    let memory = match limits.memory_rule {
        MemoryRule::AddressSpace => Resource::As,
        MemoryRule::Data => Resource::Data,
    };
    let bounds = [
        (memory, limits.memory_bytes),
        (Resource::Stack, limits.stack_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Rtprio, 0),
        (Resource::Nice, 0),
    ];
    for (resource, bound) in bounds {
        // An administrator's own, lower limit stays.
        let bound = getrlimit(resource).maximum.map_or(bound, |own| own.min(bound));
        setrlimit(resource, Rlimit { current: Some(bound), maximum: Some(bound) })
            .map_err(|error| SandboxError::rule("resource limits", format!("{resource:?}: {error}")))?;
    }
    Ok(())
}

/// Makes this process the kernel's first choice when the machine is out of memory.
pub(crate) fn offer_as_victim() {
    // Where /proc can't be written, the kernel chooses by size as always.
    let _ = std::fs::write("/proc/self/oom_score_adj", FIRST_VICTIM);
}
