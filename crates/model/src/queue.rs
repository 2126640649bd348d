//! Settings of the queue.

use crate::list_or_text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where jobs are kept, and whether this process runs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSettings {
    /// What keeps jobs that name no connection.
    pub driver: QueueDriver,
    /// Where that is, for drivers other than `sqlite`; may hold a password.
    pub url: Option<String>,
    /// Further connections, by the name that scripts give.
    pub connections: BTreeMap<String, QueueConnection>,
    /// Whether `antiphon serve` runs jobs too; otherwise `antiphon worker` must.
    pub workers: bool,
    /// The queues that this process serves; all when empty.
    #[serde(deserialize_with = "list_or_text")]
    pub serve: Vec<String>,
}

impl Default for QueueSettings {
    fn default() -> QueueSettings {
        QueueSettings {
            driver: QueueDriver::default(),
            url: None,
            connections: BTreeMap::new(),
            workers: true,
            serve: Vec::new(),
        }
    }
}

/// One place where jobs are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConnection {
    /// What keeps them.
    pub driver: QueueDriver,
    /// Where that is.
    #[serde(default)]
    pub url: Option<String>,
}

/// What can keep jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueDriver {
    /// A file in the data folder: nothing else to run; any number of processes of one machine.
    #[default]
    Sqlite,
    /// PostgreSQL 12 or newer: many machines.
    Postgres,
    /// NATS with JetStream, 2.9 or newer: many machines.
    Nats,
}
