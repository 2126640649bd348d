//! The product as its users meet it: the real program, over HTTP, one story at a time.
//!
//! Tests named `statement_NNN_…` hold the numbered statements of the reference's conformance checklist; README.md lists those
//! that wait for a later release. Each test has a server and a data folder of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests; a failure should be loud")]

mod administration;
mod bad_input;
mod concurrency;
mod database;
mod errors;
mod event_object;
mod fidelity;
mod hostile;
mod languages;
mod lifecycle;
mod linked_scripts;
mod naming;
mod nested_calls;
mod platform_api;
mod queue;
mod responses;
mod rights;
mod scripting_guide;
mod scripts_in_files;
mod scripts_run;
mod start_and_stop;
mod support;
mod system_events;
mod system_scripts;
mod ways_around;
