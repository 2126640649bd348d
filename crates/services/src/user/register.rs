//! `user/register`: becoming a user where an administrator allows it (system-and-users 2.6).

use crate::mail::{Mailer, Occasion};
use crate::system::SystemStore;
use crate::system::newcomer::Newcomer;
use antiphon_gateway::Call;
use antiphon_gateway::identity::{IdentityStore as _, SessionWish};
use antiphon_model::{Error, Object, Response, Result, Value, json, truthy};
use antiphon_sql::statement::Bound;

/// Creates the account that the request describes.
pub(super) fn handle(store: &SystemStore, call: &Call<'_>) -> Result<Response> {
    let config = store.service_config("user")?;
    if !config.get("allow_open_registration").is_some_and(truthy) {
        return Err(Error::forbidden("Open Registration is not enabled."));
    }
    let identity = call.gateway.identity();
    identity.admit_request(call.session.client.address)?;
    let confirms = config.get("open_reg_email_service_id").is_some_and(|service| !service.is_null());
    let mailer = if confirms { Some(mailer(store, call)?) } else { None };
    let nothing = Object::new();
    let sent = call.request.payload.as_object().unwrap_or(&nothing);
    let newcomer = Newcomer::of(sent, call.gateway.limits(), !confirms)?;
    let id = store.add_user(newcomer, identity.passwords())?;
    assign_roles(store, &config, id)?;
    let code = if confirms { store.begin_confirmation(id)? } else { String::new() };
    let account =
        store.account(id)?.ok_or_else(|| Error::not_found("The account was deleted while it was registered."))?;
    let mut answer = json!({ "success": true });
    if let Some(mailer) = mailer {
        mailer.send(&account, &code)?;
        answer["confirmation_required"] = json!(true);
    } else if call.request.flag("login") {
        answer["session_token"] = json!(identity.issue(&account, SessionWish::default())?.token);
    }
    Ok(Response::ok(answer))
}

fn mailer<'a>(store: &SystemStore, call: &'a Call<'a>) -> Result<Mailer<'a>> {
    Mailer::of(store, call, Occasion::Registration, false)?.ok_or_else(|| {
        Error::new(
            500,
            "Registration is confirmed by e-mail, but there is no mail service. An administrator can set one up, or allow \
             registration without it by setting open_reg_email_service_id of the user service to null.",
        )
    })
}

/// The role of the configuration in every app, and the roles that it names for single apps.
fn assign_roles(store: &SystemStore, config: &Object, user: i64) -> Result<()> {
    let insert = "INSERT INTO user_to_app_to_role (user_id, app_id, role_id)";
    let upsert = "ON CONFLICT (user_id, app_id) DO UPDATE SET role_id = excluded.role_id";
    if let Some(role) = config.get("open_reg_role_id").and_then(Value::as_i64) {
        let sql = format!("{insert} SELECT ?, id, ? FROM app WHERE true {upsert}");
        store.database().execute(&sql, &[Bound::Integer(user), Bound::Integer(role)])?;
    }
    for entry in config.get("app_role_map").and_then(Value::as_array).into_iter().flatten() {
        let number = |name: &str| entry.get(name).and_then(Value::as_i64);
        if let (Some(app), Some(role)) = (number("app_id"), number("role_id")) {
            let sql = format!("{insert} VALUES (?, ?, ?) {upsert}");
            store.database().execute(&sql, &[Bound::Integer(user), Bound::Integer(app), Bound::Integer(role)])?;
        }
    }
    Ok(())
}
