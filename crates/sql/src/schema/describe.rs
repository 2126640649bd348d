//! Tables, fields and relations as they are described on the wire (3).

use crate::catalog::{Field, Relation, RelationType, Table};
use antiphon_model::{Object, Value, VerbMask, json};

/// The description of a table under `_schema`. `service_id` is the own service's, `access` what the caller may do.
pub fn describe_table(table: &Table, service_id: Option<i64>, access: VerbMask) -> Value {
    let mut described = Object::new();
    described.insert("alias".into(), json!(table.alias));
    describe_into(&mut described, table, &table.name, service_id, describe_field);
    described.insert("access".into(), json!(access.0));
    Value::Object(described)
}

/// The description of a table beside its records: under its names on the wire, without `access`.
pub(crate) fn describe_for_records(table: &Table, service_id: Option<i64>) -> Value {
    let mut described = Object::new();
    describe_into(&mut described, table, table.wire_name(), service_id, |field| {
        let mut described = describe_field(field);
        if let Some(members) = described.as_object_mut() {
            members.shift_remove("alias");
            members.insert("name".into(), json!(field.wire_name()));
        }
        described
    });
    Value::Object(described)
}

fn describe_into(
    described: &mut Object,
    table: &Table,
    name: &str,
    service_id: Option<i64>,
    field: impl Fn(&Field) -> Value,
) {
    let shown = table.fields.iter().filter(|field| !field.is_hidden);
    described.insert("name".into(), json!(name));
    described.insert("label".into(), json!(table.label));
    described.insert("description".into(), json!(table.description));
    described.insert("native".into(), json!([]));
    described.insert("plural".into(), json!(table.plural));
    described.insert("is_view".into(), json!(table.is_view));
    described.insert("primary_key".into(), json!(table.primary_key));
    described.insert("name_field".into(), json!(table.name_field));
    described.insert("field".into(), shown.map(field).collect());
    let relations = table.relations.iter().map(|relation| describe_relation(relation, service_id));
    described.insert("related".into(), relations.collect());
    described.insert("constraints".into(), constraints(table));
}

/// An object by name; an empty list when there is none, as clients know it.
fn constraints(table: &Table) -> Value {
    match table.constraints.is_empty() {
        true => json!([]),
        false => Value::Object(table.constraints.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
    }
}

/// The description of a field.
pub fn describe_field(field: &Field) -> Value {
    let key = field.foreign_key.as_ref();
    let word = field.db_type.split('(').next().unwrap_or_default().trim();
    let mut described = json!({
        "alias": field.alias,
        "name": field.name,
        "label": field.label,
        "description": field.description,
        "native": [],
        "type": field.kind.as_str(),
        "db_type": field.db_type,
        "length": field.length,
        "precision": field.precision,
        "scale": field.scale,
        "default": field.default,
        "required": field.required,
        "allow_null": field.allow_null,
        "fixed_length": matches!(word, "char" | "nchar" | "character" | "binary"),
        "supports_multibyte": matches!(word, "nchar" | "nvarchar" | "national char" | "national varchar"),
        "auto_increment": field.auto_increment,
        "is_primary_key": field.is_primary_key,
        "is_unique": field.is_unique,
        "is_index": field.is_index,
        "is_foreign_key": key.is_some(),
        "ref_table": key.map(|key| &key.table),
        "ref_field": key.map(|key| &key.field),
        "ref_on_update": key.map(|key| &key.on_update),
        "ref_on_delete": key.map(|key| &key.on_delete),
        "picklist": field.picklist,
        "validation": field.validation,
        "db_function": field.db_function,
        "is_virtual": field.is_virtual,
        "is_aggregate": field.is_aggregate,
    });
    if let (Some(members), false) = (described.as_object_mut(), field.client_info.is_null()) {
        members.insert("client_info".into(), field.client_info.clone());
    }
    described
}

/// The description of a relation.
pub fn describe_relation(relation: &Relation, service_id: Option<i64>) -> Value {
    let one_or_list = |columns: &[String]| match columns {
        [one] => json!(one),
        several => json!(several),
    };
    let junction = relation.junction.as_ref();
    let junction_service = (relation.kind == RelationType::ManyMany).then_some(service_id).flatten();
    json!({
        "alias": relation.alias,
        "name": relation.name,
        "label": relation.label,
        "description": relation.description,
        "native": [],
        "type": relation.kind.as_str(),
        "field": one_or_list(&relation.fields),
        "is_virtual": relation.is_virtual,
        "ref_service_id": relation.ref_service_id.or(service_id),
        "ref_table": relation.ref_table,
        "ref_field": one_or_list(&relation.ref_fields),
        "ref_on_update": relation.ref_on_update,
        "ref_on_delete": relation.ref_on_delete,
        "junction_service_id": junction_service,
        "junction_table": junction.map(|junction| &junction.table),
        "junction_field": junction.map(|junction| &junction.field),
        "junction_ref_field": junction.map(|junction| &junction.ref_field),
        "always_fetch": relation.always_fetch,
        "flatten": relation.flatten,
        "flatten_drop_prefix": relation.flatten_drop_prefix,
    })
}
