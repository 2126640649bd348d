//! The services of Antiphon, and how they are put together.
//!
//! One folder for each service type. Nothing here knows HTTP: requests come from the gateway and responses go back to it.

pub mod api_docs;
pub mod cors;
pub mod database;
pub mod demo;
mod documented_paths;
mod jobs;
mod mail;
mod memory;
pub mod planned;
mod schedule;
pub mod script_files;
pub mod script_service;
mod secret;
mod status;
pub mod system;
#[cfg(test)]
mod test_platform;
pub mod user;
pub mod vault;
mod wiring;

pub use antiphon_script::Confinement;
pub use wiring::{Platform, PlatformSettings};
