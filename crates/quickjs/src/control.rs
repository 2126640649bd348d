//! What one engine and the watchdog know about the run in progress: its limits, its thread, and why it must stop.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

/// Why a run was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It lasted too long.
    WallTime = 1,
    /// It used too much processor time.
    CpuTime = 2,
    /// It wanted more memory than its arena has.
    Memory = 3,
}

impl StopReason {
    pub(crate) fn from_code(code: c_int) -> StopReason {
        match code {
            1 => StopReason::WallTime,
            2 => StopReason::CpuTime,
            _ => StopReason::Memory,
        }
    }
}

/// Shared between an engine and the watchdog. Times are nanoseconds of the monotonic clock.
#[derive(Default)]
pub(crate) struct Control {
    /// 0 = no run.
    pub(crate) deadline: AtomicU64,
    started: AtomicU64,
    cpu_limit: AtomicU64,
    /// Reading of the thread's processor clock from which the run's use is counted; 0 = not read yet.
    cpu_started: AtomicU64,
    /// Before this time the processor time can't have reached its limit.
    cpu_check_at: AtomicU64,
    /// Kernel identifier of the running thread.
    pub(crate) thread: AtomicI32,
    cpu_clock: AtomicI32,
    /// Set by the watchdog when only a signal helps; read by the signal handler.
    pub(crate) kill: AtomicI32,
    /// Why this run has stopped; stays until the next run begins.
    stop: AtomicI32,
    /// Whether engine code runs right now, as opposed to host code.
    pub(crate) in_engine: AtomicBool,
}

impl Control {
    /// Begins a run on this thread.
    pub(crate) fn begin(&self, wall: Duration, cpu: Duration) {
        let now = now();
        let cpu_limit = nanoseconds(cpu);
        self.kill.store(0, Ordering::Relaxed);
        self.stop.store(0, Ordering::Relaxed);
        self.started.store(now, Ordering::Relaxed);
        self.cpu_limit.store(cpu_limit, Ordering::Relaxed);
        self.cpu_started.store(0, Ordering::Relaxed);
        self.cpu_check_at.store(now.saturating_add(cpu_limit), Ordering::Relaxed);
        let (thread, clock) = this_thread();
        self.thread.store(thread, Ordering::Relaxed);
        self.cpu_clock.store(clock, Ordering::Relaxed);
        self.deadline.store(now.saturating_add(nanoseconds(wall)).max(1), Ordering::SeqCst);
    }

    /// Ends the run; gives wall time and processor time. A run that ended before the watchdog saw it is taken to have used the
    /// processor all the time.
    pub(crate) fn end(&self) -> (Duration, Duration) {
        self.deadline.store(0, Ordering::SeqCst);
        self.kill.store(0, Ordering::SeqCst);
        let wall = now().saturating_sub(self.started.load(Ordering::Relaxed));
        let cpu = match self.cpu_started.load(Ordering::Relaxed) {
            0 => wall,
            started => wall.min(thread_cpu().saturating_sub(started)),
        };
        (Duration::from_nanos(wall), Duration::from_nanos(cpu))
    }

    /// Reads the processor clock of a run that has none yet, when it has lasted a while. The clock costs a system call, more than
    /// most runs; what a run used before the watchdog first saw it is not counted.
    pub(crate) fn begin_counting_cpu(&self) {
        let deadline = self.deadline.load(Ordering::SeqCst);
        if deadline == 0 || self.cpu_started.load(Ordering::Relaxed) != 0 {
            return;
        }
        let cpu = clock(self.cpu_clock.load(Ordering::Relaxed));
        let _ = self.cpu_started.compare_exchange(0, cpu, Ordering::SeqCst, Ordering::Relaxed);
        // The reading may be of another run's thread when that run began meanwhile: it is to be read anew.
        if self.deadline.load(Ordering::SeqCst) != deadline {
            self.cpu_started.store(0, Ordering::SeqCst);
        }
    }

    /// Why this run has stopped, if it has.
    pub(crate) fn stopped(&self) -> Option<StopReason> {
        match self.stop.load(Ordering::Relaxed) {
            0 => None,
            code => Some(StopReason::from_code(code)),
        }
    }

    /// Makes the stop stick: the first reason stays.
    pub(crate) fn note_stop(&self, reason: StopReason) {
        let _ = self.stop.compare_exchange(0, reason as i32, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Wall time that is left to this run.
    pub(crate) fn remaining(&self) -> Duration {
        Duration::from_nanos(self.deadline.load(Ordering::Relaxed).saturating_sub(now()))
    }

    /// Whether a limit of time has passed, asked on the running thread. The processor's clock costs a system call; it is
    /// asked only when the limit may have been reached.
    pub(crate) fn overdue(&self) -> Option<StopReason> {
        let now = now();
        let deadline = self.deadline.load(Ordering::Relaxed);
        if deadline != 0 && now >= deadline {
            return Some(StopReason::WallTime);
        }
        if deadline == 0 || now < self.cpu_check_at.load(Ordering::Relaxed) {
            return None;
        }
        self.cpu_overdue(now, thread_cpu())
    }

    /// The same, asked by the watchdog. `late` is how long after the limit it begins to care. The deadline tells runs
    /// apart.
    pub(crate) fn overdue_elsewhere(&self, now: u64, late: u64) -> Option<(StopReason, u64)> {
        let deadline = self.deadline.load(Ordering::SeqCst);
        if deadline == 0 {
            return None;
        }
        if now >= deadline.saturating_add(late) {
            return Some((StopReason::WallTime, deadline));
        }
        if now < self.cpu_check_at.load(Ordering::Relaxed).saturating_add(late) {
            return None;
        }
        let cpu = clock(self.cpu_clock.load(Ordering::Relaxed));
        let reason = if cpu == 0 { None } else { self.cpu_overdue(now, cpu.saturating_sub(late)) };
        reason.map(|reason| (reason, deadline))
    }

    /// Asks the signal handler to leave the run with this deadline; false when that run has ended meanwhile.
    ///
    /// A run's end clears first the deadline and then the request, so a request that meets its own deadline afterwards
    /// can't outlive its run.
    pub(crate) fn request_kill(&self, reason: StopReason, deadline: u64) -> bool {
        self.kill.store(reason as i32, Ordering::SeqCst);
        let current = self.deadline.load(Ordering::SeqCst) == deadline;
        if !current {
            self.kill.store(0, Ordering::SeqCst);
        }
        current
    }

    fn cpu_overdue(&self, now: u64, cpu: u64) -> Option<StopReason> {
        let started = match self.cpu_started.load(Ordering::Relaxed) {
            0 => cpu,
            started => started,
        };
        let _ = self.cpu_started.compare_exchange(0, started, Ordering::Relaxed, Ordering::Relaxed);
        let used = cpu.saturating_sub(started);
        let limit = self.cpu_limit.load(Ordering::Relaxed);
        if used >= limit {
            return Some(StopReason::CpuTime);
        }
        self.cpu_check_at.store(now + (limit - used), Ordering::Relaxed);
        None
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

/// Nanoseconds of the monotonic clock.
pub(crate) fn now() -> u64 {
    clock(libc::CLOCK_MONOTONIC)
}

fn thread_cpu() -> u64 {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// A clock's time in nanoseconds; 0 when there is no such clock (its thread has ended).
fn clock(which: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes into our own timespec.
    if unsafe { libc::clock_gettime(which, &mut time) } != 0 {
        return 0;
    }
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// This thread's kernel identifier and the identifier of its processor clock.
fn this_thread() -> (i32, i32) {
    thread_local! {
        static IDENTIFIERS: (i32, i32) = {
            let mut clock: libc::clockid_t = 0;
            // SAFETY: asks about the calling thread and writes into our own variable.
            unsafe {
                libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock);
                (libc::gettid(), clock)
            }
        };
    }
    IDENTIFIERS.with(|identifiers| *identifiers)
}
