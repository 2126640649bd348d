//! `system/service_type`: the types that a service can have, and how each is configured (system-and-users 4.8).

use antiphon_gateway::{Call, ServiceKind};
use antiphon_model::{Error, Object, Response, Result, Value, json};
use serde::Deserialize;
use std::sync::LazyLock;

/// A service type.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ServiceType {
    pub(super) name: String,
    label: String,
    description: String,
    group: String,
    pub(super) singleton: bool,
    service_definition_editable: bool,
    pub(super) config: Vec<ConfigField>,
}

/// A field of a type's configuration.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ConfigField {
    pub(super) name: String,
    label: String,
    #[serde(rename = "type", default = "string")]
    kind: String,
    #[serde(default)]
    default: Value,
    /// What a configuration shows where nothing is stored, when that is not the default.
    #[serde(default)]
    unset: Option<Value>,
    /// Of an array: the type of its items, or the fields of each.
    #[serde(default)]
    items: Option<Items>,
    /// Of a picklist: what can be chosen.
    #[serde(default)]
    values: Value,
    /// The resource whose identifier it is.
    #[serde(default)]
    refers_to: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    secret: bool,
}

/// What an array holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Items {
    Type(String),
    Fields(Vec<ConfigField>),
}

impl ConfigField {
    /// What a configuration shows where nothing is stored.
    pub(super) fn unset(&self) -> Value {
        self.unset.as_ref().unwrap_or(&self.default).clone()
    }
}

fn string() -> String {
    "string".to_owned()
}

/// Sorted by name. The text is part of the program; a test reads it.
static TYPES: LazyLock<Vec<ServiceType>> =
    LazyLock::new(|| serde_json::from_str(include_str!("service_types.json")).unwrap_or_default());

/// The type of that name.
pub(super) fn find(name: &str) -> Option<&'static ServiceType> {
    TYPES.iter().find(|known| known.name == name)
}

/// Names that always mean a secret, also where a type knows no such field.
const SECRET_NAMES: [&str; 9] = [
    "password",
    "secret",
    "key",
    "api_key",
    "private_key",
    "client_secret",
    "access_token",
    "refresh_token",
    "passphrase",
];
/// The group that a type belongs to; empty for an unknown type.
pub(crate) fn group(name: &str) -> &'static str {
    find(name).map_or("", |known| known.group.as_str())
}

/// Whether administrators write the API documents of services of that type.
pub(crate) fn is_definition_editable(name: &str) -> bool {
    find(name).is_some_and(|known| known.service_definition_editable)
}

/// Whether a field of that name is a secret in any type.
pub(super) fn is_secret(field: &str) -> bool {
    let is_known = SECRET_NAMES.iter().any(|name| name.eq_ignore_ascii_case(field));
    is_known || TYPES.iter().flat_map(|known| &known.config).any(|known| known.secret && known.name == field)
}

/// The types, as the listing at the root of the API shows them.
pub(crate) fn kinds() -> Vec<ServiceKind> {
    let kinds = TYPES.iter().map(|known| ServiceKind {
        name: known.name.clone(),
        label: known.label.clone(),
        group: known.group.clone(),
        description: known.description.clone(),
    });
    kinds.collect()
}

/// All types, or those of the groups that are asked for.
pub(super) fn list(call: &Call<'_>) -> Response {
    let groups = call.request.parameter(&["group"]).unwrap_or_default();
    let groups: Vec<&str> = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).collect();
    let wanted = TYPES
        .iter()
        .filter(|known| groups.is_empty() || groups.iter().any(|group| group.eq_ignore_ascii_case(&known.group)));
    super::listing::answer(call.request, wanted.map(describe).collect())
}

/// One type.
///
/// # Errors
/// 404 for an unknown one.
pub(super) fn one(call: &Call<'_>, name: &str) -> Result<Response> {
    let known = find(name).ok_or_else(|| Error::not_found(format!("Service type '{name}' not found.")))?;
    Ok(Response::ok(Value::Object(super::listing::selected(call.request, describe(known)))))
}

fn describe(known: &ServiceType) -> Object {
    let config: Vec<Value> = known.config.iter().map(describe_field).collect();
    let described = json!({
        "name": known.name,
        "label": known.label,
        "description": known.description,
        "group": known.group,
        "singleton": known.singleton,
        "dependencies_required": null,
        "subscription_required": null,
        "service_definition_editable": known.service_definition_editable,
        "config_schema": if config.is_empty() { Value::Null } else { Value::Array(config) },
    });
    match described {
        Value::Object(described) => described,
        _ => Object::new(),
    }
}

/// In the form of a table's field, which is what clients know how to draw.
fn describe_field(field: &ConfigField) -> Value {
    let length = (field.kind == "boolean").then_some(1);
    let mut described = json!({
        "alias": null, "name": field.name, "label": field.label, "description": "", "native": [], "type": field.kind,
        "length": length, "precision": null, "scale": null, "default": field.default, "required": field.required,
        "allow_null": !field.required && field.default.is_null(), "fixed_length": false, "supports_multibyte": false,
        "is_primary_key": false, "is_unique": false, "is_foreign_key": field.refers_to.is_some(),
        "ref_table": field.refers_to, "ref_field": field.refers_to.as_ref().map(|_| "id"), "ref_on_update": null,
        "ref_on_delete": null, "picklist": null, "validation": null, "db_function": null, "is_virtual": false,
        "is_aggregate": false,
    });
    match &field.items {
        Some(Items::Type(kind)) => described["items"] = json!(kind),
        Some(Items::Fields(fields)) => described["items"] = fields.iter().map(describe_field).collect(),
        None => {}
    }
    if !field.values.is_null() {
        described["values"] = field.values.clone();
    }
    if field.kind == "object" {
        let text = |label: &str| json!({ "label": label, "type": "string" });
        described["object"] = json!({ "key": text("Name"), "value": text("Value") });
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_readable_and_sorted() {
        let names: Vec<&str> = TYPES.iter().map(|known| known.name.as_str()).collect();
        assert!(names.is_sorted() && names.len() > 20, "{names:?}");
        assert!(is_secret("password") && !is_secret("host"));
    }

    #[test]
    fn a_field_is_described_with_everything_that_clients_draw() {
        let described = describe(find("sqlite").unwrap());
        let fields = described["config_schema"].as_array().unwrap();
        let database = fields.iter().find(|field| field["name"] == "database").unwrap();
        assert_eq!((&database["type"], &database["required"]), (&json!("string"), &json!(true)));
    }
}
