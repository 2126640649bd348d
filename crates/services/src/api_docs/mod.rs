//! The API documentation service: OpenAPI 3 documents of the services, made from their routes (other-services 8).
//!
//! A document shows what its reader may use. Nothing is kept in memory: it is made when it is asked for, so it is never out of
//! date.

mod actions;
mod combined;
mod document;
mod event_types;
mod model;
mod operation;
mod parameters;
mod shared;
mod spec;
pub(crate) mod stored;
mod swagger2;
pub(crate) mod tables;
#[cfg(test)]
mod tests;

pub(crate) use actions::schemas as action_schemas;
pub(crate) use event_types::of_event as types_of_event;
pub(crate) use spec::SelfDescription;

use antiphon_gateway::{Call, Route, RouteTable, Service, ServiceEntry, Shape, blocking, uses};
use antiphon_model::{Error, Response, Result, Session, Value, Verb};
use async_trait::async_trait;
use document::Options;
use std::sync::Arc;

/// The service of type `swagger`.
pub struct ApiDocsService {
    routes: RouteTable,
}

impl Default for ApiDocsService {
    fn default() -> ApiDocsService {
        let public = |pattern: &str, summary: &str| Route::new(pattern, &[Verb::Get], summary).public(&[Verb::Get]);
        let routes = vec![
            public("", "The documentation of all services").carries(Shape::Listing).asks(&["expand_schema", "refresh"]),
            public("{service_name}", "The documentation of one service")
                .legacy_event("")
                .asks(&["expand_schema", "refresh"]),
        ];
        ApiDocsService { routes: RouteTable::new(routes) }
    }
}

impl ApiDocsService {
    fn answer(call: &Call<'_>) -> Result<Response> {
        let request = call.request;
        let name = call.matched.parameter("service_name");
        if !name.is_empty() {
            let entry = readable(call, name)?;
            return document::of_service(call, &entry, &Options::of(request)).map(Response::ok);
        }
        let entries = readable_services(call);
        if request.flag("as_list") || request.flag("as_access_list") {
            return Ok(Response::resource(entries.iter().map(|entry| Value::from(entry.name.as_str())).collect()));
        }
        Ok(Response::ok(combined::of_services(call, &entries, &Options::of(request))))
    }
}

#[async_trait]
impl Service for ApiDocsService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        blocking(|| Self::answer(&call))
    }
}

fn may_read(session: &Session, entry: &ServiceEntry) -> bool {
    entry.is_active && (session.is_admin() || uses(session, entry.id))
}

/// The services whose documentation the caller may read, by name.
fn readable_services(call: &Call<'_>) -> Vec<Arc<ServiceEntry>> {
    let mut entries = call.gateway.registry().list();
    entries.retain(|entry| may_read(call.session, entry));
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    entries
}

/// The service of that name. Only administrators learn which names there are.
fn readable(call: &Call<'_>, name: &str) -> Result<Arc<ServiceEntry>> {
    let entry = call.gateway.registry().find(name);
    match entry {
        Some(entry) if may_read(call.session, &entry) => Ok(entry),
        _ if !call.session.is_admin() => {
            Err(Error::forbidden(format!("You do not have access to API Docs for the requested service {name}.")))
        }
        Some(entry) => Err(Error::forbidden(format!("Service {} is deactivated.", entry.name))),
        None => Err(Error::not_found(format!("Could not find a service for {name}"))),
    }
}
