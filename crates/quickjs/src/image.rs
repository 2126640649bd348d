//! The image of an arena: what is in it when its engine is complete, page by page.
//!
//! Most pages of an engine never change: code, the standard objects, names. So none is copied before it is needed: all are
//! write-protected, and the first write to a page raises a signal, whose handler sets the page's contents aside and lets it be
//! written from then on. Only pages that were ever written are brought back. No write can be missed, and what never changes costs
//! neither time nor the processor's cache.

use libc::{c_int, c_void, siginfo_t};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// The image of the innermost run on this thread. Without a destructor and with a constant start, so reading it is plain access.
    static INNERMOST: Cell<*const Image> = const { Cell::new(ptr::null()) };
}

/// What happened to this signal before; set before the handler is installed.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// An image. Its pages may be written only while it is watched on that thread.
pub(crate) struct Image {
    start: *mut u8,
    pages: usize,
    page: usize,
    /// As long as the image; holds the first contents of the pages that were written.
    copy: *mut u8,
    /// A bit for each page that was ever written.
    written: Box<[AtomicU64]>,
    /// What was watched on the thread before this.
    outer: Cell<*const Image>,
}

/// While this lives, the pages of an image may be written on this thread.
pub(crate) struct Watched<'a>(&'a Image);

impl Image {
    /// Protects the memory from here on, which must be whole pages that the caller mapped and keeps. Its first page is taken to be
    /// written always. Fails when the system gives no room for the contents.
    ///
    /// # Safety
    /// The memory is written only while the image is watched, the first page excepted.
    pub(crate) unsafe fn of(start: *mut u8, length: usize) -> std::io::Result<Image> {
        let page = page_size();
        let pages = length / page;
        let (read_write, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let copy = unsafe { libc::mmap(ptr::null_mut(), length, read_write, private, -1, 0) };
        if copy == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let written = (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let image = Image { start, pages, page, copy: copy.cast(), written, outer: Cell::new(ptr::null()) };
        // SAFETY: the range is the caller's own; its contents don't change.
        if !install() || unsafe { libc::mprotect(start.cast(), length, libc::PROT_READ) } != 0 {
            image.release_all();
        }
        image.release(0);
        Ok(image)
    }

    /// Lets this thread write the pages.
    pub(crate) fn watch(&self) -> Watched<'_> {
        self.outer.set(INNERMOST.replace(self));
        Watched(self)
    }

    /// Makes every page as it was.
    pub(crate) fn restore(&mut self) {
        let mut page = 0;
        while page < self.pages {
            if !self.is_written(page) {
                page += 1;
                continue;
            }
            let first = page;
            while page < self.pages && self.is_written(page) {
                page += 1;
            }
            let (offset, length) = (first * self.page, (page - first) * self.page);
            // SAFETY: written pages were copied from there and are not protected any more.
            unsafe { ptr::copy_nonoverlapping(self.copy.add(offset), self.start.add(offset), length) };
        }
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.pages * self.page
    }

    /// Bytes that a restore copies, and that are held for it.
    pub(crate) fn copied(&self) -> usize {
        self.written.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum::<usize>() * self.page
    }

    fn is_written(&self, page: usize) -> bool {
        self.written[page / 64].load(Ordering::Relaxed) & (1 << (page % 64)) != 0
    }

    /// Sets a page's contents aside and lets it be written. Called by the signal handler: no locks, no allocation, no panics.
    fn release(&self, page: usize) {
        self.keep(page);
        let at = page * self.page;
        // SAFETY: a page of the image.
        let done = unsafe { libc::mprotect(self.start.add(at).cast(), self.page, libc::PROT_READ | libc::PROT_WRITE) };
        if done != 0 {
            self.release_all();
        }
    }

    /// The same for all of them, where the system can't tell more pages apart.
    fn release_all(&self) {
        for page in 0..self.pages {
            self.keep(page);
        }
        // SAFETY: exactly the image. One protection for all of it needs nothing of the system.
        unsafe { libc::mprotect(self.start.cast(), self.len(), libc::PROT_READ | libc::PROT_WRITE) };
    }

    fn keep(&self, page: usize) {
        if !self.is_written(page) {
            let at = page * self.page;
            // SAFETY: both regions are that long; the page is as it was, as it is still protected.
            unsafe { ptr::copy_nonoverlapping(self.start.add(at), self.copy.add(at), self.page) };
            self.written[page / 64].fetch_or(1 << (page % 64), Ordering::Relaxed);
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: mapped in `of` with this length, unmapped only here.
        unsafe { libc::munmap(self.copy.cast(), self.len()) };
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        INNERMOST.set(self.0.outer.get());
    }
}

/// The system's unit of protection, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Installs the handler once for the process; false when the system refused.
fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    // SAFETY: a zeroed `sigaction` is valid. The handler touches only watched images. The stop signal waits while it runs, because
    // a jump out of it would leave the signal blocked.
    *INSTALLED.get_or_init(|| unsafe {
        let mut before = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        if libc::sigaction(libc::SIGSEGV, ptr::null(), &mut before) != 0 || BEFORE.set(before).is_err() {
            return false;
        }
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaddset(&mut action.sa_mask, crate::guard::signal_number());
        libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()) == 0
    })
}

/// A write to a page of a watched image is let through; any other fault goes where it went before.
unsafe extern "C" fn on_fault(number: c_int, information: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives the information of a fault; watched images live while they are watched; errno is this thread's.
    unsafe {
        let address = (*information).si_addr() as usize;
        let mut image = INNERMOST.get();
        while let Some(watched) = image.as_ref() {
            let page = address.wrapping_sub(watched.start as usize) / watched.page;
            if page < watched.pages && !watched.is_written(page) {
                let errno = libc::__errno_location();
                let kept = *errno;
                watched.release(page);
                *errno = kept;
                return;
            }
            image = watched.outer.get();
        }
        pass_on(number, information, context);
    }
}

/// # Safety
/// As a signal handler.
unsafe fn pass_on(number: c_int, information: *mut siginfo_t, context: *mut c_void) {
    let Some(before) = BEFORE.get() else { return };
    // SAFETY: a handler is called as its flags say; without one the signal is made what it was, and comes again.
    unsafe {
        match before.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::signal(number, libc::SIG_DFL);
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = std::mem::transmute(handler);
                handler(number, information, context);
            }
            handler => {
                let handler: extern "C" fn(c_int) = std::mem::transmute(handler);
                handler(number);
            }
        }
    }
}

#[cfg(test)]
mod tests;
