//! Accounts, apps, roles and lookups, as the gateway reads them to know who is asking.

use super::store::{SystemStore, flag, integer, optional_integer, required_text, text};
use antiphon_gateway::identity::{Account, IdentityStore, LookupScope};
use antiphon_model::{AccessRow, App, FilterOp, Lookup, Result, Role, ServerFilter, User, VerbMask};
use antiphon_sql::dialect::Row;
use antiphon_sql::statement::Bound;
use std::sync::Arc;

const ACCOUNT: &str = "SELECT id, name, username, first_name, last_name, email, is_sys_admin, last_login_date, \
                       ldap_username, is_active, token_generation, password, \
                       CASE WHEN confirm_code IS NULL THEN NULL ELSE coalesce(confirm_code_date, 0) END FROM user";

/// The rows of a role, to be read with [`access_row`].
pub(super) const ACCESS_ROWS: &str = "SELECT a.service_id, s.name, a.component, a.verb_mask, a.requestor_mask, a.filters, a.filter_op \
     FROM role_service_access a LEFT JOIN service s ON s.id = a.service_id WHERE a.role_id = ? ORDER BY a.id";

impl IdentityStore for SystemStore {
    fn app_by_key(&self, api_key: &str) -> Result<Option<App>> {
        let sql = "SELECT id, name, is_active, role_id FROM app WHERE api_key = ?";
        self.one(sql, &[Bound::Text(api_key.to_owned())], |row| App {
            id: integer(row, 0),
            name: required_text(row, 1),
            api_key: api_key.to_owned(),
            is_active: flag(row, 2),
            role_id: optional_integer(row, 3),
        })
    }

    fn app(&self, id: i64) -> Result<Option<App>> {
        let sql = "SELECT name, api_key, is_active, role_id FROM app WHERE id = ?";
        self.one(sql, &[Bound::Integer(id)], |row| App {
            id,
            name: required_text(row, 0),
            api_key: required_text(row, 1),
            is_active: flag(row, 2),
            role_id: optional_integer(row, 3),
        })
    }

    fn account(&self, id: i64) -> Result<Option<Account>> {
        self.one(&format!("{ACCOUNT} WHERE id = ?"), &[Bound::Integer(id)], account)
    }

    fn account_by_login(&self, login: &str) -> Result<Option<Account>> {
        let login = Bound::Text(login.trim().to_owned());
        let sql = format!("{ACCOUNT} WHERE email = ? OR username = ? ORDER BY email = ? DESC");
        self.one(&sql, &[login.clone(), login.clone(), login], account)
    }

    fn role(&self, id: i64) -> Result<Option<Role>> {
        let Some((name, is_active)) =
            self.one("SELECT name, is_active FROM role WHERE id = ?", &[Bound::Integer(id)], |row| {
                (required_text(row, 0), flag(row, 1))
            })?
        else {
            return Ok(None);
        };
        Ok(Some(Role { id, name, is_active, access: self.all(ACCESS_ROWS, &[Bound::Integer(id)], access_row)?.into() }))
    }

    fn role_of(&self, user_id: i64, app_id: i64) -> Result<Option<i64>> {
        let sql = "SELECT role_id FROM user_to_app_to_role WHERE user_id = ? AND app_id = ?";
        let found =
            self.one(sql, &[Bound::Integer(user_id), Bound::Integer(app_id)], |row| optional_integer(row, 0))?;
        Ok(found.flatten())
    }

    fn lookups(&self, scope: LookupScope, id: i64) -> Result<Vec<Lookup>> {
        let condition = match scope {
            LookupScope::System => "app_id IS NULL AND role_id IS NULL AND user_id IS NULL AND 0 = ?",
            LookupScope::App => "app_id = ?",
            LookupScope::Role => "role_id = ?",
            LookupScope::User => "user_id = ?",
        };
        let sql = format!("SELECT name, value, private FROM lookup WHERE {condition} ORDER BY id");
        let stored = self.all(&sql, &[Bound::Integer(id)], |row| {
            let lookup = Lookup { name: required_text(row, 0), value: String::new(), private: flag(row, 2) };
            (lookup, text(row, 1))
        })?;
        let opened = |(mut lookup, stored): (Lookup, Option<String>)| {
            if let Some(stored) = stored {
                lookup.value = match self.opened("lookup", "value", &stored) {
                    Ok(value) => value,
                    Err(error) => {
                        tracing::error!(%error, lookup = lookup.name, "a lookup is damaged; store it again");
                        return None;
                    }
                };
            }
            Some(lookup)
        };
        Ok(stored.into_iter().filter_map(opened).collect())
    }

    fn is_token_revoked(&self, jti: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM revoked_token WHERE jti = ?";
        Ok(self.one(sql, &[Bound::Text(jti.to_owned())], |_| ())?.is_some())
    }

    fn replace_hash(&self, account: i64, old: &str, new: &str) -> Result<()> {
        let values = [Bound::Text(new.to_owned()), Bound::Integer(account), Bound::Text(old.to_owned())];
        self.database().execute("UPDATE user SET password = ? WHERE id = ? AND password = ?", &values)?;
        Ok(())
    }

    fn revoke_token(&self, jti: &str, expires: i64) -> Result<bool> {
        let added = self.database().execute(
            "INSERT INTO revoked_token (jti, expires) VALUES (?, ?) ON CONFLICT (jti) DO NOTHING",
            &[Bound::Text(jti.to_owned()), Bound::Integer(expires)],
        )?;
        // An expired token can still be refreshed within its window, so the entry must outlive that too.
        let window = i64::try_from(self.limits().token_refresh_minutes.saturating_mul(60)).unwrap_or(i64::MAX);
        let forgotten = jiff::Timestamp::now().as_second().saturating_sub(window);
        self.database().execute("DELETE FROM revoked_token WHERE expires < ?", &[Bound::Integer(forgotten)])?;
        Ok(added > 0)
    }
}

impl SystemStore {
    /// Stores that the account logged in just now, which makes a pending confirmation needless; answers with the time as it is
    /// stored.
    pub(crate) fn record_login(&self, id: i64) -> Result<String> {
        let now = timestamp(jiff::Timestamp::now().as_second());
        self.database().execute(
            "UPDATE user SET last_login_date = ?, confirm_code = NULL, confirm_code_date = NULL WHERE id = ?",
            &[Bound::Text(now.clone()), Bound::Integer(id)],
        )?;
        Ok(now)
    }

    /// Gives the account a new password, by its hash, and ends all its tokens.
    pub(crate) fn set_password(&self, id: i64, hash: String) -> Result<()> {
        self.database().execute(
            "UPDATE user SET password = ?, confirm_code = NULL, confirm_code_date = NULL, \
             token_generation = token_generation + 1 WHERE id = ?",
            &[Bound::Text(hash), Bound::Integer(id)],
        )?;
        Ok(())
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC, for seconds since 1970.
pub(crate) fn timestamp(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => String::new(),
    }
}

fn account(row: &dyn Row) -> Account {
    let user = User {
        id: integer(row, 0),
        name: required_text(row, 1),
        username: text(row, 2),
        first_name: text(row, 3),
        last_name: text(row, 4),
        email: required_text(row, 5),
        is_sys_admin: flag(row, 6),
        last_login_date: text(row, 7),
        ldap_username: text(row, 8),
    };
    Account {
        user: Arc::new(user),
        is_active: flag(row, 9),
        token_generation: integer(row, 10),
        password_hash: text(row, 11),
        unconfirmed_since: optional_integer(row, 12),
    }
}

/// A row of [`ACCESS_ROWS`].
pub(super) fn access_row(row: &dyn Row) -> AccessRow {
    // A filter that can't be read must not let rows through: it becomes one that no row satisfies.
    let unreadable = || vec![ServerFilter { name: String::new(), operator: String::new(), value: Default::default() }];
    let filters = match text(row, 5).as_deref() {
        None | Some("null") => Vec::new(),
        Some(json) => serde_json::from_str(json).unwrap_or_else(|_| unreadable()),
    };
    AccessRow {
        service_id: optional_integer(row, 0),
        service: text(row, 1),
        component: required_text(row, 2),
        verb_mask: VerbMask(u8::try_from(integer(row, 3) & 31).unwrap_or_default()),
        requestor_mask: u8::try_from(integer(row, 4) & 3).unwrap_or_default(),
        filters,
        filter_op: if required_text(row, 6).eq_ignore_ascii_case("or") { FilterOp::Or } else { FilterOp::And },
    }
}
