//! `system/admin/password` and `user/password`: a new password for who knows the old one, a code or the answer to the account's
//! question (system-and-users 2.5).

use super::SystemStore;
use super::confirmation::{self, Judgement};
use super::session::{Side, login_name, member};
use super::store::{required_text, text};
use crate::mail::{Mailer, Occasion};
use antiphon_gateway::Call;
use antiphon_gateway::identity::{
    Account, Changed, Guess, IdentityStore as _, SessionWish, Suspect, check_password_rules,
};
use antiphon_model::{Error, Response, Result, Value, json};
use antiphon_sql::statement::Bound;

/// Changes a password, or begins to.
pub(crate) fn handle(store: &SystemStore, call: &Call<'_>, side: Side) -> Result<Response> {
    let given = |name: &str| member(call.request, name);
    let passwords = Passwords { store, call, side };
    let new = given("new_password");
    if let (Some(old), Some(new)) = (given("old_password"), &new) {
        return passwords.change(&old, new);
    }
    let code = call.request.payload.get("code").filter(|code| !code.is_null());
    match (login_name(call.request), new) {
        (Some(login), Some(new)) if code.is_some() => passwords.by_code(&login, code, &new),
        (Some(login), Some(new)) if given("security_answer").is_some() => {
            passwords.by_answer(&login, &given("security_answer").unwrap_or_default(), &new)
        }
        (Some(login), _) if call.request.flag("reset") => passwords.forgotten(&login),
        _ => Err(Error::bad_request("Not enough information provided to change password.")),
    }
}

/// One call about passwords.
struct Passwords<'a> {
    store: &'a SystemStore,
    call: &'a Call<'a>,
    side: Side,
}

impl Passwords<'_> {
    fn change(&self, old: &str, new: &str) -> Result<Response> {
        let user = self.call.session.user.as_ref();
        let user = user.ok_or_else(|| Error::unauthorized("There is no valid session for the current request."))?;
        let account = self.store.account(user.id)?.ok_or_else(unknown)?;
        self.check_side(&account, &account.user.email)?;
        check_password_rules(new, self.call.gateway.limits())?;
        let identity = self.call.gateway.identity();
        if !identity.judge_hashed(guess_at(self.call, &account), old, account.password_hash.as_deref())? {
            return Err(Error::bad_request("The password supplied does not match."));
        }
        self.store.set_password(account.user.id, identity.passwords().hash(new)?)?;
        self.done(&account)
    }

    /// The account's question, else mail with a code. With mail, everybody gets the same answer, whether there is such an account
    /// or not; without it there is nothing that could be done for anybody else.
    fn forgotten(&self, login: &str) -> Result<Response> {
        let identity = self.call.gateway.identity();
        identity.admit_request(self.call.session.client.address)?;
        let mailer = Mailer::of(self.store, self.call, Occasion::Reset, self.side == Side::Admin)?;
        let account = self.store.account_by_login(login)?;
        if let Some(account) = &account {
            let (question, _) = self.secrets(account)?;
            if !question.is_empty() && self.is_on_side(account) && account.is_active {
                return Ok(Response::ok(json!({ "security_question": question })));
            }
        }
        match (mailer, account) {
            (Some(mailer), account) => {
                if let Some(account) = account.filter(|account| account.is_active && self.is_on_side(account)) {
                    self.send_code(&mailer, &account);
                }
                Ok(Response::ok(json!({ "success": true })))
            }
            (None, None) => Err(unknown()),
            (None, Some(account)) => {
                // Told by the name that was sent: a user name must not tell the address behind it.
                self.check_side(&account, login)?;
                Err(Error::new(
                    500,
                    "No security question found or email confirmation available for this user. Please contact your \
                     administrator.",
                ))
            }
        }
    }

    /// Whatever goes wrong is for the log: the answer must not tell whether there is such an account.
    fn send_code(&self, mailer: &Mailer<'_>, account: &Account) {
        let id = account.user.id;
        if !self.call.gateway.identity().admit_mail(id) {
            tracing::warn!(account = id, "no more mail to this account for now: its password was reset too often");
            return;
        }
        let sent = self.store.begin_confirmation(id).and_then(|code| mailer.send(account, &code));
        self.call.gateway.identity().forget(Changed::Account(id));
        if let Err(error) = sent {
            tracing::error!(account = id, %error, "the mail to reset a password could not be sent");
        }
    }

    fn by_code(&self, login: &str, code: Option<&Value>, new: &str) -> Result<Response> {
        let code = code.and_then(Value::as_str).filter(|code| confirmation::is_well_formed(code));
        let code = code.ok_or_else(|| Error::bad_request("Invalid confirmation code format."))?;
        let mismatch = || Error::not_found("The supplied email and/or confirmation code were not found in the system.");
        let account = self.store.account_by_login(login)?.filter(|account| account.is_active);
        let judgement = match &account {
            Some(account) => self.store.judge_code(account.user.id, code)?,
            None => Judgement::Wrong,
        };
        let identity = self.call.gateway.identity();
        let is_right = identity.judge(self.guess(login, account.as_ref()), || judgement != Judgement::Wrong)?;
        let Some(account) = account.filter(|_| is_right) else { return Err(mismatch()) };
        self.check_side(&account, &account.user.email)?;
        if judgement == Judgement::Late {
            return Err(Error::bad_request("Confirmation code expired."));
        }
        check_password_rules(new, self.call.gateway.limits())?;
        match self.store.confirm(account.user.id, code, identity.passwords().hash(new)?)? {
            true => self.done(&account),
            false => Err(mismatch()),
        }
    }

    /// An unknown account and one without a question answer as to a wrong answer.
    fn by_answer(&self, login: &str, answer: &str, new: &str) -> Result<Response> {
        let identity = self.call.gateway.identity();
        let account = self.store.account_by_login(login)?.filter(|account| account.is_active);
        let hash = match &account {
            Some(account) => self.secrets(account)?.1,
            None => None,
        };
        let guess = self.guess(login, account.as_ref());
        let is_right = identity.judge_hashed(guess, answer, hash.as_deref())?;
        let account = account.filter(|_| is_right);
        let account = account.ok_or_else(|| Error::bad_request("The answer supplied does not match."))?;
        self.check_side(&account, &account.user.email)?;
        check_password_rules(new, self.call.gateway.limits())?;
        self.store.set_password(account.user.id, identity.passwords().hash(new)?)?;
        self.done(&account)
    }

    /// The question, and the hash of its answer; nothing where questions are switched off.
    fn secrets(&self, account: &Account) -> Result<(String, Option<String>)> {
        if !self.call.gateway.identity().settings().security_questions {
            return Ok(Default::default());
        }
        let sql = "SELECT security_question, security_answer FROM user WHERE id = ? AND security_answer IS NOT NULL";
        let id = [Bound::Integer(account.user.id)];
        let found = self.store.one(sql, &id, |row| (required_text(row, 0), text(row, 1)))?;
        Ok(found.unwrap_or_default())
    }

    /// The new password is stored, which ended every token of the account.
    fn done(&self, account: &Account) -> Result<Response> {
        let identity = self.call.gateway.identity();
        identity.forget(Changed::Account(account.user.id));
        let mut answer = json!({ "success": true });
        if self.call.request.flag("login")
            && let Some(account) = self.store.account(account.user.id)?.filter(|account| account.is_active)
        {
            answer["session_token"] = json!(identity.issue(&account, SessionWish::default())?.token);
        }
        Ok(Response::ok(answer))
    }

    fn guess<'n>(&self, login: &'n str, account: Option<&Account>) -> Guess<'n> {
        match account {
            Some(account) => guess_at(self.call, account),
            None => Guess { suspect: Suspect::Nobody(login), client: self.call.session.client.address },
        }
    }

    fn is_on_side(&self, account: &Account) -> bool {
        account.user.is_sys_admin == (self.side == Side::Admin)
    }

    fn check_side(&self, account: &Account, called: &str) -> Result<()> {
        match self.is_on_side(account) {
            true => Ok(()),
            false => Err(Error::unauthorized(format!(
                "You are not authorized to reset/change password for the account {called}"
            ))),
        }
    }
}

/// A guess of this caller at a secret of that account.
pub(super) fn guess_at(call: &Call<'_>, account: &Account) -> Guess<'static> {
    Guess { suspect: Suspect::Account(account.user.id), client: call.session.client.address }
}

fn unknown() -> Error {
    Error::not_found("The supplied email was not found in the system.")
}
