//! The parts of a script service that roles can grant (events-and-scripting 5.2).

use antiphon_gateway::RouteTable;
use antiphon_model::{Response, json};

/// The service, everything of it, each documented path, and everything below the folders of those.
pub(super) fn of(routes: &RouteTable) -> Response {
    let mut paths = Vec::new();
    for route in routes.iter().filter(|route| route.is_listed() && !route.pattern().is_empty()) {
        let path = route.pattern();
        let folders = path.match_indices('/').map(|(end, _)| format!("{}/*", &path[..end]));
        paths.extend(folders.chain([path.to_owned()]));
    }
    paths.sort();
    paths.dedup();
    let whole = [String::new(), "*".to_owned()];
    Response::ok(json!({ "resource": whole.into_iter().chain(paths).collect::<Vec<_>>() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_gateway::Route;
    use antiphon_model::{Content, Verb};

    #[test]
    fn documented_paths_are_listed_with_wildcards_for_what_is_above_them() {
        let paths = ["", "add", "today/{lat}", "a/b/c"];
        let routes = RouteTable::new(paths.iter().map(|path| Route::new(path, &[Verb::Get], "")).collect());
        let listed = json!({"resource": ["", "*", "a/*", "a/b/*", "a/b/c", "add", "today/*", "today/{lat}"]});
        assert_eq!(of(&routes).content, Content::Value(listed));
    }
}
