//! What a process uses, as the system counts it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// The unit of processor time in `/proc`: fixed by the system's interface to programs.
const TICKS_PER_SECOND: u64 = 100;
/// The unit of memory there. Larger pages exist; then memory counts for less than it is.
const PAGE: u64 = 4096;

/// Reads the figures of one process. Its files stay open, so that they can't be mistaken for those of a later process with the
/// same number.
pub(super) struct Meter {
    stat: File,
    main_thread: File,
}

/// The figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processor time of all threads, in hundredths of a second.
    pub(super) cpu: Duration,
    /// Resident memory in bytes.
    pub(super) memory: u64,
}

impl Meter {
    /// A meter of a running process.
    pub(super) fn of(process: u32) -> io::Result<Meter> {
        Ok(Meter {
            stat: File::open(format!("/proc/{process}/stat"))?,
            main_thread: File::open(format!("/proc/{process}/schedstat"))?,
        })
    }

    /// What it uses; nothing once it has ended.
    pub(super) fn read(&self) -> Usage {
        let mut buffer = [0; 1024];
        let length = self.stat.read_at(&mut buffer, 0).unwrap_or(0);
        std::str::from_utf8(&buffer[..length]).ok().and_then(usage).unwrap_or_default()
    }

    /// Processor time of the main thread, exactly.
    pub(super) fn main_thread(&self) -> Duration {
        let mut buffer = [0; 128];
        let length = self.main_thread.read_at(&mut buffer, 0).unwrap_or(0);
        let text = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
        Duration::from_nanos(text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0))
    }
}

/// The program's name in the second field may hold anything, so fields are counted from its end.
fn usage(stat: &str) -> Option<Usage> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    // The fields of proc(5) from the third on: 14 and 15 are processor time, 24 is resident memory.
    let user: u64 = fields.nth(14 - 3)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let pages: u64 = fields.nth(24 - 16)?.parse().ok()?;
    let cpu = Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND);
    Some(Usage { cpu, memory: pages * PAGE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_a_name_of_any_kind() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 19 20 300 22";
        assert_eq!(usage(stat), Some(Usage { cpu: Duration::from_secs(2), memory: 300 * PAGE }));
        assert_eq!(usage("7 (short) S 1"), None);
    }

    #[test]
    fn a_process_can_measure_itself() {
        let meter = Meter::of(std::process::id()).unwrap();
        assert!(meter.read().memory > 100_000);
    }
}
