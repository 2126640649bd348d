//! `system/admin/password` and `user/password` (system-and-users 2.5).

use super::SystemStore;
use super::session::{Side, member};
use antiphon_gateway::Call;
use antiphon_gateway::identity::{IdentityStore as _, check_password_rules, hash_password, verify_password};
use antiphon_model::{Error, Response, Result, json, truthy};

/// Confirmation codes as long as they may be configured.
const CODE_CHARS: std::ops::RangeInclusive<usize> = 5..=32;

/// Changes a password.
pub(crate) fn handle(store: &SystemStore, call: &Call<'_>, side: Side) -> Result<Response> {
    let (old, new) = (member(call.request, "old_password"), member(call.request, "new_password"));
    if let (Some(old), Some(new)) = (old, new.clone()) {
        return change(store, call, side, &old, &new);
    }
    if let (Some(code), Some(_)) = (member(call.request, "code"), new) {
        return Err(by_code(&code));
    }
    if member(call.request, "email").or_else(|| member(call.request, "username")).is_some()
        && call.request.flag("reset")
    {
        // Nothing in this release sends mail, and questions alone are too weak to hand out accounts.
        return Err(Error::new(
            500,
            "No security question found or email confirmation available for this user. Please contact your administrator.",
        ));
    }
    Err(Error::bad_request("Not enough information provided to change password."))
}

fn change(store: &SystemStore, call: &Call<'_>, side: Side, old: &str, new: &str) -> Result<Response> {
    let user = call.session.user.as_ref();
    let user = user.ok_or_else(|| Error::unauthorized("There is no valid session for the current request."))?;
    if user.is_sys_admin != (side == Side::Admin) {
        return Err(Error::unauthorized(format!(
            "You are not authorized to reset/change password for the account {}",
            user.email
        )));
    }
    let account = store.account(user.id)?;
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    if !verify_password(old, hash) {
        return Err(Error::bad_request("The password supplied does not match."));
    }
    check_password_rules(new, call.gateway.limits())?;
    store.set_password(user.id, hash_password(new)?)?;
    call.gateway.identity().invalidate();
    let mut answer = json!({ "success": true });
    if call.request.parameters.get("login").is_some_and(truthy)
        && let Some(account) = store.account(user.id)?
    {
        answer["session_token"] = json!(call.gateway.identity().issue(&account)?.token);
    }
    Ok(Response::ok(answer))
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
