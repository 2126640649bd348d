//! Where NATS is, and what the streams are called.

use crate::{QueueError, QueueResult};
use async_nats::ServerAddr;
use url::Url;

/// Longest prefix of names.
const PREFIX_BYTES: usize = 64;

/// Servers, and how streams are made there.
#[derive(Clone)]
pub struct Address {
    /// The servers of the cluster that are known from the start.
    pub servers: Vec<ServerAddr>,
    /// Copies of each stream that the cluster keeps.
    pub replicas: usize,
    /// What all names begin with.
    pub prefix: String,
}

impl Address {
    /// Reads `nats://user:password@host:4222`, several with commas in between, and `?replicas=3` after the last.
    ///
    /// # Errors
    /// [`QueueError::Refused`] when it can't be read, without telling what it holds.
    pub fn read(url: &str, prefix: &str) -> QueueResult<Address> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES || !prefix.chars().all(is_name) {
            return Err(QueueError::Refused("a prefix in NATS has letters, digits, \"-\" and \"_\" only".to_owned()));
        }
        let mut address = Address { servers: Vec::new(), replicas: 1, prefix: prefix.to_owned() };
        for part in url.split(',') {
            address.add(part.trim())?;
        }
        Ok(address)
    }

    /// The servers by host and port only, for errors.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> =
            self.servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        hosts.join(", ")
    }

    fn add(&mut self, part: &str) -> QueueResult<()> {
        let whole = if part.contains("://") { part.to_owned() } else { format!("nats://{part}") };
        let mut url = Url::parse(&whole).map_err(|_| unreadable())?;
        for (name, value) in url.query_pairs() {
            match (&*name, value.parse()) {
                ("replicas", Ok(replicas @ 1..=5)) => self.replicas = replicas,
                _ => return Err(unreadable()),
            }
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(unreadable());
        }
        url.set_query(None);
        self.servers.push(ServerAddr::from_url(url).map_err(|_| unreadable())?);
        Ok(())
    }
}

fn unreadable() -> QueueError {
    QueueError::Refused(
        "the URL of NATS can't be read: it is like nats://user:password@host:4222, several with commas in between, with ?replicas=1 to 5 \
         at the end for a cluster"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_secrets_are_not_told() {
        let address = Address::read("nats://anna:secret@one:4223,two?replicas=3", "jobs").unwrap();
        assert_eq!((address.hosts().as_str(), address.replicas), ("one:4223, two:4222", 3));
        for wrong in ["", "nats://anna:secret@one?replicas=9", "nats://anna:secret@:x", "nats://anna:secret@one?x=1"] {
            let error = Address::read(wrong, "jobs").err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Address::read("one", "a.b").is_err());
    }
}
