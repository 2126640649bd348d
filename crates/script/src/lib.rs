//! Running one script on one event.
//!
//! This crate knows how scripts of each language are run, what they find around them (`event`, `platform`), what limits hold,
//! and how to tell what a script changed. It knows nothing of HTTP, databases, or where scripts are stored; what a script
//! reaches of the world is behind [`Host`].
//!
//! # A run
//!
//! [`Engines::run`] takes a ready engine of the script (or builds one: prelude, libraries, compiled text, image), runs it,
//! collects the edits, and restores the engine to its image. Members of `event` are converted when they are first touched;
//! only touched ones are compared with what was given, and only those that differ are reported.

mod engines;
mod event;
mod host;
mod javascript;
mod lookup;
mod members;
mod outcome;
mod output;
mod pool;
mod script;
mod types;
mod typescript;
mod workers;

pub use engines::{Engines, Stats};
pub use event::{Event, EventRequest, EventResponse};
pub use host::{ApiCall, ApiResponse, Host, Library};
pub use outcome::{Edits, Finished, Outcome, Run, StopReason, SyntaxError, Thrown};
pub use script::Script;
pub use types::{ScriptType, known_type, script_types};
pub use workers::{Confinement, Figures, LanguageReport, WorkerReport, WorkerSettings};
