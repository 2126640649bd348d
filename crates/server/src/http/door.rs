//! The one door behind the edge, as the edge sees it. In the product it is the gateway; in tests a stand-in.

use antiphon_gateway::{Answer, Credentials};
use antiphon_model::{Object, Request, Result};
use async_trait::async_trait;

/// Carries out calls.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// One call, to its end; never fails, because errors are responses.
    async fn call(&self, request: Request, credentials: Credentials) -> Answer;

    /// The instance's state for administrators; none for everybody else.
    ///
    /// # Errors
    /// When it can't be read.
    async fn status(&self, credentials: &Credentials) -> Result<Option<Object>>;

    /// Whether there is an administrator.
    ///
    /// # Errors
    /// When it can't be read.
    fn is_set_up(&self) -> Result<bool>;

    /// Makes the first administrator from the fields that a person sent; does nothing when there is one.
    ///
    /// # Errors
    /// 400 with the reasons by field.
    fn set_up(&self, person: &Object) -> Result<()>;

    /// Brings what the edge reads from memory up to what is stored. Calls do so by themselves.
    ///
    /// # Errors
    /// When the store can't be read.
    fn catch_up(&self) -> Result<()> {
        Ok(())
    }
}
