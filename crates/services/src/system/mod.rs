//! The system service: administration by the same API as everything else.
//!
//! Most of its resources are tables of the system database, served by the code that serves every database, each with a
//! small rule ([`resources`]). The others have a file of their name here.

pub(crate) mod accounts;
mod cache;
mod config;
pub(crate) mod confirmation;
mod cors_rules;
mod custom;
mod dates;
mod environment;
mod escalation;
mod event;
mod event_script;
mod import;
mod invitation;
mod jobs;
mod limit_cache;
pub(crate) mod limits;
pub(crate) mod listing;
pub(crate) mod newcomer;
mod package;
pub(crate) mod password;
pub(crate) mod profile;
mod records;
mod resources;
mod routes;
mod schedule;
mod schema;
mod schemas;
mod script_library;
mod script_type;
mod sealing;
pub(crate) mod secrecy;
mod service_report;
pub(crate) mod service_type;
pub(crate) mod session;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod upload;
mod upsert;

pub(crate) use routes::{PASSWORD, PROFILE, session as session_route};
pub(crate) use service_type::{group as service_group, is_definition_editable};
pub use store::{ServiceRecord, SystemStore};

use antiphon_gateway::{Call, Matched, RouteTable, Schema, SecrecyOf, Service, ServiceEvent, blocking};
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};
use async_trait::async_trait;
use records::Records;
use resources::RecordResource;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads everything that is kept in memory anew.
pub type Reload = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// The system service.
pub struct SystemService {
    store: Arc<SystemStore>,
    reload: Reload,
    routes: RouteTable,
    /// One permit for each list of jobs that may be put together at one time.
    job_lists: Semaphore,
}

impl SystemService {
    /// The service over that store; `reload` is for `system/cache`.
    pub fn new(store: Arc<SystemStore>, reload: Reload) -> SystemService {
        let job_lists = Semaphore::new(store.limits().job_lists.max(1));
        SystemService { store, reload, routes: routes::routes(), job_lists }
    }

    fn job_lists(&self) -> &Semaphore {
        &self.job_lists
    }

    pub(crate) fn store(&self) -> &Arc<SystemStore> {
        &self.store
    }

    /// Reads everything that is kept in memory anew.
    fn reload(&self) -> Result<()> {
        (self.reload)()
    }

    fn answer(&self, call: &Call<'_>) -> Result<Response> {
        if !package::takes_bytes(call) {
            call.request.require_readable_payload()?;
        }
        let mut segments = call.matched.route.pattern().split('/');
        let (first, rest) = (segments.next().unwrap_or_default(), segments.next());
        let parameter = |name: &str| call.matched.parameter(name);
        match (first, rest) {
            ("", _) => Ok(listing::root(call, &self.routes, describe)),
            ("admin", Some("session")) => session::handle(&self.store, call, session::Side::Admin),
            ("admin", Some("password")) => password::handle(&self.store, call, session::Side::Admin),
            ("admin", Some("profile")) => profile::handle(&self.store, call, session::Side::Admin),
            ("cache", _) => cache::handle(self, call),
            ("config", _) => config::handle(self, call),
            ("constant", None) => Ok(Response::resource(Vec::new())),
            ("constant", Some(_)) => constant(parameter("type")),
            ("environment", _) => environment::handle(&self.store, call),
            ("event", None) => event::handle(&self.store, call),
            ("event", Some(_)) => event_script::old_form(self, call, parameter("event_name")),
            ("import", _) => import::handle(call),
            ("limit_cache", by_id) => limit_cache::handle(self, call, by_id.map(|_| parameter("id"))),
            ("package", _) => package::handle(self, call),
            ("job", by_id) => jobs::handle(self, call, by_id.map(|_| parameter("id"))),
            ("queue", by_id) => jobs::queue(self, call, by_id.map(|_| parameter("id"))),
            ("schedule", Some(_)) if segments.next() == Some("run") => schedule::run(self, call, parameter("id")),
            ("script_type", None) => Ok(script_type::list(call)),
            ("script_type", Some(_)) => script_type::one(call, parameter("id")),
            ("service_type", None) => Ok(service_type::list(call)),
            ("service_type", Some(_)) => service_type::one(call, parameter("id")),
            (name, by_id) => match resources::find(name) {
                Some(resource) => self.records(call, resource, by_id.map(|_| parameter("id"))),
                None => Err(Error::not_implemented(format!("The resource '{name}' is not available in this release."))),
            },
        }
    }

    fn records(&self, call: &Call<'_>, resource: &'static RecordResource, id: Option<&str>) -> Result<Response> {
        if resource.name == "app"
            && let Some(package) = package::of_app(self, call, id)?
        {
            return Ok(package);
        }
        match resource.name {
            "event_script" => event_script::handle(self, call, resource, id),
            "script_library" => script_library::handle(self, call, resource, id),
            "custom" => custom::handle(self, call, resource, id),
            name => {
                if name == "cors" && call.request.verb == Verb::Post {
                    self.store.require_room_for_cors()?;
                }
                let warnings = match name {
                    "service" => resources::service_warnings(call, id),
                    _ => Vec::new(),
                };
                let mut answer = Records::of(call, resource, id).run(self, call)?;
                let is_write = matches!(call.request.verb, Verb::Post | Verb::Put | Verb::Patch);
                if is_write && resource.table == "user" && call.request.flag("send_invite") {
                    let side = if resource.name == "admin" { session::Side::Admin } else { session::Side::User };
                    invitation::invite(&self.store, call, side, &mut answer);
                }
                let mut response = written(call.request.verb, answer);
                event_script::attach(&mut response, &warnings);
                Ok(response)
            }
        }
    }
}

#[async_trait]
impl Service for SystemService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        blocking(|| self.answer(&call))
    }

    fn service_events(&self) -> Vec<ServiceEvent> {
        vec![limits::exceeded_event(&self.store), schedule::run_event(&self.store)]
    }

    fn secrecy(&self, matched: &Matched) -> Option<SecrecyOf> {
        secrecy::of(matched)
    }

    fn schemas(&self) -> Result<Vec<Schema>> {
        schemas::all(&self.store)
    }
}

/// 201 for what was created, 200 for everything else.
fn written(verb: Verb, answer: Value) -> Response {
    match verb {
        Verb::Post => Response::created(answer),
        _ => Response::ok(answer),
    }
}

/// Constants of one kind; the lists that clients choose from.
fn constant(kind: &str) -> Result<Response> {
    match kind {
        "verbs" => Ok(Response::ok(json!({ "verbs": Verb::ALL.map(Verb::as_str) }))),
        _ => Ok(Response::resource(Vec::new())),
    }
}

/// What the listing of resources tells besides the name.
fn describe(name: &str) -> Object {
    let summary = resources::find(name).map_or("", |resource| resource.summary);
    let described = json!({
        "label": label(name),
        "description": summary,
        "class_name": null,
        "singleton": (["cache", "config", "environment"].contains(&name)),
        "read_only": (["constant", "environment", "event", "script_type", "service_report", "service_type"].contains(&name)),
        "subscription_required": null,
    });
    described.as_object().cloned().unwrap_or_default()
}

/// The name for people: `email_template` becomes `Email Template`.
fn label(name: &str) -> String {
    let words = name.split(['/', '_']).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}
