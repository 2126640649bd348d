//! JavaScript in the embedded engine.

mod libraries;
mod literals;
mod members;
mod prepared;
mod session;
mod wrapper;

pub(crate) use literals::with_lookups;
pub(crate) use prepared::{Order, PrepareError, Prepared};
