// Every block below writes to memory of its own mapping.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::*;
use std::process::Command;

/// Pages of memory, each filled with its number, and their image.
struct Pages {
    start: *mut u8,
    image: Image,
}

impl Pages {
    fn new(count: usize) -> Pages {
        let length = count * page_size();
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let start = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, -1, 0) }.cast::<u8>();
        for page in 0..count {
            unsafe { start.add(page * page_size()).write_bytes(page as u8, page_size()) };
        }
        Pages { start, image: unsafe { Image::of(start, length) }.unwrap() }
    }

    fn write(&self, page: usize) {
        unsafe { self.start.add(page * page_size() + page).write_volatile(255) };
    }

    fn are_as_they_were(&self) -> bool {
        let size = page_size();
        (0..self.image.len()).all(|at| unsafe { self.start.add(at).read_volatile() } == (at / size) as u8)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.start.cast(), self.image.len()) };
    }
}

#[test]
fn every_page_that_is_written_comes_back_and_only_those_are_copied() {
    let mut pages = Pages::new(130);
    // The first page counts as written from the start.
    for (written, copied) in [(vec![5], 2), (vec![5, 129], 3), (vec![0, 63, 64, 65], 6), ((0..130).collect(), 130)] {
        let watched = pages.image.watch();
        written.iter().for_each(|page| pages.write(*page));
        drop(watched);
        assert!(!pages.are_as_they_were());
        pages.image.restore();
        assert!(pages.are_as_they_were());
        assert_eq!(pages.image.copied(), copied * page_size());
    }
}

#[test]
fn where_pages_can_not_be_told_apart_all_are_copied() {
    let mut pages = Pages::new(9);
    let watched = pages.image.watch();
    pages.write(4);
    pages.image.release_all();
    pages.write(7);
    drop(watched);
    pages.image.restore();
    assert!(pages.are_as_they_were());
    assert_eq!(pages.image.copied(), pages.image.len());
}

#[test]
fn nested_runs_write_to_their_own_images_and_to_outer_ones() {
    let (mut outer, mut inner) = (Pages::new(4), Pages::new(4));
    let watched = outer.image.watch();
    for page in 1..4 {
        let watched = inner.image.watch();
        inner.write(page);
        outer.write(page);
        drop(watched);
        inner.image.restore();
        assert!(inner.are_as_they_were());
    }
    drop(watched);
    assert!(!outer.are_as_they_were());
    outer.image.restore();
    assert!(outer.are_as_they_were());
}

/// Runs one of the tests below in a process of its own, where it does what it must not.
fn misbehave(test: &str) -> std::process::Output {
    let program = std::env::current_exe().unwrap();
    let name = format!("image::tests::{test}");
    Command::new(program).args([&name, "--exact", "--nocapture"]).env("ANTIPHON_MISBEHAVE", "1").output().unwrap()
}

fn must_misbehave() -> bool {
    std::env::var_os("ANTIPHON_MISBEHAVE").is_some()
}

#[test]
fn a_write_outside_of_a_run_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;
    if must_misbehave() {
        let pages = Pages::new(4);
        drop(pages.image.watch());
        pages.write(2);
    } else {
        let output = misbehave("a_write_outside_of_a_run_ends_the_process");
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    }
}

#[test]
#[allow(unconditional_recursion)]
fn an_overflow_of_the_stack_is_still_reported_as_one() {
    fn endless(depth: usize) -> usize {
        std::hint::black_box(endless(std::hint::black_box(depth + 1)) + depth)
    }
    if must_misbehave() {
        let pages = Pages::new(4);
        let _watched = pages.image.watch();
        endless(0);
    } else {
        let output = misbehave("an_overflow_of_the_stack_is_still_reported_as_one");
        assert!(String::from_utf8_lossy(&output.stderr).contains("overflowed its stack"), "{output:?}");
    }
}
