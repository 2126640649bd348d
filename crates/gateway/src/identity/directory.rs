//! Accounts, apps and roles as they are read for every call: from memory, until somebody changes them.

use super::fingerprint::Fingerprint;
use antiphon_model::{App, Lookup, Result, Role, User};
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A user or administrator with what only log-in and token checks need.
#[derive(Debug, Clone)]
pub struct Account {
    /// What calls see of the person.
    pub user: Arc<User>,
    /// Inactive accounts can't log in, and their tokens are dead.
    pub is_active: bool,
    /// Every token carries it; counting it up ends all tokens of the account.
    pub token_generation: i64,
    /// Password hash; none = no log-in by password.
    pub password_hash: Option<String>,
    /// Since when a confirmation is awaited, in seconds since 1970; none when no code is out.
    pub unconfirmed_since: Option<i64>,
}

/// What a set of lookups belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookupScope {
    /// Everybody.
    System,
    /// One app.
    App,
    /// One role.
    Role,
    /// One user.
    User,
}

/// What changed in the store, as far as it may be kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed<'a> {
    /// The account with that identifier.
    Account(i64),
    /// The app of that API key.
    App(&'a str),
    /// The role with that identifier, or what it grants.
    Role(i64),
    /// The role of a user in an app.
    Assignment {
        /// Identifier of the user.
        user_id: i64,
        /// Identifier of the app.
        app_id: i64,
    },
    /// Any lookup.
    Lookups,
    /// The names of services, which roles tell.
    Services,
    /// The token with that identifier was revoked.
    Token(&'a str),
    /// Anything.
    Everything,
}

/// Where identities are stored. Reads are kept until [`Identity::forget`](super::Identity::forget) names them.
pub trait IdentityStore: Send + Sync {
    /// The app of that API key.
    fn app_by_key(&self, api_key: &str) -> Result<Option<App>>;
    /// The app with that identifier.
    fn app(&self, id: i64) -> Result<Option<App>>;
    /// The account with that identifier.
    fn account(&self, id: i64) -> Result<Option<Account>>;
    /// The account with that e-mail address or user name, in any case. Never cached.
    fn account_by_login(&self, login: &str) -> Result<Option<Account>>;
    /// The role with that identifier.
    fn role(&self, id: i64) -> Result<Option<Role>>;
    /// The role of a user in an app.
    fn role_of(&self, user_id: i64, app_id: i64) -> Result<Option<i64>>;
    /// The lookups of a scope; `id` is 0 for the system's.
    fn lookups(&self, scope: LookupScope, id: i64) -> Result<Vec<Lookup>>;
    /// Puts a new hash in the place of an old one, for the same password: tokens stay good. Does nothing when the account has
    /// another hash by now.
    fn replace_hash(&self, account: i64, old: &str, new: &str) -> Result<()>;
    /// Whether the token with that identifier was revoked.
    fn is_token_revoked(&self, jti: &str) -> Result<bool>;
    /// Stores that the token with that identifier is revoked; it may be forgotten when it can't be refreshed any more after
    /// `expires` (seconds since 1970). False when it was revoked before.
    fn revoke_token(&self, jti: &str, expires: i64) -> Result<bool>;
}

/// A cache of look-ups, absent answers included. Bounded: when full it starts over.
///
/// What was read before a `clear` is never kept after it, so a change is in force for the next call.
struct Cache<K, V> {
    map: RwLock<HashMap<K, V>>,
    generation: AtomicU64,
}

/// Entries of one cache. Each is a few hundred bytes, so a full cache is some tens of megabytes at most.
const CACHE_ENTRIES: usize = 50_000;

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    fn new() -> Self {
        Cache { map: RwLock::new(HashMap::new()), generation: AtomicU64::new(0) }
    }

    fn get(&self, key: &K) -> Option<V> {
        self.map.read().get(key).cloned()
    }

    fn get_or(&self, key: K, read: impl FnOnce() -> Result<V>) -> Result<V> {
        if let Some(value) = self.get(&key) {
            return Ok(value);
        }
        let generation = self.generation.load(Ordering::Acquire);
        let value = read()?;
        let mut map = self.map.write();
        if self.generation.load(Ordering::Acquire) == generation {
            insert(&mut map, key, value.clone());
        }
        Ok(value)
    }

    /// Keeps what is no answer of the store, so that no change can make it wrong.
    fn put(&self, key: K, value: V) {
        insert(&mut self.map.write(), key, value);
    }

    /// Forgets one answer, also one that is being read right now.
    fn forget(&self, key: &K) {
        let mut map = self.map.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        map.remove(key);
    }

    fn clear(&self) {
        let mut map = self.map.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        map.clear();
    }
}

fn insert<K: Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= CACHE_ENTRIES {
        map.clear();
    }
    map.insert(key, value);
}

/// What Basic credentials were found to be right for: an account, and the hash of its password at that time.
type BasicOwner = (i64, Arc<str>);

type ScopeKey = [Option<(LookupScope, i64)>; 3];

pub(super) struct Directory {
    store: Arc<dyn IdentityStore>,
    apps: Cache<String, Option<Arc<App>>>,
    accounts: Cache<i64, Option<Arc<Account>>>,
    roles: Cache<i64, Option<Arc<Role>>>,
    role_of: Cache<(i64, i64), Option<i64>>,
    lookups: Cache<ScopeKey, Arc<Vec<Lookup>>>,
    token_revoked: Cache<String, bool>,
    revoked: RwLock<HashSet<String>>,
    basic: Cache<Fingerprint, BasicOwner>,
}

impl Directory {
    pub(super) fn new(store: Arc<dyn IdentityStore>) -> Directory {
        Directory {
            store,
            apps: Cache::new(),
            accounts: Cache::new(),
            roles: Cache::new(),
            role_of: Cache::new(),
            lookups: Cache::new(),
            token_revoked: Cache::new(),
            revoked: RwLock::default(),
            basic: Cache::new(),
        }
    }

    pub(super) fn store(&self) -> &dyn IdentityStore {
        &*self.store
    }

    pub(super) fn forget(&self, changed: Changed<'_>) {
        match changed {
            Changed::Account(id) => self.accounts.forget(&id),
            Changed::App(api_key) => self.apps.forget(&api_key.to_owned()),
            Changed::Role(id) => self.roles.forget(&id),
            Changed::Assignment { user_id, app_id } => self.role_of.forget(&(user_id, app_id)),
            Changed::Lookups => self.lookups.clear(),
            Changed::Services => self.roles.clear(),
            Changed::Token(jti) => self.remember_revoked(jti.to_owned()),
            Changed::Everything => {
                self.apps.clear();
                self.accounts.clear();
                self.roles.clear();
                self.role_of.clear();
                self.lookups.clear();
                self.token_revoked.clear();
                self.basic.clear();
            }
        }
    }

    /// The account that Basic credentials are known to be right for: as long as it is active, has that name, and has the
    /// password that it had then.
    pub(super) fn known_basic(&self, fingerprint: &Fingerprint, login: &str) -> Result<Option<Arc<Account>>> {
        let Some((id, hash)) = self.basic.get(fingerprint) else { return Ok(None) };
        let login = login.trim();
        Ok(self.account(id)?.filter(|account| {
            let user = &account.user;
            let names = [Some(user.email.as_str()), user.username.as_deref()];
            account.is_active
                && account.password_hash.as_deref() == Some(&*hash)
                && names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(login))
        }))
    }

    /// These Basic credentials were right for the account.
    pub(super) fn remember_basic(&self, fingerprint: Fingerprint, account: &Account) {
        if let Some(hash) = &account.password_hash {
            self.basic.put(fingerprint, (account.user.id, Arc::from(hash.as_str())));
        }
    }

    pub(super) fn app(&self, api_key: &str) -> Result<Option<Arc<App>>> {
        self.apps.get_or(api_key.to_owned(), || Ok(self.store.app_by_key(api_key)?.map(Arc::new)))
    }

    pub(super) fn account(&self, id: i64) -> Result<Option<Arc<Account>>> {
        self.accounts.get_or(id, || Ok(self.store.account(id)?.map(Arc::new)))
    }

    pub(super) fn role(&self, id: i64) -> Result<Option<Arc<Role>>> {
        self.roles.get_or(id, || Ok(self.store.role(id)?.map(Arc::new)))
    }

    pub(super) fn role_of(&self, user_id: i64, app_id: i64) -> Result<Option<i64>> {
        self.role_of.get_or((user_id, app_id), || self.store.role_of(user_id, app_id))
    }

    /// The lookups in force for these scopes, the system's first.
    pub(super) fn lookups(&self, scopes: &ScopeKey) -> Result<Arc<Vec<Lookup>>> {
        self.lookups.get_or(*scopes, || {
            let mut all = self.store.lookups(LookupScope::System, 0)?;
            for (scope, id) in scopes.iter().flatten() {
                all.extend(self.store.lookups(*scope, *id)?);
            }
            Ok(Arc::new(all))
        })
    }

    pub(super) fn is_revoked(&self, jti: &str) -> Result<bool> {
        if self.revoked.read().contains(jti) {
            return Ok(true);
        }
        self.token_revoked.get_or(jti.to_owned(), || self.store.is_token_revoked(jti))
    }

    /// The store knows already; this spares the next call the look-up and outlives an invalidation in between.
    pub(super) fn remember_revoked(&self, jti: String) {
        let mut revoked = self.revoked.write();
        if revoked.len() >= CACHE_ENTRIES {
            revoked.clear();
        }
        revoked.insert(jti.clone());
        drop(revoked);
        self.token_revoked.forget(&jti);
    }
}
