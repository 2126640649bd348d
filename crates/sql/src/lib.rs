//! REST over a relational database: structure, the filter language, records, relations.
//!
//! Knows SQL, tables and rows. Knows nothing of services, scripts, HTTP or who the caller is: what it needs of them comes
//! in through [`Caller`](records::Caller) and [`RelatedTables`](relations::RelatedTables).

pub mod catalog;
pub mod condition;
pub mod database;
pub mod dialect;
mod direct;
pub mod error;
pub mod expression;
pub mod extras;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod lookup;
pub mod outbox;
pub mod records;
pub mod relations;
pub mod row_filter;
#[cfg(test)]
pub(crate) mod sandbox;
pub mod schema;
pub mod statement;
mod transaction;
pub mod validation;
pub mod value;
pub mod watch;

pub use database::{Database, DatabaseConfig};
pub use dialect::sqlite::Location;
pub use transaction::Transaction;
