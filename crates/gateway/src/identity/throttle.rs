//! Guessing is slow: passwords, reset codes and security answers (system-and-users 2.8).
//!
//! Failures count three times: for the account as tried from one address, for the address whatever it tries, and for the
//! account whoever tries. The last one stops guessing from many addresses, but must not let strangers lock the owner out: it
//! does not hold for an address from which the account logged in before, as long as this server remembers that.

use super::windows::Windows;
use antiphon_model::{Error, Limits, Result};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Whose secret is guessed. An account that exists is known by its identifier, so that its e-mail address and its user name
/// share one count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suspect<'a> {
    /// An account that exists.
    Account(i64),
    /// A name that belongs to no account, as it was typed.
    Nobody(&'a str),
}

/// One guess: at whose secret, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    /// Whose secret.
    pub suspect: Suspect<'a>,
    /// The client's address; none for calls from inside.
    pub client: Option<IpAddr>,
}

/// Counts failed guesses.
pub(super) struct Throttle {
    allowed: u32,
    allowed_by_address: u32,
    allowed_by_account: u32,
    together: Windows,
    by_address: Windows,
    by_account: Windows,
    familiar: Windows,
}

/// How long an address stays familiar to an account after a log-in.
const FAMILIAR: Duration = Duration::from_secs(30 * 24 * 3600);

impl Throttle {
    pub(super) fn new(limits: &Limits) -> Throttle {
        let windows = || Windows::new(Duration::from_millis(limits.login_wait_ms), limits.login_watched);
        Throttle {
            allowed: limits.login_failures,
            allowed_by_address: limits.login_failures_per_address,
            allowed_by_account: limits.login_failures_per_account,
            together: windows(),
            by_address: windows(),
            by_account: windows(),
            familiar: Windows::new(FAMILIAR, limits.login_watched),
        }
    }

    /// 429 while the account, or the address, must wait.
    pub(super) fn admit(&self, guess: Guess<'_>, now: Instant) -> Result<()> {
        let Guess { suspect, client } = guess;
        let address = client.map(network);
        let together = self.together.wait((suspect, address), self.allowed, now);
        let by_address = address.and_then(|address| self.by_address.wait(address, self.allowed_by_address, now));
        let is_familiar = self.familiar.wait((suspect, address), 1, now).is_some();
        let by_account = if is_familiar { None } else { self.by_account.wait(suspect, self.allowed_by_account, now) };
        match together.max(by_address).max(by_account) {
            Some(wait) => Err(too_many("failed attempts", wait)),
            None => Ok(()),
        }
    }

    pub(super) fn failed(&self, guess: Guess<'_>, now: Instant) {
        let Guess { suspect, client } = guess;
        let address = client.map(network);
        self.together.add((suspect, address), now);
        self.by_account.add(suspect, now);
        if let Some(address) = address {
            self.by_address.add(address, now);
        }
    }

    /// A right guess forgets the wrong ones of this address at this account, and makes the address familiar to it. It says
    /// nothing about the guesses of others.
    pub(super) fn succeeded(&self, guess: Guess<'_>, now: Instant) {
        let key = (guess.suspect, guess.client.map(network));
        self.together.forget(key);
        self.familiar.add(key, now);
    }
}

/// Requests that need no secret but cost work or mail: reset, registration.
pub(super) struct Requests {
    by_address: (Windows, u32),
    mails: (Windows, u32),
}

impl Requests {
    pub(super) fn new(limits: &Limits) -> Requests {
        let windows = || Windows::new(Duration::from_millis(limits.account_requests_ms), limits.login_watched);
        Requests {
            by_address: (windows(), limits.account_requests_per_address),
            mails: (windows(), limits.account_mails),
        }
    }

    /// Counts a request of this address.
    ///
    /// # Errors
    /// 429 beyond the limit `account_requests_per_address`.
    pub(super) fn of_address(&self, client: Option<IpAddr>, now: Instant) -> Result<()> {
        let Some(address) = client.map(network) else { return Ok(()) };
        let (windows, allowed) = &self.by_address;
        if let Some(wait) = windows.wait(address, *allowed, now) {
            return Err(too_many("requests", wait));
        }
        windows.add(address, now);
        Ok(())
    }

    /// Counts a mail to this account; false beyond the limit `account_mails`.
    pub(super) fn mail_to(&self, account: i64, now: Instant) -> bool {
        let (windows, allowed) = &self.mails;
        let admitted = windows.wait(account, *allowed, now).is_none();
        if admitted {
            windows.add(account, now);
        }
        admitted
    }
}

fn too_many(what: &str, wait: Duration) -> Error {
    let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    let mut error = Error::new(429, format!("Too many {what}. Please try again in {seconds} s."));
    error.retry_after = Some(seconds);
    error
}

/// What counts as one address: with IPv6 a subscriber has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn throttle() -> Throttle {
        Throttle::new(&Limits {
            login_failures: 2,
            login_failures_per_address: 5,
            login_failures_per_account: 6,
            ..Limits::default()
        })
    }

    fn from(last: u8, suspect: Suspect<'_>) -> Guess<'_> {
        Guess { suspect, client: Some(Ipv4Addr::new(192, 0, 2, last).into()) }
    }

    #[test]
    fn an_account_waits_for_one_address_and_a_right_password_forgets_its_failures() {
        let (throttle, now) = (throttle(), Instant::now());
        let (guess, elsewhere) = (from(1, Suspect::Account(7)), from(2, Suspect::Account(7)));
        throttle.failed(guess, now);
        assert!(throttle.admit(guess, now).is_ok());
        throttle.failed(guess, now);
        let error = throttle.admit(guess, now).unwrap_err();
        assert_eq!(error.status, 429);
        assert!(error.retry_after.unwrap() > 0);
        assert!(throttle.admit(elsewhere, now).is_ok());
        assert!(throttle.admit(guess, now + Duration::from_secs(61)).is_ok());
        throttle.succeeded(guess, now);
        assert!(throttle.admit(guess, now).is_ok());
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_for_all_of_them() {
        let (throttle, now) = (throttle(), Instant::now());
        for name in ["a", "b", "c", "d", "e"] {
            throttle.failed(from(1, Suspect::Nobody(name)), now);
        }
        assert_eq!(throttle.admit(from(1, Suspect::Account(1)), now).unwrap_err().status, 429);
        assert!(throttle.admit(from(2, Suspect::Account(1)), now).is_ok());
    }

    #[test]
    fn guessing_from_many_addresses_is_stopped_but_does_not_lock_the_owner_out() {
        let (throttle, now) = (throttle(), Instant::now());
        let owner = from(100, Suspect::Account(7));
        throttle.succeeded(owner, now);
        for address in 1..=6 {
            throttle.failed(from(address, Suspect::Account(7)), now);
        }
        assert_eq!(throttle.admit(from(50, Suspect::Account(7)), now).unwrap_err().status, 429);
        assert!(throttle.admit(owner, now).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn mails_and_requests_are_counted() {
        let limits = Limits { account_mails: 1, account_requests_per_address: 1, ..Limits::default() };
        let (requests, now) = (Requests::new(&limits), Instant::now());
        assert!(requests.mail_to(1, now) && !requests.mail_to(1, now) && requests.mail_to(2, now));
        let client = from(1, Suspect::Account(1)).client;
        assert!(requests.of_address(client, now).is_ok());
        assert_eq!(requests.of_address(client, now).unwrap_err().status, 429);
        assert!(requests.of_address(None, now).is_ok());
    }
}
