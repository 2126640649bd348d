//! The words everybody in Antiphon speaks: verbs, requests, responses, events, sessions, errors, limits.
//!
//! Pure types: no input or output, no locks, no async. Every other crate may depend on this one; it depends on none.

mod access_rows;
mod accounts;
mod client;
mod error;
mod event;
mod limits;
mod message;
mod outbound;
mod outbox;
mod queue;
mod scripts;
mod session;
mod verb;

pub use access_rows::{AccessRows, Fitting};
pub use accounts::{AccountSettings, LoginAttribute, MailDelivery};
pub use client::Client;
pub use error::{BatchVerb, Error, Result};
pub use event::{EVENT_NAME_LIMIT, EventName, Phase};
pub use limits::Limits;
pub use message::{Content, Headers, Parameters, Request, Response, Upload, truthy};
pub use outbound::OutboundSettings;
pub use outbox::{OutboxEntry, OutboxMessage};
pub use queue::{DEFAULT_CONNECTION, QueueConnection, QueueDriver, QueueSettings};
pub use scripts::{ScriptSettings, list_or_text};
pub use session::{AccessRow, App, FilterOp, Lookup, Requestor, Role, ServerFilter, Session, User};
pub use verb::{Verb, VerbMask};

pub use serde_json::{Map, Value, json};

/// A JSON object, its keys in the order in which they were written.
pub type Object = Map<String, Value>;
