//! Scripts in every language: one suite over all of them from one table, and what is particular to each.

mod suite;
mod table;
