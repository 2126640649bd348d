//! Service types whose implementation is still to come.
//!
//! Their routes are real: calls are authenticated and authorized, their events fire, and a pre-process script can answer in
//! their place. Only the service itself says 501.

use crate::api_docs::stored;
use crate::system::listing;
use antiphon_gateway::{Call, Route, RouteTable, Service};
use antiphon_model::{Error, Object, Response, Result, Value, Verb};
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
            routes.splice(0..0, document.map(|document| documented(name, document)).unwrap_or_default());
        }
        PlannedService { kind: kind.to_owned(), routes: RouteTable::new(routes) }
    }
}

/// Types whose routes do not come from a document.
const HAS_FIXED_ROUTES: [&str; 3] = ["local_file", "local_email", "smtp_email"];

/// The paths and verbs of an API document. A leading segment that repeats the service's name is left out
/// (events-and-scripting 1.2).
fn documented(name: &str, document: &str) -> Vec<Route> {
    let document = stored::parse(document).unwrap_or_else(|error| {
        tracing::warn!(service = name, %error, "a stored API document makes no routes");
        Object::new()
    });
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let routes = paths.filter_map(|(path, operations)| {
        let path = stored::below_service(name, path);
        let path = path.trim_matches('/');
        let verbs: Vec<Verb> = operations.as_object()?.keys().filter_map(|verb| Verb::parse(verb)).collect();
        let summary = operations.as_object()?.values().find_map(|operation| operation.get("summary")?.as_str());
        (!path.is_empty()).then(|| Route::new(path, &verbs, summary.unwrap_or_default()).resource_as_map())
    });
    routes.collect()
}

fn routes_of(kind: &str) -> Vec<Route> {
    use Verb::{Delete, Get, Patch, Post, Put};
    match kind {
        "local_file" => vec![
            Route::new("", &[Get, Post, Patch, Delete], "List and create folders and files"),
            Route::new("{folder_path*}/", &[Get, Post, Patch, Delete], "One folder"),
            Route::new("{file_path*}", &[Get, Post, Put, Patch, Delete], "One file"),
        ],
        "local_email" | "smtp_email" => vec![Route::new("", &[Post], "Send an e-mail").also(&[Get])],
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
        let service = PlannedService::new("math", "nodejs", Some(document));
        let pattern = |path: &str| service.routes().find(path).map(|matched| matched.route.pattern().to_owned());
        assert_eq!(pattern("add").as_deref(), Some("add"));
        assert_eq!(pattern("today/51").as_deref(), Some("today/{lat}"));
        assert_eq!(pattern("other/path").as_deref(), Some("{path*}"));
        assert_eq!(pattern("").as_deref(), Some(""));
    }
}
