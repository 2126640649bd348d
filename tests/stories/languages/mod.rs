//! Scripts in every language: one suite over all of them from one table, and what is particular to each.

mod event_types;
mod examples;
mod hostile;
mod nodejs;
mod outbound;
mod packages;
mod php;
mod python;
mod script_services;
mod shared_code;
mod suite;
mod table;
mod workers;
