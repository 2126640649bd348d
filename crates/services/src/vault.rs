//! The vault: secrets of the system database, encrypted under a key that is not in it.
//!
//! Each value is sealed on its own with XChaCha20-Poly1305: a random nonce, and what the value is for as associated data, so that
//! a value can't be put in the place of another kind. The key comes by HKDF from the secret of the instance, for this purpose
//! alone. A sealed value is `sealed:1:` and nonce and ciphertext in base64; the number is the version of this form.

use antiphon_gateway::identity::Secret;
use antiphon_model::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;

const PREFIX: &str = "sealed:1:";
const NONCE_BYTES: usize = 24;
/// What the key is for, so that no other use of the secret gives the same one.
const KEY_PURPOSE: &[u8] = b"antiphon vault 1";

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// The vault of the instance with that secret.
    ///
    /// # Errors
    /// When no key can be derived from it.
    pub fn new(secret: &Secret) -> Result<Vault> {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, &secret.0)
            .expand(KEY_PURPOSE, &mut key)
            .map_err(|error| Error::internal("No key can be made for the secrets of this server.", error))?;
        Ok(Vault { cipher: XChaCha20Poly1305::new(&key.into()) })
    }

    /// The value as it may be stored. `purpose` tells what it is, such as `lookup.value`, and is needed again to open it.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn seal(&self, purpose: &str, plain: &str) -> Result<String> {
        Ok(format!("{PREFIX}{}", STANDARD_NO_PAD.encode(self.seal_bytes(purpose, plain.as_bytes())?)))
    }

    /// Bytes as they may be stored: nonce and ciphertext.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn seal_bytes(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Display| Error::internal("A secret can't be encrypted.", error);
        let mut sealed = vec![0; NONCE_BYTES];
        getrandom::fill(&mut sealed).map_err(|error| failed(&error))?;
        let nonce = nonce(&sealed).ok_or_else(|| failed(&"nonce"))?;
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        sealed.extend(self.cipher.encrypt(&nonce, payload).map_err(|error| failed(&error))?);
        Ok(sealed)
    }

    /// The value that was sealed for this purpose.
    ///
    /// # Errors
    /// When it was sealed with another key or for another purpose, was changed, or never was sealed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String> {
        let bytes = sealed.strip_prefix(PREFIX).and_then(|text| STANDARD_NO_PAD.decode(text).ok());
        let plain = self.open_bytes(purpose, &bytes.ok_or_else(|| damaged(purpose))?)?;
        String::from_utf8(plain).map_err(|_| damaged(purpose))
    }

    /// The bytes that were sealed for this purpose.
    ///
    /// # Errors
    /// When they were sealed with another key or for another purpose, or changed.
    pub(crate) fn open_bytes(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let (head, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(|| damaged(purpose))?;
        let payload = Payload { msg: ciphertext, aad: purpose.as_bytes() };
        self.cipher.decrypt(&nonce(head).ok_or_else(|| damaged(purpose))?, payload).map_err(|_| damaged(purpose))
    }

    /// Whether a stored value has the form of a sealed one.
    pub fn is_sealed(stored: &str) -> bool {
        stored.starts_with(PREFIX)
    }
}

/// A name for the instance with that secret, from which nobody learns the secret.
///
/// # Errors
/// When none can be derived from it.
pub(crate) fn instance_name(secret: &Secret) -> Result<String> {
    let mut name = [0; 8];
    Hkdf::<Sha256>::new(None, &secret.0)
        .expand(b"antiphon instance name 1", &mut name)
        .map_err(|error| Error::internal("No name can be made for this instance.", error))?;
    Ok(format!("{:016x}", u64::from_be_bytes(name)))
}

fn damaged(purpose: &str) -> Error {
    Error::internal("A stored secret can't be read.", format!("{purpose} is damaged"))
}

fn nonce(bytes: &[u8]) -> Option<XNonce> {
    <[u8; NONCE_BYTES]>::try_from(bytes).ok().map(XNonce::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&Secret([byte; 32])).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_and_is_different_each_time() {
        for plain in ["", "hunter2", "Ünïcode ✓", "sealed:1:not really"] {
            let sealed = vault(1).seal("lookup.value", plain).unwrap();
            assert!(Vault::is_sealed(&sealed) && (plain.is_empty() || !sealed.contains(plain)), "{sealed}");
            assert_eq!(vault(1).open("lookup.value", &sealed).unwrap(), plain);
            assert_ne!(vault(1).seal("lookup.value", plain).unwrap(), sealed);
        }
    }

    #[test]
    fn another_key_another_purpose_and_every_changed_letter_are_noticed() {
        let sealed = vault(1).seal("lookup.value", "hunter2").unwrap();
        assert!(vault(2).open("lookup.value", &sealed).is_err());
        assert!(vault(1).open("service.config", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert!(vault(1).open("lookup.value", &String::from_utf8(changed).unwrap()).is_err(), "{place}");
        }
        for hostile in ["", "hunter2", "sealed:1:", "sealed:1:AAAA", "sealed:2:AAAA", "sealed:1:?"] {
            let error = vault(1).open("lookup.value", hostile).unwrap_err();
            assert_eq!(error.status, 500);
            assert!(!error.message.contains("hunter2"), "the message goes to clients");
        }
    }
}
