//! One path and its operations.

use super::document::is_about_records;
use super::parameters;
use antiphon_gateway::{Route, Schema, Shape};
use antiphon_model::{Object, Value, Verb, json};
use indexmap::{IndexMap, IndexSet};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::HashSet;

/// What can't stand in a path as it is. Braces can: they are parameters.
const IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// The kind of records that a shape is about, or the parameter whose values are kinds.
pub(super) fn kind(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Collection(kind) | Shape::Record(kind) => Some(kind),
        _ => None,
    }
}

/// A pattern as documents write it: `{file_path*}` is `{file_path}` there.
pub(super) fn written(pattern: &str) -> String {
    format!("/{}", utf8_percent_encode(&pattern.replace("*}", "}"), IN_PATH))
}

/// A route as it is shown: under its own pattern, or with a value in the place of the first parameter.
pub(super) struct Place<'a> {
    pub(super) service: &'a str,
    pub(super) route: &'a Route,
    pub(super) pattern: &'a str,
    pub(super) value: Option<&'a str>,
}

impl Place<'_> {
    /// The parameters that stand in the path.
    pub(super) fn path_parameters(&self, values: &IndexMap<String, Vec<String>>, schemas: &Schemas) -> Vec<Value> {
        let replaced = usize::from(self.value.is_some());
        let shown = self.route.parameters().skip(replaced);
        shown
            .map(|name| {
                let of_key = matches!(self.route.shape(), Shape::Record(_)).then(|| self.kind()).flatten();
                let mut schema = schemas.key_type(of_key.filter(|_| name == "id"));
                if let Some(values) = values.get(name).filter(|values| !values.is_empty()) {
                    schema["enum"] = json!(values);
                }
                json!({
                    "name": name, "in": "path", "required": true, "schema": schema,
                    "description": parameters::of_path(name),
                })
            })
            .collect()
    }

    /// One verb.
    pub(super) fn operation(&self, verb: Verb, schemas: &mut Schemas, ids: &mut IndexSet<String>) -> Value {
        let (route, service) = (self.route, self.service);
        let shape = self.shape();
        let events = route.event_paths().map(|path| match path {
            "" => format!("{service}.{}", verb.lower()),
            path => format!("{service}.{path}.{}", verb.lower()),
        });
        let events: Vec<String> = events.collect();
        let mut described = Object::new();
        described.insert("summary".into(), json!(route.summary()));
        described.insert("operationId".into(), json!(self.operation_id(verb, ids)));
        described.insert("tags".into(), json!([service]));
        described.insert("parameters".into(), Value::Array(parameters::of_query(route, verb)));
        if matches!(verb, Verb::Post | Verb::Put | Verb::Patch) {
            let schema = schemas.body(&shape, false);
            described.insert(
                "requestBody".into(),
                json!({ "required": is_about_records(route.shape()), "content": content(&schema) }),
            );
        }
        let answer = json!({ "description": "Success", "content": content(&schemas.body(&shape, true)) });
        let status = route.good_status(verb).to_string();
        described.insert(
            "responses".into(),
            json!({ status: answer, "default": { "$ref": "#/components/responses/Error" } }),
        );
        described.insert("x-events".into(), json!(events));
        Value::Object(described)
    }

    /// The shape, with the value in the place of the kind.
    fn shape(&self) -> Carried<'_> {
        match self.route.shape() {
            Shape::Free => Carried::Free,
            Shape::Listing => Carried::Listing,
            Shape::Collection(_) => Carried::Collection(self.kind()),
            Shape::Record(_) => Carried::Record(self.kind()),
            Shape::Action { request, response } => Carried::Action { request, response },
        }
    }

    /// The kind of the records; none while a parameter stands for it.
    fn kind(&self) -> Option<&str> {
        let declared = kind(self.route.shape())?;
        match self.route.parameters().next() {
            Some(parameter) if parameter == declared => self.value,
            _ => Some(declared),
        }
    }

    /// The verb and the path in one word, once only in a document.
    fn operation_id(&self, verb: Verb, ids: &mut IndexSet<String>) -> String {
        let words = self.pattern.split('/').map(|segment| match segment.strip_prefix('{') {
            Some(parameter) => format!("By{}", pascal(parameter)),
            None => pascal(segment),
        });
        let id = format!("{}{}{}", verb.lower(), pascal(self.service), words.collect::<String>());
        let mut candidates = std::iter::once(id.clone()).chain((2..).map(|number| format!("{id}{number}")));
        let id = candidates.find(|candidate| !ids.contains(candidate)).unwrap_or(id);
        ids.insert(id.clone());
        id
    }
}

/// What a place carries.
enum Carried<'a> {
    Free,
    Listing,
    Collection(Option<&'a str>),
    Record(Option<&'a str>),
    Action { request: &'a str, response: &'a str },
}

fn pascal(text: &str) -> String {
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        })
        .collect()
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema }, "application/xml": { "schema": schema } })
}

/// The schemas of a service, and which of them its document needs.
pub(super) struct Schemas {
    known: IndexMap<String, Schema>,
    components: IndexMap<String, String>,
    used: IndexSet<String>,
}

impl Schemas {
    pub(super) fn new(schemas: Vec<Schema>) -> Schemas {
        let mut taken = HashSet::new();
        let mut components = IndexMap::new();
        for schema in &schemas {
            let suffix = if schema.is_record { "Record" } else { "" };
            let name = format!("{}{suffix}", component_name(&schema.name));
            let free = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}_{number}")));
            let name = free.into_iter().find(|name| !taken.contains(name)).unwrap_or(name);
            taken.insert(name.clone());
            components.insert(schema.name.clone(), name);
        }
        let known = schemas.into_iter().map(|schema| (schema.name.clone(), schema)).collect();
        Schemas { known, components, used: IndexSet::new() }
    }

    /// The schema of what a body carries.
    fn body(&mut self, carried: &Carried<'_>, is_answer: bool) -> Value {
        match carried {
            Carried::Free => json!({}),
            Carried::Listing => json!({ "$ref": "#/components/schemas/ResourceList" }),
            Carried::Record(kind) => self.reference(*kind),
            Carried::Collection(kind) => {
                let mut properties = json!({ "resource": { "type": "array", "items": self.reference(*kind) } });
                if is_answer {
                    properties["meta"] = json!({ "$ref": "#/components/schemas/Meta" });
                }
                json!({ "type": "object", "properties": properties })
            }
            Carried::Action { request, response } => self.reference(Some(if is_answer { response } else { request })),
        }
    }

    fn reference(&mut self, kind: Option<&str>) -> Value {
        match kind.and_then(|kind| self.components.get_key_value(kind)) {
            Some((kind, component)) => {
                self.used.insert(kind.clone());
                json!({ "$ref": format!("#/components/schemas/{component}") })
            }
            None => json!({ "type": "object" }),
        }
    }

    /// The type of what identifies a record of that kind.
    fn key_type(&self, kind: Option<&str>) -> Value {
        let schema = kind.and_then(|kind| self.known.get(kind)).map(|schema| &schema.schema);
        let key = schema.and_then(|schema| match schema["x-primary-key"].as_array().map(Vec::as_slice) {
            Some([one]) => schema["properties"].get(one.as_str()?)?.get("type"),
            _ => None,
        });
        json!({ "type": key.cloned().unwrap_or_else(|| json!("string")) })
    }

    /// The schemas that the document needs: what operations refer to, the kinds in `listed`, and records that are part of
    /// those and have no route among `routed` of their own.
    pub(super) fn into_components(mut self, listed: &[&String], routed: &HashSet<&str>) -> Object {
        for kind in listed {
            if self.known.contains_key(*kind) {
                self.used.insert((*kind).clone());
            }
        }
        let mut position = 0;
        while let Some(kind) = self.used.get_index(position).cloned() {
            let mut parts = Vec::new();
            if let Some(schema) = self.known.get(&kind) {
                each_record(&schema.schema, &mut |part| parts.push(part.to_owned()));
            }
            let is_part = |part: &String| self.known.contains_key(part) && !routed.contains(part.as_str());
            // Where parameters stand for kinds, only listed ones are shown.
            self.used.extend(parts.into_iter().filter(|part| listed.is_empty() && is_part(part)));
            position += 1;
        }
        let used = &self.used;
        let shown = used.iter().filter_map(|kind| {
            let component = self.components.get(kind)?;
            let mut schema = self.known.get(kind)?.schema.clone();
            resolve(&mut schema, &|part| self.components.get(part).filter(|_| used.contains(part)).cloned());
            Some((component.clone(), schema))
        });
        shown.collect()
    }
}

/// A name that components may have.
fn component_name(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '_' })
        .collect()
}

fn each_record(schema: &Value, each: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(members) => {
            if let Some(kind) = members.get("x-record").and_then(Value::as_str) {
                each(kind);
            }
            members.values().for_each(|member| each_record(member, each));
        }
        Value::Array(items) => items.iter().for_each(|item| each_record(item, each)),
        _ => {}
    }
}

/// References in place of `x-record`; a plain object where the record is not part of the document.
fn resolve(schema: &mut Value, component: &dyn Fn(&str) -> Option<String>) {
    match schema {
        Value::Object(members) => {
            let found = members.get("x-record").and_then(Value::as_str).map(component);
            if let Some(found) = found {
                *schema = match found {
                    Some(component) => json!({ "$ref": format!("#/components/schemas/{component}") }),
                    None => json!({ "type": "object" }),
                };
                return;
            }
            members.values_mut().for_each(|member| resolve(member, component));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, component)),
        _ => {}
    }
}
