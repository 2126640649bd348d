//! Secured packages: an archive within an archive, encrypted under a password.
//!
//! The inner archive is sealed with XChaCha20-Poly1305; the key comes from the password by argon2id with a salt of its own. Nobody
//! without the password learns even the names of what is inside.

use super::archive::{Reader, Writer};
use super::contents::MANIFEST;
use super::manifest::written;
use antiphon_model::{Error, Limits, Object, Result, Value, json};
use argon2::Argon2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// The file of the sealed archive.
const SEALED: &str = "package.sealed";
/// How it is sealed; another way will have another name. It is bound to the content, and its costs are no choice of the file's.
const METHOD: &str = "argon2id+xchacha20poly1305:1";
/// Shortest password (system-and-users 4.13).
const PASSWORD_CHARS: usize = 6;
/// Longest password: none needs more, and each is hashed.
const PASSWORD_BYTES: usize = 1024;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;

/// An archive that needs the password to be read.
///
/// # Errors
/// 400 for a password that is too short.
pub(super) fn seal(inner: &Bytes, password: &str, description: &str, limits: &Limits) -> Result<Bytes> {
    if password.chars().count() < PASSWORD_CHARS || password.len() > PASSWORD_BYTES {
        return Err(Error::bad_request(format!(
            "A secured package needs a password of {PASSWORD_CHARS} to {PASSWORD_BYTES} characters."
        )));
    }
    let mut random = [0; SALT_BYTES + NONCE_BYTES];
    getrandom::fill(&mut random).map_err(|error| Error::internal("The package can't be encrypted.", error))?;
    let (salt, nonce) = random.split_at(SALT_BYTES);
    let payload = Payload { msg: inner, aad: METHOD.as_bytes() };
    let ciphertext = cipher(password, salt)?
        .encrypt(&nonce_of(nonce)?, payload)
        .map_err(|error| Error::internal("The package can't be encrypted.", error))?;
    let mut manifest = written(true, description, Object::new());
    if let Some(members) = manifest.as_object_mut() {
        members.insert("encryption".into(), json!({ "method": METHOD, "salt": STANDARD.encode(salt) }));
    }
    let mut writer = Writer::new(limits);
    writer.add(MANIFEST, &manifest)?;
    writer.add_bytes(SEALED, &[nonce, &ciphertext].concat())?;
    writer.finish()
}

/// The archive inside a secured one; any other archive as it is.
///
/// # Errors
/// 400 without the right password, and for a package that was changed.
pub(super) fn open(mut outer: Reader, password: Option<&str>, limits: &Limits) -> Result<(Reader, bool)> {
    let manifest = outer.json(MANIFEST)?;
    let Some(encryption) = manifest.get("encryption") else { return Ok((outer, false)) };
    let text = |name: &str| encryption.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("method") != METHOD {
        return Err(Error::bad_request(format!(
            "The package is encrypted with '{}', which this server does not know.",
            text("method")
        )));
    }
    let password =
        password.filter(|password| !password.is_empty() && password.len() <= PASSWORD_BYTES).ok_or_else(|| {
            Error::bad_request("The package is secured. Send its password as 'password', in the form or the query.")
        })?;
    let refused = || Error::bad_request("The password of the package is wrong, or the package was changed.");
    let salt = STANDARD.decode(text("salt")).ok().filter(|salt| salt.len() == SALT_BYTES).ok_or_else(refused)?;
    let sealed = outer.bytes(SEALED)?;
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
    let payload = Payload { msg: ciphertext, aad: METHOD.as_bytes() };
    let inner = cipher(password, &salt)?.decrypt(&nonce_of(nonce)?, payload).map_err(|_| refused())?;
    Ok((Reader::open(Bytes::from(inner), limits)?, true))
}

fn cipher(password: &str, salt: &[u8]) -> Result<XChaCha20Poly1305> {
    let mut key = [0; 32];
    Argon2::default()
        .hash_password_into(password.as_bytes(), salt, &mut key)
        .map_err(|error| Error::internal("No key can be made of the password.", error))?;
    Ok(XChaCha20Poly1305::new(&key.into()))
}

fn nonce_of(bytes: &[u8]) -> Result<XNonce> {
    let nonce =
        <[u8; NONCE_BYTES]>::try_from(bytes).map_err(|error| Error::internal("The nonce is damaged.", error))?;
    Ok(XNonce::from(nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner() -> Bytes {
        let mut writer = Writer::new(&Limits::default());
        writer.add(MANIFEST, &json!({"service": {}, "note": "inside"})).unwrap();
        writer.finish().unwrap()
    }

    fn reader(content: Bytes) -> Reader {
        Reader::open(content, &Limits::default()).unwrap()
    }

    fn opened(sealed: &Bytes, password: Option<&str>) -> Result<Value> {
        let (mut reader, is_secured) = open(reader(sealed.clone()), password, &Limits::default())?;
        assert!(is_secured);
        reader.json(MANIFEST)
    }

    #[test]
    fn only_the_password_opens_a_secured_package() {
        let sealed = seal(&inner(), "correct horse", "", &Limits::default()).unwrap();
        assert_eq!(opened(&sealed, Some("correct horse")).unwrap()["note"], "inside");
        for password in [None, Some(""), Some("wrong horse")] {
            assert_eq!(opened(&sealed, password).unwrap_err().status, 400);
        }
        assert!(!sealed.windows(6).any(|window| window == b"inside"));
        let (mut plain, is_secured) = open(reader(inner()), None, &Limits::default()).unwrap();
        assert!(!is_secured && plain.json(MANIFEST).is_ok());
    }

    #[test]
    fn a_password_that_is_no_protection_is_refused() {
        for password in ["", "short", &"x".repeat(PASSWORD_BYTES + 1)] {
            assert_eq!(seal(&inner(), password, "", &Limits::default()).unwrap_err().status, 400);
        }
    }

    #[test]
    fn a_changed_package_is_noticed() {
        let sealed = seal(&inner(), "correct horse", "", &Limits::default()).unwrap();
        let mut outer = reader(sealed);
        let (manifest, mut content) = (outer.json(MANIFEST).unwrap(), outer.bytes(SEALED).unwrap());
        let last = content.len() - 1;
        content[last] ^= 1;
        let mut writer = Writer::new(&Limits::default());
        writer.add(MANIFEST, &manifest).unwrap();
        writer.add_bytes(SEALED, &content).unwrap();
        let error = opened(&writer.finish().unwrap(), Some("correct horse")).unwrap_err();
        assert!(error.message.contains("changed"), "{error}");
    }
}
