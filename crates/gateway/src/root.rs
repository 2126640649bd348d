//! `GET /api/v2`: what the caller can use (system-and-users 1.2).

use crate::{Gateway, Registry, ServiceEntry, ServiceKind, uses, verbs_for};
use antiphon_model::{Error, Object, Request, Response, Session, Value, Verb, json};

/// The active services of which the caller may use anything, and the types that services can have. `group` and `type` choose among
/// both, `fields` among the members of a service.
pub(crate) fn list(gateway: &Gateway, session: &Session, request: &Request, token_error: Option<Error>) -> Response {
    if let Some(error) = token_error {
        return Response::from(&error);
    }
    if request.verb != Verb::Get {
        return Response::from(&Error::bad_request(format!(
            "{} requests are not supported at the root of the API; name a service.",
            request.verb
        )));
    }
    let registry = gateway.registry();
    let wanted = Wanted::of(request);
    let visible: Vec<_> = registry
        .list()
        .into_iter()
        .filter(|entry| entry.is_active && wanted.has(&entry.kind, registry) && uses(session, entry.id))
        .collect();
    let services: Vec<Value> = visible.iter().map(|entry| describe(entry, session, request)).collect();
    let kinds = registry.kinds().iter().filter(|kind| wanted.has(&kind.name, registry));
    let plain: Vec<&str> = visible.iter().map(|entry| entry.name.as_str()).collect();
    match request.flag("as_list") {
        true => Response::ok(json!({ "resource": plain })),
        false => Response::ok(json!({
            "services": services,
            "service_types": kinds.map(describe_kind).collect::<Vec<_>>(),
            "resource": plain,
        })),
    }
}

/// Which types of services are asked for; an empty list asks for all.
struct Wanted {
    groups: Vec<String>,
    kinds: Vec<String>,
}

impl Wanted {
    fn of(request: &Request) -> Wanted {
        let list = |name: &str| {
            let text = request.parameter(&[name]).unwrap_or_default();
            names(&text).map(str::to_owned).collect()
        };
        Wanted { groups: list("group"), kinds: list("type") }
    }

    fn has(&self, kind: &str, registry: &Registry) -> bool {
        let group =
            || registry.kinds().iter().find(|known| known.name == kind).map_or("", |known| known.group.as_str());
        contains(&self.kinds, || kind) && contains(&self.groups, group)
    }
}

fn contains<'t>(list: &[String], text: impl FnOnce() -> &'t str) -> bool {
    if list.is_empty() {
        return true;
    }
    let text = text();
    list.iter().any(|item| item.eq_ignore_ascii_case(text))
}

fn describe(entry: &ServiceEntry, session: &Session, request: &Request) -> Value {
    let mut all = Object::new();
    all.insert("id".into(), json!(entry.id));
    all.insert("name".into(), json!(entry.name));
    all.insert("label".into(), json!(entry.label));
    all.insert("description".into(), json!(entry.description));
    all.insert("type".into(), json!(entry.kind));
    if let Some(fields) = request.parameter(&["fields"])
        && !names(&fields).any(|field| field == "*")
        && names(&fields).next().is_some()
    {
        all.retain(|name, _| names(&fields).any(|field| field == name));
    }
    if request.flag("include_access") {
        all.insert("access".into(), json!(verbs_for(session, entry.id, "")));
    }
    Value::Object(all)
}

fn describe_kind(kind: &ServiceKind) -> Value {
    json!({ "name": kind.name, "label": kind.label, "group": kind.group, "description": kind.description })
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}
