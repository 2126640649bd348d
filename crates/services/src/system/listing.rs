//! Listings that come from the program, not from a table: `fields`, `as_list`, access lists.

use antiphon_gateway::{Call, RouteTable, verbs_for};
use antiphon_model::{Object, Request, Response, Value, json};

/// A list of described things, each with its `name`: as asked for by `fields` and `as_list`.
pub(crate) fn answer(request: &Request, items: Vec<Object>) -> Response {
    if request.flag("as_list") {
        let names = items.into_iter().filter_map(|mut item| item.remove("name")).collect();
        return Response::resource(names);
    }
    Response::resource(items.into_iter().map(|item| Value::Object(selected(request, item))).collect())
}

/// The fields of a thing that the request asks for.
pub(crate) fn selected(request: &Request, mut item: Object) -> Object {
    item.retain(|name, _| wants(request, name));
    item
}

/// Whether the request asks for that field: by its name, or for all.
pub(crate) fn wants(request: &Request, name: &str) -> bool {
    request.parameter(&["fields", "select"]).is_none_or(|fields| {
        fields.trim().is_empty() || fields.split(',').any(|field| matches!(field.trim(), "*") || field.trim() == name)
    })
}

/// The root of a service: its resources, or the components that roles can grant (system-and-users 3.6, 4.1).
pub(crate) fn root(call: &Call<'_>, routes: &RouteTable, describe: impl Fn(&str) -> Object) -> Response {
    let request = call.request;
    if request.flag("as_access_list") {
        return access_list(routes);
    }
    let names = literal_paths(routes);
    if request.flag("as_list") {
        return Response::ok(json!({ "resource": names }));
    }
    let bare = request.parameter(&["fields", "select"]).is_none_or(|fields| fields.trim().is_empty());
    let items = names.into_iter().map(|name| {
        let mut item = Object::new();
        item.insert("name".into(), json!(name));
        if !bare {
            item.extend(describe(name));
        }
        let mut item = selected(request, item);
        if request.flag("include_access") {
            item.insert("access".into(), json!(verbs_for(call.session, call.entry.id, name)));
        }
        Value::Object(item)
    });
    Response::resource(items.collect())
}

/// The components of a service that roles can grant, as its routes name them.
pub(crate) fn access_list(routes: &RouteTable) -> Response {
    Response::ok(json!({ "resource": components(routes) }))
}

/// Documented paths without parameters, the root left out.
fn literal_paths(routes: &RouteTable) -> Vec<&str> {
    let patterns = routes.iter().filter(|route| route.is_listed()).map(|route| route.pattern());
    patterns.filter(|pattern| !pattern.is_empty() && !pattern.contains('{')).collect()
}

fn components(routes: &RouteTable) -> Vec<String> {
    let mut found = vec![String::new(), "*".to_owned()];
    for path in literal_paths(routes) {
        if path.contains('/') {
            found.push(path.to_owned());
        } else {
            found.push(format!("{path}/"));
            found.push(format!("{path}/*"));
        }
    }
    found
}
