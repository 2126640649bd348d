//! The guarded call, seen from Rust. The C half is `guard.c`.

use crate::control::{Control, StopReason};
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

unsafe extern "C" {
    fn antiphon_guarded(kill: *const c_int, body: unsafe extern "C" fn(*mut c_void), data: *mut c_void) -> c_int;
    fn antiphon_disarm() -> *mut c_void;
    fn antiphon_arm(guard: *mut c_void);
    fn antiphon_stop(why: c_int);
    fn antiphon_install(number: c_int) -> c_int;
}

/// The signal that asks a thread to leave the engine.
pub(crate) fn signal_number() -> c_int {
    libc::SIGRTMIN() + 4
}

/// Installs the signal handler once for the process; false when the system refused.
pub(crate) fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    // SAFETY: the handler touches only its thread's guard and is safe to run at any point.
    *INSTALLED.get_or_init(|| unsafe { antiphon_install(signal_number()) == 0 })
}

/// Runs engine code that may be left at any point. `Err` says why it was; the engine must then be restored or dropped.
///
/// The body and its result are `Copy`: they can't own anything that a jump over them would leak.
#[inline]
pub(crate) fn guarded<R: Copy, F: FnOnce() -> R + Copy>(control: &Control, body: F) -> Result<R, StopReason> {
    struct Job<F, R> {
        body: F,
        result: Option<R>,
    }
    unsafe extern "C" fn run<R: Copy, F: FnOnce() -> R + Copy>(data: *mut c_void) {
        // SAFETY: `data` is the job below, which outlives the call.
        let job = unsafe { &mut *data.cast::<Job<F, R>>() };
        job.result = Some((job.body)());
    }
    if let Some(reason) = control.stopped() {
        return Err(reason);
    }
    let mut job = Job { body, result: None };
    let nested = control.in_engine.swap(true, Ordering::Relaxed);
    // SAFETY: the body holds nothing that needs dropping, so a jump out of it is allowed; `kill` outlives the call.
    let why = unsafe { antiphon_guarded(control.kill.as_ptr(), run::<R, F>, (&raw mut job).cast()) };
    control.in_engine.store(nested, Ordering::Relaxed);
    match job.result {
        Some(result) if why == 0 => Ok(result),
        _ => {
            let reason = StopReason::from_code(why);
            control.note_stop(reason);
            Err(reason)
        }
    }
}

/// Runs host code in the middle of engine code: no stop jumps over it. After it, a stop that was noticed meanwhile
/// leaves the engine; therefore the caller of this function must hold nothing that needs dropping.
#[inline]
pub(crate) fn unguarded<R: Copy>(control: &Control, body: impl FnOnce() -> R) -> R {
    // SAFETY: disarming is always allowed; the same guard is armed again below, and it is still on the stack because
    // the engine frames between it and us are.
    let guard = unsafe { antiphon_disarm() };
    let before = control.in_engine.swap(false, Ordering::Relaxed);
    let result = body();
    control.in_engine.store(before, Ordering::Relaxed);
    // SAFETY: see above.
    unsafe { antiphon_arm(guard) };
    if let Some(reason) = control.stopped().or_else(|| control.overdue()) {
        control.note_stop(reason);
        stop(reason);
    }
    result
}

/// Leaves the engine; returns only outside of guarded code.
pub(crate) fn stop(reason: StopReason) {
    // SAFETY: jumps to a guard of this thread, whose frames allow it; see `guarded`.
    unsafe { antiphon_stop(reason as c_int) };
}
