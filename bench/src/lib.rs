//! Side-by-side measurements of Antiphon and a bare handler doing the same read: servers, load generator, report.
//!
//! Nothing here knows Antiphon's crates: it measures the binary from outside, over loopback, as any client would.

pub mod bare;
pub mod client;
pub mod error;
pub mod languages;
pub mod load;
pub mod people;
pub mod plan;
pub mod platform;
pub mod process;
pub mod queue;
pub mod report;
pub mod rounds;
pub mod single;
pub mod statistics;
pub mod turns;
