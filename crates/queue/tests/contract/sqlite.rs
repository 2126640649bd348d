//! SQLite files in folders of their own.

use crate::Place;
use antiphon_queue::{SqliteStore, Store, StoreSettings};
use async_trait::async_trait;
use std::sync::Arc;
use tempfile::TempDir;

struct Folder(TempDir);

#[async_trait]
impl Place for Folder {
    async fn open(&self, settings: StoreSettings) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.0.path().join("queue.sqlite3"), settings).unwrap())
    }
}

/// A folder for a file that is not there yet.
pub async fn place() -> impl Place {
    Folder(TempDir::new().unwrap())
}
