//! The services that exist, by name.

use crate::Service;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A service as an administrator configured it, with the code that answers for it.
pub struct ServiceEntry {
    /// Record identifier; role rows refer to it.
    pub id: i64,
    /// Name as stored; event names spell it so.
    pub name: String,
    /// Label for people.
    pub label: String,
    /// Text for people.
    pub description: Option<String>,
    /// Service type, such as `sqlite`.
    pub kind: String,
    /// Inactive services refuse every call.
    pub is_active: bool,
    /// Its API document as an administrator stored it: OpenAPI or Swagger 2, JSON or YAML.
    pub document: Option<String>,
    /// What answers.
    pub service: Arc<dyn Service>,
}

/// A type that a service can have, as listings for people show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKind {
    /// Name, such as `sqlite`.
    pub name: String,
    /// Label for people.
    pub label: String,
    /// The group that it is listed in, such as `Database`.
    pub group: String,
    /// Text for people.
    pub description: String,
}

/// All services. Reads take no lock; a change swaps the whole map.
#[derive(Default)]
pub struct Registry {
    by_name: ArcSwap<HashMap<String, Arc<ServiceEntry>>>,
    kinds: OnceLock<Vec<ServiceKind>>,
}

impl Registry {
    /// Tells which types of services there are. They are part of the program, so only the first call counts.
    pub fn declare_kinds(&self, kinds: Vec<ServiceKind>) {
        self.kinds.get_or_init(|| kinds);
    }

    /// The types that were declared, in that order.
    pub fn kinds(&self) -> &[ServiceKind] {
        self.kinds.get().map_or(&[], Vec::as_slice)
    }

    /// The service of that name, in any case.
    pub fn find(&self, name: &str) -> Option<Arc<ServiceEntry>> {
        let map = self.by_name.load();
        if let Some(entry) = map.get(name) {
            return Some(Arc::clone(entry));
        }
        map.get(&name.to_lowercase()).cloned()
    }

    /// The service with that record identifier.
    pub fn find_by_id(&self, id: i64) -> Option<Arc<ServiceEntry>> {
        self.by_name.load().values().find(|entry| entry.id == id).cloned()
    }

    /// All services in order of their identifiers.
    pub fn list(&self) -> Vec<Arc<ServiceEntry>> {
        let mut entries: Vec<_> = self.by_name.load().values().cloned().collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    /// Puts these services in place of all others; calls in flight keep the one that they have.
    pub fn replace_all(&self, entries: Vec<ServiceEntry>) {
        let map = entries.into_iter().map(|entry| (entry.name.to_lowercase(), Arc::new(entry))).collect();
        self.by_name.store(Arc::new(map));
    }
}
