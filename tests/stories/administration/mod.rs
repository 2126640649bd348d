//! Who may do what: the system and user services as administrators and client programs meet them.
//!
//! Tests named `statement_NNN_...` hold the numbered statements of the reference on system, users and access control; the
//! numbers of the other stories belong to the reference on events and scripting.

mod accounts;
mod admin_app_pages;
mod admin_interface_pages;
mod api_docs;
mod apps_and_roles;
mod authentication;
mod authorization;
mod authorization_matrix;
mod batches;
mod cors;
mod environment;
mod escalation;
mod formats;
mod hostile_packages;
mod import;
mod limits;
mod lookups;
mod many_servers;
pub mod packages;
pub mod people;
mod registration;
mod root_listing;
mod secrets;
mod seed_events;
mod service_report;
mod services;
mod setup;
mod system_resources;
mod users;
mod wire;
