//! `GET {service}/_spec`: every service describes itself (other-services 8.1).

use super::document::{self, Options};
use super::model;
use antiphon_gateway::{Call, Route, RouteTable, Schema, Service, blocking};
use antiphon_model::{Response, Result, Verb};
use async_trait::async_trait;
use std::sync::Arc;

/// The path below every service.
const PATH: &str = "_spec";

/// A service with `_spec` beside its own routes. Roles must grant it like any path; it fires no events.
pub(crate) struct SelfDescribing {
    service: Arc<dyn Service>,
    routes: RouteTable,
}

impl SelfDescribing {
    pub(crate) fn new(service: Arc<dyn Service>) -> SelfDescribing {
        let route = Route::new(PATH, &[Verb::Get], "The documentation of this service").unlisted().silent();
        SelfDescribing { routes: service.routes().with(route), service }
    }
}

#[async_trait]
impl Service for SelfDescribing {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        match call.matched.route.pattern() {
            PATH => blocking(|| describe(&call)),
            _ => self.service.handle(call).await,
        }
    }

    fn parameter_values(&self, parameter: &str) -> Vec<String> {
        self.service.parameter_values(parameter)
    }

    fn schemas(&self) -> Result<Vec<Schema>> {
        self.service.schemas()
    }
}

fn describe(call: &Call<'_>) -> Result<Response> {
    match call.request.flag("model") && call.entry.kind == "sqlite" {
        true => model::of_database(call).map(Response::ok),
        false => document::of_service(call, call.entry, &Options::of(call.request)).map(Response::ok),
    }
}
