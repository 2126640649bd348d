//! Work that holds its thread: scripts and embedded databases.
//!
//! Most of it is over in microseconds, sooner than another thread could be woken to take its place. So it runs where it is, as
//! long as enough of the runtime's threads stay free; beyond that the runtime is told, and gives its other tasks a new thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;

/// Pieces of work that run on the runtime's own threads right now.
static IN_PLACE: AtomicUsize = AtomicUsize::new(0);

/// Counts a piece of work while it runs, however it ends.
struct InPlace;

impl InPlace {
    /// Half of the runtime's threads may be held; none says that the runtime must be told.
    fn enter() -> Option<InPlace> {
        let threads = Handle::try_current().ok()?.metrics().num_workers();
        let before = IN_PLACE.fetch_add(1, Ordering::Relaxed);
        let entered = InPlace;
        (before < threads / 2).then_some(entered)
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        IN_PLACE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs work that may hold its thread, so that it holds up no other call. To be called on a thread of the runtime, or on one
/// that belongs to a script.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match InPlace::enter() {
        Some(_held) => work(),
        None => tokio::task::block_in_place(work),
    }
}

/// How many pieces of work hold a thread of the runtime right now.
pub fn work_in_place() -> usize {
    IN_PLACE.load(Ordering::Relaxed)
}

/// Waits for something asynchronous from inside such work, such as a call.
pub fn wait_for<T>(runtime: &Handle, call: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| runtime.block_on(call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn work_that_holds_every_thread_does_not_hold_up_the_runtime() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (release, released) = mpsc::channel::<()>();
        let released = std::sync::Arc::new(std::sync::Mutex::new(released));
        let held: Vec<_> = (0..6)
            .map(|_| {
                let released = std::sync::Arc::clone(&released);
                runtime.spawn(async move { blocking(|| released.lock().unwrap().recv().unwrap()) })
            })
            .collect();
        let other = runtime.spawn(async { 7 });
        assert_eq!(
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), other).await.unwrap().unwrap() }),
            7
        );
        for _ in 0..held.len() {
            release.send(()).unwrap();
        }
        for task in held {
            runtime.block_on(task).unwrap();
        }
    }

    #[test]
    fn work_may_wait_for_a_call_wherever_it_runs() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move { blocking(|| wait_for(&Handle::current(), async { 1 })) });
        assert_eq!(runtime.block_on(task).unwrap(), 1);
        assert_eq!(std::thread::spawn(move || wait_for(&handle, async { 2 })).join().unwrap(), 2);
    }
}
