//! What is in a SQLite database: tables, views, columns, keys, indexes (3, 4.3).

use super::SqliteDialect;
use super::types::{declared, field_type};
use crate::catalog::{Field, FieldType, ForeignKey, Table};
use crate::dialect::{Connection, DiscoveredTable, TableKey};
use crate::error::DatabaseError;
use crate::outbox;
use crate::schema::labels;
use crate::statement::{Bound, Statement};
use crate::value::Stored;
use antiphon_model::{Value, json};
use indexmap::IndexMap;
use std::collections::HashMap;

/// Every table and view, by name.
pub(super) fn discover(connection: &dyn Connection) -> Result<Vec<DiscoveredTable>, DatabaseError> {
    let names = rows(
        connection,
        "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND name <> ? ORDER BY lower(name)",
        Some(outbox::TABLE),
    )?;
    let mut tables = names
        .iter()
        .map(|row| discover_table(connection, &text(&row[0]), text(&row[1]) == "view"))
        .collect::<Result<Vec<_>, _>>()?;
    resolve_implicit_keys(&mut tables);
    tables.iter_mut().for_each(mark_references);
    Ok(tables)
}

fn discover_table(connection: &dyn Connection, name: &str, is_view: bool) -> Result<DiscoveredTable, DatabaseError> {
    let columns = rows(
        connection,
        "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?) ORDER BY cid",
        Some(name),
    )?;
    let mut primary: Vec<(i64, String)> =
        columns.iter().filter(|row| integer(&row[4]) > 0).map(|row| (integer(&row[4]), text(&row[0]))).collect();
    primary.sort();
    let primary_key: Vec<String> = primary.into_iter().map(|(_, column)| column).collect();
    let mut fields: Vec<Field> = columns.iter().map(|row| field(row, &primary_key)).collect();
    let mut constraints = IndexMap::new();
    let keys = foreign_keys(connection, name, &mut constraints)?;
    indexes(connection, name, &mut fields, &mut constraints)?;
    let label = labels::label(name);
    let table = Table {
        name: name.to_owned(),
        alias: None,
        plural: labels::plural(&label),
        label,
        description: None,
        name_field: None,
        is_view,
        primary_key,
        fields,
        relations: Vec::new(),
        constraints,
    };
    Ok(DiscoveredTable { table, keys })
}

fn field(row: &[Bound], primary_key: &[String]) -> Field {
    let name = text(&row[0]);
    let db_type = text(&row[1]).to_ascii_lowercase();
    let declared = declared(&db_type);
    let mut kind = field_type(&declared);
    let is_primary_key = primary_key.contains(&name);
    let auto_increment = is_primary_key && primary_key.len() == 1 && declared.word == "integer";
    if auto_increment {
        kind = FieldType::Id;
    }
    let allow_null = integer(&row[2]) == 0 && !is_primary_key;
    let default = default_value(&row[3], kind);
    let exact = matches!(kind, FieldType::Decimal | FieldType::Money);
    Field {
        db_type,
        length: declared.length,
        precision: declared.length.filter(|_| exact),
        scale: declared.scale,
        required: !(allow_null || !default.is_null() || auto_increment),
        default,
        allow_null,
        auto_increment,
        is_primary_key,
        ..Field::new(&name, kind)
    }
}

/// The value of a literal default; anything else is an expression.
fn default_value(declared: &Bound, kind: FieldType) -> Value {
    let Bound::Text(source) = declared else { return Value::Null };
    let source = source.trim();
    if source.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    let quoted = |quote: char| source.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(text) = quoted('\'') {
        return Value::String(text.replace("''", "'"));
    }
    if let Some(text) = quoted('"') {
        return Value::String(text.replace("\"\"", "\""));
    }
    if kind == FieldType::Boolean {
        match source.to_ascii_lowercase().as_str() {
            "1" | "true" => return Value::Bool(true),
            "0" | "false" => return Value::Bool(false),
            _ => {}
        }
    }
    match serde_json::from_str::<Value>(source) {
        Ok(number @ Value::Number(_)) => number,
        _ => json!({ "expression": source }),
    }
}

fn foreign_keys(
    connection: &dyn Connection,
    table: &str,
    constraints: &mut IndexMap<String, Value>,
) -> Result<Vec<TableKey>, DatabaseError> {
    let found = rows(
        connection,
        "SELECT id, \"from\", \"table\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq",
        Some(table),
    )?;
    let mut keys: Vec<(i64, TableKey)> = Vec::new();
    for row in &found {
        let id = integer(&row[0]);
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = TableKey {
                fields: Vec::new(),
                ref_table: text(&row[2]),
                ref_fields: Vec::new(),
                on_update: text(&row[4]),
                on_delete: text(&row[5]),
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.fields.push(text(&row[1]));
            key.ref_fields.extend(Some(text(&row[3])).filter(|column| !column.is_empty()));
        }
    }
    let keys: Vec<TableKey> = keys.into_iter().map(|(_, key)| key).collect();
    for key in &keys {
        let name = format!("fk_{table}_{}", key.fields.join("_"));
        constraints.insert(name.to_lowercase(), foreign_key_constraint(table, &name, key));
    }
    Ok(keys)
}

fn foreign_key_constraint(table: &str, name: &str, key: &TableKey) -> Value {
    let one_or_many = |columns: &[String]| match columns {
        [one] => json!(one),
        many => json!(many),
    };
    json!({
        "table_schema": "",
        "table_name": table,
        "column_name": one_or_many(&key.fields),
        "constraint_name": name,
        "constraint_type": "f",
        "referenced_table_schema": "",
        "referenced_table_name": key.ref_table,
        "referenced_column_name": one_or_many(&key.ref_fields),
        "update_rule": key.on_update,
        "delete_rule": key.on_delete,
    })
}

fn indexes(
    connection: &dyn Connection,
    table: &str,
    fields: &mut [Field],
    constraints: &mut IndexMap<String, Value>,
) -> Result<(), DatabaseError> {
    let list = rows(connection, "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?)", Some(table))?;
    for row in &list {
        let (name, origin) = (text(&row[0]), text(&row[2]));
        let info = rows(connection, "SELECT name FROM pragma_index_info(?) ORDER BY seqno", Some(&name))?;
        let columns: Vec<String> = info.iter().map(|row| text(&row[0])).collect();
        if integer(&row[1]) == 1
            && integer(&row[3]) == 0
            && origin != "pk"
            && let [only] = columns.as_slice()
        {
            fields.iter_mut().filter(|field| field.name == *only).for_each(|field| field.is_unique = true);
        }
        constraints.insert(
            name.to_lowercase(),
            json!({
                "table_schema": "",
                "table_name": table,
                "column_name": columns,
                "constraint_name": name,
                "constraint_type": origin,
            }),
        );
    }
    Ok(())
}

/// `REFERENCES t` without a column means the primary key of `t`.
fn resolve_implicit_keys(tables: &mut [DiscoveredTable]) {
    let primary: HashMap<String, Vec<String>> =
        tables.iter().map(|found| (found.table.name.to_lowercase(), found.table.primary_key.clone())).collect();
    for found in tables {
        for key in found.keys.iter_mut().filter(|key| key.ref_fields.is_empty()) {
            key.ref_fields = primary.get(&key.ref_table.to_lowercase()).cloned().unwrap_or_default();
            let name = format!("fk_{}_{}", found.table.name, key.fields.join("_"));
            let constraint = foreign_key_constraint(&found.table.name, &name, key);
            found.table.constraints.insert(name.to_lowercase(), constraint);
        }
    }
}

fn mark_references(found: &mut DiscoveredTable) {
    for key in &found.keys {
        let ([column], [ref_field]) = (key.fields.as_slice(), key.ref_fields.as_slice()) else { continue };
        let Some(field) = found.table.fields.iter_mut().find(|field| field.name.eq_ignore_ascii_case(column)) else {
            continue;
        };
        if field.kind == FieldType::Integer {
            field.kind = FieldType::Reference;
        }
        field.foreign_key = Some(ForeignKey {
            table: key.ref_table.clone(),
            field: ref_field.clone(),
            on_update: key.on_update.clone(),
            on_delete: key.on_delete.clone(),
        });
    }
}

fn rows(connection: &dyn Connection, sql: &str, argument: Option<&str>) -> Result<Vec<Vec<Bound>>, DatabaseError> {
    let mut statement = Statement::new(&SqliteDialect);
    statement.push(sql);
    if let Some(argument) = argument {
        statement.attach(Bound::Text(argument.to_owned()));
    }
    let columns = sql.split(" FROM ").next().map_or(1, |list| list.split(',').count());
    let mut found = Vec::new();
    connection.query(&statement, &mut |row| {
        found.push((0..columns).map(|column| owned(row.stored(column))).collect());
        Ok(())
    })?;
    Ok(found)
}

fn owned(stored: Stored<'_>) -> Bound {
    match stored {
        Stored::Null => Bound::Null,
        Stored::Integer(value) => Bound::Integer(value),
        Stored::Real(value) => Bound::Real(value),
        Stored::Text(text) => Bound::Text(text.to_owned()),
        Stored::Blob(bytes) => Bound::Blob(bytes.to_vec()),
    }
}

fn text(value: &Bound) -> String {
    match value {
        Bound::Text(text) => text.clone(),
        _ => String::new(),
    }
}

fn integer(value: &Bound) -> i64 {
    match value {
        Bound::Integer(value) => *value,
        _ => 0,
    }
}
