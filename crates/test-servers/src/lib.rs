//! Servers for tests: real ones, each on a private port with its data in a folder of its own, gone with the test.

mod account;
mod error;
mod nats;
mod postgres;
mod watchdog;

pub use error::StartError;
pub use nats::NatsServer;
pub use postgres::PostgresServer;
