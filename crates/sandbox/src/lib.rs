//! What the programs that run scripts may do, enforced by the kernel.
//!
//! A [`Plan`] names a program and what it may reach. The server starts itself again as a launcher, with the plan as its argument; the launcher
//! takes every right that the plan does not give from itself ([`enter`]) and then becomes the program. So the rules hold from the program's first
//! instruction on, for all of its threads and also for machine code that a script brings along.
//!
//! | What | By what |
//! |---|---|
//! | files: the interpreter and its libraries to read, one scratch folder to write | landlock |
//! | no network, no other processes, no signals to others, no changes of the machine | seccomp, and landlock where the kernel has it |
//! | memory, stack, open files, sizes of files | resource limits |
//! | nothing of what root may do | capabilities |
//! | ends with the server | the parent-death signal |
//!
//! What the machine can't enforce is told by [`Capabilities::probe`]; a plan is refused then unless the lack was accepted by name.

mod calls;
mod capabilities;
mod descriptors;
mod enter;
mod error;
mod files;
mod plan;
mod privileges;
mod resources;
mod surroundings;

pub use capabilities::{Capabilities, Protection};
pub use enter::{SUBCOMMAND, enter, enter_from_arguments};
pub use error::SandboxError;
pub use plan::{MemoryRule, Plan, ProcessLimits};
pub use surroundings::{Surroundings, system_libraries};
