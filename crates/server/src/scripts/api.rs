//! The API of the server whose scripts are worked on: over HTTP, or in this process.

use antiphon_model::{Value, Verb};
use async_trait::async_trait;

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub content: Value,
}

/// A server's API, as an administrator uses it.
#[async_trait]
pub trait Api: Send + Sync {
    /// Makes a call; `path` begins with the service and may have a query, encoded. A failed call is a reply too.
    ///
    /// # Errors
    /// When the server can't be reached.
    async fn call(&self, verb: Verb, path: &str, payload: Value) -> Result<Reply, String>;
}

impl dyn Api + '_ {
    /// The content of a call that must succeed.
    ///
    /// # Errors
    /// The message of a failed call, with what was asked.
    pub async fn ask(&self, verb: Verb, path: &str, payload: Value) -> Result<Value, String> {
        let reply = self.call(verb, path, payload).await?;
        match reply.status {
            200..300 => Ok(reply.content),
            status => {
                let message = reply.content["error"]["message"].as_str().unwrap_or("no reason given");
                Err(format!("{verb} {path} failed with status {status}: {message}"))
            }
        }
    }
}
