//! A service's routes: the single source of dispatch, events, grantable components and documentation.

use crate::Shape;
use antiphon_model::{Verb, VerbMask};
use std::sync::Arc;

/// One path of a service with the verbs that it answers.
///
/// A pattern is made of literal segments and parameters: `_table/{table_name}/{id}`. A parameter written `{name*}` takes the
/// whole rest of the path; with a slash behind it (`{folder_path*}/`) only paths that end in a slash match.
#[derive(Debug, Clone)]
pub struct Route {
    pattern: String,
    segments: Vec<Segment>,
    event_path: String,
    verbs: Vec<Verb>,
    further: VerbMask,
    summary: String,
    public: VerbMask,
    ignores_token: VerbMask,
    is_counted: bool,
    legacy: Option<String>,
    concrete: Option<String>,
    base_segments: usize,
    is_listed: bool,
    is_silent: bool,
    resource_is_map: bool,
    shape: Shape,
    creates: bool,
    query: &'static [&'static str],
}

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// The rest of the path; `folder` = it must end in a slash.
    Rest {
        name: String,
        folder: bool,
    },
}

impl Segment {
    /// As event names spell it.
    fn in_events(&self) -> String {
        match self {
            Segment::Literal(text) => text.clone(),
            Segment::Parameter(name) | Segment::Rest { name, .. } => format!("{{{name}}}"),
        }
    }
}

impl Route {
    /// A route of that pattern. `verbs` in the order in which listings name them.
    pub fn new(pattern: &str, verbs: &[Verb], summary: &str) -> Route {
        let folder = pattern.ends_with('/');
        let segments: Vec<Segment> = pattern
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => match name.strip_suffix('*') {
                    Some(name) => Segment::Rest { name: name.to_owned(), folder },
                    None => Segment::Parameter(name.to_owned()),
                },
                None => Segment::Literal(part.to_owned()),
            })
            .collect();
        let event_path = segments.iter().map(Segment::in_events).collect::<Vec<_>>().join(".");
        let base_segments = segments.iter().take_while(|segment| matches!(segment, Segment::Literal(_))).count();
        Route {
            pattern: pattern.to_owned(),
            segments,
            event_path,
            verbs: verbs.to_vec(),
            further: VerbMask::default(),
            summary: summary.to_owned(),
            public: VerbMask::default(),
            ignores_token: VerbMask::default(),
            is_counted: true,
            legacy: None,
            concrete: None,
            base_segments,
            is_listed: true,
            is_silent: false,
            resource_is_map: false,
            shape: Shape::Free,
            creates: false,
            query: &[],
        }
    }

    /// These verbs need no role (system-and-users 3.3).
    pub fn public(mut self, verbs: &[Verb]) -> Route {
        self.public = VerbMask::of(verbs);
        self
    }

    /// These verbs go on although the session token is bad: log-in, refresh and log-out (system-and-users 2.1).
    pub fn ignores_token(mut self, verbs: &[Verb]) -> Route {
        self.ignores_token = VerbMask::of(verbs);
        self
    }

    /// No limit on calls counts its calls: an administrator must be able to log in and lift a limit that is used up. Guessing has
    /// limits of its own.
    pub fn uncounted(mut self) -> Route {
        self.is_counted = false;
        self
    }

    /// The event path, below the service, that installations of the original rely on; fires before the documented one
    /// (events-and-scripting 1.3). Empty = the service itself.
    pub fn legacy_event(mut self, path: &str) -> Route {
        self.legacy = Some(path.to_owned());
        self
    }

    /// The documented event path, below the service, of another route that reaches the same: no spelling of a path may get around
    /// the scripts of the other.
    pub fn fires_as(mut self, path: &str) -> Route {
        path.clone_into(&mut self.event_path);
        self
    }

    /// The parameter whose value makes the concrete event name.
    pub fn concrete_by(mut self, parameter: &str) -> Route {
        self.concrete = Some(format!("{{{parameter}}}"));
        self
    }

    /// Verbs that reach the service although the documentation does not name them: spellings of old, or verbs that the service
    /// refuses in words of its own.
    pub fn also(mut self, verbs: &[Verb]) -> Route {
        self.further = VerbMask::of(verbs);
        self
    }

    /// Routed and fired, but not a documented path, so `system/event` does not name it.
    pub fn unlisted(mut self) -> Route {
        self.is_listed = false;
        self
    }

    /// `event.resource` is a map of the parameters, names in braces, and not the rest of the path: so for the documented paths of
    /// script and HTTP services.
    pub fn resource_as_map(mut self) -> Route {
        self.resource_is_map = true;
        self
    }

    /// Fires no events: what a service says of itself (events-and-scripting 2.1).
    pub fn silent(mut self) -> Route {
        self.is_silent = true;
        self
    }

    /// What its calls carry, for the documentation.
    pub fn carries(mut self, shape: Shape) -> Route {
        self.shape = shape;
        self
    }

    /// A good POST answers 201, for the documentation.
    pub fn creates(mut self) -> Route {
        self.creates = true;
        self
    }

    /// Names of query parameters that its GET knows beyond those of its shape, for the documentation.
    pub fn asks(mut self, query: &'static [&'static str]) -> Route {
        self.query = query;
        self
    }

    /// The pattern as declared.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Its documented verbs in listing order.
    pub fn verbs(&self) -> &[Verb] {
        &self.verbs
    }

    /// Whether the verb reaches the service.
    pub fn accepts(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb) || self.further.contains(verb)
    }

    /// One line for the documentation.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Whether `system/event` names it.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// What its calls carry.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Names of query parameters that its GET knows beyond those of its shape.
    pub fn query(&self) -> &'static [&'static str] {
        self.query
    }

    /// Status of a good answer to that verb.
    pub fn good_status(&self, verb: Verb) -> u16 {
        if self.creates && verb == Verb::Post { 201 } else { 200 }
    }

    /// Names of its parameters in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) | Segment::Rest { name, .. } => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// The event paths that a call fires, below the service and without those of concrete values: the one that installations
    /// rely on, if there is one, and the documented one.
    pub fn event_paths(&self) -> impl Iterator<Item = &str> {
        let legacy = self.legacy.as_deref().filter(|legacy| *legacy != self.event_path);
        legacy.into_iter().chain([self.event_path.as_str()])
    }

    /// Whether limits count its calls.
    pub(crate) fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// Whether the verb needs no role here.
    pub fn is_public(&self, verb: Verb) -> bool {
        self.public.contains(verb)
    }

    /// Whether a bad session token is no obstacle here.
    pub fn tolerates_bad_token(&self, verb: Verb) -> bool {
        self.ignores_token.contains(verb)
    }

    /// Name of the first parameter: the one whose values clients fill in to make concrete event names.
    pub fn first_parameter(&self) -> Option<&str> {
        self.parameters().next()
    }

    /// The documented event path below the service, dots for slashes; empty at the root.
    pub fn event_path(&self) -> &str {
        &self.event_path
    }

    /// The last literal segment, and the name of the parameter behind it.
    pub(crate) fn handler_and_below(&self) -> (Option<&str>, Option<&str>) {
        let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        let last = self.segments.iter().rposition(literal);
        let handler = last.and_then(|last| match &self.segments[last] {
            Segment::Literal(text) => Some(text.as_str()),
            _ => None,
        });
        let below = match self.segments.get(last.map_or(0, |last| last + 1)) {
            Some(Segment::Parameter(name) | Segment::Rest { name, .. }) => Some(name.as_str()),
            _ => None,
        };
        (handler, below)
    }

    pub(crate) fn legacy(&self) -> Option<&str> {
        self.legacy.as_deref()
    }

    pub(crate) fn concrete(&self) -> Option<&str> {
        self.concrete.as_deref()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent
    }

    pub(crate) fn resource_is_map(&self) -> bool {
        self.resource_is_map
    }

    /// How many leading literal segments `event.resource` leaves out.
    pub(crate) fn base_segments(&self) -> usize {
        self.base_segments
    }

    fn match_path(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut rest = path;
        let mut parameters = Vec::new();
        for segment in &self.segments {
            if rest.is_empty() {
                return None;
            }
            if let Segment::Rest { name, folder } = segment {
                return (*folder == rest.ends_with('/')).then(|| {
                    parameters.push((name.clone(), rest.to_owned()));
                    parameters
                });
            }
            let (part, tail) = rest.split_once('/').unwrap_or((rest, ""));
            match segment {
                Segment::Literal(text) if !text.eq_ignore_ascii_case(part) => return None,
                Segment::Parameter(name) => parameters.push((name.clone(), part.to_owned())),
                _ => {}
            }
            rest = tail;
        }
        rest.is_empty().then_some(parameters)
    }

    /// Literal segments weigh more the further left they stand.
    fn specificity(&self) -> Vec<u8> {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Parameter(_) => 1,
                Segment::Rest { .. } => 2,
            })
            .collect()
    }
}

/// A route that fits a path, with the values of its parameters.
#[derive(Debug, Clone)]
pub struct Matched {
    /// The route.
    pub route: Arc<Route>,
    parameters: Vec<(String, String)>,
}

impl Matched {
    /// Names and values of the parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter; empty when the pattern has none of that name.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// All routes of a service, literal segments before parameters.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    declared: Vec<Arc<Route>>,
    by_specificity: Vec<Arc<Route>>,
}

impl RouteTable {
    /// A table of these routes; listings keep their order.
    pub fn new(routes: Vec<Route>) -> RouteTable {
        let declared: Vec<Arc<Route>> = routes.into_iter().map(Arc::new).collect();
        let mut by_specificity = declared.clone();
        by_specificity.sort_by_key(|route| route.specificity());
        RouteTable { declared, by_specificity }
    }

    /// The routes in declared order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.declared.iter()
    }

    /// The route for a path below the service. A trailing slash matters only where a route asks for one.
    pub fn find(&self, path: &str) -> Option<Matched> {
        let plain = path.trim_end_matches('/');
        self.by_specificity.iter().find_map(|route| {
            let takes_rest = matches!(route.segments.last(), Some(Segment::Rest { .. }));
            route
                .match_path(if takes_rest { path } else { plain })
                .map(|parameters| Matched { route: Arc::clone(route), parameters })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> RouteTable {
        RouteTable::new(vec![
            Route::new("", &[Verb::Get], "root"),
            Route::new("admin/{id}", &[Verb::Get], "one"),
            Route::new("admin/session", &[Verb::Post], "log in"),
            Route::new("files/{file_path*}", &[Verb::Get], "file"),
            Route::new("files/{folder_path*}/", &[Verb::Get], "folder"),
        ])
    }

    fn pattern(path: &str) -> Option<String> {
        table().find(path).map(|matched| matched.route.pattern().to_owned())
    }

    #[test]
    fn a_literal_wins_over_a_parameter_whatever_the_declared_order() {
        assert_eq!(pattern("admin/session").as_deref(), Some("admin/session"));
        assert_eq!(pattern("admin/7").as_deref(), Some("admin/{id}"));
        assert_eq!(table().find("admin/7").unwrap().parameter("id"), "7");
    }

    #[test]
    fn a_trailing_slash_tells_a_folder_from_a_file_and_means_nothing_elsewhere() {
        assert_eq!(pattern("files/a/b.txt").as_deref(), Some("files/{file_path*}"));
        assert_eq!(pattern("files/a/").as_deref(), Some("files/{folder_path*}/"));
        assert_eq!(table().find("files/a/").unwrap().parameter("folder_path"), "a/");
        assert_eq!(pattern("admin/session/").as_deref(), Some("admin/session"));
        assert_eq!(pattern("").as_deref(), Some(""));
    }

    #[test]
    fn a_path_that_no_route_declares_is_not_found() {
        assert_eq!(pattern("nosuch"), None);
        assert_eq!(pattern("admin/7/more"), None);
        assert_eq!(pattern("admin"), None);
    }
}
