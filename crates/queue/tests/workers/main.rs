//! The worker pool over a real file, as its owner meets it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod faults;
mod leases;
mod outcomes;
mod places;
mod stopping;
mod support;
