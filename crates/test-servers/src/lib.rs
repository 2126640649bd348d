//! Servers for tests: real ones, each on a private port with its data in a folder of its own, gone with the test.

mod error;
mod nats;

pub use error::StartError;
pub use nats::NatsServer;
