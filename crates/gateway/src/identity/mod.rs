//! Who is asking: from credentials to a session.

mod directory;
mod fingerprint;
mod password;
mod throttle;
mod token;
mod windows;

pub use directory::{Account, Changed, IdentityStore, LookupScope};
pub use password::{Passwords, check_password_rules};
pub use throttle::{Guess, Suspect};
pub use token::{IssuedToken, Secret, SessionWish, TokenError};

use crate::Credentials;
use antiphon_model::{AccountSettings, Client, Error, Limits, Result, Role, Session};
use directory::Directory;
use fingerprint::Fingerprints;
use password::Place;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use throttle::{Requests, Throttle};
use token::Tokens;

/// Turns credentials into sessions, and passwords into tokens.
pub struct Identity {
    directory: Directory,
    tokens: Tokens,
    passwords: Passwords,
    fingerprints: Fingerprints,
    throttle: Throttle,
    requests: Requests,
    settings: Arc<AccountSettings>,
}

/// A session, and what was wrong with the token if one came that is no good. The call decides whether that matters: log-in,
/// refresh and log-out go on without it (system-and-users 2.1).
pub(crate) struct Authenticated {
    pub session: Session,
    pub token_error: Option<Error>,
}

impl Identity {
    /// Identity over the accounts, apps and roles of `store`, with tokens signed by `secret`.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn new(
        store: Arc<dyn IdentityStore>,
        secret: &Secret,
        limits: &Limits,
        settings: &AccountSettings,
    ) -> Result<Identity> {
        Ok(Identity {
            directory: Directory::new(store),
            tokens: Tokens::new(secret, limits, settings.allow_forever_sessions),
            passwords: Passwords::new(limits),
            fingerprints: Fingerprints::new()?,
            throttle: Throttle::new(limits),
            requests: Requests::new(limits),
            settings: Arc::new(settings.clone()),
        })
    }

    /// The settings of log-in, sessions and mail.
    pub fn settings(&self) -> &AccountSettings {
        &self.settings
    }

    /// What computes hashes.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// The account with that identifier, from memory if it was read before.
    pub fn account(&self, id: i64) -> Result<Option<Arc<Account>>> {
        self.directory.account(id)
    }

    /// Forgets what was read of something that changed in the store.
    pub fn forget(&self, changed: Changed<'_>) {
        self.directory.forget(changed);
    }

    /// The role with that identifier, as it is stored now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn stored_role(&self, id: i64) -> Result<Option<Role>> {
        self.directory.store().role(id)
    }

    /// The session for these credentials. Bad tokens and passwords are remembered, not yet refused; an inactive app is.
    pub(crate) fn authenticate(&self, credentials: &Credentials) -> Result<Authenticated> {
        let mut session = Session {
            api_key: credentials.api_key.clone(),
            client: credentials.client.clone(),
            settings: Some(Arc::clone(&self.settings)),
            ..Session::default()
        };
        let mut token_error = None;
        if let Some(key) = &credentials.api_key {
            session.app = self.directory.app(key)?;
            if session.app.as_ref().is_some_and(|app| !app.is_active) {
                return Err(Error::forbidden("App is not active."));
            }
        }
        if let Some(token) = &credentials.session_token {
            match self.account_of(token) {
                Ok(account) => {
                    session.session_token = Some(token.clone());
                    session.user = Some(Arc::clone(&account.user));
                }
                Err(error) => token_error = Some(error),
            }
        } else if let Some((login, password)) = &credentials.basic {
            match self.basic(login, password, credentials.client.address) {
                Ok(account) => session.user = Some(Arc::clone(&account.user)),
                Err(error) => token_error = Some(error),
            }
        }
        self.complete(&mut session)?;
        Ok(Authenticated { session, token_error })
    }

    /// The session of that account as it is right after it logged in with the same API key.
    pub fn session_after_login(&self, before: &Session, account: &Account, token: &str) -> Result<Session> {
        let mut session = Session {
            app: before.app.clone(),
            api_key: before.api_key.clone(),
            user: Some(Arc::clone(&account.user)),
            session_token: Some(token.to_owned()),
            client: before.client.clone(),
            settings: before.settings.clone(),
            ..Session::default()
        };
        self.complete(&mut session)?;
        Ok(session)
    }

    /// The session of that user in that app, without credentials, with the rights that both have now: for what was asked for earlier.
    ///
    /// # Errors
    /// 403 when one of them does not exist any more, or is not active.
    pub(crate) fn session_of(&self, user_id: Option<i64>, app_id: Option<i64>, client: Client) -> Result<Session> {
        let mut session = Session { client, settings: Some(Arc::clone(&self.settings)), ..Session::default() };
        if let Some(id) = app_id {
            let app = self.directory.store().app(id)?.filter(|app| app.is_active);
            let app = app.ok_or_else(|| Error::forbidden(format!("The app {id} is deleted or not active.")))?;
            session.api_key = Some(app.api_key.clone());
            session.app = Some(Arc::new(app));
        }
        if let Some(id) = user_id {
            let account = self.directory.account(id)?.filter(|account| account.is_active);
            let account =
                account.ok_or_else(|| Error::forbidden(format!("The user {id} is deleted or not active.")))?;
            session.user = Some(Arc::clone(&account.user));
        }
        self.complete(&mut session)?;
        Ok(session)
    }

    /// Checks a password; the account must be active and on the asked side (administrator or not). Unknown accounts cost as much
    /// as known ones; after too many failures account and address wait. Hashes of older kinds are replaced.
    ///
    /// # Errors
    /// 401 for whatever is wrong, always the same; 429 while account or address must wait; 503 when too many log in at once.
    pub fn log_in(&self, login: &str, password: &str, admin: bool, client: Option<IpAddr>) -> Result<Arc<Account>> {
        let place = self.passwords.place()?;
        self.log_in_if(&place, login, password, client, |account| match account.user.is_sys_admin == admin {
            true => Ok(()),
            false if admin => Err("the account is a user's, and users log in at user/session"),
            false => Err("the account is an administrator's, and administrators log in at system/admin/session"),
        })
    }

    /// Judges another secret of an account that is stored as a hash, such as its old password or the answer to its question,
    /// with the same patience as passwords at log-in.
    ///
    /// # Errors
    /// 429 while account or address must wait; 503 when too many hashes are asked for at once.
    pub fn judge_hashed(&self, guess: Guess<'_>, secret: &str, hash: Option<&str>) -> Result<bool> {
        let place = self.passwords.place()?;
        self.judge(guess, || place.verify(secret, hash))
    }

    /// Judges any other secret, such as a confirmation code, with the same patience.
    ///
    /// # Errors
    /// 429 while account or address must wait.
    pub fn judge(&self, guess: Guess<'_>, is_right: impl FnOnce() -> bool) -> Result<bool> {
        self.throttle.admit(guess, Instant::now())?;
        let right = is_right();
        match right {
            true => self.throttle.succeeded(guess, Instant::now()),
            false => self.throttle.failed(guess, Instant::now()),
        }
        Ok(right)
    }

    /// Counts a request that needs no secret but costs work, such as a registration.
    ///
    /// # Errors
    /// 429 when the address sent too many.
    pub fn admit_request(&self, client: Option<IpAddr>) -> Result<()> {
        self.requests.of_address(client, Instant::now())
    }

    /// Counts a mail to an account that a stranger caused; false when there were too many lately.
    pub fn admit_mail(&self, account: i64) -> bool {
        self.requests.mail_to(account, Instant::now())
    }

    /// A new token for the account.
    pub fn issue(&self, account: &Account, wish: SessionWish) -> Result<IssuedToken> {
        self.tokens.issue(account, wish)
    }

    /// Takes a token, expired or not, within the refresh window, back for a new one.
    ///
    /// # Errors
    /// 401 `Token refresh failed.` with the reason.
    pub fn refresh(&self, token: &str, admin: bool) -> Result<(Arc<Account>, IssuedToken)> {
        let refused = |reason: &str| Error::unauthorized(format!("Token refresh failed. {reason}"));
        let claims = self.tokens.verify_for_refresh(token).map_err(|error| refused(&error.to_string()))?;
        let account =
            self.directory.account(claims.user_id)?.ok_or_else(|| refused("The user does not exist any more."))?;
        if account.token_generation != claims.generation || self.is_revoked(&claims.jti)? {
            return Err(refused("The token has been blacklisted"));
        }
        if !account.is_active {
            return Err(refused("User is not active."));
        }
        if admin && !account.user.is_sys_admin {
            return Err(Error::unauthorized("You are not authorized to perform this action."));
        }
        let issued = self.tokens.reissue(&account, &claims)?;
        // Of two who refresh the same token at once only one gets a new one.
        match self.end(claims)? {
            true => Ok((account, issued)),
            false => Err(refused("The token has been blacklisted")),
        }
    }

    /// Ends a token's life for good. A token that is no good anyway needs nothing.
    pub fn revoke(&self, token: &str) -> Result<()> {
        if let Ok(claims) = self.tokens.verify_for_refresh(token) {
            self.end(claims)?;
        }
        Ok(())
    }

    /// When the token ends, in seconds since 1970; none when it is no token of ours.
    pub fn expiry(&self, token: &str) -> Option<i64> {
        self.tokens.verify(token).ok().map(|claims| claims.expires())
    }

    /// Revokes a token; false when it was revoked before.
    fn end(&self, claims: token::Claims) -> Result<bool> {
        let ended = self.directory.store().revoke_token(&claims.jti, claims.end())?;
        self.directory.remember_revoked(claims.jti);
        Ok(ended)
    }

    fn account_of(&self, token: &str) -> Result<Arc<Account>> {
        let claims = self.tokens.verify(token).map_err(|error| match error {
            TokenError::Expired => Error::unauthorized(
                "Token has expired: Session expired. Please refresh your token (if still within refresh window) or re-login.",
            ),
            TokenError::Invalid(reason) => Error::unauthorized(format!("Invalid token: {reason}")),
        })?;
        let blacklisted = || Error::forbidden("The token has been blacklisted: Session terminated. Please re-login.");
        if self.is_revoked(&claims.jti)? {
            return Err(blacklisted());
        }
        let account = self.directory.account(claims.user_id)?.ok_or_else(blacklisted)?;
        if !account.is_active {
            return Err(Error::forbidden("User is not active."));
        }
        if account.token_generation != claims.generation {
            return Err(blacklisted());
        }
        Ok(account)
    }

    fn is_revoked(&self, jti: &str) -> Result<bool> {
        self.directory.is_revoked(jti)
    }

    /// The account of Basic credentials, either side's. A hash for every call would be slow, so credentials that were right are
    /// known again until the account gets another name or password.
    fn basic(&self, login: &str, password: &str, client: Option<IpAddr>) -> Result<Arc<Account>> {
        let fingerprint = self.fingerprints.of(login, password);
        if let Some(account) = self.directory.known_basic(&fingerprint, login)? {
            return Ok(account);
        }
        let place = self.passwords.place()?;
        // Many calls with the same credentials may have waited for the first one of them.
        match self.directory.known_basic(&fingerprint, login)? {
            Some(account) => Ok(account),
            None => {
                let account = self.log_in_if(&place, login, password, client, |_| Ok(()))?;
                self.directory.remember_basic(fingerprint, &account);
                Ok(account)
            }
        }
    }

    fn log_in_if(
        &self,
        place: &Place<'_>,
        login: &str,
        password: &str,
        client: Option<IpAddr>,
        wanted: impl Fn(&Account) -> Result<(), &'static str>,
    ) -> Result<Arc<Account>> {
        let account = self.directory.store().account_by_login(login)?;
        let name = login.trim().to_lowercase();
        let suspect = account.as_ref().map_or(Suspect::Nobody(&name), |account| Suspect::Account(account.user.id));
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let guess = Guess { suspect, client };
        let mut reason = "";
        let admitted = self.judge(guess, || {
            let matches = place.verify(password, hash);
            let suits = match account.as_ref() {
                Some(account) if !account.is_active => Err("the account is not active"),
                Some(account) => wanted(account),
                None => Err(""),
            };
            reason = suits.err().filter(|_| matches).unwrap_or_default();
            matches && suits.is_ok()
        })?;
        match account {
            Some(account) if admitted => {
                self.renew_hash(place, &account, password);
                Ok(Arc::new(account))
            }
            account => {
                if let Some(account) = account.filter(|_| !reason.is_empty()) {
                    // For administrators whose people ask why: the client is told no more than for a wrong password.
                    tracing::info!(account = account.user.id, "refused a log-in with the right password: {reason}");
                }
                Err(Error::unauthorized("Invalid credentials supplied."))
            }
        }
    }

    /// Puts today's kind of hash in the place of an older one, now that the password is known. If that fails, the next log-in
    /// tries again.
    fn renew_hash(&self, place: &Place<'_>, account: &Account, password: &str) {
        let Some(old) = account.password_hash.as_deref().filter(|hash| password::is_outdated(hash)) else { return };
        let renewed =
            place.hash(password).and_then(|new| self.directory.store().replace_hash(account.user.id, old, &new));
        match renewed {
            Ok(()) => self.forget(Changed::Account(account.user.id)),
            Err(error) => tracing::warn!(account = account.user.id, %error, "a password hash could not be renewed"),
        }
    }

    /// Role and lookups for the user and app of the session: the user's role in that app, else the app's role
    /// (system-and-users 3.1). Administrators have no role.
    fn complete(&self, session: &mut Session) -> Result<()> {
        let user = session.user.as_ref();
        if !user.is_some_and(|user| user.is_sys_admin) {
            let app = session.app.as_ref();
            let own = match (user, app) {
                (Some(user), Some(app)) => self.directory.role_of(user.id, app.id)?,
                _ => None,
            };
            if let Some(role_id) = own.or(app.and_then(|app| app.role_id)) {
                session.role = self.directory.role(role_id)?;
            }
        }
        let scopes = [
            session.app.as_ref().map(|app| (LookupScope::App, app.id)),
            session.role.as_ref().map(|role| (LookupScope::Role, role.id)),
            session.user.as_ref().map(|user| (LookupScope::User, user.id)),
        ];
        session.lookups = self.directory.lookups(&scopes)?;
        Ok(())
    }
}
