//! Scripts in every language: one suite over all of them from one table, and what is particular to each.

mod nodejs;
mod packages;
mod hostile;
mod php;
mod event_types;
mod outbound;
mod python;
mod script_services;
mod shared_code;
mod suite;
mod table;
mod workers;
