//! Creating, changing and dropping tables (5).

use super::definition::{FieldDefinition, TableDefinition};
use super::{aliases, labels};
use crate::catalog::{Field, Table};
use crate::database::Database;
use crate::error::DatabaseError;
use crate::extras::{Extra, Subject};
use crate::statement::Statement;
use crate::transaction::Transaction;
use antiphon_model::{Error, Object, Result, Value};

/// What happens to a table that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is an error.
    OnlyNew,
    /// Fields are added and changed.
    Merge,
    /// And fields that a given list leaves out are dropped.
    Replace,
}

/// Creates the table, or changes it.
pub(super) fn apply(database: &Database, definition: &TableDefinition, mode: Mode, is_admin: bool) -> Result<()> {
    let raw_sql =
        definition.options.is_some() || definition.fields.iter().flatten().any(FieldDefinition::needs_administrator);
    require_administrator(raw_sql, is_admin)?;
    let catalog = database.catalog()?;
    aliases::check_table(&catalog, definition)?;
    let known = catalog.table(&definition.name).cloned();
    let done = match &known {
        None => create(database, definition),
        Some(_) if mode == Mode::OnlyNew => {
            Err(Error::bad_request(format!("A table with name '{}' already exist in the database.", definition.name)))
        }
        Some(table) => change_table(database, table, definition, mode == Mode::Replace),
    };
    database.refresh();
    done
}

/// Refuses SQL of the caller's own from anyone but administrators (4.2, 5.2).
pub(super) fn require_administrator(raw_sql: bool, is_admin: bool) -> Result<()> {
    match raw_sql && !is_admin {
        true => Err(Error::forbidden("Only an administrator may use SQL text in a table definition.")),
        false => Ok(()),
    }
}

fn create(database: &Database, definition: &TableDefinition) -> Result<()> {
    aliases::check_fields(&[], definition.fields.as_deref().unwrap_or_default(), &[])?;
    let transaction = Transaction::begin(database)?;
    let mut statement = Statement::new(database.backend().dialect());
    database.backend().create_table(&mut statement, definition)?;
    transaction.connection().run(statement.sql()).map_err(refused)?;
    for field in definition.fields.iter().flatten() {
        create_index(database, &transaction, &definition.name, field)?;
    }
    transaction.commit()?;
    store_table_extras(database, &definition.name, &definition.extras)?;
    for field in definition.fields.iter().flatten() {
        store_field_extras(database, &definition.name, field)?;
    }
    Ok(())
}

fn change_table(database: &Database, table: &Table, definition: &TableDefinition, replace: bool) -> Result<()> {
    let fields = definition.fields.as_deref();
    if let Some(fields) = fields {
        let left_out = |field: &&Field| fields.iter().all(|known| !known.name.eq_ignore_ascii_case(&field.name));
        let dropped: Vec<&Field> = match replace {
            true => table.fields.iter().filter(left_out).collect(),
            false => Vec::new(),
        };
        change_fields(database, table, fields, &dropped)?;
    }
    store_table_extras(database, &table.name, &definition.extras)
}

/// Adds, changes and drops fields of a table, all or nothing.
pub(super) fn change_fields(
    database: &Database,
    table: &Table,
    fields: &[FieldDefinition],
    dropped: &[&Field],
) -> Result<()> {
    let known = |definition: &FieldDefinition| {
        table.fields.iter().find(|field| field.name.eq_ignore_ascii_case(&definition.name))
    };
    for definition in fields.iter().filter(|definition| definition.is_virtual) {
        if known(definition).is_some_and(|field| !field.is_virtual) {
            return Err(Error::bad_request(format!(
                "Field '{}' already exists as non-virtual in table '{}'.",
                definition.name, table.name
            )));
        }
    }
    aliases::check_fields(&table.fields, fields, dropped)?;
    let real: Vec<&FieldDefinition> = fields.iter().filter(|definition| !definition.is_virtual).collect();
    let changed: Vec<FieldDefinition> =
        real.iter().filter(|definition| known(definition).is_some()).map(|definition| (*definition).clone()).collect();
    let stored_and_dropped: Vec<&Field> = dropped.iter().copied().filter(|field| !field.is_virtual).collect();
    let transaction = Transaction::begin_structural(database)?;
    let connection = transaction.connection();
    let backend = database.backend();
    if !changed.is_empty() || !stored_and_dropped.is_empty() {
        backend.alter_fields(connection, table, &changed, &stored_and_dropped).map_err(refused_error)?;
    }
    for definition in real.iter().filter(|definition| known(definition).is_none()) {
        let current = current(database, &transaction, &table.name)?;
        backend.add_field(connection, &current, definition).map_err(refused_error)?;
    }
    for definition in &real {
        create_index(database, &transaction, &table.name, definition)?;
    }
    transaction.commit_structural(database)?;
    for definition in fields {
        store_field_extras(database, &table.name, definition)?;
    }
    for field in dropped {
        forget_field(database, &table.name, &field.name)?;
    }
    database.refresh();
    Ok(())
}

/// The table as it is inside the transaction.
fn current(database: &Database, transaction: &Transaction<'_>, name: &str) -> Result<Table> {
    let found = database.backend().discover(transaction.connection())?;
    found
        .into_iter()
        .map(|found| found.table)
        .find(|table| table.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| Error::not_found(format!("Table \"{name}\" does not exist in the database.")))
}

fn create_index(
    database: &Database,
    transaction: &Transaction<'_>,
    table: &str,
    field: &FieldDefinition,
) -> Result<()> {
    let (kind, prefix) = match field {
        FieldDefinition { is_virtual: true, .. } => return Ok(()),
        FieldDefinition { is_unique: true, .. } => ("CREATE UNIQUE INDEX IF NOT EXISTS ", "undx"),
        FieldDefinition { is_index: true, .. } => ("CREATE INDEX IF NOT EXISTS ", "ndx"),
        _ => return Ok(()),
    };
    let mut statement = Statement::new(database.backend().dialect());
    statement.push(kind).identifier(&format!("{prefix}_{table}_{}", field.name));
    statement.push(" ON ").identifier(table).push(" (").identifier(&field.name).push(")");
    transaction.connection().run(statement.sql()).map_err(refused)
}

/// Drops a table or view and forgets all that is known of it.
///
/// # Errors
/// 404 when there is none; 409 when rows elsewhere refer to it and forbid it.
pub(super) fn drop_table(database: &Database, name: &str) -> Result<()> {
    let table = database.table(name)?;
    let transaction = Transaction::begin(database)?;
    let mut statement = Statement::new(database.backend().dialect());
    statement.push(if table.is_view { "DROP VIEW " } else { "DROP TABLE " }).identifier(&table.name);
    transaction.connection().run(statement.sql()).map_err(refused)?;
    transaction.commit()?;
    database.refresh();
    for extra in database.extras().load()? {
        let names_it = |key: &str| {
            extra.values.get(key).and_then(Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case(&table.name))
        };
        let virtual_relation = extra.values.get("is_virtual").is_some_and(antiphon_model::truthy);
        let refers_to_it = leads_here(database, &extra) && names_it("ref_table");
        if matches!(extra.subject, Subject::Relation(_))
            && virtual_relation
            && (refers_to_it || names_it("junction_table"))
        {
            database.extras().store(Extra { values: Object::new(), ..extra })?;
        }
    }
    database.extras().forget_table(&table.name)?;
    database.refresh();
    Ok(())
}

/// Forgets the extras of a field and every virtual relation that names it.
pub(super) fn forget_field(database: &Database, table: &str, field: &str) -> Result<()> {
    let same = |value: Option<&Value>, name: &str| {
        value.and_then(Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case(name))
    };
    for extra in database.extras().load()? {
        let own = extra.table.eq_ignore_ascii_case(table);
        let gone = match &extra.subject {
            Subject::Field(name) => own && name.eq_ignore_ascii_case(field),
            Subject::Relation(_) => {
                (own && same(extra.values.get("field"), field))
                    || (leads_here(database, &extra)
                        && same(extra.values.get("ref_table"), table)
                        && same(extra.values.get("ref_field"), field))
            }
            Subject::Table => false,
        };
        if gone {
            database.extras().store(Extra { values: Object::new(), ..extra })?;
        }
    }
    Ok(())
}

/// Whether a relation leads to a table of this service.
fn leads_here(database: &Database, relation: &Extra) -> bool {
    let service = relation.values.get("ref_service_id").and_then(Value::as_i64);
    service.is_none() || service == database.config().service_id
}

fn store_table_extras(database: &Database, table: &str, given: &Object) -> Result<()> {
    store(database, table, Subject::Table, given, &labels::label(table))
}

/// Stores what a definition says beyond the database.
pub(super) fn store_field_extras(database: &Database, table: &str, field: &FieldDefinition) -> Result<()> {
    store(database, table, Subject::Field(field.name.clone()), &field.extras, &labels::label(&field.name))
}

/// Lays values over the stored extras; null forgets a value, and so does the label that would be generated anyway.
pub(super) fn store(
    database: &Database,
    table: &str,
    subject: Subject,
    given: &Object,
    generated_label: &str,
) -> Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    let stored = database.extras().load()?;
    let known =
        stored.into_iter().find(|extra| extra.table.eq_ignore_ascii_case(table) && extra.subject.matches(&subject));
    let mut values = known.map(|extra| extra.values).unwrap_or_default();
    for (name, value) in given {
        let generated = name == "label" && value.as_str() == Some(generated_label);
        match value.is_null() || generated {
            true => values.shift_remove(name),
            false => values.insert(name.clone(), value.clone()),
        };
    }
    database.extras().store(Extra { table: table.to_owned(), subject, values })
}

/// What the database says of a refused change of structure is for those who may change it (5).
fn refused(error: DatabaseError) -> Error {
    match error {
        DatabaseError::Other(message) => Error::bad_request(message),
        other => other.into(),
    }
}

fn refused_error(error: Error) -> Error {
    match (error.status, &error.cause) {
        (500, Some(cause)) => Error::bad_request(cause.clone()),
        _ => error,
    }
}
