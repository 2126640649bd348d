//! Service types whose implementation is still to come.
//!
//! Their routes are real: calls are authenticated and authorized, their events fire, and a pre-process script can answer in
//! their place. Only the service itself says 501.

use antiphon_gateway::{Call, Route, RouteTable, Service};
use antiphon_model::{Error, Response, Result, Verb};
use async_trait::async_trait;

/// A service that answers 501.
pub struct PlannedService {
    kind: String,
    routes: RouteTable,
}

impl PlannedService {
    /// The service of that type, with the routes that such services have.
    pub fn new(kind: &str) -> PlannedService {
        PlannedService { kind: kind.to_owned(), routes: RouteTable::new(routes_of(kind)) }
    }
}

fn routes_of(kind: &str) -> Vec<Route> {
    use Verb::{Delete, Get, Patch, Post, Put};
    match kind {
        "local_file" => vec![
            Route::new("", &[Get, Post, Patch, Delete], "List and create folders and files"),
            Route::new("{folder_path*}/", &[Get, Post, Patch, Delete], "One folder"),
            Route::new("{file_path*}", &[Get, Post, Put, Patch, Delete], "One file"),
        ],
        "swagger" => vec![
            Route::new("", &[Get], "The documentation of all services"),
            Route::new("{service_name}", &[Get], "The documentation of one service").legacy_event(""),
        ],
        "local_email" | "smtp_email" => vec![Route::new("", &[Post], "Send an e-mail")],
        _ => vec![
            Route::new("", &Verb::ALL, "The service"),
            Route::new("{path*}", &Verb::ALL, "Below the service").legacy_event("").unlisted(),
        ],
    }
}

#[async_trait]
impl Service for PlannedService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, _call: Call<'_>) -> Result<Response> {
        Err(Error::not_implemented(format!("Services of type '{}' are not available in this release.", self.kind)))
    }
}
