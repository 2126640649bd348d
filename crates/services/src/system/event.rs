//! `system/event`: the events that scripts can be attached to, from the very routes that fire them
//! (events-and-scripting 6.1, 6.7).

use super::SystemStore;
use super::store::required_text;
use antiphon_gateway::{Call, Route, ServiceEntry, ServiceEvent, may};
use antiphon_model::{Object, Phase, Request, Response, Result, Value, Verb, json};
use std::sync::Arc;

/// Answers in the form that the request asks for.
pub(super) fn handle(store: &SystemStore, call: &Call<'_>) -> Result<Response> {
    let request = call.request;
    if request.flag("only_scripted") {
        return scripted(store, call);
    }
    let mut entries = usable(call);
    if request.flag("services_only") {
        entries.retain(|entry| entry.is_active);
        return Ok(Response::ok(json!({ "resource": entries.iter().map(|entry| &entry.name).collect::<Vec<_>>() })));
    }
    if let Some(service) = request.parameter(&["service"]) {
        entries.retain(|entry| entry.name == service);
    }
    let shape = Shape::of(request);
    if request.flag("as_list") {
        let names = entries.iter().flat_map(|entry| {
            let of_calls = paths(entry).into_iter().flat_map(|path| shape.names(&path));
            let of_service = entry.service.service_events();
            of_calls
                .chain(of_service.into_iter().flat_map(|event| shape.service_names(entry, &event)))
                .collect::<Vec<_>>()
        });
        return Ok(Response::resource(names.map(Value::from).collect()));
    }
    let mut map = Object::new();
    for entry in &entries {
        let mut described: Object =
            paths(entry).into_iter().map(|path| (path.key.clone(), shape.describe(entry, &path))).collect();
        if shape.kind != Kind::Process {
            let events = entry.service.service_events();
            described.extend(events.iter().map(|event| (name_of(entry, event), shape.describe_service(entry, event))));
        }
        if !described.is_empty() && shape.kind != Kind::Broadcast {
            map.insert(entry.name.clone(), Value::Object(described));
        }
    }
    Ok(Response::ok(Value::Object(map)))
}

/// The services that the caller may use anywhere, by name.
fn usable(call: &Call<'_>) -> Vec<Arc<ServiceEntry>> {
    let session = call.session;
    let granted = |entry: &ServiceEntry| {
        session
            .role
            .as_ref()
            .is_some_and(|role| role.access.iter().any(|row| row.service_id == Some(entry.id) && row.verb_mask.0 != 0))
    };
    let mut entries = call.gateway.registry().list();
    entries.retain(|entry| may(session, Verb::Get, entry.id, "") || granted(entry));
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    entries
}

/// What of the events is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Names without type.
    Base,
    /// Names with each type.
    Scriptable,
    /// Scriptable names as before 2.3: those before and after a call.
    Process,
    /// Names that existed before 2.3 only.
    Broadcast,
}

/// How names are written.
struct Shape {
    kind: Kind,
    include_base: bool,
}

impl Shape {
    fn of(request: &Request) -> Shape {
        let kind = match request.parameter(&["type"]).as_deref() {
            Some("process") => Kind::Process,
            Some("broadcast") => Kind::Broadcast,
            _ if request.flag("scriptable") => Kind::Scriptable,
            _ => Kind::Base,
        };
        Shape { kind, include_base: request.flag("include_base") }
    }

    fn phases(&self) -> &'static [Phase] {
        match self.kind {
            Kind::Base | Kind::Broadcast => &[],
            Kind::Scriptable => &Phase::SUFFIXED,
            Kind::Process => &[Phase::PreProcess, Phase::PostProcess],
        }
    }

    /// The names with type of one base name; the base name itself when types are not asked for.
    fn typed(&self, base: &str) -> Vec<String> {
        match self.kind {
            Kind::Base => vec![base.to_owned()],
            _ => self
                .phases()
                .iter()
                .filter_map(|phase| phase.suffix())
                .map(|suffix| format!("{base}.{suffix}"))
                .collect(),
        }
    }

    /// The names of a path for a list.
    fn names(&self, path: &Path) -> Vec<String> {
        let bases = path.verbs.iter().map(|verb| format!("{}.{}", path.key, verb.lower()));
        bases
            .flat_map(|base| {
                let typed = self.typed(&base);
                let extra = (self.kind == Kind::Scriptable && self.include_base).then_some(base);
                extra.into_iter().chain(typed)
            })
            .collect()
    }

    /// The names of an event of type `service` for a list.
    fn service_names(&self, entry: &ServiceEntry, event: &ServiceEvent) -> Vec<String> {
        let base = name_of(entry, event);
        let queued = format!("{base}.queued");
        match self.kind {
            Kind::Base => vec![base],
            Kind::Scriptable if self.include_base => vec![base, queued],
            Kind::Scriptable => vec![queued],
            Kind::Process | Kind::Broadcast => Vec::new(),
        }
    }

    /// Its entry in the map. No verb fires it.
    fn describe_service(&self, entry: &ServiceEntry, event: &ServiceEvent) -> Value {
        let base = name_of(entry, event);
        let mut endpoints = vec![base.clone()];
        if self.kind == Kind::Scriptable {
            endpoints.push(format!("{base}.queued"));
        }
        let parameter = if event.values.is_empty() { Value::Null } else { json!({ event.parameter: event.values }) };
        json!({ "type": "service", "endpoints": endpoints, "verb": {}, "parameter": parameter })
    }

    /// A path's entry in the map, with the members of all generations of clients.
    fn describe(&self, entry: &ServiceEntry, path: &Path) -> Value {
        let mut endpoints = Vec::new();
        let mut verbs = Object::new();
        for verb in &path.verbs {
            let base = format!("{}.{}", path.key, verb.lower());
            let typed = self.typed(&base);
            verbs.insert(verb.lower().to_owned(), json!(typed));
            if self.kind == Kind::Scriptable {
                endpoints.push(base);
            }
            endpoints.extend(typed);
        }
        json!({ "type": "api", "endpoints": endpoints, "verb": verbs, "parameter": parameter(entry, path) })
    }
}

fn name_of(entry: &ServiceEntry, event: &ServiceEvent) -> String {
    format!("{}.{}", entry.name, event.path)
}

/// One path of a service, as events name it.
struct Path {
    key: String,
    verbs: Vec<Verb>,
    route: Arc<Route>,
}

fn paths(entry: &ServiceEntry) -> Vec<Path> {
    let listed = entry.service.routes().iter().filter(|route| route.is_listed());
    let mut paths: Vec<Path> = listed
        .map(|route| Path {
            key: match route.event_path() {
                "" => entry.name.clone(),
                path => format!("{}.{path}", entry.name),
            },
            verbs: route.verbs().to_vec(),
            route: Arc::clone(route),
        })
        .collect();
    paths.sort_by(|left, right| left.key.cmp(&right.key));
    paths
}

/// The values of the first parameter from which concrete names can be made: what the service knows of it, else the fixed
/// paths in its place.
fn parameter(entry: &ServiceEntry, path: &Path) -> Value {
    let Some(name) = path.route.first_parameter() else { return Value::Null };
    let mut values = entry.service.parameter_values(name);
    if values.is_empty() {
        let pattern = path.route.pattern();
        let prefix = pattern.split('{').next().unwrap_or_default();
        let siblings = entry.service.routes().iter().filter(|route| route.is_listed()).filter_map(|route| {
            let rest = route.pattern().strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
            (!rest.is_empty() && !rest.contains(['{', '/'])).then(|| rest.to_owned())
        });
        values = siblings.collect();
    }
    match values.is_empty() {
        true => Value::Null,
        false => json!({ name: values }),
    }
}

/// The names of stored scripts, as before 2.3.
fn scripted(store: &SystemStore, call: &Call<'_>) -> Result<Response> {
    let shape = Shape::of(call.request);
    let wanted = |name: &&str| match shape.kind {
        Kind::Process => [".pre_process", ".post_process"].iter().any(|suffix| name.ends_with(suffix)),
        Kind::Broadcast => false,
        _ => true,
    };
    let names = store.all("SELECT name FROM event_script ORDER BY name", &[], |row| required_text(row, 0))?;
    Ok(Response::ok(json!({ "resource": names.iter().map(String::as_str).filter(wanted).collect::<Vec<_>>() })))
}
