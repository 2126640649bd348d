//! Several records in one request: stop, continue or roll back (11).
//!
//! One transaction for all, a savepoint for each: a record that fails leaves nothing behind, nested data included.

use super::{Context, read};
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
    let transaction = context.scope.begin()?;
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
    match !undone && done.iter().any(Result::is_ok) {
        true => transaction.commit_with(|| read::answer(context, rows(&done), Object::new()))?,
        false => drop(transaction),
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
    let transaction = context.scope.begin()?;
    let entry = work(&transaction)?;
    transaction.commit_with(|| Value::Object(entry.row.clone()))?;
    Ok(entry)
}

/// What is answered for the records that did not fail, before relations are read.
fn rows(done: &[Result<Entry>]) -> Vec<Object> {
    done.iter().flatten().map(|entry| entry.row.clone()).collect()
}
