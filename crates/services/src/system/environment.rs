//! `system/environment`: what clients need to begin, and for those who are logged in what runs here (system-and-users 4.12).

use super::SystemStore;
use super::resources::launch_url;
use super::session::host_name;
use super::store::{flag, integer, optional_integer, required_text, text};
use antiphon_gateway::Call;
use antiphon_model::{AccountSettings, Object, Response, Result, Value, json, truthy};
use antiphon_sql::statement::Bound;

/// Answers for anybody; more for those with a session or a role, everything for administrators.
pub(super) fn handle(store: &SystemStore, call: &Call<'_>) -> Result<Response> {
    let session = call.session;
    let mut answer = Object::new();
    answer.insert("authentication".into(), authentication(store, call.gateway.identity().settings())?);
    let apps = apps(store, call)?;
    let (groups, ungrouped) = grouped(store, &apps)?;
    answer.insert("apps".into(), json!(apps));
    answer.insert("app_group".into(), groups);
    answer.insert("no_group_app".into(), ungrouped);
    let admin = session.is_admin();
    let mut platform = json!({ "setup_required": !store.admin_exists()? });
    if session.user.is_some() || session.role.is_some() {
        platform["version"] = json!(env!("CARGO_PKG_VERSION"));
        platform["version_current"] = json!(env!("CARGO_PKG_VERSION"));
        platform["bitnami_demo"] = json!(false);
        platform["is_hosted"] = json!(false);
        platform["is_trial"] = json!(false);
        platform["license"] = json!("OPEN SOURCE");
        platform["license_key"] = Value::Null;
        platform["root_admin_exists"] = json!(store.admin_exists()?);
        platform["secured_package_export"] = json!(false);
        if admin {
            let sql = "SELECT value FROM instance WHERE name = 'instance_id'";
            platform["df_instance_id"] = json!(store.one(sql, &[], |row| text(row, 0))?.flatten());
            platform["packages"] = json!([]);
        }
        answer.insert("server".into(), server());
        answer.insert("client".into(), client(call));
        answer.insert("config".into(), config(call));
    }
    answer.insert("platform".into(), platform);
    Ok(Response::ok(Value::Object(super::listing::selected(call.request, answer))))
}

fn authentication(store: &SystemStore, settings: &AccountSettings) -> Result<Value> {
    let config = store.service_config("user")?;
    let login = settings.login_attribute.as_str();
    let payload = json!({ login: "string", "password": "string", "remember_me": "bool" });
    Ok(json!({
        "admin": { "path": "system/admin/session", "verb": "POST", "payload": payload },
        "user": { "path": "user/session", "verb": "POST", "payload": payload },
        "oauth": [],
        "adldap": [],
        "saml": [],
        "allow_open_registration": config.get("allow_open_registration").is_some_and(truthy),
        "open_reg_email_service_id": config.get("open_reg_email_service_id"),
        "allow_forever_sessions": settings.allow_forever_sessions,
        "login_attribute": login,
    }))
}

/// The apps that the caller can open.
fn apps(store: &SystemStore, call: &Call<'_>) -> Result<Vec<Value>> {
    let sql = "SELECT id, name, description, type, path, url, storage_service_id, storage_container, role_id, \
               allow_fullscreen_toggle, requires_fullscreen, toggle_location FROM app \
               WHERE is_active = 1 AND type <> 0 ORDER BY id";
    let rows = store.all(sql, &[], |row| {
        json!({
            "id": integer(row, 0),
            "name": required_text(row, 1),
            "description": text(row, 2),
            "type": integer(row, 3),
            "path": text(row, 4),
            "url": text(row, 5),
            "storage_service_id": optional_integer(row, 6),
            "storage_container": text(row, 7),
            "role_id": optional_integer(row, 8),
            "allow_fullscreen_toggle": flag(row, 9),
            "requires_fullscreen": flag(row, 10),
            "toggle_location": text(row, 11),
        })
    })?;
    let assigned = match call.session.user_id() {
        Some(id) => {
            let sql = "SELECT app_id FROM user_to_app_to_role WHERE user_id = ?";
            store.all(sql, &[Bound::Integer(id)], |row| integer(row, 0))?
        }
        None => Vec::new(),
    };
    let opens = |row: &Object| {
        call.session.is_admin()
            || row.get("role_id").is_some_and(|role| !role.is_null())
            || row.get("id").and_then(Value::as_i64).is_some_and(|id| assigned.contains(&id))
    };
    let default = default_app(store, call)?;
    let rows = rows.iter().filter_map(Value::as_object).filter(|row| opens(row));
    Ok(rows.map(|row| describe_app(call, row, default)).collect())
}

/// The app that a client opens when its user chose none: the user's own, else that of the instance.
fn default_app(store: &SystemStore, call: &Call<'_>) -> Result<Option<i64>> {
    if let Some(id) = call.session.user_id() {
        let sql = "SELECT default_app_id FROM user WHERE id = ?";
        let own = store.one(sql, &[Bound::Integer(id)], |row| optional_integer(row, 0))?.flatten();
        if own.is_some() {
            return Ok(own);
        }
    }
    Ok(store.service_config("system")?.get("default_app_id").and_then(Value::as_i64))
}

fn describe_app(call: &Call<'_>, row: &Object, default: Option<i64>) -> Value {
    let field = |name: &str| row.get(name).cloned().unwrap_or_default();
    json!({
        "id": field("id"),
        "name": field("name"),
        "description": field("description"),
        "url": launch_url(call, row),
        "is_default": default.is_some() && field("id").as_i64() == default,
        "allow_fullscreen_toggle": field("allow_fullscreen_toggle"),
        "requires_fullscreen": field("requires_fullscreen"),
        "toggle_location": field("toggle_location"),
    })
}

/// The groups with those of the apps that are in them, and the apps that are in none.
fn grouped(store: &SystemStore, apps: &[Value]) -> Result<(Value, Value)> {
    let groups = store.all("SELECT id, name, description FROM app_group ORDER BY id", &[], |row| {
        (integer(row, 0), required_text(row, 1), text(row, 2))
    })?;
    let members =
        store.all("SELECT group_id, app_id FROM app_to_app_group", &[], |row| (integer(row, 0), integer(row, 1)))?;
    let id_of = |app: &Value| app.get("id").and_then(Value::as_i64).unwrap_or_default();
    let described = groups.iter().map(|(id, name, description)| {
        let own = apps.iter().filter(|app| members.contains(&(*id, id_of(app))));
        json!({ "id": id, "name": name, "description": description, "app": own.collect::<Vec<_>>() })
    });
    let ungrouped = apps.iter().filter(|app| members.iter().all(|(_, member)| *member != id_of(app)));
    Ok((described.collect(), ungrouped.cloned().collect()))
}

fn server() -> Value {
    json!({
        "server_os": std::env::consts::OS,
        "release": null,
        "version": null,
        "host": host_name(),
        "machine": std::env::consts::ARCH,
    })
}

fn client(call: &Call<'_>) -> Value {
    json!({
        "user_agent": call.request.header("user-agent"),
        "ip_address": call.session.client.address,
        "locale": "en",
    })
}

fn config(call: &Call<'_>) -> Value {
    json!({
        "always_wrap_resources": true,
        "resources_wrapper": "resource",
        "db": {
            "max_records_returned": call.gateway.limits().max_records,
            "time_format": null,
            "date_format": null,
            "datetime_format": null,
            "timestamp_format": null,
        },
    })
}
