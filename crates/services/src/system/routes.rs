//! The routes of the system service (system-and-users 4.1, 4.2).

use super::resources::RESOURCES;
use antiphon_gateway::{Route, RouteTable, Shape};
use antiphon_model::Verb::{self, Delete, Get, Patch, Post, Put};

/// What changes of passwords carry.
pub(crate) const PASSWORD: Shape = Shape::Action { request: "PasswordRequest", response: "PasswordResponse" };
/// What people's own accounts carry.
pub(crate) const PROFILE: Shape = Shape::Action { request: "ProfileRequest", response: "Profile" };

pub(super) fn routes() -> RouteTable {
    let mut routes = vec![Route::new("", &[Get], "The resources of the system").carries(Shape::Listing)];
    for resource in &RESOURCES {
        match resource.name {
            // Nobody writes what is written about the others.
            "service_report" => {
                let report = Route::new("service_report", &[Get], resource.summary);
                routes.push(report.carries(Shape::Collection("service_report")));
                continue;
            }
            name => records(&mut routes, name, resource.summary),
        }
        match resource.name {
            "admin" => account(&mut routes),
            "app_group" => cache_and_config(&mut routes),
            "email_template" => environment_and_events(&mut routes),
            "limit" => counters(&mut routes),
            "schedule" => jobs(&mut routes),
            "service" => types(&mut routes, "service_type", "The types of services"),
            "user" => types(&mut routes, "script_type", "The languages of scripts"),
            _ => {}
        }
    }
    packages(&mut routes);
    RouteTable::new(routes)
}

/// A collection and its records. The name without identifier fires first: installations of the original rely on it.
fn records(routes: &mut Vec<Route>, name: &'static str, summary: &str) {
    const COLLECTION: [Verb; 5] = [Get, Post, Patch, Put, Delete];
    routes.push(Route::new(name, &COLLECTION, summary).carries(Shape::Collection(name)).creates());
    let by_id = format!("{name}/{{id}}");
    let route = match name {
        "event_script" | "script_library" => Route::new(&by_id, &COLLECTION, "One script").creates(),
        _ => Route::new(&by_id, &[Get, Patch, Put, Delete], "One record").also(&[Post]),
    };
    routes.push(route.legacy_event(name).carries(Shape::Record(name)));
}

fn account(routes: &mut Vec<Route>) {
    routes.extend([
        Route::new("admin/password", &[Post], "Change an administrator's password")
            .also(&[Put, Patch])
            .public(&[Post, Put, Patch])
            .carries(PASSWORD),
        Route::new("admin/profile", &[Get, Post], "The administrator's own profile")
            .also(&[Put, Patch])
            .carries(PROFILE),
        session("admin/session").uncounted(),
        // A client reads the account under this path.
        Route::new("admin/{id}/session", &[Get], "One administrator").legacy_event("admin").unlisted(),
    ]);
}

/// Log-in, refresh and log-out need no role; log-in and refresh don't mind a token that is no good.
pub(crate) fn session(pattern: &str) -> Route {
    const VERBS: [Verb; 4] = [Get, Post, Put, Delete];
    let carried = Shape::Action { request: "LoginRequest", response: "Session" };
    Route::new(pattern, &VERBS, "Log in, refresh, log out")
        .public(&Verb::ALL)
        .ignores_token(&[Post, Put])
        .carries(carried)
}

fn cache_and_config(routes: &mut Vec<Route>) {
    routes.extend([
        Route::new("cache", &[Get, Delete], "What is kept in memory"),
        Route::new("cache/{service}", &[Delete], "What is kept in memory for one service").legacy_event("cache"),
        Route::new("cache/_event/{name}", &[Delete], "What is kept in memory for one event's script").unlisted(),
        Route::new("config", &[Get, Post], "Settings of the instance").also(&[Put, Patch]),
        Route::new("constant", &[Get], "Names of constant values"),
        Route::new("constant/{type}", &[Get], "Constant values of one kind").legacy_event("constant"),
    ]);
}

fn environment_and_events(routes: &mut Vec<Route>) {
    routes.extend([
        Route::new("environment", &[Get], "What clients need to begin")
            .public(&[Get])
            .carries(Shape::Action { request: "Environment", response: "Environment" }),
        Route::new("event", &[Get], "The events that scripts can be attached to").asks(&[
            "service",
            "scriptable",
            "as_list",
            "services_only",
            "type",
            "only_scripted",
            "refresh",
        ]),
        Route::new("event/{event_name}", &[Get, Post, Delete], "The script of one event, in its old form")
            .legacy_event("event"),
    ]);
}

fn counters(routes: &mut Vec<Route>) {
    routes.extend([
        Route::new("limit_cache", &[Get, Delete], "Counters of the limits"),
        Route::new("limit_cache/{id}", &[Get, Delete], "The counter of one limit").legacy_event("limit_cache"),
    ]);
}

fn jobs(routes: &mut Vec<Route>) {
    routes.extend([
        Route::new("schedule/{id}/run", &[Post], "Run a schedule now")
            .carries(Shape::Action { request: "ScheduleRunRequest", response: "ScheduleRunResponse" }),
        Route::new("job", &[Get, Patch, Put, Delete], "Scripts that run later")
            .also(&[Post])
            .carries(Shape::Collection("job")),
        Route::new("job/{id}", &[Get, Patch, Put, Delete], "One job")
            .also(&[Post])
            .legacy_event("job")
            .carries(Shape::Record("job")),
        Route::new("queue", &[Get, Patch], "What jobs stand in").also(&[Put]).carries(Shape::Collection("queue")),
        Route::new("queue/{id}", &[Get, Patch], "One queue")
            .also(&[Put])
            .legacy_event("queue")
            .carries(Shape::Record("queue")),
    ]);
}

fn types(routes: &mut Vec<Route>, name: &str, summary: &str) {
    routes.push(Route::new(name, &[Get], summary).asks(&["fields", "group", "as_list"]));
    routes.push(Route::new(&format!("{name}/{{id}}"), &[Get], "One type").legacy_event(name));
}

fn packages(routes: &mut Vec<Route>) {
    routes.push(Route::new("import", &[Post], "Make a table of a file"));
    routes.push(Route::new("package", &[Get, Post], "Export and import of this instance").asks(&[
        "system_only",
        "full_tree",
        "file",
    ]));
}
