//! Who is asking: user, app, role and what the role grants.

use crate::{AccessRows, AccountSettings, Client, VerbMask};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Where a call comes from; its bit in a role row's requestor mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requestor {
    /// A client, from outside (1).
    Api,
    /// A script of this server, on behalf of a client (2).
    Script,
}

impl Requestor {
    /// Its bit in a requestor mask.
    pub const fn bit(self) -> u8 {
        match self {
            Requestor::Api => 1,
            Requestor::Script => 2,
        }
    }
}

/// A person, as far as a call needs to know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Record identifier.
    pub id: i64,
    /// Display name.
    pub name: String,
    /// Log-in name.
    pub username: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: String,
    /// Administrators pass every access check.
    pub is_sys_admin: bool,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub last_login_date: Option<String>,
    /// Directory name.
    pub ldap_username: Option<String>,
}

/// The client application that an API key names.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Record identifier.
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// The key.
    pub api_key: String,
    /// Inactive apps refuse every call.
    pub is_active: bool,
    /// Role of callers who have none of their own.
    pub role_id: Option<i64>,
}

/// A role: named rows that grant access.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Role {
    /// Record identifier.
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// Inactive roles refuse every call.
    pub is_active: bool,
    /// What it grants.
    pub access: AccessRows,
}

/// One grant of a role.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessRow {
    /// Identifier of the service; none = every service.
    pub service_id: Option<i64>,
    /// Name of that service, for scripts.
    pub service: Option<String>,
    /// Path below the service; empty = its root, `*` = everything, `_table/*` = below.
    pub component: String,
    /// Verbs granted.
    pub verb_mask: VerbMask,
    /// 1 API, 2 SCRIPT, 3 both.
    pub requestor_mask: u8,
    /// Conditions on the rows of a database table.
    pub filters: Vec<ServerFilter>,
    /// How `filters` combine.
    pub filter_op: FilterOp,
}

/// One condition that a role puts on the rows of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerFilter {
    /// Field name or alias.
    pub name: String,
    /// `=`, `!=`, `in`, `starts with` and so on.
    pub operator: String,
    /// Literal or lookup such as `{user.id}`; none for `is null`.
    #[serde(default)]
    pub value: Value,
}

/// How several server filters of one row combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilterOp {
    /// All must hold.
    #[default]
    And,
    /// One must hold.
    Or,
}

/// A named value that filters, records and scripts may refer to as `{name}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// Name without braces.
    pub name: String,
    /// Text that replaces it.
    pub value: String,
    /// Private lookups are for administrators' texts only, never for what clients send.
    pub private: bool,
}

/// Who asks, resolved once per call and shared by everything that the call does.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The user, when a token or credentials named one.
    pub user: Option<Arc<User>>,
    /// The app, when a key named one.
    pub app: Option<Arc<App>>,
    /// The role that applies to this user in this app; administrators have none.
    pub role: Option<Arc<Role>>,
    /// The API key as sent.
    pub api_key: Option<String>,
    /// The session token as sent.
    pub session_token: Option<String>,
    /// Lookups in force, the strongest scope last: system, app, role, user.
    pub lookups: Arc<Vec<Lookup>>,
    /// Where the call comes from; scripts and what they call have it from the call above them.
    pub client: Client,
    /// The settings of the instance that texts may name.
    pub settings: Option<Arc<AccountSettings>>,
}

impl Session {
    /// Whether an administrator asks.
    pub fn is_admin(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_sys_admin)
    }

    /// Identifier of the user.
    pub fn user_id(&self) -> Option<i64> {
        self.user.as_ref().map(|user| user.id)
    }

    /// The text for a lookup such as `user.id`, `app.api_key` or a stored name, or none. Private lookups only when
    /// `private` is true, which is right only for texts that an administrator wrote.
    pub fn lookup(&self, name: &str, private: bool) -> Option<String> {
        if let Some((scope, field)) = name.split_once('.') {
            let found = match scope {
                "user" => self.user.as_ref().and_then(|user| user_field(user, field)),
                "role" => self.role.as_ref().and_then(|role| match field {
                    "id" => Some(role.id.to_string()),
                    "name" => Some(role.name.clone()),
                    _ => None,
                }),
                "app" => self.app.as_ref().and_then(|app| match field {
                    "id" => Some(app.id.to_string()),
                    "name" => Some(app.name.clone()),
                    "api_key" => Some(app.api_key.clone()),
                    _ => None,
                }),
                "session" => match field {
                    "token" | "id" => self.session_token.clone(),
                    _ => None,
                },
                "df" => self.instance_field(field),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
        let strongest =
            |private: bool| self.lookups.iter().rev().find(|lookup| lookup.private == private && lookup.name == name);
        let found = if private { strongest(true).or_else(|| strongest(false)) } else { strongest(false) };
        found.map(|lookup| lookup.value.clone())
    }

    /// What `df.*` says about this server.
    fn instance_field(&self, field: &str) -> Option<String> {
        match field {
            "name" => Some("Antiphon".to_owned()),
            "version" => Some(env!("CARGO_PKG_VERSION").to_owned()),
            "api_version" => Some("2.0".to_owned()),
            "host_url" => self.client.host_url.clone(),
            "confirm_invite_url" => self.settings.as_ref().map(|settings| settings.invite_page()),
            "confirm_register_url" => self.settings.as_ref().map(|settings| settings.register_page()),
            "confirm_reset_url" => self.settings.as_ref().map(|settings| settings.reset_page()),
            _ => None,
        }
    }
}

fn user_field(user: &User, field: &str) -> Option<String> {
    match field {
        "id" => Some(user.id.to_string()),
        "name" | "display_name" => Some(user.name.clone()),
        "email" => Some(user.email.clone()),
        "username" => user.username.clone(),
        "first_name" => user.first_name.clone(),
        "last_name" => user.last_name.clone(),
        "is_sys_admin" => Some(user.is_sys_admin.to_string()),
        "last_login_date" => user.last_login_date.clone(),
        "ldap_username" => user.ldap_username.clone(),
        _ => None,
    }
}
