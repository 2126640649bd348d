//! Fingerprints of credentials: to know them again without keeping them.

use antiphon_model::{Error, Result};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A keyed hash; only this process can make it or check a guess against it.
pub(super) type Fingerprint = [u8; 32];

/// Makes fingerprints with a key of this process.
pub(super) struct Fingerprints {
    keyed: Hmac<Sha256>,
}

impl Fingerprints {
    /// With a fresh key.
    pub(super) fn new() -> Result<Fingerprints> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| Error::internal("No random source.", error))?;
        let keyed = Hmac::new_from_slice(&key).map_err(|error| Error::internal("No fingerprints.", error))?;
        Ok(Fingerprints { keyed })
    }

    /// The fingerprint of a name and a password.
    pub(super) fn of(&self, login: &str, password: &str) -> Fingerprint {
        let mut keyed = self.keyed.clone();
        // The length keeps the two apart: `ab` and `c` are not `a` and `bc`.
        keyed.update(&(login.len() as u64).to_le_bytes());
        keyed.update(login.as_bytes());
        keyed.update(password.as_bytes());
        keyed.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_this_pair_and_this_process_only() {
        let prints = Fingerprints::new().unwrap();
        assert_eq!(prints.of("a", "bc"), prints.of("a", "bc"));
        assert_ne!(prints.of("a", "bc"), prints.of("ab", "c"));
        assert_ne!(prints.of("a", "bc"), Fingerprints::new().unwrap().of("a", "bc"));
    }
}
