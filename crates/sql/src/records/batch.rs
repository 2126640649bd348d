//! Several records in one request: stop, continue or roll back (11).
//!
//! One transaction for all, a savepoint for each: a record that fails leaves nothing behind, nested data included.

use super::Context;
use crate::transaction::Transaction;
use antiphon_model::{BatchVerb, Error, Object, Result, Value};

/// What became of one record.
pub(super) struct Entry {
    /// Its identifier.
    pub(super) identifier: Object,
    /// What is answered for it, before relations are read.
    pub(super) row: Object,
}

/// Does the work for each item in order.
///
/// # Errors
/// The batch error, when the work failed for any item.
pub(super) fn run<T>(
    context: &Context<'_>,
    verb: BatchVerb,
    items: &[T],
    work: impl Fn(&Transaction<'_>, usize, &T) -> Result<Entry>,
) -> Result<Vec<Entry>> {
    let (continues, rollback) = (context.options.continues, context.options.rollback);
    let transaction = Transaction::begin(context.scope.database)?;
    let mut failed = Vec::new();
    let mut done: Vec<Result<Entry>> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let entry = transaction.savepoint(|| work(&transaction, index, item));
        let stops = entry.is_err() && !continues;
        if entry.is_err() {
            failed.push(index);
        }
        done.push(entry);
        if stops {
            break;
        }
    }
    let undone = rollback && !failed.is_empty();
    if !undone {
        transaction.commit()?;
    }
    if failed.is_empty() {
        return done.into_iter().collect();
    }
    let cause = done.iter().find_map(|entry| entry.as_ref().err().filter(|error| error.status >= 500)?.cause.clone());
    let entries = done
        .into_iter()
        .map(|entry| match entry {
            Ok(entry) => Value::Object(entry.identifier),
            Err(error) => error.to_value(),
        })
        .collect();
    Err(Error { cause, ..Error::batch(verb, &failed, entries, undone) })
}

/// Does the work for the record that the path names: all of it or nothing, with its own error.
pub(super) fn single(context: &Context<'_>, work: impl FnOnce(&Transaction<'_>) -> Result<Entry>) -> Result<Entry> {
    let transaction = Transaction::begin(context.scope.database)?;
    let entry = work(&transaction)?;
    transaction.commit()?;
    Ok(entry)
}
