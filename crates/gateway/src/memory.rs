//! What is kept in memory of what is stored, and keeping it true.

use antiphon_model::Result;

/// Brings everything that the gateway keeps in memory (services, scripts, identities, rules) up to what is stored.
///
/// Called before each call and each call from inside, so that whatever was committed before a call began is in force for it:
/// by this process or by another one over the same store. It must be cheap when nothing changed.
pub trait Memory: Send + Sync {
    /// Catches up with the store.
    ///
    /// # Errors
    /// When the store can't be read: the call is refused rather than judged by what may be out of date.
    fn catch_up(&self) -> Result<()>;
}
