//! How much stack the calling thread has left.

/// Bytes between the current frame and the end of this thread's stack; 0 when the system doesn't say.
pub fn stack_room() -> usize {
    let here = std::hint::black_box(&()) as *const () as usize;
    here.saturating_sub(lowest_address())
}

/// The lowest usable address of this thread's stack.
fn lowest_address() -> usize {
    thread_local! {
        static LOWEST: usize = ask_system().unwrap_or(usize::MAX);
    }
    LOWEST.with(|lowest| *lowest)
}

fn ask_system() -> Option<usize> {
    let mut lowest = std::ptr::null_mut();
    let mut size = 0;
    let mut guard = 0;
    // SAFETY: the attributes are initialised by the first call and destroyed once; the results go to our own variables.
    let known = unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return None;
        }
        let known = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) == 0;
        libc::pthread_attr_getguardsize(&attributes, &mut guard);
        libc::pthread_attr_destroy(&mut attributes);
        known
    };
    known.then(|| lowest as usize + guard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_what_the_thread_was_given() {
        let room = std::thread::Builder::new().stack_size(1 << 20).spawn(stack_room).unwrap().join().unwrap();
        assert!((700 << 10..=1 << 20).contains(&room), "{room}");
    }
}
