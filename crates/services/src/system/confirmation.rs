//! Confirmation codes: what a mail carries so that its reader can prove to have got it (system-and-users 2.5).
//!
//! A code is random, stored as a hash, good once and for a limited time.

use super::SystemStore;
use super::store::{optional_integer, text};
use antiphon_model::{Error, Limits, Result};
use antiphon_sql::statement::Bound;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of a code: 36^32 is more than anybody can guess.
const CHARS: usize = 32;
/// Lengths that the format allows.
const FORMAT: std::ops::RangeInclusive<usize> = 5..=32;
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// How a code was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is the account's, and in time.
    Right,
    /// It is the account's, but its time is over.
    Late,
    /// It is not the account's.
    Wrong,
}

/// A new random code.
///
/// # Errors
/// When the system has no random source.
pub(crate) fn generate() -> Result<String> {
    let mut code = String::with_capacity(CHARS);
    let mut random = [0; CHARS * 2];
    while code.len() < CHARS {
        getrandom::fill(&mut random).map_err(|error| Error::internal("No random source.", error))?;
        // 252 is the largest multiple of 36 in a byte: beyond it some characters would be likelier than others.
        let fair = random.iter().filter(|byte| **byte < 252);
        code.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 36)])).take(CHARS - code.len()));
    }
    Ok(code)
}

/// Whether a text can be a code at all.
pub(crate) fn is_well_formed(code: &str) -> bool {
    FORMAT.contains(&code.len()) && code.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// Whether a code that was made then is too old now.
pub(super) fn has_expired(since: i64, limits: &Limits) -> bool {
    let seconds = i64::try_from(limits.confirm_code_minutes.saturating_mul(60)).unwrap_or(i64::MAX);
    since.saturating_add(seconds) < now()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn hash(code: &str) -> String {
    Sha256::digest(code).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl SystemStore {
    /// Gives the account a new code in the place of an older one.
    pub(crate) fn begin_confirmation(&self, account: i64) -> Result<String> {
        let code = generate()?;
        self.database().execute(
            "UPDATE user SET confirm_code = ?, confirm_code_date = ? WHERE id = ?",
            &[Bound::Text(hash(&code)), Bound::Integer(now()), Bound::Integer(account)],
        )?;
        Ok(code)
    }

    /// Whether the code is the account's.
    pub(crate) fn judge_code(&self, account: i64, code: &str) -> Result<Judgement> {
        let sql = "SELECT confirm_code, confirm_code_date FROM user WHERE id = ?";
        let stored = self.one(sql, &[Bound::Integer(account)], |row| (text(row, 0), optional_integer(row, 1)))?;
        let Some((Some(stored), since)) = stored else { return Ok(Judgement::Wrong) };
        let is_same = bool::from(stored.as_bytes().ct_eq(hash(code).as_bytes()));
        Ok(match is_same {
            true if has_expired(since.unwrap_or_default(), self.limits()) => Judgement::Late,
            true => Judgement::Right,
            false => Judgement::Wrong,
        })
    }

    /// Gives the account the password for which its code is good, by its hash. False when the code was used in between: of two
    /// who bring it at once only one gets in.
    pub(crate) fn confirm(&self, account: i64, code: &str, password_hash: String) -> Result<bool> {
        let changed = self.database().execute(
            "UPDATE user SET password = ?, confirm_code = NULL, confirm_code_date = NULL, \
             token_generation = token_generation + 1 WHERE id = ? AND confirm_code = ?",
            &[Bound::Text(password_hash), Bound::Integer(account), Bound::Text(hash(code))],
        )?;
        Ok(changed > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_well_formed_and_no_two_are_alike() {
        let (first, second) = (generate().unwrap(), generate().unwrap());
        assert!(first.len() == CHARS && is_well_formed(&first));
        assert_ne!(first, second);
    }

    #[test]
    fn what_no_code_can_be() {
        for code in ["", "y", "1234", "abcdef", "ABCDE\0", "ÄBCDEF", &"A".repeat(33)] {
            assert!(!is_well_formed(code), "{code:?}");
        }
        assert!(is_well_formed("ABC12"));
    }

    #[test]
    fn a_code_grows_old() {
        let limits = Limits { confirm_code_minutes: 10, ..Limits::default() };
        assert!(!has_expired(now() - 590, &limits));
        assert!(has_expired(now() - 660, &limits));
        assert!(has_expired(0, &Limits { confirm_code_minutes: 1440, ..limits }));
    }
}
