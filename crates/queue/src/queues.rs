//! The configured stores, by the names that scripts give them.

use crate::{NatsStore, PostgresStore, QueueError, QueueResult, SqliteStore, Store, StoreSettings};
use antiphon_model::{DEFAULT_CONNECTION, QueueDriver, QueueSettings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Drivers of the original by which scripts may call their connection (events-and-scripting 7.4): those that are not configured here mean the
/// default one.
const ORIGINAL_DRIVERS: [&str; 6] = ["sync", "database", "redis", "beanstalkd", "sqs", "null"];

/// Name of the instance in NATS when its address has none. Instances that share a NATS need different ones.
const NATS_NAME: &str = "antiphon";

/// The configured connections. Names are compared without regard to capitals.
pub struct Queues {
    default: Arc<dyn Store>,
    /// By name in small letters.
    others: BTreeMap<String, Arc<dyn Store>>,
}

impl Queues {
    /// Opens every connection. Those over a network connect when they are first used, so that a server starts while they are down.
    ///
    /// `file` is the default connection's file when it is SQLite; further SQLite connections get files of their name beside it.
    ///
    /// # Errors
    /// When the settings don't fit together, or a file can't be used.
    pub fn open(settings: &QueueSettings, file: &Path, store: StoreSettings) -> QueueResult<Arc<Queues>> {
        settings.check().map_err(QueueError::Refused)?;
        let default = open_store(settings.driver, settings.url.as_deref(), file, &store)?;
        let others = settings
            .connections
            .iter()
            .map(|(name, connection)| {
                let name = name.to_ascii_lowercase();
                let file = file_of(&name, file);
                Ok((name, open_store(connection.driver, connection.url.as_deref(), &file, &store)?))
            })
            .collect::<QueueResult<_>>()?;
        Ok(Arc::new(Queues { default, others }))
    }

    /// With one connection, the default one, which is this store.
    pub fn over(store: Arc<dyn Store>) -> Arc<Queues> {
        Arc::new(Queues { default: store, others: BTreeMap::new() })
    }

    /// The connection that is meant by this name, and its name: the default one when none is given, and for names that are
    /// not [known](Queues::knows).
    pub fn store(&self, connection: Option<&str>) -> (&str, &Arc<dyn Store>) {
        let name = connection.map(str::trim).unwrap_or_default().to_ascii_lowercase();
        match self.others.get_key_value(&name) {
            Some((name, store)) => (name, store),
            None => (DEFAULT_CONNECTION, &self.default),
        }
    }

    /// Whether a connection has that name, or it stands for the default one on purpose.
    pub fn knows(&self, connection: &str) -> bool {
        let name = connection.trim().to_ascii_lowercase();
        name.is_empty()
            || name == DEFAULT_CONNECTION
            || ORIGINAL_DRIVERS.contains(&name.as_str())
            || self.others.contains_key(&name)
    }

    /// Every connection with its name, the default one first.
    pub fn stores(&self) -> impl Iterator<Item = (&str, &Arc<dyn Store>)> {
        let default = std::iter::once((DEFAULT_CONNECTION, &self.default));
        default.chain(self.others.iter().map(|(name, store)| (name.as_str(), store)))
    }
}

/// `queue.sqlite3` becomes `queue-bulk.sqlite3` for the connection `bulk`.
fn file_of(connection: &str, default: &Path) -> PathBuf {
    let stem = default.file_stem().unwrap_or_default().to_string_lossy();
    let file = default.with_file_name(format!("{stem}-{connection}"));
    match default.extension() {
        Some(extension) => file.with_extension(extension),
        None => file,
    }
}

fn open_store(
    driver: QueueDriver,
    url: Option<&str>,
    file: &Path,
    settings: &StoreSettings,
) -> QueueResult<Arc<dyn Store>> {
    let settings = settings.clone();
    match driver {
        QueueDriver::Sqlite => Ok(Arc::new(SqliteStore::open(file, settings)?)),
        QueueDriver::Nats => {
            let (servers, name) = name_in(url.unwrap_or_default());
            Ok(Arc::new(NatsStore::open(&servers, &name, settings)?))
        }
        QueueDriver::Postgres => Ok(Arc::new(PostgresStore::open(url.unwrap_or_default(), settings)?)),
    }
}

/// Splits the name of the instance from an address of NATS: `nats://host/name?replicas=3` is `nats://host?replicas=3` and `name`.
fn name_in(url: &str) -> (String, String) {
    let hosts = url.rfind("://").map_or(0, |scheme| scheme + "://".len());
    let (servers, options) = url.split_at(url[hosts..].find('?').map_or(url.len(), |options| hosts + options));
    let (servers, name) = servers.split_at(servers[hosts..].find('/').map_or(servers.len(), |path| hosts + path));
    let name = name.trim_matches('/');
    (format!("{servers}{options}"), if name.is_empty() { NATS_NAME } else { name }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::QueueConnection;

    #[test]
    fn files_of_connections_are_told_apart() {
        assert_eq!(file_of("bulk", Path::new("/data/queue.sqlite3")), Path::new("/data/queue-bulk.sqlite3"));
    }

    #[test]
    fn instances_in_nats_have_names() {
        assert_eq!(name_in("nats://host:4222"), ("nats://host:4222".into(), "antiphon".into()));
        assert_eq!(name_in("nats://host/"), ("nats://host".into(), "antiphon".into()));
        assert_eq!(
            name_in("nats://a:b@one,two/shop?replicas=3"),
            ("nats://a:b@one,two?replicas=3".into(), "shop".into())
        );
        assert_eq!(name_in("nats://one,nats://two/shop"), ("nats://one,nats://two".into(), "shop".into()));
    }

    fn connections(names: &[&str]) -> QueueSettings {
        let sqlite = |name: &&str| ((*name).to_owned(), QueueConnection { driver: QueueDriver::Sqlite, url: None });
        QueueSettings { connections: names.iter().map(sqlite).collect(), ..QueueSettings::default() }
    }

    #[test]
    fn names_lead_to_their_connection_and_others_to_the_default_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queue.sqlite3");
        let queues = Queues::open(&connections(&["Bulk", "redis"]), &file, StoreSettings::default()).unwrap();
        let leads_to = |name| queues.store(name).0.to_owned();
        assert_eq!([leads_to(None), leads_to(Some("Default")), leads_to(Some(" "))], ["default"; 3]);
        assert_eq!([leads_to(Some("database")), leads_to(Some("nowhere"))], ["default"; 2]);
        assert_eq!([leads_to(Some("BULK")), leads_to(Some("Redis"))], ["bulk", "redis"]);
        assert!(["default", "Sync", "sqs", "bulk"].iter().all(|name| queues.knows(name)));
        assert!(!queues.knows("nowhere"));
        assert_eq!(queues.stores().map(|(name, _)| name).collect::<Vec<_>>(), ["default", "bulk", "redis"]);
        assert!(folder.path().join("queue-bulk.sqlite3").is_file());
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        let connection = QueueConnection { driver: QueueDriver::Nats, url: None };
        let settings =
            QueueSettings { connections: BTreeMap::from([("far".to_owned(), connection)]), ..QueueSettings::default() };
        let refused = Queues::open(&settings, Path::new("queue.sqlite3"), StoreSettings::default()).err().unwrap();
        assert!(refused.to_string().contains("queue.connections.far.url"), "{refused}");
    }
}
