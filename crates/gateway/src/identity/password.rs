//! Passwords: hashed with argon2id, and never compared in a time that tells anything.

use antiphon_model::{Error, Limits, Result, json};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use std::sync::OnceLock;

/// Refuses passwords that are too short or too long, with the reason in the context.
pub fn check_password_rules(password: &str, limits: &Limits) -> Result<()> {
    let problem = if password.chars().count() < limits.password_min_chars {
        format!("The password must be at least {} characters.", limits.password_min_chars)
    } else if password.len() > limits.password_max_bytes {
        format!("The password must be at most {} bytes.", limits.password_max_bytes)
    } else {
        return Ok(());
    };
    Err(Error::bad_request(format!("Invalid data supplied. {problem}")).with_context(json!({ "password": [problem] })))
}

/// An argon2id hash with a salt of its own.
pub fn hash_password(password: &str) -> Result<String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|error| Error::internal("The password could not be hashed.", error))
}

/// Whether the password belongs to the hash. Without a hash it takes just as long and says no.
pub fn verify_password(password: &str, hash: Option<&str>) -> bool {
    static DECOY: OnceLock<String> = OnceLock::new();
    let decoy = || DECOY.get_or_init(|| hash_password("no account has this password").unwrap_or_default()).as_str();
    let matches = matches(password, hash.unwrap_or_else(decoy));
    matches && hash.is_some()
}

fn matches(password: &str, hash: &str) -> bool {
    argon2::PasswordHash::new(hash)
        .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert_ne!(hash, hash_password("correct horse").unwrap());
        assert!(verify_password("correct horse", Some(&hash)));
        assert!(!verify_password("wrong horse", Some(&hash)));
        assert!(!verify_password("no account has this password", None));
    }

    #[test]
    fn a_short_or_overlong_password_is_refused_with_its_reason() {
        let limits = Limits::default();
        assert!(check_password_rules("1234567", &limits).unwrap_err().message.contains("at least 8 characters"));
        assert!(check_password_rules(&"x".repeat(73), &limits).unwrap_err().message.contains("at most 72 bytes"));
        assert!(check_password_rules("12345678", &limits).is_ok());
    }
}
