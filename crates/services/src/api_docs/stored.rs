//! Documents that administrators store with services whose paths are their own: OpenAPI 3 or Swagger 2, JSON or YAML.

use super::{shared, swagger2};
use crate::system::is_definition_editable;
use antiphon_gateway::{ServiceEntry, may_some};
use antiphon_model::{Error, Object, Result, Session, Value, Verb, json};

/// The stored document of a service, if its type has such documents.
pub(super) fn document(entry: &ServiceEntry) -> Option<&str> {
    let text = entry.document.as_deref().filter(|text| !text.trim().is_empty())?;
    is_definition_editable(&entry.kind).then_some(text)
}

/// A stored text as an OpenAPI 3 document. YAML is bounded in depth, nodes and aliases.
///
/// # Errors
/// 500 with the place of the first mistake.
pub(crate) fn parse(text: &str) -> Result<Object> {
    let parsed: Value = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(|error| unreadable(&error))?,
        false => serde_saphyr::from_str(text).map_err(|error| unreadable(&error))?,
    };
    let document = shared::object(parsed);
    Ok(if document.contains_key("swagger") { swagger2::convert(document) } else { document })
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    let place = error.to_string();
    let place = place.lines().next().unwrap_or_default();
    Error::new(500, format!("The stored API document is not readable: {place}"))
}

/// What the stored document says, as far as the reader may use it, and in our terms: placeholders are filled in, every operation
/// has its tag, an answer for errors and the events that it fires.
pub(super) fn body(session: &Session, entry: &ServiceEntry, text: &str) -> Result<Object> {
    let mut document = parse(&filled(entry, text))
        .map_err(|error| Error::new(500, format!("{} Correct it at system/service/{}.", error.message, entry.id)))?;
    document.retain(|name, _| ["info", "paths", "components", "tags"].contains(&name.as_str()));
    if let Some(Value::Object(info)) = document.get_mut("info") {
        info.shift_remove("group");
    }
    let paths = document.remove("paths").map(shared::object).unwrap_or_default();
    let shown = paths.into_iter().filter_map(|(path, item)| {
        let path = below_service(&entry.name, &path);
        let item = path_item(session, entry, &path, shared::object(item))?;
        Some((format!("/{path}"), Value::Object(item)))
    });
    document.insert("paths".into(), Value::Object(shown.collect()));
    Ok(document)
}

/// The path below the service: some documents repeat the service's name in front (other-services 3.6).
pub(crate) fn below_service(service: &str, path: &str) -> String {
    let path = path.trim_start_matches('/');
    let (first, below) = path.split_once('/').unwrap_or((path, ""));
    if first.eq_ignore_ascii_case(service) { below } else { path }.to_owned()
}

fn path_item(session: &Session, entry: &ServiceEntry, path: &str, mut item: Object) -> Option<Object> {
    item.retain(|name, _| match Verb::parse(name) {
        Some(verb) => may_some(session, verb, entry.id, path),
        None => !shared::is_verb(name),
    });
    let mut operations = 0;
    for (name, operation) in &mut item {
        let (Some(verb), Value::Object(operation)) = (Verb::parse(name), operation) else { continue };
        operations += 1;
        operation.entry("tags").or_insert_with(|| json!([entry.name]));
        let responses = operation.entry("responses").or_insert_with(|| json!({}));
        if let Value::Object(responses) = responses
            && !responses.contains_key("default")
        {
            responses.insert("default".into(), json!({ "$ref": "#/components/responses/Error" }));
        }
        let path = path.trim_matches('/').replace('/', ".");
        let dot = if path.is_empty() { "" } else { "." };
        operation.insert("x-events".into(), json!([format!("{}{dot}{path}.{}", entry.name, verb.lower())]));
    }
    (operations > 0).then_some(item)
}

/// The text with the service's own words in it, as parts of JSON or YAML strings.
fn filled(entry: &ServiceEntry, text: &str) -> String {
    let quoted = |words: &str| {
        let quoted = Value::from(words).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    text.replace("{service.name}", &quoted(&entry.name))
        .replace("{service.label}", &quoted(&entry.label))
        .replace("{service.description}", &quoted(entry.description.as_deref().unwrap_or_default()))
}
