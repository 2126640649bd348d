//! GET: one record, some by identifier, or all that a filter admits (7).

use super::plan::Plan;
use super::{Context, RecordRequest, group, identify, order};
use crate::condition::Condition;
use crate::filter;
use crate::relations::read as relations;
use crate::schema;
use antiphon_model::{BatchVerb, Error, Object, Result, Value, json};

pub(super) fn handle(context: &Context<'_>, request: &RecordRequest<'_>) -> Result<Value> {
    let wanted = relations::requested(context)?;
    if let Some(id) = request.id {
        let plan = plan(context, &wanted)?;
        let record = by_id(context, &plan, &Value::from(id))?;
        let mut records = vec![record];
        finish(context, &wanted, &mut records)?;
        return Ok(Value::Object(records.pop().unwrap_or_default()));
    }
    if let Some(ids) = identify::requested(context, request) {
        return by_ids(context, &wanted, &ids);
    }
    by_filter(context, &wanted)
}

/// Reads the records with these identifiers, in this order.
fn by_ids(context: &Context<'_>, wanted: &[relations::Wanted<'_>], ids: &[Result<Value>]) -> Result<Value> {
    let plan = plan(context, wanted)?;
    let mut failed = Vec::new();
    let mut found: Vec<Result<usize>> = Vec::with_capacity(ids.len());
    let mut records = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        match id.clone().and_then(|id| by_id(context, &plan, &id)) {
            Ok(record) => {
                found.push(Ok(records.len()));
                records.push(record);
            }
            Err(error) => {
                failed.push(index);
                found.push(Err(error));
                if !context.options.continues {
                    break;
                }
            }
        }
    }
    finish(context, wanted, &mut records)?;
    if failed.is_empty() {
        return Ok(answer(context, records, Object::new()));
    }
    let mut records: Vec<Value> = records.into_iter().map(Value::Object).collect();
    let entries = found
        .into_iter()
        .map(|each| match each {
            Ok(position) => records.get_mut(position).map(Value::take).unwrap_or_default(),
            Err(error) => error.to_value(),
        })
        .collect();
    Err(Error::batch(BatchVerb::Retrieved, &failed, entries, false))
}

fn by_id(context: &Context<'_>, plan: &Plan<'_>, id: &Value) -> Result<Object> {
    let scope = &context.scope;
    let condition = identify::condition(&scope.identifiers, id)?.and(scope.visible());
    let found = {
        let connection = scope.database.reader()?;
        plan.first(&*connection, scope, &condition)?
    };
    found.ok_or_else(|| Error::record_not_found(identify::in_words(id)))
}

fn by_filter(context: &Context<'_>, wanted: &[relations::Wanted<'_>]) -> Result<Value> {
    let (scope, options) = (&context.scope, &context.options);
    let condition = condition(context)?;
    let grouping = group::Grouping::read(context)?;
    if options.count_only {
        return Ok(json!(count(context, &condition, grouping.as_ref(), None)?));
    }
    let plan = match &grouping {
        Some(grouping) => Plan::requested(context, || grouping.plan())?,
        None => plan(context, wanted)?,
    };
    let maximum = scope.database.max_records();
    let (limit, forced) = match options.limit.and_then(|limit| u64::try_from(limit).ok()) {
        Some(limit) if limit >= 1 && limit <= maximum => (limit, false),
        _ => (maximum, true),
    };
    // One row more than answered tells whether there are more, which saves the count in the common case.
    let mut records = select(context, &plan, &condition, grouping.as_ref(), limit + u64::from(forced))?;
    let complete = options.offset == 0 && (records.len() as u64) < limit + u64::from(forced);
    let count = match (options.include_count || forced, complete) {
        (false, _) => None,
        (true, true) => Some(records.len() as u64),
        (true, false) => Some(count(context, &condition, grouping.as_ref(), Some(&plan))?),
    };
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    finish(context, wanted, &mut records)?;
    let mut meta = Object::new();
    if let Some(count) = count {
        if options.include_count || count > maximum {
            meta.insert("count".into(), json!(count));
        }
        if count.saturating_sub(options.offset) > limit {
            meta.insert("next".into(), json!(options.offset + limit));
        }
    }
    if options.include_schema {
        meta.insert("schema".into(), schema::describe_for_records(scope.table, scope.database.config().service_id));
    }
    Ok(answer(context, records, meta))
}

/// The client's condition and the caller's, as trees.
pub(super) fn condition(context: &Context<'_>) -> Result<Condition> {
    let (scope, options) = (&context.scope, &context.options);
    let visible = scope.visible();
    let Some(text) = &options.filter else { return Ok(visible) };
    match filter::parse(text, &filter::FilterLimits::from(scope.database.limits()))? {
        Some(filter) => Ok(filter.bind(scope.table, options.params(), scope.lookups)?.and(visible)),
        None => Ok(visible),
    }
}

fn select(
    context: &Context<'_>,
    plan: &Plan<'_>,
    condition: &Condition,
    grouping: Option<&group::Grouping<'_>>,
    limit: u64,
) -> Result<Vec<Object>> {
    let (scope, options) = (&context.scope, &context.options);
    let terms = match (&options.order, grouping) {
        (Some(text), _) => order::parse(text, scope.table)?,
        (None, Some(grouping)) => order::by(grouping.fields()),
        (None, None) if options.distinct => Vec::new(),
        (None, None) => order::by(scope.table.fields.iter().filter(|field| field.is_primary_key)),
    };
    let mut statement = scope.statement();
    statement.push(if options.distinct { "SELECT DISTINCT " } else { "SELECT " });
    plan.write(&mut statement);
    statement.push(" FROM ").identifier(&scope.table.name).push(" WHERE ");
    condition.write(&mut statement);
    if let Some(grouping) = grouping {
        grouping.write(&mut statement);
    }
    order::write(&mut statement, &terms);
    statement.push(" LIMIT ").bind(Some(clamp(limit))).push(" OFFSET ").bind(Some(clamp(options.offset)));
    let mut records = Vec::new();
    let connection = scope.database.reader()?;
    connection.query(&statement, &mut |row| {
        records.push(plan.record(row));
        Ok(())
    })?;
    Ok(records)
}

fn count(
    context: &Context<'_>,
    condition: &Condition,
    grouping: Option<&group::Grouping<'_>>,
    distinct: Option<&Plan<'_>>,
) -> Result<u64> {
    let scope = &context.scope;
    let distinct = distinct.filter(|_| context.options.distinct);
    let nested = grouping.is_some() || distinct.is_some();
    let mut statement = scope.statement();
    statement.push(if nested { "SELECT COUNT(*) FROM (SELECT " } else { "SELECT COUNT(*)" });
    match distinct {
        Some(plan) => {
            statement.push("DISTINCT ");
            plan.write(&mut statement);
        }
        None if nested => {
            statement.push("1");
        }
        None => {}
    }
    statement.push(" FROM ").identifier(&scope.table.name).push(" WHERE ");
    condition.write(&mut statement);
    if let Some(grouping) = grouping {
        grouping.write(&mut statement);
    }
    if nested {
        statement.push(") counted");
    }
    let mut count = 0;
    let connection = scope.database.reader()?;
    connection.query(&statement, &mut |row| {
        if let crate::value::Stored::Integer(value) = row.stored(0) {
            count = u64::try_from(value).unwrap_or(0);
        }
        Ok(())
    })?;
    Ok(count)
}

/// The columns to read: what is asked for, and the fields that relations join by.
fn plan<'t>(context: &'t Context<'_>, wanted: &[relations::Wanted<'t>]) -> Result<Plan<'t>> {
    if context.options.as_list && !context.scope.identifiers.is_empty() {
        return Ok(Plan::of(context.scope.identifiers.iter().copied()));
    }
    let mut plan = Plan::requested(context, || Plan::all(context.scope.table))?;
    relations::add_join_fields(context.scope.table, wanted, &mut plan);
    Ok(plan)
}

/// Reads related records and gives the rule its turn.
pub(super) fn finish(context: &Context<'_>, wanted: &[relations::Wanted<'_>], records: &mut [Object]) -> Result<()> {
    relations::attach(context, wanted, records)?;
    records.iter_mut().for_each(|record| context.scope.rule.shape(record));
    Ok(())
}

/// The body of an answer of several records.
pub(super) fn answer(context: &Context<'_>, records: Vec<Object>, meta: Object) -> Value {
    let listed: Vec<Value> = match context.options.as_list {
        true => records.into_iter().map(|record| in_list(context, record)).collect(),
        false => records.into_iter().map(Value::Object).collect(),
    };
    let mut body = Object::with_capacity(2);
    body.insert("resource".into(), Value::Array(listed));
    if !meta.is_empty() {
        body.insert("meta".into(), Value::Object(meta));
    }
    Value::Object(body)
}

/// A record as an entry of a plain list: its identifier.
fn in_list(context: &Context<'_>, mut record: Object) -> Value {
    match context.scope.identifiers.as_slice() {
        [] => Value::Object(record),
        [only] => record.remove(only.wire_name()).unwrap_or_default(),
        several => {
            let values: Object = several.iter().filter_map(|field| record.remove_entry(field.wire_name())).collect();
            Value::from(identify::in_words(&Value::Object(values)))
        }
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
