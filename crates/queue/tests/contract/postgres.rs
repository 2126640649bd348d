//! Databases of one PostgreSQL server.

use crate::Place;
use antiphon_queue::{PostgresStore, Store, StoreSettings};
use antiphon_test_servers::PostgresServer;
use async_trait::async_trait;
use std::sync::Arc;

struct Database(String);

#[async_trait]
impl Place for Database {
    async fn open(&self, settings: StoreSettings) -> Arc<dyn Store> {
        Arc::new(PostgresStore::open(&self.0, settings).unwrap())
    }
}

/// An empty database.
pub async fn place() -> impl Place {
    let create = || {
        let server = PostgresServer::shared().unwrap();
        server.url(&server.create_database().unwrap())
    };
    Database(tokio::task::spawn_blocking(create).await.unwrap())
}
