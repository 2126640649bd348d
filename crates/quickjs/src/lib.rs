//! QuickJS-NG in an arena: a JavaScript engine whose whole world is brought back in microseconds.
//!
//! This crate is the one place of the product where `unsafe` is allowed. It knows nothing of events, services or scripts'
//! owners; it gives a safe way to build an [`Engine`], run code in it under limits, and [`Engine::restore`] it.
//!
//! # How a run ends
//!
//! However it likes: finished, thrown, out of memory, in the middle of a regular expression. Nothing is cleaned up inside the
//! engine; the image is copied back. Therefore a stop is a jump out of the engine's code (`guard.c`), taken where it is
//! noticed: in the allocator (memory), in the interrupt hook (time), or in a signal handler (time, in code that doesn't poll).
//!
//! # Invariants
//!
//! 1. *Everything an engine owns lies in its arena.* The runtime is made with the arena's allocator. The C library's own
//!    static data are constant tables, apart from the lock and the list of waiters of `Atomics.wait`, which is refused as
//!    runtimes may not block (tested), and an address that serves as a mark. Class identifiers are counted in the runtime. So copying the
//!    image back is sound. (Tested: `a_restore_brings_back_globals_and_prototypes`.)
//! 2. *The image's addresses are the arena's own.* An image is copied back only to the region it was taken from.
//!    Its pages are write-protected until their first write, which saves them (`image.rs`), so no write is missed. They are
//!    written on the thread of a run, while the run lasts, and by nobody else; each thread knows the images of its nested runs.
//!    The stop signal waits while a page is saved.
//! 3. *No pointer into the arena outlives a run*, except those that were made before the image and are held by it: context,
//!    kept functions, the `toJSON` atom. [`HostCall`] borrows, and what leaves it is JSON.
//! 4. *One arena, one thread at a time*: entering takes `&mut Engine`.
//! 5. *A jump crosses only frames of C and Rust frames that own nothing*: guarded bodies and their results are `Copy`; host
//!    functions disarm the guard while Rust code runs and arm it again when every value of theirs is dropped. Nested guards
//!    jump to the innermost one.
//! 6. *A signal jumps only from the engine's own code*: the guard is armed, this run's `kill` is set, and the interrupted
//!    instruction lies in the executable's text, never in the C library, which may hold a lock. The arena's allocator, the
//!    hooks and the bridge's guarded bodies take no locks and ask nothing of the process's own allocator. This needs a dynamically linked C library.
//! 7. *After a stop nothing of the engine is touched* until it is restored: conversions check the sticky stop first, and
//!    the bridge gives nothing back to a stopped engine.
//! 8. *A panic never crosses C*: host closures run under `catch_unwind`. They are shared, not exclusive: reading an argument may
//!    run the script's code, which may call the host again.
//! 9. *Bytecode is trusted and only ever our own*: [`Bytecode`] can be had from [`Engine::compile`] of this process only.
//! 10. *Nothing in the engine gives files, processes or the network*: only the language's own objects are made (no `std`, no
//!     `os` module, no module loader).

mod arena;
mod bridge;
mod control;
mod engine;
mod guard;
mod host;
mod image;
mod processor;
mod stack;
mod value;
mod watchdog;

pub use bridge::{BridgeError, DEPTH_LIMIT};
pub use control::StopReason;
pub use engine::{Budget, Build, Bytecode, Engine, Exception, Failure, Function, Report, Sizes};
pub use host::{HostCall, HostError, HostFunction};
pub use processor::current_processor;
pub use stack::stack_room;
