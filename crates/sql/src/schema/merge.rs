//! Extras laid over what the database told (5.1).

use crate::catalog::{Field, FieldType, Junction, Relation, RelationType, Table};
use crate::extras::{Extra, Subject};
use crate::relations::discover;
use antiphon_model::{Object, Value};

/// Lays the extras over the tables. Extras about what is gone are passed over.
pub(crate) fn merge(tables: &mut [Table], extras: &[Extra]) {
    for extra in extras {
        let Some(table) = tables.iter_mut().find(|table| table.name.eq_ignore_ascii_case(&extra.table)) else {
            continue;
        };
        match &extra.subject {
            Subject::Table => merge_table(table, &extra.values),
            Subject::Field(name) => merge_field(table, name, &extra.values),
            Subject::Relation(name) => merge_relation(table, name, &extra.values),
        }
    }
}

fn merge_table(table: &mut Table, values: &Object) {
    table.alias = text(values, "alias");
    table.description = text(values, "description");
    table.name_field = text(values, "name_field");
    if let Some(label) = text(values, "label") {
        table.plural = crate::schema::labels::plural(&label);
        table.label = label;
    }
    if let Some(plural) = text(values, "plural") {
        table.plural = plural;
    }
}

fn merge_field(table: &mut Table, name: &str, values: &Object) {
    let known = table.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name));
    let position = match known {
        Some(position) => position,
        None if flag(values, "is_virtual") => {
            table.fields.push(virtual_field(name));
            table.fields.len() - 1
        }
        None => return,
    };
    let field = &mut table.fields[position];
    field.alias = text(values, "alias");
    field.description = text(values, "description");
    if let Some(label) = text(values, "label") {
        field.label = label;
    }
    if let Some(kind) = text(values, "extra_type").and_then(|name| FieldType::parse(&name)) {
        field.kind = kind;
    }
    field.picklist = picklist(values.get("picklist"));
    field.validation = values.get("validation").and_then(Value::as_object).filter(|rules| !rules.is_empty()).cloned();
    field.client_info = values.get("client_info").cloned().unwrap_or_default();
    field.db_function = values.get("db_function").filter(|value| !is_empty(value)).cloned();
    field.is_aggregate = flag(values, "is_aggregate");
    field.is_hidden = flag(values, "is_hidden");
    field.is_sealed = flag(values, "is_sealed");
    if let Some(required) = values.get("required").and_then(Value::as_bool) {
        field.required = required;
    }
}

fn merge_relation(table: &mut Table, name: &str, values: &Object) {
    let known = table.relations.iter().position(|relation| relation.name.eq_ignore_ascii_case(name));
    let position = match known {
        Some(position) => position,
        None => {
            let Some(relation) = virtual_relation(name, values) else { return };
            table.relations.push(relation);
            table.relations.len() - 1
        }
    };
    let relation = &mut table.relations[position];
    relation.alias = text(values, "alias");
    relation.description = text(values, "description");
    if let Some(label) = text(values, "label") {
        relation.label = label;
    }
    relation.always_fetch = flag(values, "always_fetch");
    relation.flatten = flag(values, "flatten");
    relation.flatten_drop_prefix = flag(values, "flatten_drop_prefix");
}

fn virtual_field(name: &str) -> Field {
    Field { is_virtual: true, ..Field::new(name, FieldType::String) }
}

fn virtual_relation(name: &str, values: &Object) -> Option<Relation> {
    let kind = match text(values, "type")?.as_str() {
        "belongs_to" => RelationType::BelongsTo,
        "has_one" => RelationType::HasOne,
        "has_many" => RelationType::HasMany,
        "many_many" => RelationType::ManyMany,
        _ => return None,
    };
    let junction = text(values, "junction_table").map(|table| Junction {
        table,
        field: text(values, "junction_field").unwrap_or_default(),
        ref_field: text(values, "junction_ref_field").unwrap_or_default(),
    });
    let mut relation = discover::relation(
        name.to_owned(),
        kind,
        vec![text(values, "field")?],
        &text(values, "ref_table")?,
        vec![text(values, "ref_field")?],
    );
    relation.junction = junction;
    relation.is_virtual = true;
    relation.ref_service_id = values.get("ref_service_id").and_then(Value::as_i64);
    Some(relation)
}

/// A picklist given as an array or as a comma list.
fn picklist(value: Option<&Value>) -> Option<Vec<String>> {
    let items: Vec<String> = match value? {
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        Value::String(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        _ => return None,
    };
    Some(items.into_iter().filter(|item| !item.is_empty()).collect()).filter(|items: &Vec<String>| !items.is_empty())
}

fn text(values: &Object, name: &str) -> Option<String> {
    values.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn flag(values: &Object, name: &str) -> bool {
    values.get(name).is_some_and(antiphon_model::truthy)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
