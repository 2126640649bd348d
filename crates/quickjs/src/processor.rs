//! Which processor runs the calling thread.

/// The number of the processor that runs the calling thread right now; 0 when the system doesn't say. It may be another one by the
/// time it is looked at, so it is good for hints only.
pub fn current_processor() -> usize {
    // SAFETY: takes no arguments and touches no memory of ours.
    let number = unsafe { libc::sched_getcpu() };
    usize::try_from(number).unwrap_or(0)
}
