//! Mail to people, for invitations, registrations and forgotten passwords (system-and-users 2.5, 2.6, 4.3).
//!
//! What to say comes from an e-mail template, to whom from the account, where the link leads from the settings. How a message
//! leaves is one function, [`deliver`].

mod template;

use crate::system::SystemStore;
use antiphon_gateway::Call;
use antiphon_gateway::identity::Account;
use antiphon_model::{AccountSettings, Error, MailDelivery, Object, Result, Value, json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use template::Template;

/// Why somebody gets mail with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// An administrator made the account.
    Invitation,
    /// The person made it.
    Registration,
    /// The password was forgotten.
    Reset,
}

impl Occasion {
    /// What the names of its settings in the configuration of the user service begin with.
    const fn setting(self) -> &'static str {
        match self {
            Occasion::Invitation => "invite",
            Occasion::Registration => "open_reg",
            Occasion::Reset => "password",
        }
    }

    /// The template when the configuration names none.
    const fn default_template(self) -> &'static str {
        match self {
            Occasion::Invitation => "User Invite Default",
            Occasion::Registration => "User Registration Default",
            Occasion::Reset => "Password Reset Default",
        }
    }

    fn page(self, settings: &AccountSettings) -> String {
        match self {
            Occasion::Invitation => settings.invite_page(),
            Occasion::Registration => settings.register_page(),
            Occasion::Reset => settings.reset_page(),
        }
    }
}

/// A message as it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    to: String,
    subject: String,
    text: String,
    html: String,
}

/// Sends codes for one occasion.
pub(crate) struct Mailer<'a> {
    call: &'a Call<'a>,
    occasion: Occasion,
    template: Template,
}

impl<'a> Mailer<'a> {
    /// The mailer of that occasion, for administrators or users; none when there is no mail service for it.
    ///
    /// # Errors
    /// 500 when its template is missing.
    pub(crate) fn of(
        store: &SystemStore,
        call: &'a Call<'a>,
        occasion: Occasion,
        for_admins: bool,
    ) -> Result<Option<Mailer<'a>>> {
        if call.gateway.identity().settings().mail == MailDelivery::None {
            return Ok(None);
        }
        let config = config(store, occasion, for_admins)?;
        let number = |what: &str| config.get(&format!("{}_{what}_id", occasion.setting())).and_then(Value::as_i64);
        let service = number("email_service").and_then(|id| call.gateway.registry().find_by_id(id));
        if !service.is_some_and(|service| service.is_active) {
            return Ok(None);
        }
        let template = match number("email_template") {
            Some(id) => Template::by_id(store, id)?,
            None => Template::by_name(store, occasion.default_template())?,
        };
        let template = template.ok_or_else(|| {
            Error::new(500, format!("The e-mail template for this ({}) is missing.", occasion.default_template()))
        })?;
        Ok(Some(Mailer { call, occasion, template }))
    }

    /// Sends that code to the account.
    ///
    /// # Errors
    /// When the message can't be delivered.
    pub(crate) fn send(&self, account: &Account, code: &str) -> Result<()> {
        let link = self.link(account, code);
        let user = &account.user;
        let data = json!({
            "name": user.name, "first_name": user.first_name, "last_name": user.last_name, "email": user.email,
            "username": user.username, "code": code, "confirm_code": code, "link": link,
        });
        let (subject, text, html) = self.template.render(&data, self.call.session);
        deliver(self.call.gateway.identity().settings().mail, &Message { to: user.email.clone(), subject, text, html })
    }

    /// The page with what it needs to know of the reader.
    fn link(&self, account: &Account, code: &str) -> String {
        let page = self.occasion.page(self.call.gateway.identity().settings());
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let user = &account.user;
        let separator = if page.contains('?') { '&' } else { '?' };
        let username = user.username.as_deref().unwrap_or_default();
        let admin = if user.is_sys_admin { "&admin=1" } else { "" };
        format!("{page}{separator}code={code}&email={}&username={}{admin}", encoded(&user.email), encoded(username))
    }
}

/// The settings of that occasion: of the user service; for administrators those of the system service come first.
fn config(store: &SystemStore, occasion: Occasion, for_admins: bool) -> Result<Object> {
    let mut config = store.service_config("user")?;
    if for_admins {
        let own = store.service_config("system")?;
        config.extend(own.into_iter().filter(|(name, _)| name.starts_with(occasion.setting())));
    }
    Ok(config)
}

/// The only way out. A delivery by an e-mail service is one more arm here.
fn deliver(delivery: MailDelivery, message: &Message) -> Result<()> {
    match delivery {
        MailDelivery::None => Err(Error::new(500, "There is no mail service.")),
        MailDelivery::Log => {
            tracing::info!(to = %message.to, subject = %message.subject, "mail:\n{}", message.text);
            Ok(())
        }
    }
}
