// Every block below calls the hooks with a live arena, or writes inside the size that it asked for.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::*;

/// A deterministic sequence of numbers.
fn numbers(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    }
}

#[test]
fn a_class_holds_what_was_asked_for_and_a_capacity_is_its_own_class() {
    for size in (0..70_000).chain([1 << 20, (1 << 20) + 1, (64 << 20) - 1]) {
        let (class, capacity) = class_of(size);
        assert!(capacity >= size && capacity % 16 == 8, "{size} -> {capacity}");
        assert!(capacity <= size.max(24) + size / 8 + 24, "{size} -> {capacity}");
        assert_eq!(class_of(capacity), (class, capacity), "{size}");
        assert!(class < CLASSES);
    }
}

#[test]
fn chunks_never_overlap_and_keep_their_contents() {
    let arena = Arena::new(8 << 20).unwrap();
    let mut next = numbers(42);
    let mut live: Vec<(*mut u8, usize, u8)> = Vec::new();
    for round in 0..20_000usize {
        let mark = (round % 251) as u8;
        match next() % 3 {
            0 if !live.is_empty() => {
                let (chunk, size, mark) = live.swap_remove(next() % live.len());
                unsafe {
                    assert!((0..size).all(|at| *chunk.add(at) == mark));
                    free(arena.opaque(), chunk.cast());
                }
            }
            1 if !live.is_empty() => {
                let at = next() % live.len();
                let (chunk, size, mark) = live[at];
                let wanted = 1 + next() % 3000;
                unsafe {
                    let new = realloc(arena.opaque(), chunk.cast(), wanted as _).cast::<u8>();
                    assert!(!new.is_null() && (0..size.min(wanted)).all(|at| *new.add(at) == mark));
                    new.write_bytes(mark, wanted);
                    live[at] = (new, wanted, mark);
                }
            }
            _ if live.len() < 500 => {
                let size = 1 + next() % 3000;
                unsafe {
                    let chunk = malloc(arena.opaque(), size as _).cast::<u8>();
                    assert!(!chunk.is_null() && (chunk as usize).is_multiple_of(16));
                    chunk.write_bytes(mark, size);
                    live.push((chunk, size, mark));
                }
            }
            _ => {}
        }
    }
    assert!(arena.peak() < 6 << 20);
}

#[test]
fn a_restore_brings_back_contents_and_free_lists() {
    let mut arena = Arena::new(4 << 20).unwrap();
    let kept = unsafe { malloc(arena.opaque(), 100) }.cast::<u8>();
    unsafe { kept.write_bytes(7, 100) };
    arena.take_image().unwrap();
    let mut places = Vec::new();
    for _ in 0..3 {
        let watched = arena.watch();
        unsafe {
            assert!((0..100).all(|at| *kept.add(at) == 7));
            places.push(malloc(arena.opaque(), 64));
            kept.write_bytes(9, 100);
            malloc(arena.opaque(), 2 << 20);
            free(arena.opaque(), kept.cast());
        }
        drop(watched);
        arena.restore();
        assert!(arena.resident() < 2 * arena.copied() + RESIDENT_TAIL + 2 * PAGE);
    }
    assert_eq!(places, [places[0]; 3]);
}

#[test]
fn runs_leave_the_gaps_of_an_image_alone() {
    let mut arena = Arena::new(1 << 20).unwrap();
    let gap = unsafe { malloc(arena.opaque(), 100) };
    unsafe { malloc(arena.opaque(), 100) };
    unsafe { free(arena.opaque(), gap) };
    arena.take_image().unwrap();
    let end = arena.peak();
    let _watched = arena.watch();
    assert!(unsafe { malloc(arena.opaque(), 100) } as usize > arena.opaque() as usize + end);
}

#[test]
fn the_cap_is_kept_and_remembered_until_the_restore() {
    let mut arena = Arena::new(1 << 20).unwrap();
    arena.take_image().unwrap();
    let watched = arena.watch();
    assert!(unsafe { malloc(arena.opaque(), 2 << 20) }.is_null());
    assert!(unsafe { malloc(arena.opaque(), u64::MAX) }.is_null());
    assert!(unsafe { calloc(arena.opaque(), u64::MAX, 2) }.is_null());
    assert!(arena.exhausted());
    drop(watched);
    arena.restore();
    assert!(!arena.exhausted());
}

#[test]
fn an_engine_that_fills_its_arena_has_no_image() {
    let mut arena = Arena::new(1 << 20).unwrap();
    while !unsafe { malloc(arena.opaque(), 1000) }.is_null() {}
    assert!(arena.take_image().is_err());
}

#[test]
fn a_string_that_grows_at_the_end_wastes_nothing() {
    let arena = Arena::new(8 << 20).unwrap();
    let mut chunk = unsafe { malloc(arena.opaque(), 16) };
    for size in (16..4 << 20).step_by(4096) {
        chunk = unsafe { realloc(arena.opaque(), chunk, size) };
        assert!(!chunk.is_null());
    }
    assert!(arena.peak() < 5 << 20);
}
