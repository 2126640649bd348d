//! Passwords: hashed with argon2id, never compared in a time that tells anything, and only a few at one time.

use antiphon_model::{Error, Limits, Result, json};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use parking_lot::{Condvar, Mutex};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Highest cost of a bcrypt hash that is verified: 2^16 rounds take seconds, 2^31 would take a day.
const BCRYPT_COST: u32 = 16;

/// Refuses passwords that are too short or too long, with the reason in the context.
///
/// # Errors
/// 400 naming the limit.
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

/// Computes the hashes of passwords and of answers to security questions. Each takes some 20 MB and milliseconds of a
/// processor, so only a few are computed at one time, a few more wait, and the rest is told to come back.
pub struct Passwords {
    at_once: usize,
    waiting: usize,
    max_bytes: usize,
    places: Mutex<Places>,
    freed: Condvar,
    computed: AtomicU64,
    decoy: OnceLock<String>,
}

#[derive(Default)]
struct Places {
    taken: usize,
    waiting: usize,
}

/// The right to compute hashes, one after the other.
pub(super) struct Place<'a>(&'a Passwords);

impl Passwords {
    pub(super) fn new(limits: &Limits) -> Passwords {
        Passwords {
            at_once: limits.password_hashes.max(1),
            waiting: limits.password_waiting,
            max_bytes: limits.password_max_bytes,
            places: Mutex::default(),
            freed: Condvar::new(),
            computed: AtomicU64::new(0),
            decoy: OnceLock::new(),
        }
    }

    /// An argon2id hash with a salt of its own.
    ///
    /// # Errors
    /// 503 when too many hashes are asked for at once.
    pub fn hash(&self, secret: &str) -> Result<String> {
        self.place()?.hash(secret)
    }

    /// How many hashes were computed since the start, verifications included.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Waits for a place among those who compute.
    pub(super) fn place(&self) -> Result<Place<'_>> {
        let mut places = self.places.lock();
        if places.taken >= self.at_once {
            if places.waiting >= self.waiting {
                return Err(Error::unavailable("Too many log-ins at once. Please try again.", 1));
            }
            places.waiting += 1;
            self.freed.wait_while(&mut places, |places| places.taken >= self.at_once);
            places.waiting -= 1;
        }
        places.taken += 1;
        Ok(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.places.lock().taken -= 1;
        self.0.freed.notify_one();
    }
}

impl Place<'_> {
    pub(super) fn hash(&self, secret: &str) -> Result<String> {
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        let hashed = Argon2::default().hash_password(secret.as_bytes());
        hashed.map(|hash| hash.to_string()).map_err(|error| Error::internal("The password could not be hashed.", error))
    }

    /// Whether the secret belongs to the hash. Without a hash it takes just as long and says no.
    pub(super) fn verify(&self, secret: &str, hash: Option<&str>) -> bool {
        // Longer ones are never stored; bcrypt would look at their beginning only.
        let hash = hash.filter(|_| secret.len() <= self.0.max_bytes);
        let decoy =
            || self.0.decoy.get_or_init(|| self.hash("no account has this password").unwrap_or_default()).as_str();
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        matches(secret, hash.unwrap_or_else(decoy)) && hash.is_some()
    }
}

/// Whether a hash is of an older kind, to be replaced at the next log-in.
pub(super) fn is_outdated(hash: &str) -> bool {
    is_bcrypt(hash)
}

/// `$2y$`, `$2a$`, `$2b$`: what the original stores.
fn is_bcrypt(hash: &str) -> bool {
    ["$2y$", "$2a$", "$2b$"].iter().any(|prefix| hash.starts_with(prefix))
}

fn matches(secret: &str, hash: &str) -> bool {
    if is_bcrypt(hash) {
        let cost = hash.get(4..6).and_then(|cost| cost.parse().ok()).unwrap_or(u32::MAX);
        return cost <= BCRYPT_COST && bcrypt::verify(secret, hash).unwrap_or(false);
    }
    argon2::PasswordHash::new(hash)
        .is_ok_and(|parsed| Argon2::default().verify_password(secret.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(&Limits::default())
    }

    fn verify(secret: &str, hash: Option<&str>) -> bool {
        passwords().place().unwrap().verify(secret, hash)
    }

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = passwords().hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert_ne!(hash, passwords().hash("correct horse").unwrap());
        assert!(verify("correct horse", Some(&hash)));
        assert!(!verify("wrong horse", Some(&hash)));
        assert!(!verify("no account has this password", None));
        assert!(!verify("", Some("no hash at all")));
    }

    #[test]
    fn hashes_of_the_original_are_verified() {
        let made = bcrypt::hash_with_result("JanePassw0rd", 4).unwrap();
        for version in [bcrypt::Version::TwoY, bcrypt::Version::TwoA, bcrypt::Version::TwoB] {
            let hash = made.format_for_version(version);
            assert!(verify("JanePassw0rd", Some(&hash)), "{hash}");
            assert!(!verify("janePassw0rd", Some(&hash)), "{hash}");
            assert!(is_outdated(&hash));
        }
        let endless = made.format_for_version(bcrypt::Version::TwoY).replace("$04$", "$31$");
        assert!(!verify("JanePassw0rd", Some(&endless)));
    }

    #[test]
    fn an_unknown_account_costs_as_many_hashes_as_a_known_one() {
        let passwords = passwords();
        let hash = passwords.hash("correct horse").unwrap();
        // The decoy is made once.
        passwords.place().unwrap().verify("x", None);
        let cost = |hash: Option<&str>| {
            let before = passwords.computed();
            passwords.place().unwrap().verify("wrong", hash);
            passwords.computed() - before
        };
        assert_eq!(cost(Some(&hash)), 1);
        assert_eq!(cost(None), 1);
    }

    #[test]
    fn more_than_may_wait_are_told_to_come_back() {
        let limits = Limits { password_hashes: 1, password_waiting: 0, ..Limits::default() };
        let passwords = Passwords::new(&limits);
        let taken = passwords.place().unwrap();
        let error = passwords.hash("another").unwrap_err();
        assert_eq!((error.status, error.retry_after), (503, Some(1)));
        drop(taken);
        assert!(passwords.hash("another").is_ok());
    }

    #[test]
    fn who_waits_gets_a_place() {
        let passwords = Passwords::new(&Limits { password_hashes: 1, ..Limits::default() });
        std::thread::scope(|scope| {
            let taken = passwords.place().unwrap();
            let waiting = scope.spawn(|| passwords.hash("another").is_ok());
            while passwords.places.lock().waiting == 0 {
                std::thread::yield_now();
            }
            drop(taken);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_short_or_overlong_password_is_refused_with_its_reason() {
        let limits = Limits::default();
        assert!(check_password_rules("1234567", &limits).unwrap_err().message.contains("at least 8 characters"));
        assert!(check_password_rules(&"x".repeat(73), &limits).unwrap_err().message.contains("at most 72 bytes"));
        assert!(check_password_rules("12345678", &limits).is_ok());
    }
}
