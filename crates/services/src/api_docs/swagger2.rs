//! Swagger 2 documents as OpenAPI 3.

use super::shared;
use antiphon_model::{Object, Value, json};

/// The members of a parameter or header that belong into its schema.
const OF_SCHEMA: [&str; 17] = [
    "type",
    "format",
    "items",
    "default",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "enum",
    "multipleOf",
    "nullable",
];

/// The same document in OpenAPI 3. Host, base path and security are left out: they are the server's.
pub(super) fn convert(mut document: Object) -> Object {
    let consumes = media_types(document.get("consumes"));
    let produces = media_types(document.get("produces"));
    let mut components = Object::new();
    components.insert("schemas".into(), document.remove("definitions").unwrap_or_else(|| json!({})));
    let mut bodies = Object::new();
    let mut parameters = Object::new();
    for (name, parameter) in document.remove("parameters").map(shared::object).unwrap_or_default() {
        let parameter = shared::object(parameter);
        match is_body(&parameter) {
            true => bodies.insert(name, request_body(vec![parameter], &consumes)),
            false => parameters.insert(name, Value::Object(with_schema(parameter))),
        };
    }
    let responses = document.remove("responses").map(shared::object).unwrap_or_default();
    let responses: Object =
        responses.into_iter().map(|(name, each)| (name, response(shared::object(each), &produces))).collect();
    let mut paths = document.remove("paths").map(shared::object).unwrap_or_default();
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        let common = take_parameters(item, &bodies);
        for (_, member) in item.iter_mut().filter(|(name, _)| shared::is_verb(name)) {
            if let Value::Object(each) = member {
                operation(each, &common.bodies, &bodies, (&consumes, &produces));
            }
        }
        if !common.others.is_empty() {
            item.insert("parameters".into(), Value::Array(common.others));
        }
    }
    components.insert("requestBodies".into(), Value::Object(bodies));
    components.insert("parameters".into(), Value::Object(parameters));
    components.insert("responses".into(), Value::Object(responses));
    let mut converted = json!({
        "openapi": "3.0.0", "info": document.remove("info"), "tags": document.remove("tags").unwrap_or_else(|| json!([])),
        "paths": paths, "components": components,
    });
    shared::each_reference(&mut converted, &|reference| {
        let (section, name) = reference.strip_prefix("#/")?.split_once('/')?;
        let section = if section == "definitions" { "schemas" } else { section };
        (section != "components").then(|| format!("#/components/{section}/{name}"))
    });
    shared::object(converted)
}

/// The parameters of a path or an operation: those that make a body, and the others.
#[derive(Default)]
struct Parameters {
    bodies: Vec<Object>,
    others: Vec<Value>,
    reference: Option<Value>,
}

/// Takes the parameters out. A reference to a shared body becomes one to a request body.
fn take_parameters(holder: &mut Object, shared_bodies: &Object) -> Parameters {
    let mut taken = Parameters::default();
    let Some(Value::Array(parameters)) = holder.remove("parameters") else { return taken };
    for parameter in parameters.into_iter().map(shared::object) {
        let name = parameter.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/parameters/"));
        match name {
            Some(name) if shared_bodies.contains_key(name) => {
                taken.reference = Some(json!({ "$ref": format!("#/components/requestBodies/{name}") }));
            }
            Some(_) => taken.others.push(Value::Object(parameter)),
            None if is_body(&parameter) => taken.bodies.push(parameter),
            None => taken.others.push(Value::Object(with_schema(parameter))),
        }
    }
    taken
}

fn operation(operation: &mut Object, common: &[Object], shared_bodies: &Object, types: (&[String], &[String])) {
    let own = |list: Option<Value>, default: &[String]| {
        list.map_or_else(|| default.to_vec(), |list| media_types(Some(&list)))
    };
    let consumes = own(operation.remove("consumes"), types.0);
    let produces = own(operation.remove("produces"), types.1);
    operation.remove("schemes");
    operation.remove("security");
    let Parameters { bodies, others, reference } = take_parameters(operation, shared_bodies);
    let bodies = if bodies.is_empty() { common.to_vec() } else { bodies };
    if !others.is_empty() {
        operation.insert("parameters".into(), Value::Array(others));
    }
    if let Some(body) = reference {
        operation.insert("requestBody".into(), body);
    } else if !bodies.is_empty() {
        operation.insert("requestBody".into(), request_body(bodies, &consumes));
    }
    let responses = operation.remove("responses").map(shared::object).unwrap_or_default();
    let responses: Object =
        responses.into_iter().map(|(status, each)| (status, response(shared::object(each), &produces))).collect();
    operation.insert("responses".into(), Value::Object(responses));
}

fn is_body(parameter: &Object) -> bool {
    matches!(parameter.get("in").and_then(Value::as_str), Some("body" | "formData"))
}

/// The body that a parameter `in: body` or the fields of a form make.
fn request_body(parameters: Vec<Object>, consumes: &[String]) -> Value {
    let is_required = parameters.iter().any(|parameter| parameter.get("required") == Some(&Value::Bool(true)));
    let is_form = parameters.iter().any(|parameter| parameter.get("in").and_then(Value::as_str) == Some("formData"));
    if !is_form {
        let schema = parameters.into_iter().find_map(|mut parameter| parameter.remove("schema"));
        return json!({ "required": is_required, "content": content(schema.unwrap_or_else(|| json!({})), consumes) });
    }
    let has_file = parameters.iter().any(|parameter| parameter.get("type").and_then(Value::as_str) == Some("file"));
    let fields = parameters.into_iter().filter_map(|parameter| {
        let name = parameter.get("name")?.as_str()?.to_owned();
        Some((name, with_schema(parameter).remove("schema").unwrap_or_default()))
    });
    let schema = json!({ "type": "object", "properties": fields.collect::<Object>() });
    let kind = if has_file { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
    json!({ "required": is_required, "content": content(schema, &[kind.to_owned()]) })
}

/// A parameter or header with what describes its value in a schema.
fn with_schema(parameter: Object) -> Object {
    let (of_schema, mut rest): (Object, Object) =
        parameter.into_iter().partition(|(name, _)| OF_SCHEMA.contains(&name.as_str()));
    let format = rest.remove("collectionFormat");
    if of_schema.is_empty() {
        return rest;
    }
    let is_array = of_schema.get("type").and_then(Value::as_str) == Some("array");
    let mut schema = Value::Object(of_schema);
    if schema["type"] == "file" {
        schema = json!({ "type": "string", "format": "binary" });
    }
    rest.insert("schema".into(), schema);
    if is_array && rest.get("in").and_then(Value::as_str) == Some("query") {
        let explode = format.as_ref().and_then(Value::as_str) == Some("multi");
        rest.insert("style".into(), json!("form"));
        rest.insert("explode".into(), json!(explode));
    }
    rest
}

fn response(mut response: Object, produces: &[String]) -> Value {
    if response.contains_key("$ref") {
        return Value::Object(response);
    }
    response.entry("description").or_insert_with(|| json!(""));
    response.remove("examples");
    if let Some(schema) = response.remove("schema") {
        response.insert("content".into(), content(schema, produces));
    }
    if let Some(Value::Object(headers)) = response.get_mut("headers") {
        for header in headers.values_mut() {
            *header = Value::Object(with_schema(shared::object(header.take())));
        }
    }
    Value::Object(response)
}

fn content(schema: Value, types: &[String]) -> Value {
    types.iter().map(|kind| (kind.clone(), json!({ "schema": schema }))).collect::<Object>().into()
}

fn media_types(list: Option<&Value>) -> Vec<String> {
    let named = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let named: Vec<String> = named.map(str::to_owned).collect();
    if named.is_empty() { vec!["application/json".to_owned()] } else { named }
}
