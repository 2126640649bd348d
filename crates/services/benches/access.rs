//! What it costs to know who calls and whether they may: the same service behind two routes, one that is for everybody, one that
//! only a user with a role may use. Session token, key, role and access rows make the difference.

use antiphon_gateway::{Call, Credentials, Gateway, Route, RouteTable, Service, ServiceEntry};
use antiphon_model::{Error, Object, Request, Response, Result, Value, Verb, json};
use antiphon_services::{Platform, PlatformSettings};
use async_trait::async_trait;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

/// What the check may cost, in microseconds (median of the rounds).
const PROMISED: f64 = 10.0;
const ROUNDS: usize = 200;
const CALLS: usize = 500;
const ADMIN: (&str, &str) = ("admin@example.com", "AdminPassw0rd12345");
const USER: (&str, &str) = ("person@example.com", "PersonPassw0rd12345");
/// Identifier of the service that is called; no stored one has it.
const PROBE: i64 = 999_999;

/// A service that does nothing.
struct Probe(RouteTable);

#[async_trait]
impl Service for Probe {
    fn routes(&self) -> &RouteTable {
        &self.0
    }

    async fn handle(&self, _call: Call<'_>) -> Result<Response> {
        Ok(Response::ok(Value::Null))
    }
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::internal("No runtime.", error))?;
    let mut report = String::from("| Who calls | added to a call | |\n|---|--:|---|\n");
    for rows in [1, 10, 10_000] {
        let added = runtime.block_on(measure(rows))?;
        let verdict = if added <= PROMISED { "PASS" } else { "**MISS**" };
        report.push_str(&format!("| a user whose role has {rows} access rows | {added:.2} µs | {verdict} |\n"));
    }
    // Nobody is left to be told when the terminal is gone.
    let _ = std::io::stdout().write_all(report.as_bytes());
    Ok(())
}

/// Microseconds that a call of a user with so many access rows takes beyond one that needs no rights.
async fn measure(rows: usize) -> Result<f64> {
    let folder = tempfile::tempdir().map_err(|error| Error::internal("No folder.", error))?;
    let platform = Platform::start(folder.path(), &PlatformSettings::default())?;
    let admin = json!({ "email": ADMIN.0, "password": ADMIN.1 });
    platform.create_first_admin(admin.as_object().unwrap_or(&Object::new()))?;
    let gateway = platform.gateway();
    let user = person(gateway, rows).await?;
    ask(gateway, Verb::Get, "user", "session", Value::Null, &user).await?;
    add_probe(gateway);
    let mut added = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let open = time(gateway, "open", &Credentials::default()).await?;
        added.push(time(gateway, "closed", &user).await? - open);
    }
    added.sort_by(f64::total_cmp);
    Ok(added[added.len() / 2])
}

/// Microseconds of one call.
async fn time(gateway: &Arc<Gateway>, resource: &str, who: &Credentials) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..CALLS {
        ask(gateway, Verb::Get, "probe", resource, Value::Null, who).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / CALLS as f64)
}

/// Puts the probe beside the services that are there.
fn add_probe(gateway: &Gateway) {
    let routes = vec![
        Route::new("open", &[Verb::Get], "For everybody").public(&[Verb::Get]),
        Route::new("closed", &[Verb::Get], "For those who may"),
    ];
    let entry = |id, name: &str, kind: &str, service| ServiceEntry {
        id,
        name: name.to_owned(),
        label: name.to_owned(),
        description: None,
        kind: kind.to_owned(),
        is_active: true,
        service,
        document: None,
    };
    let stored = gateway.registry().list();
    let mut entries: Vec<ServiceEntry> =
        stored.iter().map(|known| entry(known.id, &known.name, &known.kind, Arc::clone(&known.service))).collect();
    entries.push(entry(PROBE, "probe", "probe", Arc::new(Probe(RouteTable::new(routes)))));
    gateway.registry().replace_all(entries);
}

/// A user who is logged in, with a role of so many rows, the last of which grants the call.
async fn person(gateway: &Arc<Gateway>, rows: usize) -> Result<Credentials> {
    let login = |(email, password): (&str, &str)| json!({"email": email, "password": password});
    let nobody = Credentials::default();
    let session = ask(gateway, Verb::Post, "system", "admin/session", login(ADMIN), &nobody).await?;
    let admin = Credentials { session_token: text(&session["session_token"]), ..Credentials::default() };
    let row =
        |component: String| json!({"service_id": PROBE, "component": component, "verb_mask": 1, "requestor_mask": 3});
    let mut access: Vec<Value> = (1..rows).map(|number| row(format!("other_{number}/*"))).collect();
    access.push(row("closed/*".to_owned()));
    let role = json!({"name": "role", "is_active": true, "role_service_access_by_role_id": access});
    let role = ask(gateway, Verb::Post, "system", "role", json!({"resource": [role]}), &admin).await?;
    let app = json!({"resource": [{"name": "app", "is_active": true, "type": 0}]});
    let mut request = Request::new(Verb::Post, "system", "app");
    request.parameters.insert("fields".into(), json!("*"));
    request.payload = app;
    let app = answer(gateway, request, &admin).await?;
    let app = &app["resource"][0];
    let assignment = json!({"app_id": app["id"], "role_id": role["resource"][0]["id"]});
    let user = json!({
        "name": "Person", "email": USER.0, "password": USER.1, "user_to_app_to_role_by_user_id": [assignment],
    });
    ask(gateway, Verb::Post, "system", "user", json!({"resource": [user]}), &admin).await?;
    let session = ask(gateway, Verb::Post, "user", "session", login(USER), &nobody).await?;
    let (session_token, api_key) = (text(&session["session_token"]), text(&app["api_key"]));
    Ok(Credentials { session_token, api_key, ..Credentials::default() })
}

async fn ask(
    gateway: &Arc<Gateway>,
    verb: Verb,
    service: &str,
    resource: &str,
    payload: Value,
    who: &Credentials,
) -> Result<Value> {
    let mut request = Request::new(verb, service, resource);
    request.payload = payload;
    answer(gateway, request, who).await
}

/// The content of a call that must succeed.
async fn answer(gateway: &Arc<Gateway>, request: Request, who: &Credentials) -> Result<Value> {
    let response = gateway.call(request, who.clone()).await.response;
    match response.status {
        200 | 201 => Ok(response.content.to_value()),
        _ => Err(response.into_error()),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
