//! Root's special rights, given up for good.

use crate::SandboxError;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Gives up all capabilities, now and for every program started from here. A server that runs as root thus starts workers that own root's files,
/// which landlock keeps from them, but may do nothing that the kernel keeps for root.
pub(crate) fn drop_all() -> Result<(), SandboxError> {
    let failed = |error| SandboxError::rule("capabilities", error);
    for capability in CapabilitySet::all().iter() {
        // A capability that this kernel does not know is an error to ask for; one that is not there needs no removal, which only root may do.
        if capability_is_in_bounding_set(capability).unwrap_or(false) && may_remove() {
            remove_capability_from_bounding_set(capability).map_err(failed)?;
        }
    }
    // Kernels before 4.3 have no ambient set.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).map_err(failed)?;
    set_no_new_privs(true).map_err(|error| SandboxError::rule("no new privileges", error))
}

/// Whether the bounding set may be changed. For those who may not, it has no effect either: with no new privileges and without root's identity
/// nothing is taken from it.
fn may_remove() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETPCAP))
}
