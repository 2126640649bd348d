//! Puts the parts together.

use crate::config::Settings;
use crate::http::{Answer, Credentials, Door};
use antiphon_model::{Error, Request, Response};
use std::sync::Arc;

struct Nothing;

#[async_trait::async_trait]
impl Door for Nothing {
    async fn call(&self, request: Request, _: Credentials) -> Answer {
        Answer { response: Response::from(&Error::unavailable("No services.", 1)), request }
    }
}

/// The door.
pub fn door(_: &Settings) -> Arc<dyn Door> {
    Arc::new(Nothing)
}
