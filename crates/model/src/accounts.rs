//! Settings of how people prove who they are.

use serde::{Deserialize, Serialize};

/// By which field people log in; the other one is understood as well, this one is asked for when both are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginAttribute {
    /// The e-mail address.
    #[default]
    Email,
    /// The user name.
    Username,
}

impl LoginAttribute {
    /// The field's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            LoginAttribute::Email => "email",
            LoginAttribute::Username => "username",
        }
    }
}

/// Where mail goes until there is an e-mail service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailDelivery {
    /// Nowhere: what needs mail says that there is none.
    #[default]
    None,
    /// Into the server's log, links included: for development only, because whoever reads the log can use the links.
    Log,
}

/// Settings of log-in, sessions and mail (system-and-users 2.2, 2.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// Whether `remember_me` at log-in makes a session that can be refreshed without end.
    pub allow_forever_sessions: bool,
    /// By which field people log in.
    pub login_attribute: LoginAttribute,
    /// Whether a password can be reset by the answer to a question. The question tells strangers that the account exists.
    pub security_questions: bool,
    /// Where mail goes.
    pub mail: MailDelivery,
    /// Scheme, host and port of this server in the links of mails, such as `https://api.example.com`. What clients say of the
    /// host is never used: a stranger could have the links of others lead to a host of his own.
    pub public_url: Option<String>,
    /// Page to which invitations lead; the server's own by default.
    pub confirm_invite_url: Option<String>,
    /// Page to which confirmations of registrations lead; the server's own by default.
    pub confirm_register_url: Option<String>,
    /// Page to which resets of passwords lead; the server's own by default.
    pub confirm_reset_url: Option<String>,
}

impl AccountSettings {
    /// The page to which invitations lead.
    pub fn invite_page(&self) -> String {
        self.page(&self.confirm_invite_url)
    }

    /// The page to which confirmations of registrations lead.
    pub fn register_page(&self) -> String {
        self.page(&self.confirm_register_url)
    }

    /// The page to which resets of passwords lead.
    pub fn reset_page(&self) -> String {
        self.page(&self.confirm_reset_url)
    }

    fn page(&self, chosen: &Option<String>) -> String {
        chosen.clone().unwrap_or_else(|| {
            let server = self.public_url.as_deref().unwrap_or_default();
            format!("{}/confirm", server.trim_end_matches('/'))
        })
    }
}

impl Default for AccountSettings {
    fn default() -> AccountSettings {
        AccountSettings {
            allow_forever_sessions: false,
            login_attribute: LoginAttribute::Email,
            security_questions: true,
            mail: MailDelivery::None,
            public_url: None,
            confirm_invite_url: None,
            confirm_register_url: None,
            confirm_reset_url: None,
        }
    }
}
