//! One thread that looks after every run: it signals threads whose engine code is overdue and doesn't ask the clock itself
//! (regular expressions, sorts, searches in huge strings).

use crate::control::{self, Control};
use crate::guard;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::Thread;
use std::time::Duration;

/// How long after a limit the signals begin; until then the engine's own polling stops nearly everything.
const GRACE: Duration = Duration::from_millis(10);
/// How often runs are looked at.
const TICK: Duration = Duration::from_millis(5);
/// How often a thread is asked that could not leave where it was.
const RETRY: Duration = Duration::from_millis(1);
/// Ticks without any run after which the watchdog sleeps until it is called.
const QUIET_TICKS: u32 = 200;

static CONTROLS: Mutex<Vec<Weak<Control>>> = Mutex::new(Vec::new());
static ASLEEP: AtomicBool = AtomicBool::new(false);
static WATCHDOG: OnceLock<Option<Thread>> = OnceLock::new();

fn controls() -> MutexGuard<'static, Vec<Weak<Control>>> {
    CONTROLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts an engine under the watchdog's eyes; false when there can be no watchdog.
pub(crate) fn register(control: &Arc<Control>) -> bool {
    let watchdog = WATCHDOG.get_or_init(|| {
        if !guard::install() {
            return None;
        }
        let thread = std::thread::Builder::new().name("script-watchdog".into()).spawn(watch).ok()?;
        Some(thread.thread().clone())
    });
    let mut controls = controls();
    controls.retain(|control| control.strong_count() > 0);
    controls.push(Arc::downgrade(control));
    watchdog.is_some()
}

/// Called when a run begins.
#[inline]
pub(crate) fn wake() {
    if ASLEEP.load(Ordering::SeqCst)
        && let Some(Some(thread)) = WATCHDOG.get()
    {
        thread.unpark();
    }
}

fn watch() {
    let mut quiet = 0;
    loop {
        let (running, overdue) = look();
        quiet = if running { 0 } else { quiet + 1 };
        if quiet < QUIET_TICKS {
            std::thread::sleep(if overdue { RETRY } else { TICK });
            continue;
        }
        // A run that began before `ASLEEP` was visible is seen by this look; a later one unparks us.
        ASLEEP.store(true, Ordering::SeqCst);
        if !look().0 {
            std::thread::park();
        }
        ASLEEP.store(false, Ordering::SeqCst);
        quiet = 0;
    }
}

/// Signals what is overdue; says whether anything runs and whether anything is overdue.
fn look() -> (bool, bool) {
    let now = control::now();
    let (mut running, mut overdue) = (false, false);
    for control in controls().iter().filter_map(Weak::upgrade) {
        running |= control.deadline.load(Ordering::SeqCst) != 0;
        control.begin_counting_cpu();
        let Some((reason, deadline)) = control.overdue_elsewhere(now, GRACE.as_nanos() as u64) else { continue };
        overdue = true;
        if control.in_engine.load(Ordering::Relaxed) && control.request_kill(reason, deadline) {
            // SAFETY: a system call with numbers only. A thread that has left the engine meanwhile, or another one that
            // got its identifier, finds no armed guard with this `kill` and ignores the signal.
            unsafe {
                libc::syscall(
                    libc::SYS_tgkill,
                    libc::getpid(),
                    control.thread.load(Ordering::Relaxed),
                    guard::signal_number(),
                )
            };
        }
    }
    (running, overdue)
}
