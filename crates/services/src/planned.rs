//! Service types whose implementation is still to come.
//!
//! Their routes are real: calls are authenticated and authorized, their events fire, and a pre-process script can answer in
//! their place. Only the service itself says 501.

use crate::documented_paths;
use crate::system::listing;
use antiphon_gateway::{Call, Route, RouteTable, Service};
use antiphon_model::{Error, Response, Result, Verb};
use async_trait::async_trait;

/// A service that answers 501.
pub struct PlannedService {
    kind: String,
    routes: RouteTable,
}

impl PlannedService {
    /// The service of that name and type, with the routes that such services have. `document` is its API document as
    /// stored: services whose paths are their own take them from there.
    pub fn new(name: &str, kind: &str, document: Option<&str>) -> PlannedService {
        let mut routes = routes_of(kind);
        if !HAS_FIXED_ROUTES.contains(&kind) {
            routes.splice(0..0, document.map(|document| documented_paths::routes(name, document)).unwrap_or_default());
        }
        PlannedService { kind: kind.to_owned(), routes: RouteTable::new(routes) }
    }
}

/// Types whose routes do not come from a document.
const HAS_FIXED_ROUTES: [&str; 3] = ["local_file", "local_email", "smtp_email"];

fn routes_of(kind: &str) -> Vec<Route> {
    use Verb::{Delete, Get, Patch, Post, Put};
    match kind {
        "local_file" => vec![
            Route::new("", &[Get, Post, Patch, Delete], "List and create folders and files"),
            Route::new("{folder_path*}/", &[Get, Post, Patch, Delete], "One folder"),
            Route::new("{file_path*}", &[Get, Post, Put, Patch, Delete], "One file"),
        ],
        "local_email" | "smtp_email" => vec![Route::new("", &[Post], "Send an e-mail").also(&[Get])],
        _ => documented_paths::whole_service().into(),
    }
}

#[async_trait]
impl Service for PlannedService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        // Roles are made before a service answers, so what they can grant is known before (system-and-users 3.6).
        if call.matched.route.pattern().is_empty()
            && call.request.verb == Verb::Get
            && call.request.flag("as_access_list")
        {
            return Ok(listing::access_list(&self.routes));
        }
        Err(Error::not_implemented(format!("Services of type '{}' are not available in this release.", self.kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_paths_are_routes_and_every_other_path_belongs_to_the_service() {
        let document =
            r#"{"paths": {"/math/add": {"get": {"summary": "Add"}}, "/today/{lat}": {"get": {}, "post": {}}}}"#;
        let service = PlannedService::new("math", "rws", Some(document));
        let pattern = |path: &str| service.routes().find(path).map(|matched| matched.route.pattern().to_owned());
        assert_eq!(pattern("add").as_deref(), Some("add"));
        assert_eq!(pattern("today/51").as_deref(), Some("today/{lat}"));
        assert_eq!(pattern("other/path").as_deref(), Some("{path*}"));
        assert_eq!(pattern("").as_deref(), Some(""));
    }
}
