//! Calls to other servers, as scripts may make them.
//!
//! Whoever writes a script chooses the address, often out of data that strangers sent. So every call is guarded: only `http` and
//! `https`, only public addresses, names resolved once and the connection made to the very address that was checked, redirects
//! checked like the first address, certificates verified, time and sizes bounded, nothing unpacked. The server's own credentials,
//! proxies and cookies have no part in it. This crate knows nothing of scripts or services.

mod address;
mod answer;
mod client;
mod connection;
mod curl;
mod error;
mod hosts;
mod request;

pub use client::Client;
pub use error::Failure;
pub use request::{Answer, Call, Guard};
