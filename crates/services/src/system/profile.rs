//! `system/admin/profile` and `user/profile`: one's own account (system-and-users 2.7).

use super::SystemStore;
use super::newcomer::is_email;
use super::password::guess_at;
use super::session::{Side, member};
use super::store::{optional_integer, required_text, text};
use antiphon_gateway::Call;
use antiphon_gateway::identity::{Changed, IdentityStore as _, SessionWish};
use antiphon_model::{Error, Response, Result, User, Value, Verb, json};
use antiphon_sql::statement::Bound;

/// Fields that people may set of their own account, and how many characters they may have.
const EDITABLE: [(&str, usize); 6] = [
    ("first_name", 64),
    ("last_name", 64),
    ("name", 255),
    ("phone", 32),
    ("security_question", 255),
    ("default_app_id", 0),
];

/// Answers with the profile, or changes it.
pub(crate) fn handle(store: &SystemStore, call: &Call<'_>, side: Side) -> Result<Response> {
    let user = call.session.user.as_ref();
    let user = user.ok_or_else(|| Error::unauthorized("There is no valid session for the current request."))?;
    if side == Side::Admin && !user.is_sys_admin {
        return Err(Error::unauthorized("You are not authorized to perform this action."));
    }
    match call.request.verb {
        Verb::Get => read(store, user.id),
        _ => change(store, call, user),
    }
}

fn read(store: &SystemStore, id: i64) -> Result<Response> {
    let sql = "SELECT username, first_name, last_name, name, email, phone, security_question, default_app_id, \
               oauth_provider, adldap FROM user WHERE id = ?";
    let profile = store.one(sql, &[Bound::Integer(id)], |row| {
        json!({
            "username": text(row, 0),
            "first_name": text(row, 1),
            "last_name": text(row, 2),
            "name": text(row, 3),
            "email": text(row, 4),
            "phone": text(row, 5),
            "security_question": text(row, 6),
            "default_app_id": optional_integer(row, 7),
            "oauth_provider": required_text(row, 8),
            "adldap": required_text(row, 9),
        })
    })?;
    profile.map(Response::ok).ok_or_else(|| Error::not_found("The account does not exist any more."))
}

fn change(store: &SystemStore, call: &Call<'_>, user: &User) -> Result<Response> {
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for (field, longest) in EDITABLE {
        if let Some(value) = call.request.payload.get(field) {
            columns.push(format!("{field} = ?"));
            values.push(acceptable(store, field, longest, value)?);
        }
    }
    if let Some(answer) = member(call.request, "security_answer") {
        columns.push("security_answer = ?".to_owned());
        values.push(Bound::Text(call.gateway.identity().passwords().hash(&answer)?));
    }
    let email = member(call.request, "email").filter(|email| !email.eq_ignore_ascii_case(&user.email));
    if let Some(email) = &email {
        confirm(store, call, user)?;
        check_email(store, email, user)?;
        columns.push("email = ?, token_generation = token_generation + 1".to_owned());
        values.push(Bound::Text(email.trim().to_owned()));
    }
    if !columns.is_empty() {
        values.push(Bound::Integer(user.id));
        let sql =
            format!("UPDATE user SET {}, last_modified_date = CURRENT_TIMESTAMP WHERE id = ?", columns.join(", "));
        store.database().execute(&sql, &values)?;
        call.gateway.identity().forget(Changed::Account(user.id));
    }
    let mut answer = json!({ "success": true });
    if email.is_some()
        && let Some(account) = store.account(user.id)?
    {
        answer["session_token"] = json!(call.gateway.identity().issue(&account, SessionWish::default())?.token);
    }
    Ok(Response::ok(answer))
}

fn acceptable(store: &SystemStore, field: &str, longest: usize, value: &Value) -> Result<Bound> {
    let required = field == "name";
    match value {
        Value::Null if !required => Ok(Bound::Null),
        Value::String(text)
            if !(required && text.trim().is_empty())
                && text.chars().count() <= longest
                && field != "default_app_id" =>
        {
            Ok(Bound::Text(text.clone()))
        }
        Value::Number(_) if field == "default_app_id" => known_app(store, value),
        _ => Err(refused(field, &format!("The {field} is not acceptable."))),
    }
}

/// The identifier of an app that exists.
fn known_app(store: &SystemStore, id: &Value) -> Result<Bound> {
    let known = match id.as_i64() {
        Some(id) => store.one("SELECT 1 FROM app WHERE id = ?", &[Bound::Integer(id)], |_| ())?.is_some(),
        None => false,
    };
    if known {
        Ok(Bound::from(id))
    } else {
        Err(refused("default_app_id", "There is no app with that default_app_id."))
    }
}

fn refused(field: &str, reason: &str) -> Error {
    Error::bad_request(format!("Invalid data supplied. {reason}")).with_context(json!({ field: [reason] }))
}

/// A new address must be one, and nobody else's in whatever case.
fn check_email(store: &SystemStore, email: &str, user: &User) -> Result<()> {
    if !is_email(email.trim()) || email.chars().count() > 255 {
        return Err(refused("email", "The email must be a valid email address."));
    }
    match store.account_by_login(email)? {
        Some(other) if other.user.id != user.id => Err(refused("email", "The email has already been taken.")),
        _ => Ok(()),
    }
}

/// A new e-mail address takes the account with it, so the password is asked for once more.
fn confirm(store: &SystemStore, call: &Call<'_>, user: &User) -> Result<()> {
    let password = member(call.request, "current_password")
        .ok_or_else(|| Error::bad_request("Current Password required to change email"))?;
    let account = store.account(user.id)?.ok_or_else(|| Error::not_found("The account does not exist any more."))?;
    let hash = account.password_hash.as_deref();
    match call.gateway.identity().judge_hashed(guess_at(call, &account), &password, hash)? {
        true => Ok(()),
        false => Err(Error::bad_request("The password supplied does not match.")),
    }
}
