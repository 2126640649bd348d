//! Whole runs: what a script sees, what it may change, how it ends.

mod bounds;
mod concurrency;
mod edits;
mod fixture;
mod language;
mod platform;
mod speed;
mod throws;
mod typescript;
mod workers;
mod workers_misbehaving;
