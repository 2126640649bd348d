//! Changing a SQLite table: columns are added natively, everything else rebuilds the table (5).
//!
//! SQLite can neither alter a column nor add a constraint. A rebuild makes a table of the new form, copies the rows,
//! drops the old one and takes its name; indexes and triggers are made again. All of it in the caller's transaction.

use super::SqliteDialect;
use super::create::column;
use crate::catalog::{Field, FieldType, ForeignKey, Table};
use crate::dialect::Connection;
use crate::error::DatabaseError;
use crate::schema::definition::{ColumnType, FieldDefinition};
use crate::statement::{Bound, Statement};
use crate::value::Stored;
use antiphon_model::{Error, Object, Result, Value};

/// Adds a column. One that must not be null without a default is added by a rebuild, which fails if there are rows.
pub(super) fn add_field(connection: &dyn Connection, table: &Table, field: &FieldDefinition) -> Result<()> {
    let native = field.allow_null == Some(true) || field.default.is_some();
    let expression = field.default.as_ref().is_some_and(Value::is_object);
    if native && !expression && !field.is_primary_key && !field.is_unique && !is_id(field) {
        let mut statement = Statement::new(&SqliteDialect);
        statement.push("ALTER TABLE ").identifier(&table.name).push(" ADD COLUMN ");
        column(&mut statement, &table.name, field, false)?;
        return Ok(connection.run(statement.sql())?);
    }
    let mut definitions: Vec<FieldDefinition> = kept(table, &[]).map(definition_of).collect();
    definitions.push(field.clone());
    rebuild(connection, table, &definitions)
}

/// Changes columns and drops others. What stays as it is costs nothing.
pub(super) fn alter_fields(
    connection: &dyn Connection,
    table: &Table,
    changed: &[FieldDefinition],
    dropped: &[&Field],
) -> Result<()> {
    let mut differs = false;
    let mut definitions = Vec::with_capacity(table.fields.len());
    for field in kept(table, dropped) {
        let own = definition_of(field);
        let definition = match changed.iter().find(|change| change.name.eq_ignore_ascii_case(&field.name)) {
            Some(change) => changed_definition(own.clone(), change),
            None => own.clone(),
        };
        differs |= definition != own && text(table, &definition)? != text(table, &own)?;
        definitions.push(definition);
    }
    if definitions.is_empty() {
        return Err(Error::bad_request("A table must keep at least one field; drop the table instead."));
    }
    match differs || dropped.iter().any(|field| !is_free(table, field)) {
        true => rebuild(connection, table, &definitions),
        false => drop_natively(connection, table, dropped),
    }
}

fn text(table: &Table, definition: &FieldDefinition) -> Result<String> {
    let mut statement = Statement::new(&SqliteDialect);
    column(&mut statement, &table.name, definition, true)?;
    Ok(statement.sql().to_ascii_lowercase())
}

/// Whether no key, index or constraint speaks of a column, so that SQLite can drop it by itself.
fn is_free(table: &Table, field: &Field) -> bool {
    let in_constraint =
        table.constraints.values().any(|constraint| columns_of(constraint, "column_name").contains(&field.name));
    !field.is_primary_key && !field.is_unique && field.foreign_key.is_none() && !in_constraint
}

fn drop_natively(connection: &dyn Connection, table: &Table, dropped: &[&Field]) -> Result<()> {
    for field in dropped {
        let mut statement = Statement::new(&SqliteDialect);
        statement.push("ALTER TABLE ").identifier(&table.name).push(" DROP COLUMN ").identifier(&field.name);
        connection.run(statement.sql())?;
    }
    Ok(())
}

fn kept<'t>(table: &'t Table, dropped: &'t [&Field]) -> impl Iterator<Item = &'t Field> {
    table
        .fields
        .iter()
        .filter(|field| !field.is_virtual)
        .filter(|field| dropped.iter().all(|gone| gone.name != field.name))
}

fn rebuild(connection: &dyn Connection, table: &Table, definitions: &[FieldDefinition]) -> Result<()> {
    refuse_what_would_be_lost(connection, table)?;
    let kept_objects = definitions_of(connection, table)?;
    let new_name = format!("{} (being rebuilt)", table.name);
    let mut statement = Statement::new(&SqliteDialect);
    let single_key = definitions.iter().filter(|field| field.is_primary_key && !is_id(field)).count() == 1;
    statement.push("CREATE TABLE ");
    statement.identifier(&new_name).push(" (");
    for (index, field) in definitions.iter().enumerate() {
        if index > 0 {
            statement.push(", ");
        }
        column(&mut statement, &table.name, field, single_key)?;
    }
    let keys: Vec<&FieldDefinition> =
        definitions.iter().filter(|field| field.is_primary_key && !is_id(field)).collect();
    if keys.len() > 1 {
        statement.push(", PRIMARY KEY (").list(&keys, |statement, field| {
            statement.identifier(&field.name);
        });
        statement.push(")");
    }
    write_wide_constraints(&mut statement, table, definitions);
    statement.push("); INSERT INTO ").identifier(&new_name).push(" (");
    let copied: Vec<&FieldDefinition> =
        definitions.iter().filter(|field| table.fields.iter().any(|own| own.name == field.name)).collect();
    let names = |statement: &mut Statement<'_>, field: &&FieldDefinition| {
        statement.identifier(&field.name);
    };
    statement.list(&copied, names);
    statement.push(") SELECT ").list(&copied, names).push(" FROM ").identifier(&table.name);
    statement.push("; DROP TABLE ").identifier(&table.name);
    statement.push("; ALTER TABLE ").identifier(&new_name).push(" RENAME TO ").identifier(&table.name);
    connection.run(statement.sql())?;
    for (columns, sql) in kept_objects {
        let still_there = |column: &String| definitions.iter().any(|field| field.name.eq_ignore_ascii_case(column));
        if columns.iter().all(still_there) {
            connection.run(&sql)?;
        }
    }
    Ok(())
}

/// Parts of a table that its description does not hold, so that a rebuild would drop them without a word.
const NOT_CARRIED_OVER: [&str; 5] = ["check", "collate", "generated", "without", "strict"];

fn refuse_what_would_be_lost(connection: &dyn Connection, table: &Table) -> Result<()> {
    let sources =
        texts(connection, "SELECT name, sql FROM sqlite_master WHERE name = ? AND type = 'table'", &table.name)?;
    let source = sources.into_iter().map(|(_, sql)| sql).next().unwrap_or_default();
    let mut quote = None;
    let unquoted: String = source
        .chars()
        .map(|character| {
            let inside = quote.is_some();
            match quote {
                Some(open) if open == character => quote = None,
                None if matches!(character, '\'' | '"' | '`') => quote = Some(character),
                _ => {}
            }
            if inside { ' ' } else { character.to_ascii_lowercase() }
        })
        .collect();
    let mut words = unquoted.split(|character: char| !character.is_alphanumeric() && character != '_');
    match words.find(|word| NOT_CARRIED_OVER.contains(word)) {
        Some(word) => Err(Error::bad_request(format!(
            "Table '{}' uses '{}', which this change would lose. Change the table with SQL instead.",
            table.name,
            word.to_ascii_uppercase()
        ))),
        None => Ok(()),
    }
}

/// Writes the unique constraints and foreign keys of several columns, as far as their columns stay.
fn write_wide_constraints(statement: &mut Statement<'_>, table: &Table, definitions: &[FieldDefinition]) {
    let stays = |column: &String| definitions.iter().any(|field| field.name.eq_ignore_ascii_case(column));
    let name = |statement: &mut Statement<'_>, column: &String| {
        statement.identifier(column);
    };
    for constraint in table.constraints.values() {
        let columns = columns_of(constraint, "column_name");
        let kind = constraint.get("constraint_type").and_then(Value::as_str);
        if columns.len() < 2 || !columns.iter().all(stays) || !matches!(kind, Some("u" | "f")) {
            continue;
        }
        statement.push(if kind == Some("u") { ", UNIQUE (" } else { ", FOREIGN KEY (" }).list(&columns, name).push(")");
        if kind == Some("f") {
            let rule = |key: &str| constraint.get(key).and_then(Value::as_str).unwrap_or("NO ACTION").to_owned();
            let ref_table = constraint.get("referenced_table_name").and_then(Value::as_str).unwrap_or_default();
            statement.push(" REFERENCES ").identifier(ref_table).push(" (");
            statement.list(&columns_of(constraint, "referenced_column_name"), name).push(")");
            statement.push(" ON UPDATE ").push(&rule("update_rule")).push(" ON DELETE ").push(&rule("delete_rule"));
        }
    }
}

fn columns_of(constraint: &Value, key: &str) -> Vec<String> {
    match constraint.get(key) {
        Some(Value::String(column)) => vec![column.clone()],
        Some(Value::Array(columns)) => columns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The indexes and triggers of a table as text that makes them again, with the columns that indexes need.
fn definitions_of(connection: &dyn Connection, table: &Table) -> Result<Vec<(Vec<String>, String)>, DatabaseError> {
    let objects = texts(
        connection,
        "SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL",
        &table.name,
    )?;
    let mut found = Vec::with_capacity(objects.len());
    for (name, sql) in objects {
        let columns = texts(connection, "SELECT name, '' FROM pragma_index_info(?) WHERE name IS NOT NULL", &name)?;
        found.push((columns.into_iter().map(|(column, _)| column).collect(), sql));
    }
    Ok(found)
}

fn texts(connection: &dyn Connection, sql: &str, argument: &str) -> Result<Vec<(String, String)>, DatabaseError> {
    let mut statement = Statement::new(&SqliteDialect);
    statement.push(sql).attach(Bound::Text(argument.to_owned()));
    let text = |stored: Stored<'_>| match stored {
        Stored::Text(text) => text.to_owned(),
        _ => String::new(),
    };
    let mut found = Vec::new();
    connection.query(&statement, &mut |row| {
        found.push((text(row.stored(0)), text(row.stored(1))));
        Ok(())
    })?;
    Ok(found)
}

/// A column as it is, as a definition.
fn definition_of(field: &Field) -> FieldDefinition {
    let column = match field.auto_increment {
        true => ColumnType::Simple(FieldType::Id, "id".to_owned()),
        false => ColumnType::Native(field.db_type.clone()),
    };
    FieldDefinition {
        name: field.name.clone(),
        column: Some(column),
        length: None,
        scale: None,
        fixed_length: false,
        supports_multibyte: false,
        default: match (&field.default, field.kind) {
            (Value::Null, _) => None,
            (Value::Bool(value), _) => Some(Value::from(i32::from(*value))),
            (default, _) => Some(default.clone()),
        },
        allow_null: Some(field.allow_null),
        is_primary_key: field.is_primary_key,
        // A unique constraint is kept as the index that goes with it.
        is_unique: field.is_unique && !field.is_primary_key,
        is_index: false,
        foreign_key: field.foreign_key.clone(),
        is_virtual: false,
        extras: Object::new(),
    }
}

/// What a change says, over what was.
fn changed_definition(own: FieldDefinition, change: &FieldDefinition) -> FieldDefinition {
    let foreign_key: Option<ForeignKey> = change.foreign_key.clone().or(own.foreign_key);
    FieldDefinition {
        column: change.column.clone().or(own.column),
        length: change.length,
        scale: change.scale,
        fixed_length: change.fixed_length,
        supports_multibyte: change.supports_multibyte,
        default: change.default.clone().or(own.default),
        allow_null: change.allow_null.or(own.allow_null),
        is_primary_key: own.is_primary_key || change.is_primary_key,
        is_unique: own.is_unique || change.is_unique,
        foreign_key,
        ..own
    }
}

fn is_id(field: &FieldDefinition) -> bool {
    matches!(field.column, Some(ColumnType::Simple(FieldType::Id, _)))
}
