//! What every document has: security, errors, parameters; and how documents are put together.

use super::parameters;
use antiphon_model::{Object, Value, json};
use std::sync::LazyLock;

/// The components that operations of every service refer to.
pub(super) fn components() -> &'static Value {
    static COMPONENTS: LazyLock<Value> = LazyLock::new(make_components);
    &COMPONENTS
}

fn make_components() -> Value {
    let response = |description: &str, schema: &str| {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        json!({
            "description": description,
            "content": { "application/json": { "schema": schema }, "application/xml": { "schema": schema } },
        })
    };
    json!({
        "securitySchemes": {
            "BasicAuth": { "type": "http", "scheme": "basic" },
            "BearerAuth": { "type": "http", "scheme": "bearer" },
            "ApiKeyQuery": { "type": "apiKey", "in": "query", "name": "api_key" },
            "ApiKeyHeader": { "type": "apiKey", "in": "header", "name": "X-DreamFactory-API-Key" },
            "SessionTokenQuery": { "type": "apiKey", "in": "query", "name": "session_token" },
            "SessionTokenHeader": { "type": "apiKey", "in": "header", "name": "X-DreamFactory-Session-Token" },
        },
        "responses": {
            "Success": response("Success", "Success"),
            "Error": response("Error", "Error"),
            "ResourceList": response("Names of resources", "ResourceList"),
        },
        "requestBodies": {},
        "parameters": parameters::components(),
        "schemas": {
            "Success": { "type": "object", "properties": { "success": { "type": "boolean" } } },
            "ResourceList": {
                "type": "object",
                "properties": { "resource": { "type": "array", "items": {} } },
            },
            "Meta": {
                "type": "object",
                "properties": {
                    "count": { "type": "integer", "format": "int64" },
                    "next": { "type": "integer", "format": "int64" },
                    "schema": { "type": "object" },
                },
            },
            "Error": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["code", "message", "status_code"],
                        "properties": {
                            "code": { "description": "The status, 1000 for a batch, or whatever a script chose." },
                            "context": { "description": "What failed, by field or by record.", "nullable": true, "type": "object" },
                            "message": { "type": "string" },
                            "status_code": { "type": "integer", "format": "int32" },
                        },
                    },
                },
            },
        },
    })
}

/// Any one of the ways to say who one is.
pub(super) fn security() -> Value {
    json!([
        { "BasicAuth": [] },
        { "BearerAuth": [] },
        { "ApiKeyQuery": [] },
        { "ApiKeyHeader": [] },
        { "SessionTokenQuery": [] },
        { "SessionTokenHeader": [] },
    ])
}

/// The members of an object; none of anything else.
pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(members) => members,
        _ => Object::new(),
    }
}

/// Puts the members of one document over those of another, objects into objects.
pub(super) fn merge(into: &mut Object, from: Object) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(value)) => merge(known, value),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

/// Leaves paths, verbs, summaries and events, and the ways to say who one is.
pub(super) fn compact(document: &mut Object) {
    let schemes = document.get("components").map(|components| components["securitySchemes"].clone());
    document.insert("components".into(), json!({ "securitySchemes": schemes }));
    each_operation(document, &mut |operation| {
        operation.retain(|name, _| ["summary", "operationId", "tags", "x-events"].contains(&name.as_str()));
        operation.insert("responses".into(), json!({ "default": { "description": "The answer" } }));
    });
}

/// Hands over every operation of a document.
pub(super) fn each_operation(document: &mut Object, each: &mut dyn FnMut(&mut Object)) {
    let Some(Value::Object(paths)) = document.get_mut("paths") else { return };
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        for (_, operation) in item.iter_mut().filter(|(name, _)| is_verb(name)) {
            if let Value::Object(operation) = operation {
                each(operation);
            }
        }
    }
}

/// Whether a member of a path is an operation.
pub(super) fn is_verb(name: &str) -> bool {
    ["get", "put", "post", "delete", "options", "head", "patch", "trace"].contains(&name)
}

/// Rewrites every reference of a document.
pub(super) fn each_reference(value: &mut Value, rewrite: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(changed) = rewrite(reference)
            {
                *reference = changed;
            }
            members.values_mut().for_each(|member| each_reference(member, rewrite));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, rewrite)),
        _ => {}
    }
}
