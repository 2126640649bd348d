//! Log-in, refresh, log-out: `system/admin/session` and `user/session` (system-and-users 2.3).

use super::SystemStore;
use super::accounts::timestamp;
use antiphon_gateway::Call;
use antiphon_gateway::identity::{Account, Changed, SessionWish};
use antiphon_model::{Error, Object, Request, Response, Result, Session, User, Value, Verb, json, truthy};

/// Which half of the accounts an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Administrators.
    Admin,
    /// Everybody else.
    User,
}

/// Answers a call to a session endpoint.
pub(crate) fn handle(store: &SystemStore, call: &Call<'_>, side: Side) -> Result<Response> {
    match call.request.verb {
        Verb::Post => log_in(store, call, side),
        Verb::Put => refresh(call, side),
        Verb::Delete => log_out(call),
        _ => current(call, side),
    }
}

fn log_in(store: &SystemStore, call: &Call<'_>, side: Side) -> Result<Response> {
    let request = call.request;
    if let Some(service) = member(request, "service") {
        return Err(match call.gateway.registry().find(&service) {
            None => Error::not_found(format!("Could not find a service for {service}")),
            Some(_) => Error::bad_request("Invalid login service provided. Please use an OAuth or AD/Ldap service."),
        });
    }
    let identity = call.gateway.identity();
    let missing = |field: &str| Error::bad_request(format!("Login request is missing required {field}."));
    let login = login_name(request).ok_or_else(|| missing(identity.settings().login_attribute.as_str()))?;
    let password = member(request, "password").ok_or_else(|| missing("password"))?;
    let admin = side == Side::Admin;
    let account = identity.log_in(login.trim(), &password, admin, call.session.client.address)?;
    let login_date = store.record_login(account.user.id)?;
    identity.forget(Changed::Account(account.user.id));
    let user = User { last_login_date: Some(login_date), ..User::clone(&account.user) };
    begin(call, &Account { user: user.into(), ..Account::clone(&account) })
}

/// What people call themselves, under either name.
pub(super) fn login_name(request: &Request) -> Option<String> {
    member(request, "email").or_else(|| member(request, "username"))
}

/// What the request says of the session that it asks for.
fn wish(request: &Request) -> SessionWish {
    let value = |name: &str| request.payload.get(name).or_else(|| request.parameters.get(name));
    SessionWish {
        remember_me: value("remember_me").is_some_and(truthy),
        duration: value("duration").and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())),
    }
}

fn refresh(call: &Call<'_>, side: Side) -> Result<Response> {
    let token = sent_token(call)
        .ok_or_else(|| Error::unauthorized("Token refresh failed. There is no token in the request."))?;
    let (account, issued) = call.gateway.identity().refresh(&token, side == Side::Admin)?;
    let session = call.gateway.identity().session_after_login(call.session, &account, &issued.token)?;
    let answer = describe(&session, Some(issued.expires));
    sign_in(call, session);
    Ok(Response::ok(answer))
}

fn log_out(call: &Call<'_>) -> Result<Response> {
    if let Some(token) = &call.session.session_token {
        call.gateway.identity().revoke(token)?;
    }
    Ok(Response::ok(json!({ "success": true })))
}

/// Reading a session does not lengthen it.
fn current(call: &Call<'_>, side: Side) -> Result<Response> {
    let session = call.session;
    match (side, &session.user) {
        (Side::Admin, None) => Err(Error::not_found("No user session found.")),
        (Side::User, None) => Err(Error::unauthorized("There is no valid session for the current request.")),
        (Side::Admin, Some(user)) if !user.is_sys_admin => Err(not_authorized()),
        _ => {
            let token = session.session_token.as_deref();
            let expires = token.and_then(|token| call.gateway.identity().expiry(token));
            Ok(Response::ok(describe(session, expires)))
        }
    }
}

fn not_authorized() -> Error {
    Error::unauthorized("You are not authorized to perform this action.")
}

/// Issues a token for the account and answers with its session.
fn begin(call: &Call<'_>, account: &Account) -> Result<Response> {
    let identity = call.gateway.identity();
    let issued = identity.issue(account, wish(call.request))?;
    let session = identity.session_after_login(call.session, account, &issued.token)?;
    if session.app.is_some() && session.role.as_ref().is_some_and(|role| !role.is_active) {
        return Err(Error::forbidden("Role is not active."));
    }
    let answer = describe(&session, Some(issued.expires));
    sign_in(call, session);
    Ok(Response::ok(answer))
}

/// The scripts that run after the call see the one who logged in.
fn sign_in(call: &Call<'_>, session: Session) {
    // Only the first one counts: a call logs in once.
    let _ = call.signed_in.set(session.into());
}

fn describe(session: &Session, expires: Option<i64>) -> Value {
    let mut answer = Object::new();
    let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    put("session_token", json!(session.session_token));
    put("session_id", json!(session.session_token));
    if let Some(user) = &session.user {
        put("id", json!(user.id));
        put("name", json!(user.name));
        put("first_name", json!(user.first_name));
        put("last_name", json!(user.last_name));
        put("email", json!(user.email));
        put("is_sys_admin", json!(user.is_sys_admin));
        put("last_login_date", json!(user.last_login_date));
        put("host", json!(host_name()));
        put("token_expiry_date", json!(expires.map(timestamp)));
        if user.is_sys_admin {
            put("is_root_admin", json!(true));
        }
    }
    if let Some(role) = &session.role {
        put("role", json!(role.name));
        put("role_id", json!(role.id));
    }
    Value::Object(answer)
}

/// The name of the machine.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}

/// A text of the body, else of the query.
pub(super) fn member(request: &Request, name: &str) -> Option<String> {
    let value = request.payload.get(name).or_else(|| request.parameters.get(name));
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The token as sent: an expired one is no part of the session, but can still be refreshed.
fn sent_token(call: &Call<'_>) -> Option<String> {
    let request = call.request;
    let bearer = || {
        let (scheme, token) = request.header("authorization")?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    let header = || request.header("x-dreamfactory-session-token").map(|token| token.trim().to_owned());
    call.session
        .session_token
        .clone()
        .or_else(bearer)
        .or_else(header)
        .or_else(|| member(request, "session_token"))
        .or_else(|| member(request, "token"))
        .filter(|token| !token.is_empty())
}
