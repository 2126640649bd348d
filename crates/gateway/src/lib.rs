//! One call from end to end.
//!
//! There is one door, [`Gateway::call`]: the HTTP edge, scripts and tests all enter through it, so no call can miss
//! authentication, the access check, its events or its ledger. This crate knows no HTTP and no concrete service.

mod access;
mod blocking;
mod call;
mod carried;
mod event_names;
mod failure;
mod grants;
pub mod identity;
pub mod jobs;
mod ledger;
mod libraries;
mod library;
mod linked;
mod memory;
mod nested;
mod outside;
mod platform;
pub mod rate;
mod registry;
mod root;
mod route;
mod script_index;
mod scripts;
mod service;
mod shape;

pub use access::{authorize, covers, may, refuse_named, row_filters, uses, verbs_for};
pub use blocking::{blocking, wait_for, work_in_place};
pub use call::{Answer, Credentials, Gateway};
pub use carried::CarriedWrite;
pub use failure::report;
pub use grants::may_some;
pub use ledger::{Ledger, ScriptRun};
pub use libraries::{Libraries, LibraryStore};
pub use library::LibraryFolder;
pub use linked::{Link, ScriptOrigin};
pub use memory::Memory;
pub use nested::Frame;
pub use platform::config as script_config;
pub use registry::{Registry, ServiceEntry, ServiceKind};
pub use route::{Matched, Route, RouteTable};
pub use script_index::{ScriptIndex, ScriptSlot};
pub use scripts::{MASK, Secrecy, SecrecyOf, mask, unmask};
pub use service::{Cache, Call, Service, ServiceEvent};
pub use shape::{Schema, Shape};
