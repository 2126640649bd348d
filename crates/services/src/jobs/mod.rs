//! What jobs need of this machine: an outbox in each database, the name of this process, the key that seals what they hold.

mod outbox;
mod owner;

pub(crate) use outbox::{DatabaseOutbox, Following};
pub(crate) use owner::Process;

use crate::vault::Vault;
use antiphon_gateway::jobs::Sealer;
use antiphon_model::Result;

/// What jobs are sealed for, so that nothing else that is sealed can be put in their place.
const PURPOSE: &str = "job";

impl Sealer for Vault {
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>> {
        self.seal_bytes(PURPOSE, plain)
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        self.open_bytes(PURPOSE, sealed)
    }
}
