//! One document for all services: paths begin with the service, and so do the names of its components.

use super::document::{self, Options};
use super::shared;
use antiphon_gateway::{Call, ServiceEntry};
use antiphon_model::{Object, Value, json};
use std::sync::Arc;

/// The document. A service whose own document can't be made is left out, and the log says why.
pub(super) fn of_services(call: &Call<'_>, entries: &[Arc<ServiceEntry>], options: &Options) -> Value {
    let mut combined = document::frame(call.entry, "/api/v2");
    let mut tags = Vec::new();
    for entry in entries {
        match document::of_service(call, entry, options) {
            Ok(Value::Object(mut document)) => {
                if let Some(Value::Array(own)) = document.remove("tags") {
                    tags.extend(own);
                }
                shared::merge(&mut combined, prefixed(&entry.name, document));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(service = entry.name, %error, "a service is missing in the documentation"),
        }
    }
    combined.insert("tags".into(), Value::Array(tags));
    Value::Object(combined)
}

/// Paths and components of one service's document under names that no other service has.
fn prefixed(service: &str, document: Object) -> Object {
    let mut document = Value::Object(document);
    shared::each_reference(&mut document, &|reference| {
        let (section, name) = reference.strip_prefix("#/components/")?.split_once('/')?;
        (!is_shared(section, name)).then(|| format!("#/components/{section}/{service}.{name}"))
    });
    let mut paths = Object::new();
    for (path, item) in shared::object(document["paths"].take()) {
        let path = path.trim_end_matches(|character| path.len() == 1 && character == '/');
        paths.insert(format!("/{service}{path}"), item);
    }
    let mut components = Object::new();
    for (section, members) in shared::object(document["components"].take()) {
        let members = shared::object(members).into_iter().map(|(name, member)| match is_shared(&section, &name) {
            true => (name, member),
            false => (format!("{service}.{name}"), member),
        });
        components.insert(section.clone(), Value::Object(members.collect()));
    }
    shared::object(json!({ "paths": paths, "components": components }))
}

/// Whether a component is the same in every document.
fn is_shared(section: &str, name: &str) -> bool {
    section == "securitySchemes" || shared::components()[section].get(name).is_some()
}
