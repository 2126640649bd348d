//! The one door behind the edge, as the edge sees it. In the product it is the gateway; in tests a stand-in.

use antiphon_model::{Request, Response};
use async_trait::async_trait;

/// What a caller shows to say who it is; each as sent, not yet checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Credentials {
    /// The key of an app.
    pub api_key: Option<String>,
    /// A session token.
    pub session_token: Option<String>,
    /// E-mail address and password of `Authorization: Basic`.
    pub basic: Option<(String, String)>,
}

/// A call's outcome.
#[derive(Debug)]
pub struct Answer {
    /// The response; errors are responses too.
    pub response: Response,
    /// The request as `pre_process` scripts left it: its `accept`, `file` and `wrap` decide how the response is written.
    pub request: Request,
}

/// Carries out calls.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// One call, to its end; never fails, because errors are responses.
    async fn call(&self, request: Request, credentials: Credentials) -> Answer;
}
