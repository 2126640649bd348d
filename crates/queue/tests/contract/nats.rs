//! Streams of their own in one NATS server.

use crate::Place;
use antiphon_queue::{NatsStore, Store, StoreSettings};
use antiphon_test_servers::NatsServer;
use async_trait::async_trait;
use std::sync::Arc;

struct Streams {
    server: &'static NatsServer,
    prefix: String,
}

#[async_trait]
impl Place for Streams {
    async fn open(&self, settings: StoreSettings) -> Arc<dyn Store> {
        Arc::new(NatsStore::open(&self.server.url(), &self.prefix, settings).unwrap())
    }
}

/// Streams that are not there yet.
pub async fn place() -> impl Place {
    Streams { server: NatsServer::shared().unwrap(), prefix: NatsServer::prefix() }
}
