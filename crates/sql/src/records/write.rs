//! Writing one record inside a transaction: insert, update, delete, with the nested data of its relations.
//!
//! These serve the requested table and, through relations, every other one.

use super::Scope;
use super::assign::{Assignments, Purpose};
use super::plan::Plan;
use super::rule::Stage;
use crate::catalog::Field;
use crate::condition::Condition;
use crate::error::DatabaseError;
use crate::relations::write as relations;
use crate::transaction::Transaction;
use antiphon_model::{Error, Object, Result};

/// Creates a record. Answers with its key and the fields that relations join by.
pub(crate) fn insert(
    scope: &Scope<'_>,
    transaction: &Transaction<'_>,
    record: &Object,
    index: usize,
) -> Result<Object> {
    insert_for(scope, transaction, record, Purpose::Create(index))
}

/// Creates a record that a change was meant for (9.4).
pub(super) fn upsert(scope: &Scope<'_>, transaction: &Transaction<'_>, record: &Object) -> Result<Object> {
    insert_for(scope, transaction, record, Purpose::Upsert)
}

fn insert_for(scope: &Scope<'_>, transaction: &Transaction<'_>, given: &Object, purpose: Purpose) -> Result<Object> {
    let mut record = without_hidden(scope, given);
    scope.rule.before_create(&stage(scope, transaction), &mut record)?;
    let related = relations::Nested::take(scope.table, &mut record);
    related.write_parents(scope, transaction, &mut record)?;
    let assignments = Assignments::of(scope, &record, purpose)?;
    if !assignments.given && related.is_empty() {
        return Err(Error::bad_request("No valid fields were found in record."));
    }
    admit(scope, &assignments, false)?;
    let mut statement = scope.statement();
    statement.push("INSERT INTO ").identifier(&scope.table.name);
    match assignments.is_empty() {
        true => {
            statement.push(" DEFAULT VALUES");
        }
        false => assignments.write_insert(&mut statement),
    }
    let plan = returned(scope, &related);
    statement.push(" RETURNING ");
    plan.write(&mut statement);
    let mut stored = None;
    let connection = transaction.connection();
    connection
        .query(&statement, &mut |row| {
            stored = Some(plan.record(row));
            Ok(())
        })
        .map_err(|error| refused(scope, error, &record))?;
    let stored = stored.ok_or_else(|| Error::internal("The record was not created.", "no row came back"))?;
    scope.rule.after_write(&stage(scope, transaction), None, &stored)?;
    related.write_children(scope, transaction, &stored)?;
    Ok(stored)
}

/// Changes the record for which `condition` holds, if the caller may see it; none when there is no such record.
pub(crate) fn update(
    scope: &Scope<'_>,
    transaction: &Transaction<'_>,
    condition: &Condition,
    given: &Object,
) -> Result<Option<Object>> {
    let condition = condition.clone().and(scope.visible());
    let mut change = without_hidden(scope, given);
    let existing = match scope.rule.wants_existing() {
        false => Object::new(),
        true => match Plan::of(&scope.table.fields).first(transaction.connection(), scope, &condition)? {
            Some(existing) => existing,
            None => return Ok(None),
        },
    };
    scope.rule.before_update(&stage(scope, transaction), &existing, &mut change)?;
    let related = relations::Nested::take(scope.table, &mut change);
    if !related.is_empty() && !exists(scope, transaction, &condition)? {
        return Ok(None);
    }
    related.write_parents(scope, transaction, &mut change)?;
    let assignments = Assignments::of(scope, &change, Purpose::Update)?;
    if !assignments.given && related.is_empty() {
        return Err(Error::bad_request("No valid fields were found in record."));
    }
    admit(scope, &assignments, true)?;
    let plan = returned(scope, &related);
    let stored = match assignments.is_empty() {
        true => plan.first(transaction.connection(), scope, &condition)?,
        false => {
            let mut statement = scope.statement();
            statement.push("UPDATE ").identifier(&scope.table.name).push(" SET ");
            assignments.write_update(&mut statement);
            statement.push(" WHERE ");
            let remaining = scope.rows.remaining(scope.table, &assignments.resolved);
            condition.clone().and(remaining.clone()).write(&mut statement);
            statement.push(" RETURNING ");
            plan.write(&mut statement);
            let mut stored = None;
            transaction
                .connection()
                .query(&statement, &mut |row| {
                    stored = Some(plan.record(row));
                    Ok(())
                })
                .map_err(|error| refused(scope, error, &change))?;
            if stored.is_none() && remaining != Condition::True && exists(scope, transaction, &condition)? {
                // The row is within the caller's reach, but would not be after this change (13).
                return Err(denied());
            }
            stored
        }
    };
    let Some(stored) = stored else { return Ok(None) };
    scope.rule.after_write(&stage(scope, transaction), Some(&existing), &stored)?;
    related.write_children(scope, transaction, &stored)?;
    Ok(Some(stored))
}

/// Deletes the record for which `condition` holds, if the caller may see it. Tells whether there was one.
pub(crate) fn delete_row(scope: &Scope<'_>, transaction: &Transaction<'_>, condition: &Condition) -> Result<bool> {
    let condition = condition.clone().and(scope.visible());
    let existing = match scope.rule.wants_existing() {
        false => Object::new(),
        true => match Plan::of(&scope.table.fields).first(transaction.connection(), scope, &condition)? {
            Some(existing) => existing,
            None => return Ok(false),
        },
    };
    scope.rule.before_delete(&stage(scope, transaction), &existing)?;
    let mut statement = scope.statement();
    statement.push("DELETE FROM ").identifier(&scope.table.name).push(" WHERE ");
    condition.write(&mut statement);
    let deleted = transaction.connection().execute(&statement).map_err(|error| refused(scope, error, &existing))?;
    Ok(deleted > 0)
}

/// Whether a row exists for which the condition holds.
pub(super) fn exists(scope: &Scope<'_>, transaction: &Transaction<'_>, condition: &Condition) -> Result<bool> {
    let none: [&Field; 0] = [];
    Ok(Plan::of(none).first(transaction.connection(), scope, condition)?.is_some())
}

fn stage<'a>(scope: &Scope<'a>, transaction: &'a Transaction<'a>) -> Stage<'a> {
    Stage { table: scope.table, user_id: scope.user_id, database: scope.database, transaction }
}

/// The record without fields that clients can't see, except those that the rule lets them set.
fn without_hidden(scope: &Scope<'_>, given: &Object) -> Object {
    let settable = scope.rule.settable_hidden_fields();
    let mut record = given.clone();
    for field in scope.table.fields.iter().filter(|field| field.is_hidden) {
        if !settable.contains(&field.name.as_str()) {
            record.retain(|name, _| !name.eq_ignore_ascii_case(&field.name));
        }
    }
    record
}

/// What a write answers with: the key, and the fields that its relations join by.
fn returned<'t>(scope: &Scope<'t>, related: &relations::Nested<'t>) -> Plan<'t> {
    let mut plan = match scope.identifiers.is_empty() {
        true => Plan::all(scope.table),
        false => Plan::of(scope.identifiers.iter().copied()),
    };
    scope.table.fields.iter().filter(|field| field.is_primary_key).for_each(|field| plan.add(field));
    related.join_fields(scope.table).into_iter().for_each(|field| plan.add(field));
    plan
}

fn admit(scope: &Scope<'_>, assignments: &Assignments<'_>, partial: bool) -> Result<()> {
    match scope.rows.admits(scope.table, &assignments.resolved, partial) {
        true => Ok(()),
        false => Err(denied()),
    }
}

fn denied() -> Error {
    Error::forbidden("Denied access to some of the requested fields.")
}

fn refused(scope: &Scope<'_>, error: DatabaseError, record: &Object) -> Error {
    let own = match &error {
        DatabaseError::Duplicate { columns } => scope.rule.duplicate_message(columns, record),
        _ => None,
    };
    let error = Error::from(error);
    match own {
        Some(message) => Error { message, ..error },
        None => error,
    }
}
