//! `GET /api/v2`: what the caller can use (system-and-users 1.2).

use crate::{Gateway, ServiceEntry, may};
use antiphon_model::{Error, Object, Request, Response, Session, Value, Verb, json};

/// The services that the caller may read at their root, or anywhere below for callers with a role.
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
    let fields = request.parameter(&["fields"]).filter(|fields| fields != "*");
    let kinds = request.parameter(&["type"]);
    let visible: Vec<_> = gateway
        .registry()
        .list()
        .into_iter()
        .filter(|entry| entry.is_active && uses(session, entry))
        .filter(|entry| {
            kinds.as_ref().is_none_or(|kinds| names(kinds).any(|kind| kind.eq_ignore_ascii_case(&entry.kind)))
        })
        .collect();
    let services: Vec<Value> = visible.iter().map(|entry| describe(entry, fields.as_deref())).collect();
    let plain: Vec<&str> = visible.iter().map(|entry| entry.name.as_str()).collect();
    Response::ok(json!({ "services": services, "resource": plain }))
}

fn uses(session: &Session, entry: &ServiceEntry) -> bool {
    let granted_below = || {
        session.role.as_ref().is_some_and(|role| {
            role.is_active && role.access.iter().any(|row| row.service_id == Some(entry.id) && row.verb_mask.0 != 0)
        })
    };
    Verb::ALL.into_iter().any(|verb| may(session, verb, entry.id, "")) || granted_below()
}

fn describe(entry: &ServiceEntry, fields: Option<&str>) -> Value {
    let mut all = Object::new();
    all.insert("id".into(), json!(entry.id));
    all.insert("name".into(), json!(entry.name));
    all.insert("label".into(), json!(entry.label));
    all.insert("description".into(), json!(entry.description));
    all.insert("type".into(), json!(entry.kind));
    if let Some(fields) = fields {
        all.retain(|name, _| names(fields).any(|field| field == name));
    }
    Value::Object(all)
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}
