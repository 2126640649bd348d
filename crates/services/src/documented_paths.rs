//! Routes from the API document that an administrator stored: the paths of services that have none of their own
//! (events-and-scripting 1.2, other-services 3.6).

use crate::api_docs::stored;
use antiphon_gateway::Route;
use antiphon_model::{Object, Value, Verb};

/// The paths and verbs of an API document. A leading segment that repeats the service's name is left out.
pub(crate) fn routes(service: &str, document: &str) -> Vec<Route> {
    let document = stored::parse(&document.replace("{service.name}", service)).unwrap_or_else(|error| {
        tracing::warn!(service, %error, "a stored API document makes no routes");
        Object::new()
    });
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let routes = paths.filter_map(|(path, operations)| {
        let path = stored::below_service(service, path);
        let path = path.trim_matches('/');
        let verbs: Vec<Verb> = operations.as_object()?.keys().filter_map(|verb| Verb::parse(verb)).collect();
        let summary = operations.as_object()?.values().find_map(|operation| operation.get("summary")?.as_str());
        (!path.is_empty()).then(|| Route::new(path, &verbs, summary.unwrap_or_default()).resource_as_map())
    });
    routes.collect()
}

/// The service itself, and every path below it that no document names.
pub(crate) fn whole_service() -> [Route; 2] {
    [
        Route::new("", &Verb::ALL, "The service"),
        Route::new("{path*}", &Verb::ALL, "Below the service").legacy_event("").unlisted(),
    ]
}
