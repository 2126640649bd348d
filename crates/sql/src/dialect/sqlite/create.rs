//! `CREATE TABLE` and column definitions for SQLite (4.2).

use crate::catalog::FieldType;
use crate::schema::definition::{ColumnType, FieldDefinition, TableDefinition};
use crate::statement::Statement;
use antiphon_model::{Error, Result, Value};

/// Length of a text column when none is given.
const TEXT_LENGTH: u32 = 255;

/// Writes `CREATE TABLE`.
///
/// # Errors
/// 400 for a table without fields.
pub(super) fn table(sql: &mut Statement<'_>, definition: &TableDefinition) -> Result<()> {
    let columns: Vec<&FieldDefinition> = definition.fields.iter().flatten().filter(|field| !field.is_virtual).collect();
    if columns.is_empty() {
        return Err(Error::bad_request("No valid fields exist in the received table schema."));
    }
    let keys: Vec<&&FieldDefinition> = columns.iter().filter(|field| field.is_primary_key && !is_id(field)).collect();
    sql.push("CREATE TABLE ").identifier(&definition.name).push(" (");
    for (index, field) in columns.iter().enumerate() {
        if index > 0 {
            sql.push(", ");
        }
        column(sql, &definition.name, field, keys.len() == 1)?;
    }
    if keys.len() > 1 {
        sql.push(", PRIMARY KEY (").list(&keys, |sql, field| {
            sql.identifier(&field.name);
        });
        sql.push(")");
    }
    sql.push(")");
    if let Some(options) = &definition.options {
        sql.push(" ").push(options);
    }
    Ok(())
}

/// Writes one column: name, type, constraints.
///
/// # Errors
/// 400 for a field without a type.
pub(super) fn column(sql: &mut Statement<'_>, table: &str, field: &FieldDefinition, key_inline: bool) -> Result<()> {
    sql.identifier(&field.name).push(" ");
    let kind = match &field.column {
        None => return Err(Error::bad_request("Invalid schema detected - no type or db_type element.")),
        Some(ColumnType::Verbatim(text)) => {
            sql.push(text);
            return Ok(());
        }
        Some(ColumnType::Native(text)) => {
            sql.push(text);
            None
        }
        Some(ColumnType::Simple(FieldType::Id, _)) => {
            sql.push("integer NOT NULL PRIMARY KEY AUTOINCREMENT");
            return Ok(());
        }
        Some(ColumnType::Simple(kind, word)) => {
            sql.push(&simple(*kind, word, field));
            Some(*kind)
        }
    };
    sql.push(if field.allow_null == Some(true) { "" } else { " NOT NULL" });
    if let Some(default) = &field.default {
        sql.push(" DEFAULT ").push(&default_text(default, kind));
    }
    if field.is_primary_key && key_inline {
        sql.push(" PRIMARY KEY");
    }
    if field.is_unique {
        sql.push(" UNIQUE");
    }
    if let Some(key) = &field.foreign_key {
        sql.push(" CONSTRAINT ").identifier(&format!("fk_{table}_{}", field.name));
        sql.push(" REFERENCES ").identifier(&key.table).push(" (").identifier(&key.field).push(")");
        sql.push(" ON UPDATE ").push(&key.on_update).push(" ON DELETE ").push(&key.on_delete);
    }
    Ok(())
}

fn is_id(field: &FieldDefinition) -> bool {
    matches!(field.column, Some(ColumnType::Simple(FieldType::Id, _)))
}

/// The column type of a type of the wire.
fn simple(kind: FieldType, word: &str, field: &FieldDefinition) -> String {
    let sized = |word: &str| match (field.length, field.scale) {
        (Some(length), Some(scale)) => format!("{word}({length},{scale})"),
        (Some(length), None) => format!("{word}({length})"),
        _ => word.to_owned(),
    };
    match kind {
        FieldType::String => {
            let word = match (field.fixed_length, field.supports_multibyte) {
                (false, false) => "varchar",
                (true, false) => "char",
                (false, true) => "nvarchar",
                (true, true) => "nchar",
            };
            format!("{word}({})", field.length.unwrap_or(TEXT_LENGTH))
        }
        FieldType::Boolean => "tinyint(1)".to_owned(),
        FieldType::Decimal => sized("decimal"),
        FieldType::Money => "decimal(19,4)".to_owned(),
        FieldType::Reference
        | FieldType::UserId
        | FieldType::UserIdOnCreate
        | FieldType::UserIdOnUpdate
        | FieldType::Id => "integer".to_owned(),
        FieldType::TimestampOnCreate | FieldType::TimestampOnUpdate => "timestamp".to_owned(),
        FieldType::Binary => "blob".to_owned(),
        // A column declared `json` would turn text that looks like a number into one.
        FieldType::Json => "text".to_owned(),
        FieldType::Integer | FieldType::Bigint | FieldType::Double | FieldType::Float => sized(word),
        FieldType::Text
        | FieldType::Date
        | FieldType::Time
        | FieldType::Datetime
        | FieldType::Timestamp
        | FieldType::Uuid => word.to_owned(),
    }
}

/// A default as SQL: literals quoted, expressions verbatim.
pub(super) fn default_text(default: &Value, kind: Option<FieldType>) -> String {
    let boolean = kind == Some(FieldType::Boolean);
    match default {
        Value::Object(members) => match members.get("expression").and_then(Value::as_str) {
            Some(expression) => format!("({expression})"),
            None => quoted(&default.to_string()),
        },
        Value::Bool(value) => i32::from(*value).to_string(),
        Value::Number(number) => number.to_string(),
        value @ Value::String(_) if boolean => i32::from(antiphon_model::truthy(value)).to_string(),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
