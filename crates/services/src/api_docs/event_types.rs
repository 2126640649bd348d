//! The types of one event for editors and compilers of TypeScript, from the same routes and schemas as the API's documents.

use super::document::{Options, of_service};
use antiphon_gateway::{Call, ServiceEntry};
use antiphon_model::{Error, EventName, Phase, Result, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

/// What every script finds around itself.
const PLATFORM: &str = include_str!("platform.d.ts");
/// Where a document keeps its schemas.
const SCHEMAS: &str = "#/components/schemas/";
/// Deepest nesting of a schema that is written out.
const DEPTH: usize = 16;

/// The text of `event.d.ts` for an event. What isn't known about it is `any`.
///
/// # Errors
/// 404 when no service that the caller may use has that event.
pub(crate) fn of_event(call: &Call<'_>, name: &str) -> Result<String> {
    let unknown = || Error::not_found(format!("There is no event '{name}'; see system/event."));
    let event = EventName::parse(name).map_err(|_| unknown())?;
    let entry = service_of(call, &event.base).ok_or_else(unknown)?;
    let document = document(call, &entry, &event.base)?;
    let operation = operation(&document, &entry.name, &event.base).ok_or_else(unknown)?;
    let mut types = Types { document: &document, wanted: Vec::new(), seen: BTreeSet::new() };
    let payload = types.body(operation.get("requestBody"));
    let content = types.body(good_answer(operation));
    let parameters = parameters(operation);
    let mut text = format!("// The types of {name}, from the schema as it is now.\n\n");
    types.declare(&mut text);
    let response = match event.phase {
        Phase::PreProcess => "response?: any;",
        _ => "response: EventResponse;",
    };
    let _ = write!(
        text,
        "interface EventParameters {{\n{parameters}  [name: string]: any;\n}}\n\n\
         interface EventRequest extends PlatformRequest {{\n  parameters: EventParameters;\n  payload: {payload};\n}}\n\n\
         interface EventResponse extends PlatformResponse {{\n  content: {content} & PlatformFailure;\n}}\n\n\
         interface ScriptEvent extends PlatformEvent {{\n  request: EventRequest;\n  {response}\n}}\n\n\
         declare const event: ScriptEvent;\n\n{PLATFORM}"
    );
    Ok(text)
}

/// The service whose name the event begins with.
fn service_of(call: &Call<'_>, base: &str) -> Option<Arc<ServiceEntry>> {
    let service = base.split('.').next()?;
    call.gateway.registry().list().into_iter().find(|entry| entry.name.eq_ignore_ascii_case(service))
}

/// The document of the service, with a path of its own for the table that the event names.
fn document(call: &Call<'_>, entry: &ServiceEntry, base: &str) -> Result<Value> {
    let named = base.split('.').nth(2).filter(|value| !value.starts_with('{'));
    let values = named.map(|value| vec![value.to_owned()]);
    of_service(call, entry, &Options { expand: values.is_some(), values, stock: false, ..Options::default() })
}

fn operation<'d>(document: &'d Value, service: &str, base: &str) -> Option<&'d Value> {
    let (_, verb) = base.rsplit_once('.')?;
    let operations = || {
        let paths = document["paths"].as_object().into_iter().flatten();
        paths.filter_map(|(path, verbs)| Some((path, verbs.get(verb.to_ascii_lowercase())?)))
    };
    let by_path = operations().find(|(path, _)| {
        let path = path.trim_matches('/').replace('/', ".");
        let path = if path.is_empty() { format!("{service}.{verb}") } else { format!("{service}.{path}.{verb}") };
        path.eq_ignore_ascii_case(base)
    });
    let by_event = || {
        operations().find(|(_, operation)| {
            let events = operation["x-events"].as_array().into_iter().flatten();
            events.filter_map(Value::as_str).any(|event| event.eq_ignore_ascii_case(base))
        })
    };
    by_path.or_else(by_event).map(|(_, operation)| operation)
}

fn good_answer(operation: &Value) -> Option<&Value> {
    operation["responses"].as_object()?.iter().find(|(status, _)| status.starts_with('2')).map(|(_, answer)| answer)
}

/// The parameters of the query.
fn parameters(operation: &Value) -> String {
    let mut text = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = match parameter["$ref"].as_str() {
            Some(reference) => reference.rsplit('/').next(),
            None => parameter["name"].as_str().filter(|_| parameter["in"] == "query"),
        };
        if let Some(name) = name {
            let _ = writeln!(text, "  {}?: any;", member(name));
        }
    }
    text
}

/// Schemas as types.
struct Types<'d> {
    document: &'d Value,
    /// Names of schemas that are yet to be declared.
    wanted: Vec<String>,
    seen: BTreeSet<String>,
}

impl Types<'_> {
    /// The type of a body.
    fn body(&mut self, body: Option<&Value>) -> String {
        let Some(body) = body else { return "any".to_owned() };
        let resolved = match body["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => body,
        };
        let schema = resolved["content"]["application/json"]["schema"].clone();
        // Clients and scripts find a list under `resource`, wherever one is possible.
        let listed = match schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            Some(forms) => {
                forms.iter().find(|form| form["properties"]["resource"].is_object()).unwrap_or(&schema).clone()
            }
            None => schema,
        };
        self.of(&listed, 0)
    }

    fn of(&mut self, schema: &Value, depth: usize) -> String {
        if depth > DEPTH {
            return "any".to_owned();
        }
        let plain = self.without_null(schema, depth);
        if schema["nullable"] == true { format!("{plain} | null") } else { plain }
    }

    fn without_null(&mut self, schema: &Value, depth: usize) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS)) {
            if self.seen.insert(name.to_owned()) {
                self.wanted.push(name.to_owned());
            }
            return type_name(name);
        }
        for (combined, between) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
            if let Some(parts) = schema[combined].as_array() {
                let parts: Vec<String> = parts.iter().map(|part| format!("({})", self.of(part, depth + 1))).collect();
                return format!("({})", parts.join(between));
            }
        }
        if let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            return format!("({})", values.join(" | "));
        }
        match schema["type"].as_str() {
            Some("string") => "string".to_owned(),
            Some("integer" | "number") => "number".to_owned(),
            Some("boolean") => "boolean".to_owned(),
            Some("array") => format!("Array<{}>", self.of(&schema["items"], depth + 1)),
            Some("object") if schema["properties"].is_object() => self.object(schema, depth),
            Some("object") => "{ [name: string]: any }".to_owned(),
            _ => "any".to_owned(),
        }
    }

    /// Members are there when the schema says so, when they may be null, and when they are the list of records.
    fn object(&mut self, schema: &Value, depth: usize) -> String {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut text = "{\n".to_owned();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_list = name == "resource" && property["type"] == "array";
            let mark = if is_list || required.contains(&name.as_str()) { "" } else { "?" };
            let indent = "  ".repeat(depth + 1);
            let kind = self.of(property, depth + 1);
            let _ = writeln!(text, "{indent}{}{mark}: {kind};", member(name));
        }
        text.push_str(&"  ".repeat(depth));
        text.push('}');
        text
    }

    /// Declares every schema that was named, and those that they name.
    fn declare(&mut self, text: &mut String) {
        while let Some(name) = self.wanted.pop() {
            let schema = self.document["components"]["schemas"][&name].clone();
            let declared = self.of(&schema, 0);
            let _ = write!(text, "type {} = {declared};\n\n", type_name(&name));
        }
    }
}

/// A member's name, in quotes where it is no word.
fn member(name: &str) -> String {
    let is_word = |text: &str| text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if begins && is_word(name) { name.to_owned() } else { json!(name).to_string() }
}

/// A schema's name as the name of a type.
fn type_name(name: &str) -> String {
    let words: String =
        name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    format!("Schema_{words}")
}
