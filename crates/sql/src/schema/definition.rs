//! Tables and fields as a client defines them (4.2, 5).

use crate::catalog::{FieldType, ForeignKey};
use antiphon_model::{Error, Object, Result, Value, truthy};

/// Extras of a table on the wire.
const TABLE_EXTRAS: [&str; 5] = ["alias", "label", "plural", "description", "name_field"];
/// Extras of a field on the wire.
const FIELD_EXTRAS: [&str; 9] = [
    "alias",
    "label",
    "description",
    "picklist",
    "validation",
    "client_info",
    "db_function",
    "is_virtual",
    "is_aggregate",
];

/// A table as defined.
#[derive(Debug, Clone, PartialEq)]
pub struct TableDefinition {
    /// Name in the database.
    pub name: String,
    /// Its fields; none means that nothing is said of fields.
    pub fields: Option<Vec<FieldDefinition>>,
    /// Text after `CREATE TABLE (...)`, verbatim.
    pub options: Option<String>,
    /// What is not for the database.
    pub extras: Object,
}

/// A field as defined.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDefinition {
    /// Name in the database.
    pub name: String,
    /// What is said of its type.
    pub column: Option<ColumnType>,
    /// Numbers of the type.
    pub length: Option<u32>,
    /// Digits after the point.
    pub scale: Option<u32>,
    /// `char` instead of `varchar`.
    pub fixed_length: bool,
    /// `nvarchar` instead of `varchar`.
    pub supports_multibyte: bool,
    /// A literal's value or `{"expression": ...}`; none when nothing is said.
    pub default: Option<Value>,
    /// None when nothing is said, which means not null for a new field.
    pub allow_null: Option<bool>,
    /// Part of the primary key.
    pub is_primary_key: bool,
    /// With a unique index.
    pub is_unique: bool,
    /// With an index.
    pub is_index: bool,
    /// What it refers to.
    pub foreign_key: Option<ForeignKey>,
    /// Computed, without a column.
    pub is_virtual: bool,
    /// What is not for the database, `extra_type` included.
    pub extras: Object,
}

/// The type of a column as defined.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnType {
    /// A type of the wire, under the name that was used.
    Simple(FieldType, String),
    /// A type of the database's own.
    Native(String),
    /// A whole column definition.
    Verbatim(String),
}

impl TableDefinition {
    /// Reads a definition. Under a path that names the table, `name` may be left out.
    ///
    /// # Errors
    /// 400 for a definition that says too little or makes no sense.
    pub fn read(definition: &Value, path_name: Option<&str>) -> Result<TableDefinition> {
        let members =
            definition.as_object().ok_or_else(|| Error::bad_request("A table definition must be an object."))?;
        let name = path_name
            .or_else(|| text(members, "name"))
            .filter(|name| is_name(name))
            .ok_or_else(|| Error::bad_request("Table schema received does not have a valid name."))?;
        let fields = match members.get("field").or_else(|| members.get("fields")) {
            None | Some(Value::Null) => None,
            Some(Value::Array(fields)) => {
                Some(fields.iter().map(|field| FieldDefinition::read(field, None)).collect::<Result<Vec<_>>>()?)
            }
            Some(field @ Value::Object(_)) => Some(vec![FieldDefinition::read(field, None)?]),
            Some(_) => return Err(Error::bad_request("The fields of a table must be a list of objects.")),
        };
        Ok(TableDefinition {
            name: name.to_owned(),
            fields,
            options: text(members, "options").map(str::to_owned),
            extras: extras(members, &TABLE_EXTRAS),
        })
    }
}

impl FieldDefinition {
    /// Reads a definition. Under a path that names the field, `name` may be left out.
    ///
    /// # Errors
    /// 400 for a definition that says too little or makes no sense.
    pub fn read(definition: &Value, path_name: Option<&str>) -> Result<FieldDefinition> {
        let members =
            definition.as_object().ok_or_else(|| Error::bad_request("A field definition must be an object."))?;
        let name = path_name
            .or_else(|| text(members, "name"))
            .filter(|name| is_name(name))
            .ok_or_else(|| Error::bad_request("Field schema received does not have a valid name."))?;
        let mut extras = extras(members, &FIELD_EXTRAS);
        let column = column_type(members);
        let is_virtual = flag(members, "is_virtual") || text(members, "type") == Some("virtual");
        if is_virtual {
            extras.insert("is_virtual".into(), Value::Bool(true));
        }
        if let Some(ColumnType::Simple(kind, _)) = &column {
            let hidden_by_database = kind.is_automatic() || matches!(kind, FieldType::UserId | FieldType::Json);
            if hidden_by_database || is_virtual {
                extras.insert("extra_type".into(), Value::from(kind.as_str()));
            }
        }
        Ok(FieldDefinition {
            foreign_key: foreign_key(members, name, column.as_ref())?,
            name: name.to_owned(),
            column,
            length: number(members, &["length", "size", "precision"]),
            scale: number(members, &["scale", "decimals"]),
            fixed_length: flag(members, "fixed_length"),
            supports_multibyte: flag(members, "supports_multibyte"),
            default: members.get("default").filter(|value| !value.is_null()).cloned(),
            allow_null: members.get("allow_null").filter(|value| !value.is_null()).map(truthy),
            is_primary_key: flag(members, "is_primary_key"),
            is_unique: flag(members, "is_unique"),
            is_index: flag(members, "is_index"),
            is_virtual,
            extras,
        })
    }

    /// Whether it says anything about the column itself.
    pub fn defines_column(&self) -> bool {
        !self.is_virtual && (self.column.is_some() || self.allow_null.is_some() || self.default.is_some())
    }

    /// Whether only an administrator may send it: it holds SQL.
    pub fn needs_administrator(&self) -> bool {
        matches!(self.column, Some(ColumnType::Verbatim(_)))
            || matches!(&self.column, Some(ColumnType::Native(text)) if !is_plain_type(text))
            || self.extras.get("db_function").is_some_and(|function| !function.is_null())
    }
}

fn column_type(members: &Object) -> Option<ColumnType> {
    if let Some(sql) = text(members, "sql") {
        return Some(ColumnType::Verbatim(sql.to_owned()));
    }
    let name = text(members, "type").or_else(|| text(members, "db_type"))?;
    match FieldType::parse(name) {
        Some(kind) => Some(ColumnType::Simple(kind, name.to_ascii_lowercase())),
        None if name == "virtual" => None,
        None => Some(ColumnType::Native(name.to_owned())),
    }
}

fn foreign_key(members: &Object, name: &str, column: Option<&ColumnType>) -> Result<Option<ForeignKey>> {
    let is_reference = matches!(column, Some(ColumnType::Simple(FieldType::Reference, _)));
    if !is_reference && !flag(members, "is_foreign_key") {
        return Ok(None);
    }
    let Some(table) = text(members, "ref_table") else {
        return Err(Error::bad_request(format!(
            "Invalid schema detected - no table element for reference type of {name}."
        )));
    };
    let action = |key: &str| -> Result<String> {
        let action = text(members, key).unwrap_or("NO ACTION").to_ascii_uppercase();
        match ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"].contains(&action.as_str()) {
            true => Ok(action),
            false => Err(Error::bad_request(format!("Invalid {key} of field '{name}': '{action}'."))),
        }
    };
    Ok(Some(ForeignKey {
        table: table.to_owned(),
        field: text(members, "ref_field").or_else(|| text(members, "ref_fields")).unwrap_or("id").to_owned(),
        on_update: action("ref_on_update")?,
        on_delete: action("ref_on_delete")?,
    }))
}

fn extras(members: &Object, known: &[&str]) -> Object {
    members
        .iter()
        .filter(|(name, _)| known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A name that can be quoted: not blank, without control characters.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= 255 && !name.contains(char::is_control)
}

/// A type such as `nvarchar(20)` or `double precision`: words and numbers only.
fn is_plain_type(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | ' ' | '(' | ')' | ','))
}

pub(super) fn text<'o>(members: &'o Object, name: &str) -> Option<&'o str> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn flag(members: &Object, name: &str) -> bool {
    members.get(name).is_some_and(truthy)
}

fn number(members: &Object, names: &[&str]) -> Option<u32> {
    names.iter().find_map(|name| match members.get(*name)? {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}
