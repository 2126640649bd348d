//! Who is asking: from credentials to a session.

mod directory;
mod password;
mod throttle;
mod token;

pub use directory::{Account, Changed, IdentityStore, LookupScope};
pub use password::{check_password_rules, hash_password, verify_password};
pub use token::{IssuedToken, Secret, TokenError};

use crate::Credentials;
use antiphon_model::{Error, Limits, Result, Role, Session};
use directory::Directory;
use std::sync::Arc;
use throttle::Throttle;
use token::Tokens;

/// Turns credentials into sessions, and passwords into tokens.
pub struct Identity {
    directory: Directory,
    tokens: Tokens,
    throttle: Throttle,
    limits: Limits,
}

/// A session, and what was wrong with the token if one came that is no good. The call decides whether that matters: log-in,
/// refresh and log-out go on without it (system-and-users 2.1).
pub(crate) struct Authenticated {
    pub session: Session,
    pub token_error: Option<Error>,
}

impl Identity {
    /// Identity over the accounts, apps and roles of `store`, with tokens signed by `secret`.
    pub fn new(store: Arc<dyn IdentityStore>, secret: &Secret, limits: &Limits) -> Identity {
        Identity {
            directory: Directory::new(store),
            tokens: Tokens::new(secret, limits),
            throttle: Throttle::new(limits),
            limits: limits.clone(),
        }
    }

    /// Forgets what was read of accounts, apps, roles and lookups; the next call reads them anew.
    pub fn invalidate(&self) {
        self.forget(Changed::Everything);
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
        let mut session =
            Session { api_key: credentials.api_key.clone(), client: credentials.client.clone(), ..Session::default() };
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
            match self.log_in_either(login, password) {
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
            ..Session::default()
        };
        self.complete(&mut session)?;
        Ok(session)
    }

    /// Checks a password; the account must be active and on the asked side (administrator or not). Unknown accounts take as
    /// long as known ones; after too many failures the account waits.
    pub fn log_in(&self, login: &str, password: &str, admin: bool) -> Result<Arc<Account>> {
        self.log_in_if(login, password, |account| account.user.is_sys_admin == admin)
    }

    /// Judges another secret of an account, such as the answer to its question, with the same patience as passwords: after
    /// too many wrong ones the account waits.
    ///
    /// # Errors
    /// 429 while it must wait.
    pub fn judge(&self, login: &str, is_right: impl FnOnce() -> bool) -> Result<bool> {
        self.throttle.admit(login)?;
        let right = is_right();
        match right {
            true => self.throttle.succeeded(login),
            false => self.throttle.failed(login),
        }
        Ok(right)
    }

    /// A new token for the account.
    pub fn issue(&self, account: &Account) -> Result<IssuedToken> {
        self.tokens.issue(account)
    }

    /// Takes a token, expired or not, within the refresh window, back for a new one.
    pub fn refresh(&self, token: &str) -> Result<(Arc<Account>, IssuedToken)> {
        let refused = |reason: &str| Error::unauthorized(format!("Token refresh failed. {reason}"));
        let claims = self.tokens.verify_for_refresh(token).map_err(|error| refused(&error.to_string()))?;
        let account = self.directory.account(claims.user_id)?.ok_or_else(|| refused("Unknown user."))?;
        if !account.is_active || account.token_generation != claims.generation || self.is_revoked(&claims.jti)? {
            return Err(refused("Session terminated. Please re-login."));
        }
        self.revoke(token)?;
        let issued = self.tokens.issue(&account)?;
        Ok((account, issued))
    }

    /// Ends a token's life for good. A token that is no good anyway needs nothing.
    pub fn revoke(&self, token: &str) -> Result<()> {
        match self.tokens.verify_for_refresh(token) {
            Ok(claims) => {
                self.directory.store().revoke_token(&claims.jti, claims.exp)?;
                self.directory.remember_revoked(claims.jti);
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// When the token ends, in seconds since 1970; none when it is no token of ours.
    pub fn expiry(&self, token: &str) -> Option<i64> {
        self.tokens.verify(token).ok().map(|claims| claims.exp)
    }

    /// The limits that passwords must keep.
    pub fn limits(&self) -> &Limits {
        &self.limits
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

    fn log_in_either(&self, login: &str, password: &str) -> Result<Arc<Account>> {
        self.log_in_if(login, password, |_| true)
    }

    fn log_in_if(&self, login: &str, password: &str, wanted: impl Fn(&Account) -> bool) -> Result<Arc<Account>> {
        self.throttle.admit(login)?;
        let account = self.directory.store().account_by_login(login)?;
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let matches = verify_password(password, hash);
        match account {
            Some(account) if matches && account.is_active && wanted(&account) => {
                self.throttle.succeeded(login);
                Ok(Arc::new(account))
            }
            _ => {
                self.throttle.failed(login);
                Err(Error::unauthorized("Invalid credentials supplied."))
            }
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
