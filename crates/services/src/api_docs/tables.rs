//! The schema of a table's records.

use antiphon_gateway::Schema;
use antiphon_model::{Object, Value, json};
use antiphon_sql::catalog::{Field, FieldType, RelationType, Table};

/// The schema of the records of a table, known as `kind`. `kind_of` tells the kind of another table's records.
pub(crate) fn record_schema(kind: &str, table: &Table, kind_of: &dyn Fn(&str) -> Option<String>) -> Schema {
    let shown: Vec<&Field> = table.fields.iter().filter(|field| !field.is_hidden).collect();
    let mut properties: Object = shown.iter().map(|field| (field.wire_name().to_owned(), property(field))).collect();
    for relation in &table.relations {
        let related = relation.ref_service_id.is_none().then(|| kind_of(&relation.ref_table)).flatten();
        let record = related.map_or_else(|| json!({ "type": "object" }), |kind| json!({ "x-record": kind }));
        let schema = match relation.kind {
            RelationType::BelongsTo | RelationType::HasOne => record,
            RelationType::HasMany | RelationType::ManyMany => json!({ "type": "array", "items": record }),
        };
        properties.insert(relation.wire_name().to_owned(), schema);
    }
    let key = table.primary_key.iter().map(|column| table.field(column).map_or(column.as_str(), Field::wire_name));
    let key: Vec<&str> = key.collect();
    let required: Vec<&str> = shown.iter().filter(|field| field.required).map(|field| field.wire_name()).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "x-primary-key": key,
    });
    if let Some(description) = &table.description {
        schema["description"] = json!(description);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    Schema { name: kind.to_owned(), is_record: true, schema }
}

fn property(field: &Field) -> Value {
    let mut schema = value_type(field);
    if let Some(text) = field.description.as_ref().filter(|text| !text.is_empty()) {
        schema["description"] = json!(text);
    }
    if field.allow_null && schema.get("type").is_some() {
        schema["nullable"] = json!(true);
    }
    if field.auto_increment || field.kind.is_automatic() || field.is_virtual {
        schema["readOnly"] = json!(true);
    }
    if let Some(values) = &field.picklist {
        schema["enum"] = json!(values);
    }
    if !field.default.is_null() && !field.default.is_object() {
        schema["default"] = field.default.clone();
    }
    schema
}

fn value_type(field: &Field) -> Value {
    let is_text = ["char", "text", "uuid"].iter().any(|word| field.db_type.to_ascii_lowercase().contains(word));
    match field.kind {
        FieldType::Reference if is_text => json!({ "type": "string" }),
        FieldType::Bigint => json!({ "type": "integer", "format": "int64" }),
        kind if kind.is_integer() => json!({ "type": "integer" }),
        FieldType::Boolean => json!({ "type": "boolean" }),
        FieldType::Decimal | FieldType::Money => json!({ "type": "number" }),
        FieldType::Double | FieldType::Float => json!({ "type": "number", "format": "double" }),
        FieldType::Date => json!({ "type": "string", "format": "date" }),
        FieldType::Binary => json!({ "type": "string", "format": "byte" }),
        FieldType::Uuid => json!({ "type": "string", "format": "uuid" }),
        FieldType::Json => json!({}),
        _ => match field.length {
            Some(length) => json!({ "type": "string", "maxLength": length }),
            None => json!({ "type": "string" }),
        },
    }
}
