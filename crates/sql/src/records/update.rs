//! PUT and PATCH: changes of records, the same for both (9).

use super::batch::{self, Entry};
use super::reply::Reply;
use super::write::{self, exists};
use super::{Context, RecordRequest, identify, order, payload, read};
use crate::condition::Condition;
use crate::transaction::Transaction;
use antiphon_model::{BatchVerb, Error, Object, Result, Value};

pub(super) fn handle(context: &Context<'_>, request: &RecordRequest<'_>) -> Result<Value> {
    let answer = Reply::of_write(context)?;
    if let Some(id) = request.id {
        let id = Value::from(id);
        let change = payload::single(request)?;
        let entry = batch::single(context, |transaction| one(context, transaction, &answer, &id, change))?;
        let mut rows = vec![entry.row];
        answer.finish(context, &mut rows)?;
        return Ok(Value::Object(rows.pop().unwrap_or_default()));
    }
    let records = payload::records(request)?;
    let mut rows = match (&context.options.ids, &context.options.filter) {
        (Some(ids), _) => {
            let change = first(&records)?;
            batch::run(context, BatchVerb::Updated, ids, |transaction, _, id| {
                one(context, transaction, &answer, id, change)
            })?
        }
        (None, Some(_)) => matching(context, &answer, first(&records)?)?,
        (None, None) => batch::run(context, BatchVerb::Updated, &records, |transaction, index, record| {
            let id = identify::in_record(&context.scope.identifiers, record, index)?;
            one(context, transaction, &answer, &id, payload::object(record)?)
        })?,
    }
    .into_iter()
    .map(|entry| entry.row)
    .collect::<Vec<_>>();
    answer.finish(context, &mut rows)?;
    Ok(read::answer(context, rows, Object::new()))
}

fn first<'r>(records: &[&'r Value]) -> Result<&'r Object> {
    records.first().ok_or_else(Error::no_records).and_then(|record| payload::object(record))
}

fn one(
    context: &Context<'_>,
    transaction: &Transaction<'_>,
    answer: &Reply<'_>,
    id: &Value,
    change: &Object,
) -> Result<Entry> {
    let scope = &context.scope;
    let condition = identify::condition(&scope.identifiers, id)?;
    let stored = match write::update(scope, transaction, &condition, change)? {
        Some(stored) => stored,
        None if !scope.database.config().allow_upsert => {
            return Err(Error::record_not_found(identify::in_words(id)));
        }
        None if exists(scope, transaction, &condition)? => {
            // The row is there, but not for this caller (9.4).
            return Err(Error::forbidden("Denied access to the requested record."));
        }
        None => write::upsert(scope, transaction, &with_identifier(context, id, change))?,
    };
    Ok(Entry { row: answer.row(context, transaction, &stored)?, identifier: answer.identifier(context, &stored) })
}

/// The change as a new record: with the identifier that it was addressed by.
fn with_identifier(context: &Context<'_>, id: &Value, change: &Object) -> Object {
    let mut record = change.clone();
    match (context.scope.identifiers.as_slice(), id) {
        (_, Value::Object(members)) => record.extend(members.clone()),
        ([only], value) => {
            record.insert(only.wire_name().to_owned(), value.clone());
        }
        (several, Value::Array(values)) => {
            record
                .extend(several.iter().zip(values).map(|(field, value)| (field.wire_name().to_owned(), value.clone())));
        }
        (several, value) => {
            let text = super::options::plain(value);
            let values = text.trim_matches(['(', ')']).split(',').map(|each| Value::from(each.trim()));
            record.extend(several.iter().zip(values).map(|(field, value)| (field.wire_name().to_owned(), value)));
        }
    }
    record
}

/// Changes every record that the filter admits and answers for exactly those, whether they still match or not.
fn matching(context: &Context<'_>, answer: &Reply<'_>, change: &Object) -> Result<Vec<Entry>> {
    let scope = &context.scope;
    let condition = read::condition(context)?;
    let transaction = scope.begin()?;
    let keys = keys(context, &transaction, &condition)?;
    let mut entries = Vec::with_capacity(keys.len());
    for key in &keys {
        let condition = identify::condition_of(&scope.identifiers, key)?;
        let Some(stored) = write::update(scope, &transaction, &condition, change)? else { continue };
        entries.push(Entry {
            row: answer.row(context, &transaction, &stored)?,
            identifier: answer.identifier(context, &stored),
        });
    }
    transaction.commit_with(|| {
        read::answer(context, entries.iter().map(|entry| entry.row.clone()).collect(), Object::new())
    })?;
    Ok(entries)
}

/// The identifiers of the records for which the condition holds; `order`, `limit` and `offset` are honoured if given.
pub(super) fn keys(context: &Context<'_>, transaction: &Transaction<'_>, condition: &Condition) -> Result<Vec<Object>> {
    let (scope, options) = (&context.scope, &context.options);
    if scope.identifiers.is_empty() {
        return Err(Error::bad_request("Identifying field(s) could not be determined."));
    }
    let plan = super::Plan::of(scope.identifiers.iter().copied());
    let terms = match &options.order {
        Some(text) => order::parse(text, scope.table)?,
        None => order::by(scope.identifiers.iter().copied()),
    };
    let mut statement = scope.statement();
    statement.push("SELECT ");
    plan.write(&mut statement);
    statement.push(" FROM ").identifier(&scope.table.name).push(" WHERE ");
    condition.write(&mut statement);
    order::write(&mut statement, &terms);
    let limit = options.limit.filter(|limit| *limit > 0).unwrap_or(i64::MAX);
    let offset = i64::try_from(options.offset).unwrap_or(i64::MAX);
    statement.push(" LIMIT ").bind(Some(limit)).push(" OFFSET ").bind(Some(offset));
    let mut keys = Vec::new();
    transaction.connection().query(&statement, &mut |row| {
        keys.push(plan.record(row));
        Ok(())
    })?;
    Ok(keys)
}
