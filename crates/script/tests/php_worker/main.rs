//! The PHP worker by itself: real `php`, real frames, no server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests; a failure should be loud")]

mod contained;
mod conventions;
mod lookups;
mod worker;
