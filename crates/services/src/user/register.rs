//! `user/register`: becoming a user where an administrator allows it (system-and-users 2.6).

use crate::system::SystemStore;
use crate::system::store::integer;
use antiphon_gateway::Call;
use antiphon_gateway::identity::{IdentityStore as _, check_password_rules, hash_password};
use antiphon_model::{Error, Object, Response, Result, Value, json, truthy};
use antiphon_sql::statement::Bound;

/// Creates the account that the request describes.
pub(super) fn handle(store: &SystemStore, call: &Call<'_>) -> Result<Response> {
    let config = store.service_config("user")?;
    if !config.get("allow_open_registration").is_some_and(truthy) {
        return Err(Error::forbidden("Open Registration is not enabled."));
    }
    if config.get("open_reg_email_service_id").is_some_and(|service| !service.is_null()) {
        return Err(Error::not_implemented(
            "Registration with confirmation by e-mail is not available in this release; an administrator can allow \
             registration without it by setting open_reg_email_service_id of the user service to null.",
        ));
    }
    let applicant = Applicant::of(store, call)?;
    let id = applicant.store(store)?;
    assign_roles(store, &config, id)?;
    call.gateway.identity().invalidate();
    let mut answer = json!({ "success": true });
    if call.request.flag("login")
        && let Some(account) = store.account(id)?
    {
        answer["session_token"] = json!(call.gateway.identity().issue(&account)?.token);
    }
    Ok(Response::ok(answer))
}

/// Who wants to become a user.
struct Applicant {
    email: String,
    username: String,
    name: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    security_question: Option<String>,
    security_answer: Option<String>,
    password: String,
}

impl Applicant {
    fn of(store: &SystemStore, call: &Call<'_>) -> Result<Applicant> {
        let given = |name: &str| {
            let value = call.request.payload.get(name).and_then(Value::as_str).map(str::trim);
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let required = |name: &str| invalid(name, &format!("The {name} field is required."));
        let email = given("email").ok_or_else(|| required("email"))?;
        if !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
            return Err(invalid("email", "The email must be a valid email address."));
        }
        let username = given("username").unwrap_or_else(|| email.clone());
        for (field, value) in [("email", &email), ("username", &username)] {
            if store.account_by_login(value)?.is_some() {
                return Err(invalid(field, &format!("The {field} has already been taken.")));
            }
        }
        // A password may begin or end with blanks, so it is taken as it is.
        let password = ["password", "new_password"].iter().find_map(|name| call.request.payload.get(*name)?.as_str());
        let password = password.filter(|password| !password.is_empty()).ok_or_else(|| required("password"))?;
        if call.request.payload.get("password_confirmation").is_some_and(|repeated| repeated != password) {
            return Err(invalid("password", "The password confirmation does not match."));
        }
        check_password_rules(password, call.gateway.limits())?;
        let (first_name, last_name) = (given("first_name"), given("last_name"));
        let full: Vec<&str> = [&first_name, &last_name].into_iter().flatten().map(String::as_str).collect();
        let fallback = if full.is_empty() { email.clone() } else { full.join(" ") };
        Ok(Applicant {
            name: given("name").or_else(|| given("display_name")).unwrap_or(fallback),
            phone: given("phone"),
            security_question: given("security_question"),
            security_answer: given("security_answer").map(|answer| hash_password(&answer)).transpose()?,
            password: hash_password(password)?,
            email,
            username,
            first_name,
            last_name,
        })
    }

    fn store(self, store: &SystemStore) -> Result<i64> {
        let optional = |text: Option<String>| text.map_or(Bound::Null, Bound::Text);
        let email = Bound::Text(self.email);
        let values = [
            email.clone(),
            Bound::Text(self.username),
            Bound::Text(self.name),
            optional(self.first_name),
            optional(self.last_name),
            optional(self.phone),
            optional(self.security_question),
            optional(self.security_answer),
            Bound::Text(self.password),
        ];
        store.database().execute(
            "INSERT INTO user (email, username, name, first_name, last_name, phone, security_question, security_answer, \
             password, is_active) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            &values,
        )?;
        let id = store.one("SELECT id FROM user WHERE email = ?", &[email], |row| integer(row, 0))?;
        id.ok_or_else(|| Error::internal("The account was not created.", "no row under its e-mail address"))
    }
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

fn invalid(field: &str, reason: &str) -> Error {
    Error::bad_request("Validation failed").with_context(json!({ field: [reason] }))
}
