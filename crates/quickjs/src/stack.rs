//! How much stack the calling thread has left.

/// Bytes between the current frame and the end of this thread's stack; 0 when the system doesn't say.
pub fn stack_room() -> usize {
    let mark = std::hint::black_box(0u8);
    let here = &raw const mark as usize;
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

    #[inline(never)]
    fn room_above(frames: usize) -> usize {
        let bytes = std::hint::black_box([0u8; 10 << 10]);
        if frames == 0 { stack_room() } else { room_above(frames - 1).min(usize::from(bytes[0]).wrapping_sub(1)) }
    }

    #[test]
    fn the_room_shrinks_with_every_frame() {
        let work = || (room_above(0), room_above(20));
        let (shallow, deep) = std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join().unwrap();
        // Not more is said of its size: the system may hand out a larger stack that it has at hand.
        assert!(shallow >= 700 << 10, "{shallow}");
        assert!(shallow - deep >= 200 << 10, "{shallow} {deep}");
    }
}
