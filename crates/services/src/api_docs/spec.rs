//! `GET {service}/_spec`: every service describes itself (other-services 8.1).

use super::document::{self, Options};
use super::model;
use antiphon_gateway::{Call, Route, RouteTable, Service, blocking};
use antiphon_model::{Response, Result, Verb};
use async_trait::async_trait;

/// What answers below every service. Roles must grant it like any path; it fires no events.
pub(crate) struct SelfDescription {
    routes: RouteTable,
}

impl Default for SelfDescription {
    fn default() -> SelfDescription {
        let route = Route::new("_spec", &[Verb::Get], "The documentation of this service").unlisted().silent();
        SelfDescription { routes: RouteTable::new(vec![route]) }
    }
}

#[async_trait]
impl Service for SelfDescription {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        blocking(|| match call.request.flag("model") && call.entry.kind == "sqlite" {
            true => model::of_database(&call).map(Response::ok),
            false => document::of_service(&call, call.entry, &Options::of(call.request)).map(Response::ok),
        })
    }
}
