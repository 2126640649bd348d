//! `system/admin/password` and `user/password` (system-and-users 2.5).

use super::SystemStore;
use super::session::{Side, member};
use super::store::{required_text, text};
use antiphon_gateway::Call;
use antiphon_gateway::identity::{Account, IdentityStore as _, check_password_rules, hash_password, verify_password};
use antiphon_model::{Error, Response, Result, json};
use antiphon_sql::statement::Bound;

/// Confirmation codes as long as they may be configured.
const CODE_CHARS: std::ops::RangeInclusive<usize> = 5..=32;

/// Changes a password: by the old one, or by the answer to the account's question.
pub(crate) fn handle(store: &SystemStore, call: &Call<'_>, side: Side) -> Result<Response> {
    let given = |name: &str| member(call.request, name);
    let login = given("email").or_else(|| given("username"));
    match (login, given("new_password")) {
        (_, Some(new)) if given("old_password").is_some() => {
            change(store, call, side, &given("old_password").unwrap_or_default(), &new)
        }
        (Some(_), Some(_)) if given("code").is_some() => Err(by_code(&given("code").unwrap_or_default())),
        (Some(login), Some(new)) if given("security_answer").is_some() => {
            by_answer(store, call, side, &login, &given("security_answer").unwrap_or_default(), &new)
        }
        (Some(login), None) if call.request.flag("reset") => question(store, side, &login),
        _ => Err(Error::bad_request("Not enough information provided to change password.")),
    }
}

fn change(store: &SystemStore, call: &Call<'_>, side: Side, old: &str, new: &str) -> Result<Response> {
    let user = call.session.user.as_ref();
    let user = user.ok_or_else(|| Error::unauthorized("There is no valid session for the current request."))?;
    let account = store.account(user.id)?.ok_or_else(unknown)?;
    check_side(&account, side)?;
    let hash = account.password_hash.as_deref();
    if !call.gateway.identity().judge(&user.email, || verify_password(old, hash))? {
        return Err(Error::bad_request("The password supplied does not match."));
    }
    set(store, call, &account, new)
}

/// The account's question; without one there is no way, because this release sends no mail.
fn question(store: &SystemStore, side: Side, login: &str) -> Result<Response> {
    let account = store.account_by_login(login)?.ok_or_else(unknown)?;
    check_side(&account, side)?;
    let (question, _) = secrets(store, &account)?;
    match question.is_empty() {
        false => Ok(Response::ok(json!({ "security_question": question }))),
        true => Err(Error::new(
            500,
            "No security question found or email confirmation available for this user. Please contact your administrator.",
        )),
    }
}

fn by_answer(
    store: &SystemStore,
    call: &Call<'_>,
    side: Side,
    login: &str,
    answer: &str,
    new: &str,
) -> Result<Response> {
    let account = store.account_by_login(login)?.ok_or_else(unknown)?;
    check_side(&account, side)?;
    let (_, hash) = secrets(store, &account)?;
    let is_right = || account.is_active && verify_password(answer, hash.as_deref());
    if !call.gateway.identity().judge(&account.user.email, is_right)? {
        return Err(Error::bad_request("The answer supplied does not match."));
    }
    set(store, call, &account, new)
}

/// The question, and the hash of its answer.
fn secrets(store: &SystemStore, account: &Account) -> Result<(String, Option<String>)> {
    let sql = "SELECT security_question, security_answer FROM user WHERE id = ? AND security_answer IS NOT NULL";
    let found = store.one(sql, &[Bound::Integer(account.user.id)], |row| (required_text(row, 0), text(row, 1)))?;
    Ok(found.unwrap_or_default())
}

/// No code is ever sent in this release, so no code fits.
fn by_code(code: &str) -> Error {
    let well_formed =
        CODE_CHARS.contains(&code.len()) && code.chars().all(|each| each.is_ascii_uppercase() || each.is_ascii_digit());
    match well_formed {
        true => Error::not_found("The supplied email and/or confirmation code were not found in the system."),
        false => Error::bad_request("Invalid confirmation code format."),
    }
}

/// Stores the new password, which ends every token of the account.
fn set(store: &SystemStore, call: &Call<'_>, account: &Account, new: &str) -> Result<Response> {
    check_password_rules(new, call.gateway.limits())?;
    store.set_password(account.user.id, hash_password(new)?)?;
    call.gateway.identity().invalidate();
    let mut answer = json!({ "success": true });
    if call.request.flag("login")
        && let Some(account) = store.account(account.user.id)?.filter(|account| account.is_active)
    {
        answer["session_token"] = json!(call.gateway.identity().issue(&account)?.token);
    }
    Ok(Response::ok(answer))
}

fn check_side(account: &Account, side: Side) -> Result<()> {
    match account.user.is_sys_admin == (side == Side::Admin) {
        true => Ok(()),
        false => Err(Error::unauthorized(format!(
            "You are not authorized to reset/change password for the account {}",
            account.user.email
        ))),
    }
}

fn unknown() -> Error {
    Error::not_found("The supplied email was not found in the system.")
}
