//! Settings of the queue.

use crate::list_or_text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the connection that `driver` and `url` are about.
pub const DEFAULT_CONNECTION: &str = "default";
/// Longest name of a connection: it becomes part of a file's name.
const CONNECTION_NAME_BYTES: usize = 64;

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

impl QueueSettings {
    /// Whether these settings can be used together.
    ///
    /// # Errors
    /// What is wrong and how to correct it, without any address, because it may hold a password.
    pub fn check(&self) -> Result<(), String> {
        check_url("queue", self.driver, self.url.as_deref())?;
        let mut names = Vec::new();
        for (name, connection) in &self.connections {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || name.len() > CONNECTION_NAME_BYTES || !name.chars().all(is_word) {
                return Err(format!(
                    "queue.connections: '{name}' can't be a name; use up to {CONNECTION_NAME_BYTES} letters, digits, - and _"
                ));
            }
            let lower = name.to_ascii_lowercase();
            if lower == DEFAULT_CONNECTION {
                return Err(format!("queue.connections: '{name}' is the connection set by queue.driver and queue.url"));
            }
            if names.contains(&lower) {
                return Err(format!("queue.connections: '{name}' is there twice; capitals make no difference"));
            }
            names.push(lower);
            check_url(&format!("queue.connections.{name}"), connection.driver, connection.url.as_deref())?;
        }
        Ok(())
    }
}

fn check_url(place: &str, driver: QueueDriver, url: Option<&str>) -> Result<(), String> {
    let schemes = driver.schemes();
    let driver = driver.as_str();
    match (schemes, url) {
        ([], None) => Ok(()),
        ([], Some(_)) => Err(format!(
            "{place}.url: {driver} needs none, its file is in the data folder; remove it, or set {place}.driver"
        )),
        ([scheme, ..], None) => {
            Err(format!("{place}.url is missing: {driver} needs one, such as {scheme}://host/name"))
        }
        (schemes, Some(url)) if schemes.iter().any(|scheme| is_of_scheme(url, scheme)) => Ok(()),
        ([scheme, ..], Some(_)) => Err(format!("{place}.url: for {driver} it begins with {scheme}://")),
    }
}

fn is_of_scheme(url: &str, scheme: &str) -> bool {
    url.split_once("://").is_some_and(|(named, rest)| named.eq_ignore_ascii_case(scheme) && !rest.is_empty())
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

impl QueueDriver {
    /// Its name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            QueueDriver::Sqlite => "sqlite",
            QueueDriver::Postgres => "postgres",
            QueueDriver::Nats => "nats",
        }
    }

    /// What its addresses begin with, the usual first; none when it has no address.
    fn schemes(self) -> &'static [&'static str] {
        match self {
            QueueDriver::Sqlite => &[],
            QueueDriver::Postgres => &["postgres", "postgresql"],
            QueueDriver::Nats => &["nats", "tls"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(driver: QueueDriver, url: Option<&str>) -> QueueSettings {
        QueueSettings { driver, url: url.map(str::to_owned), ..QueueSettings::default() }
    }

    fn with_connection(name: &str, driver: QueueDriver, url: Option<&str>) -> QueueSettings {
        let connection = QueueConnection { driver, url: url.map(str::to_owned) };
        QueueSettings { connections: BTreeMap::from([(name.to_owned(), connection)]), ..QueueSettings::default() }
    }

    #[test]
    fn what_belongs_together_is_accepted() {
        let good = [
            QueueSettings::default(),
            settings(QueueDriver::Postgres, Some("postgres://u:p@host/db")),
            settings(QueueDriver::Postgres, Some("postgresql://host/db")),
            settings(QueueDriver::Nats, Some("NATS://host")),
            with_connection("bulk-2", QueueDriver::Sqlite, None),
            with_connection("far", QueueDriver::Nats, Some("tls://host:4222")),
        ];
        assert!(good.iter().all(|settings| settings.check().is_ok()));
    }

    #[test]
    fn what_does_not_is_named_without_the_address() {
        let bad = [
            (settings(QueueDriver::Postgres, None), "queue.url is missing"),
            (settings(QueueDriver::Nats, Some("postgres://u:secret@host")), "queue.url: for nats"),
            (settings(QueueDriver::Sqlite, Some("nats://u:secret@host")), "queue.driver"),
            (with_connection("far", QueueDriver::Nats, None), "queue.connections.far.url is missing"),
            (with_connection("../x", QueueDriver::Sqlite, None), "'../x'"),
            (with_connection("Default", QueueDriver::Sqlite, None), "'Default'"),
        ];
        for (settings, wanted) in bad {
            let said = settings.check().unwrap_err();
            assert!(said.contains(wanted) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn names_of_connections_differ_by_more_than_capitals() {
        let mut settings = with_connection("bulk", QueueDriver::Sqlite, None);
        settings.connections.insert("Bulk".into(), QueueConnection { driver: QueueDriver::Sqlite, url: None });
        assert!(settings.check().unwrap_err().contains("twice"));
    }
}
