//! The OpenAPI document of one service, as far as its reader may use it.

use super::operation::{self, Place};
use super::{shared, stored};
use crate::system::service_group;
use antiphon_gateway::{Call, Route, ServiceEntry, Shape, may_some};
use antiphon_model::{Object, Request, Result, Value, Verb, json};
use indexmap::{IndexMap, IndexSet};
use std::sync::Arc;

/// What the reader wants of a document.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// One set of paths for each table in place of the pattern.
    pub(super) expand: bool,
    /// Only paths of these tables, or whatever takes the place of tables; none = all.
    pub(super) values: Option<Vec<String>>,
    /// Only paths that begin with this one.
    pub(super) below: Option<String>,
    /// What the routes say, although an administrator stored another document.
    pub(super) stock: bool,
    /// Only paths, verbs and summaries.
    pub(super) compact: bool,
}

impl Options {
    pub(super) fn of(request: &Request) -> Options {
        let list = request.parameter(&["tables"]).filter(|tables| !tables.trim().is_empty());
        let values: Option<Vec<String>> =
            list.map(|tables| tables.split(',').map(|name| name.trim().to_owned()).collect());
        let below = request.parameter(&["resource_name"]).map(|path| path.trim_matches('/').to_owned());
        Options {
            expand: request.flag("expand_schema") || values.is_some(),
            values,
            below: below.filter(|path| !path.is_empty()),
            stock: request.flag("stock"),
            compact: request.flag("compact"),
        }
    }
}

/// The document.
///
/// # Errors
/// 500 when the stored document of the service can't be read.
pub(super) fn of_service(call: &Call<'_>, entry: &ServiceEntry, options: &Options) -> Result<Value> {
    let mut document = frame(entry, &format!("/api/v2/{}", entry.name));
    let body = match stored::document(entry).filter(|_| !options.stock) {
        Some(text) => stored::body(call.session, entry, text)?,
        None => Builder::new(call, entry, options).build(),
    };
    shared::merge(&mut document, body);
    if options.compact {
        shared::compact(&mut document);
    }
    Ok(Value::Object(document))
}

/// Everything but paths and the service's own components.
pub(super) fn frame(entry: &ServiceEntry, url: &str) -> Object {
    let description = entry.description.as_deref().unwrap_or_default();
    shared::object(json!({
        "openapi": "3.0.0",
        "servers": [{ "url": url, "description": "" }],
        "components": shared::components(),
        "security": shared::security(),
        "tags": [{ "name": entry.name, "description": description }],
        "info": {
            "title": entry.label, "description": description, "version": "2.0", "group": service_group(&entry.kind),
        },
        "paths": {},
    }))
}

/// Makes paths and schemas from the routes.
struct Builder<'a> {
    call: &'a Call<'a>,
    entry: &'a ServiceEntry,
    options: &'a Options,
    /// Values of parameters that stand for kinds of records, as far as the reader may use them.
    values: IndexMap<String, Vec<String>>,
    schemas: operation::Schemas,
    operation_ids: IndexSet<String>,
}

impl<'a> Builder<'a> {
    fn new(call: &'a Call<'a>, entry: &'a ServiceEntry, options: &'a Options) -> Builder<'a> {
        let schemas = entry.service.schemas().unwrap_or_else(|error| {
            tracing::warn!(service = entry.name, %error, "a service is documented without its schemas");
            Vec::new()
        });
        Builder {
            call,
            entry,
            options,
            values: IndexMap::new(),
            schemas: operation::Schemas::new(schemas),
            operation_ids: IndexSet::new(),
        }
    }

    fn build(mut self) -> Object {
        let entry = self.entry;
        let routes: Vec<&Arc<Route>> = entry.service.routes().iter().filter(|route| route.is_listed()).collect();
        for route in &routes {
            self.find_values(route);
        }
        let mut paths = Object::new();
        for route in &routes {
            for (pattern, value) in self.patterns(route) {
                if let Some(item) = self.path_item(route, &pattern, value.as_deref()) {
                    paths.insert(operation::written(&pattern), item);
                }
            }
        }
        let listed: Vec<&String> = self.values.values().flatten().collect();
        let kinds = routes.iter().filter_map(|route| operation::kind(route.shape())).collect();
        let schemas = self.schemas.into_components(&listed, &kinds);
        shared::object(json!({ "paths": paths, "components": { "schemas": schemas } }))
    }

    /// Finds out the values of a route's first parameter, if they are kinds of records.
    fn find_values(&mut self, route: &Route) {
        let Some(parameter) = route.parameters().next() else { return };
        if operation::kind(route.shape()) != Some(parameter) || self.values.contains_key(parameter) {
            return;
        }
        let most = self.call.gateway.limits().documented_tables;
        let mut values = self.entry.service.parameter_values(parameter);
        if let Some(wanted) = &self.options.values {
            values.retain(|value| wanted.iter().any(|name| name.eq_ignore_ascii_case(value)));
        }
        values.retain(|value| {
            let pattern = concrete(route.pattern(), parameter, value);
            Verb::ALL.into_iter().any(|verb| self.may(route, verb, &pattern))
        });
        values.truncate(most);
        self.values.insert(parameter.to_owned(), values);
    }

    /// The patterns that a route is shown as, with the value that took the place of the parameter.
    fn patterns(&self, route: &Route) -> Vec<(String, Option<String>)> {
        let pattern = route.pattern();
        let found = route.parameters().next().and_then(|parameter| self.values.get_key_value(parameter));
        match found.filter(|_| self.options.expand) {
            Some((parameter, values)) => {
                values.iter().map(|value| (concrete(pattern, parameter, value), Some(value.clone()))).collect()
            }
            None => vec![(pattern.to_owned(), None)],
        }
    }

    fn path_item(&mut self, route: &Route, pattern: &str, value: Option<&str>) -> Option<Value> {
        if !self.is_below(pattern) {
            return None;
        }
        let verbs: Vec<Verb> = route.verbs().iter().copied().filter(|verb| self.may(route, *verb, pattern)).collect();
        if verbs.is_empty() {
            return None;
        }
        let place = Place { service: &self.entry.name, route, pattern, value };
        let mut item = Object::new();
        let parameters = place.path_parameters(&self.values, &self.schemas);
        if !parameters.is_empty() {
            item.insert("parameters".into(), Value::Array(parameters));
        }
        for verb in verbs {
            let described = place.operation(verb, &mut self.schemas, &mut self.operation_ids);
            item.insert(verb.lower().into(), described);
        }
        Some(Value::Object(item))
    }

    fn may(&self, route: &Route, verb: Verb, pattern: &str) -> bool {
        route.is_public(verb) || may_some(self.call.session, verb, self.entry.id, pattern)
    }

    fn is_below(&self, pattern: &str) -> bool {
        let Some(below) = &self.options.below else { return true };
        let Some(start) = pattern.get(..below.len()) else { return false };
        start.eq_ignore_ascii_case(below) && matches!(pattern.as_bytes().get(below.len()), None | Some(b'/'))
    }
}

fn concrete(pattern: &str, parameter: &str, value: &str) -> String {
    pattern.replacen(&format!("{{{parameter}}}"), value, 1)
}

/// Whether a shape is about records.
pub(super) fn is_about_records(shape: &Shape) -> bool {
    matches!(shape, Shape::Collection(_) | Shape::Record(_))
}
