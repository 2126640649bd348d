//! POST: new records (8).

use super::batch::{self, Entry};
use super::write::insert;
use super::{Context, RecordRequest, payload, read, reply};
use antiphon_model::{BatchVerb, Object, Result, Value};

pub(super) fn handle(context: &Context<'_>, request: &RecordRequest<'_>) -> Result<Value> {
    let records = payload::records(request)?;
    let answer = reply::Reply::of_write(context)?;
    let entries = batch::run(context, BatchVerb::Created, &records, |transaction, index, record| {
        let stored = insert(&context.scope, transaction, payload::object(record)?, index)?;
        Ok(Entry { row: answer.row(context, transaction, &stored)?, identifier: answer.identifier(context, &stored) })
    })?;
    let mut rows: Vec<Object> = entries.into_iter().map(|entry| entry.row).collect();
    answer.finish(context, &mut rows)?;
    Ok(read::answer(context, rows, Object::new()))
}
