//! One mapped region that holds everything an engine owns, and the image that brings it back.
//!
//! The allocator's bookkeeping lies at the start of the region, so the used prefix is a complete picture of the engine: with its
//! contents back, every object, global and free list is as it was.
//!
//! Chunks are a capacity word followed by the payload, which is aligned to 16 bytes. Freed chunks go to a list of their
//! size class; the last chunk is given back to the unused rest, so that a growing string or array grows in place.

use crate::control::StopReason;
use crate::guard;
use crate::image::{Image, Watched, page_size};
use rquickjs_sys as sys;
use std::ffi::c_void;
use std::ptr::{self, NonNull};

/// Capacities up to here step by 16 bytes.
const SMALL: usize = 1032;
/// Octaves above [`SMALL`] are cut in eight classes each.
const FIRST_LARGE_OCTAVE: u32 = 10;
const FIRST_LARGE_CLASS: usize = 65;
const CLASSES: usize = 320;
/// What may stay resident behind the image after a run: enough that ordinary events never fault pages in again.
const RESIDENT_TAIL: usize = 256 << 10;
const PAGE: usize = 4096;
/// Size of the word that precedes each payload.
const WORD: usize = size_of::<usize>();

/// The allocator's state, at the start of the region. Offsets are from the start; 0 ends a list.
#[repr(C)]
struct Header {
    /// Where the next chunk's capacity word goes; always 8 more than a multiple of 16.
    top: usize,
    capacity: usize,
    /// Highest `top` since the last restore.
    peak: usize,
    /// Set by the first request that found no room.
    exhausted: bool,
    free: [usize; CLASSES],
}

/// The region and its image.
pub(crate) struct Arena {
    base: NonNull<u8>,
    capacity: usize,
    image: Option<Image>,
    /// End of the memory that is resident since it was last given back; at least the image.
    resident_end: usize,
}

impl Arena {
    /// Reserves `capacity` bytes of address space; memory is only taken when touched.
    pub(crate) fn new(capacity: usize) -> std::io::Result<Arena> {
        let capacity = capacity.next_multiple_of(PAGE).max(1 << 20);
        // SAFETY: a fresh private mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                capacity,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let base =
            NonNull::new(base.cast::<u8>()).ok_or_else(|| std::io::Error::other("the kernel mapped address 0"))?;
        let header = base.as_ptr().cast::<Header>();
        let first = size_of::<Header>().next_multiple_of(16) + WORD;
        // SAFETY: the mapping is zeroed, writable, page-aligned and larger than the header; nobody else knows it yet.
        unsafe {
            (*header).top = first;
            (*header).peak = first;
            (*header).capacity = capacity;
        }
        Ok(Arena { base, capacity, image: None, resident_end: 0 })
    }

    /// What the engine's allocation hooks get as their opaque pointer.
    pub(crate) fn opaque(&self) -> *mut c_void {
        self.base.as_ptr().cast()
    }

    fn header(&self) -> &Header {
        // SAFETY: the header was initialised in `new`; the engine, its only other writer, doesn't run while `&self` is used.
        unsafe { &*self.base.as_ptr().cast::<Header>() }
    }

    /// Remembers the used prefix; [`Arena::restore`] brings back exactly this state. From here on the memory is written only while
    /// the arena is watched.
    ///
    /// What was freed so far stays unused: chunks of later runs lie side by side behind the image instead of in its gaps, where
    /// each would have its page brought back.
    pub(crate) fn take_image(&mut self) -> std::io::Result<()> {
        let length = self.header().top.next_multiple_of(page_size());
        if length + PAGE > self.capacity {
            return Err(std::io::ErrorKind::OutOfMemory.into());
        }
        // SAFETY: as `header`, but exclusive through `&mut self`.
        let header = unsafe { &mut *self.base.as_ptr().cast::<Header>() };
        header.free = [0; CLASSES];
        header.top = length + WORD;
        header.peak = header.top;
        // SAFETY: whole pages of our mapping; the engine writes them in watched runs only, and we write the first one only.
        self.image = Some(unsafe { Image::of(self.base.as_ptr(), length) }?);
        Ok(())
    }

    /// Lets runs on this thread write the image.
    pub(crate) fn watch(&self) -> Option<Watched<'_>> {
        self.image.as_ref().map(Image::watch)
    }

    /// Brings the image back. Memory behind it that the run touched is given back to the system when it is much.
    pub(crate) fn restore(&mut self) {
        self.resident_end = self.resident_end.max(self.header().peak);
        let Some(image) = &mut self.image else { return };
        image.restore();
        let keep = (image.len() + RESIDENT_TAIL).next_multiple_of(PAGE);
        let touched = self.resident_end;
        if touched > keep {
            self.resident_end = keep;
            // SAFETY: the range lies in our mapping; its contents are dead, as the image knows nothing behind its end.
            unsafe {
                libc::madvise(
                    self.base.as_ptr().add(keep).cast(),
                    (touched - keep).next_multiple_of(PAGE),
                    libc::MADV_DONTNEED,
                )
            };
        }
    }

    /// Whether a request found no room since the last restore.
    pub(crate) fn exhausted(&self) -> bool {
        self.header().exhausted
    }

    /// Bytes that a restore copies.
    pub(crate) fn copied(&self) -> usize {
        self.image.as_ref().map_or(0, Image::copied)
    }

    /// Bytes in use at most since the last restore.
    pub(crate) fn peak(&self) -> usize {
        self.header().peak
    }

    /// Bytes of real memory that this arena holds between runs, its image included.
    pub(crate) fn resident(&self) -> usize {
        self.copied() + self.resident_end.max(self.header().peak)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, unmapped only here.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.capacity) };
    }
}

/// The hooks that make an engine live in an arena.
pub(crate) fn hooks() -> sys::JSMallocFunctions {
    sys::JSMallocFunctions {
        js_calloc: Some(calloc),
        js_malloc: Some(malloc),
        js_free: Some(free),
        js_realloc: Some(realloc),
        js_malloc_usable_size: Some(usable_size),
    }
}

/// The class of a request and the payload capacity of that class (8 more than a multiple of 16).
fn class_of(size: usize) -> (usize, usize) {
    if size <= SMALL {
        let steps = (size.max(24) + 7) / 16;
        return (steps, steps * 16 + 8);
    }
    let last = size + WORD - 1;
    let octave = last.ilog2();
    let step = 1usize << (octave - 3);
    let eighth = (last >> (octave - 3)) & 7;
    let class = FIRST_LARGE_CLASS + (octave - FIRST_LARGE_OCTAVE) as usize * 8 + eighth;
    (class, (1usize << octave) + (eighth + 1) * step - WORD)
}

/// Takes a chunk from a list of the class or, when the rest of the region is too small, of any larger class.
///
/// # Safety
/// `header` is the start of a live arena of this thread.
unsafe fn take(header: *mut Header, size: usize) -> *mut c_void {
    if size >= isize::MAX as usize / 4 {
        return ptr::null_mut();
    }
    let base = header.cast::<u8>();
    let (class, capacity) = class_of(size);
    if class >= CLASSES {
        return ptr::null_mut();
    }
    // SAFETY: list entries are offsets of freed payloads inside the region, whose first word links to the next one; `top`
    // plus the chunk is checked against the capacity before it is written.
    unsafe {
        let head = (*header).free[class];
        if head != 0 {
            (*header).free[class] = *base.add(head).cast::<usize>();
            return base.add(head).cast();
        }
        let payload = (*header).top + WORD;
        if payload + capacity <= (*header).capacity {
            *base.add((*header).top).cast::<usize>() = capacity;
            (*header).top = payload + capacity;
            (*header).peak = (*header).peak.max((*header).top);
            return base.add(payload).cast();
        }
        for larger in class + 1..CLASSES {
            let head = (*header).free[larger];
            if head != 0 {
                (*header).free[larger] = *base.add(head).cast::<usize>();
                return base.add(head).cast();
            }
        }
    }
    ptr::null_mut()
}

/// Notes that there is no room and leaves the engine, if it may be left here; else the engine throws.
///
/// # Safety
/// As [`take`].
unsafe fn exhausted(header: *mut Header) -> *mut c_void {
    // SAFETY: the header of a live arena.
    unsafe { (*header).exhausted = true };
    guard::stop(StopReason::Memory);
    ptr::null_mut()
}

unsafe extern "C" fn malloc(opaque: *mut c_void, size: sys::size_t) -> *mut c_void {
    let header = opaque.cast::<Header>();
    // SAFETY: the engine hands back the pointer that it got from `Arena::opaque`.
    unsafe {
        let chunk = take(header, size as usize);
        if chunk.is_null() { exhausted(header) } else { chunk }
    }
}

unsafe extern "C" fn calloc(opaque: *mut c_void, count: sys::size_t, size: sys::size_t) -> *mut c_void {
    let header = opaque.cast::<Header>();
    let Some(total) = (count as usize).checked_mul(size as usize) else { return ptr::null_mut() };
    // SAFETY: as `malloc`; a chunk has at least the bytes that were asked for. Reused memory isn't zero, so it is zeroed here.
    unsafe {
        let chunk = take(header, total);
        if chunk.is_null() {
            return exhausted(header);
        }
        ptr::write_bytes(chunk.cast::<u8>(), 0, total);
        chunk
    }
}

unsafe extern "C" fn free(opaque: *mut c_void, chunk: *mut c_void) {
    if chunk.is_null() {
        return;
    }
    let header = opaque.cast::<Header>();
    // SAFETY: the engine frees only payloads that it got from us, once; their capacity word precedes them.
    unsafe {
        let offset = chunk.cast::<u8>().offset_from(header.cast::<u8>()) as usize;
        let capacity = usable_size(chunk) as usize;
        if offset + capacity == (*header).top {
            (*header).top = offset - WORD;
            return;
        }
        // A chunk that grew or shrank in place still has the exact capacity of some class.
        let (class, _) = class_of(capacity);
        *chunk.cast::<usize>() = (*header).free[class];
        (*header).free[class] = offset;
    }
}

unsafe extern "C" fn realloc(opaque: *mut c_void, chunk: *mut c_void, size: sys::size_t) -> *mut c_void {
    // SAFETY: the engine passes its own payloads only; capacities bound every copy.
    unsafe {
        if chunk.is_null() {
            return malloc(opaque, size);
        }
        if size == 0 {
            free(opaque, chunk);
            return ptr::null_mut();
        }
        let header = opaque.cast::<Header>();
        let size = size as usize;
        let old = usable_size(chunk) as usize;
        let (_, wanted) = class_of(size);
        if wanted == old {
            return chunk;
        }
        let offset = chunk.cast::<u8>().offset_from(header.cast::<u8>()) as usize;
        if offset + old == (*header).top && size < (*header).capacity && offset + wanted <= (*header).capacity {
            *chunk.cast::<u8>().sub(WORD).cast::<usize>() = wanted;
            (*header).top = offset + wanted;
            (*header).peak = (*header).peak.max((*header).top);
            return chunk;
        }
        if size <= old && old <= size.saturating_mul(2).max(SMALL) {
            return chunk;
        }
        let new = take(header, size);
        if new.is_null() {
            return if size <= old { chunk } else { exhausted(header) };
        }
        ptr::copy_nonoverlapping(chunk.cast::<u8>(), new.cast::<u8>(), old.min(size));
        free(opaque, chunk);
        new
    }
}

unsafe extern "C" fn usable_size(chunk: *const c_void) -> sys::size_t {
    if chunk.is_null() {
        return 0;
    }
    // SAFETY: every payload is preceded by its capacity word.
    unsafe { *chunk.cast::<u8>().sub(WORD).cast::<usize>() as sys::size_t }
}

#[cfg(test)]
mod tests;
