//! The program inherits three descriptors and no more.

use crate::SandboxError;

/// The last descriptor that the program keeps: 0 is its channel, 1 and 2 are its output.
const LAST_KEPT: i32 = 2;

/// Closes every descriptor but the three. The server opens its files so that programs don't inherit them, but whoever started the server may not have.
pub(crate) fn close_inherited() -> Result<(), SandboxError> {
    let failed = |error| SandboxError::rule("inherited descriptors", error);
    let entries = std::fs::read_dir("/proc/self/fd").map_err(failed)?;
    let open: Vec<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > LAST_KEPT) {
        // The one that listed the folder is closed by now.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}
