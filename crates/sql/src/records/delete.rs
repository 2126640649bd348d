//! DELETE: by path, by identifiers, by records, by filter, or everything (10).

use super::batch::{self, Entry};
use super::reply::Reply;
use super::update::keys;
use super::write::delete_row;
use super::{Context, RecordRequest, identify, read};
use crate::condition::Condition;
use crate::transaction::Transaction;
use antiphon_model::{BatchVerb, Error, Object, Result, Value, json};

pub(super) fn handle(context: &Context<'_>, request: &RecordRequest<'_>) -> Result<Value> {
    let answer = Reply::of_write(context)?;
    if let Some(id) = request.id {
        let id = Value::from(id);
        let mut before = rows_before(context, &answer, std::slice::from_ref(&id))?;
        let entry =
            batch::single(context, |transaction| one(context, transaction, &answer, &id, before.pop().flatten()))?;
        return Ok(Value::Object(entry.row));
    }
    if let Some(ids) = identify::requested(context, request) {
        return several(context, &answer, &ids);
    }
    if context.options.filter.is_some() {
        return matching(context, &answer);
    }
    match context.options.force {
        true => everything(context),
        false => Err(Error::bad_request("No filter or records given for delete request.")),
    }
}

fn several(context: &Context<'_>, answer: &Reply<'_>, ids: &[Result<Value>]) -> Result<Value> {
    let known: Vec<Value> = ids.iter().map(|id| id.clone().unwrap_or_default()).collect();
    let before = rows_before(context, answer, &known)?;
    let items: Vec<(&Result<Value>, &Option<Object>)> = ids.iter().zip(&before).collect();
    let entries = batch::run(context, BatchVerb::Deleted, &items, |transaction, _, (id, before)| {
        one(context, transaction, answer, &(*id).clone()?, (*before).clone())
    })?;
    Ok(read::answer(context, entries.into_iter().map(|entry| entry.row).collect(), Object::new()))
}

/// The rows with their relations as they are before the deletion; read outside the transaction, because relations may
/// run scripts. Nothing is read when no relation is asked for.
fn rows_before(context: &Context<'_>, answer: &Reply<'_>, ids: &[Value]) -> Result<Vec<Option<Object>>> {
    if answer.wanted().is_empty() {
        return Ok(vec![None; ids.len()]);
    }
    let scope = &context.scope;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let Ok(condition) = identify::condition(&scope.identifiers, id) else {
            rows.push(None);
            continue;
        };
        let found = {
            let connection = scope.database.reader()?;
            answer.plan().first(&*connection, scope, &condition.and(scope.visible()))?
        };
        let mut found: Vec<Object> = found.into_iter().collect();
        answer.finish(context, &mut found)?;
        rows.push(found.pop());
    }
    Ok(rows)
}

fn one(
    context: &Context<'_>,
    transaction: &Transaction<'_>,
    answer: &Reply<'_>,
    id: &Value,
    before: Option<Object>,
) -> Result<Entry> {
    let scope = &context.scope;
    let condition = identify::condition(&scope.identifiers, id)?;
    let stored = super::Plan::of(scope.identifiers.iter().copied())
        .first(transaction.connection(), scope, &condition.clone().and(scope.visible()))?
        .ok_or_else(|| Error::record_not_found(identify::in_words(id)))?;
    let row = match before {
        Some(row) => row,
        None => {
            let mut rows = [answer.row(context, transaction, &stored)?];
            if answer.wanted().is_empty() {
                answer.finish(context, &mut rows)?;
            }
            let [row] = rows;
            row
        }
    };
    match delete_row(scope, transaction, &condition)? {
        true => Ok(Entry { identifier: stored, row }),
        false => Err(Error::record_not_found(identify::in_words(id))),
    }
}

/// Deletes every record that the filter admits; answers with them, at most as many as a read would.
fn matching(context: &Context<'_>, answer: &Reply<'_>) -> Result<Value> {
    let scope = &context.scope;
    let condition = read::condition(context)?;
    let found = {
        let transaction = Transaction::begin(scope.database)?;
        keys(context, &transaction, &condition)?
    };
    let ids: Vec<Value> = found.into_iter().map(Value::Object).collect();
    let shown = usize::try_from(scope.database.max_records()).unwrap_or(usize::MAX).min(ids.len());
    let before = rows_before(context, answer, &ids[..shown])?;
    let transaction = scope.begin()?;
    let mut rows = Vec::with_capacity(shown);
    for (index, id) in ids.iter().enumerate() {
        // The filter is judged again: since it was read, the row may have changed or gone.
        let key = identify::condition(&scope.identifiers, id)?;
        if !super::write::exists(scope, &transaction, &key.clone().and(condition.clone()))? {
            continue;
        }
        if index < shown {
            rows.push(one(context, &transaction, answer, id, before[index].clone())?.row);
        } else {
            delete_row(scope, &transaction, &key)?;
        }
    }
    transaction.commit_with(|| read::answer(context, rows.clone(), Object::new()))?;
    Ok(read::answer(context, rows, Object::new()))
}

/// Empties the table, as far as the caller may see it.
fn everything(context: &Context<'_>) -> Result<Value> {
    let scope = &context.scope;
    let transaction = scope.begin()?;
    if scope.rule.wants_existing() {
        for key in keys(context, &transaction, &scope.visible())? {
            delete_row(scope, &transaction, &identify::condition_of(&scope.identifiers, &key)?)?;
        }
    } else if scope.visible() == Condition::True {
        scope.database.backend().empty_table(transaction.connection(), scope.table)?;
    } else {
        delete_row(scope, &transaction, &Condition::True)?;
    }
    let answer = json!({ "success": true });
    transaction.commit_with(|| answer.clone())?;
    Ok(answer)
}
