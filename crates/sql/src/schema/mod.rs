//! The structure of a database: what it is, and how it is changed (2 to 5).

mod aliases;
mod change;
pub mod definition;
mod describe;
mod fields;
pub(crate) mod labels;
mod listing;
pub(crate) mod merge;
mod related;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use describe::describe_for_records;
pub use describe::{describe_field, describe_relation, describe_table};
pub use listing::list_tables;
pub use request::{Member, SchemaCaller, SchemaRequest, handle};
