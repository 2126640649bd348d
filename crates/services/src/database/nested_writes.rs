//! Nested records fire the events of the tables that they go to, before the transaction begins and after it ends
//! (database-service 15.3, 17).

use antiphon_gateway::{Call, CarriedWrite};
use antiphon_model::{Object, Result, Value, Verb};
use antiphon_sql::catalog::{Relation, Table};
use antiphon_sql::database::Database;

/// Deepest nesting of records in records that fires events; deeper records are written without.
const DEPTH: usize = 4;

/// Runs the scripts before the nested writes of a payload, which they may change, and says which scripts are to run after.
///
/// # Errors
/// What a script threw.
pub(super) fn before(
    database: &Database,
    call: &Call<'_>,
    table: &Table,
    payload: &mut Value,
) -> Result<Vec<CarriedWrite>> {
    let mut writes = Vec::new();
    match payload {
        Value::Array(records) => visit_all(database, call, table, records, DEPTH, &mut writes)?,
        Value::Object(body) => match body.get_mut("resource") {
            Some(Value::Array(records)) => visit_all(database, call, table, records, DEPTH, &mut writes)?,
            Some(Value::Object(record)) => visit(database, call, table, record, DEPTH, &mut writes)?,
            _ => visit(database, call, table, body, DEPTH, &mut writes)?,
        },
        _ => {}
    }
    Ok(writes)
}

fn visit_all(
    database: &Database,
    call: &Call<'_>,
    table: &Table,
    records: &mut [Value],
    depth: usize,
    writes: &mut Vec<CarriedWrite>,
) -> Result<()> {
    for record in records.iter_mut().filter_map(Value::as_object_mut) {
        visit(database, call, table, record, depth, writes)?;
    }
    Ok(())
}

fn visit(
    database: &Database,
    call: &Call<'_>,
    table: &Table,
    record: &mut Object,
    depth: usize,
    writes: &mut Vec<CarriedWrite>,
) -> Result<()> {
    if depth == 0 {
        return Ok(());
    }
    for (name, nested) in record.iter_mut() {
        let Some(relation) = table.relation(name).filter(|relation| relation.ref_service_id.is_none()) else {
            continue;
        };
        let related = database.table(&relation.ref_table)?;
        let mut items = match nested.take() {
            Value::Array(items) => items,
            item @ Value::Object(_) => {
                *nested = fire_one(call, relation, &related, item, writes)?;
                if let Some(item) = nested.as_object_mut() {
                    visit(database, call, &related, item, depth - 1, writes)?;
                }
                continue;
            }
            other => {
                *nested = other;
                continue;
            }
        };
        items = fire(call, &related, items, writes)?;
        visit_all(database, call, &related, &mut items, depth - 1, writes)?;
        *nested = Value::Array(items);
    }
    Ok(())
}

/// A record that belongs to the other side alone: scripts may change it, but not make several of it.
fn fire_one(
    call: &Call<'_>,
    relation: &Relation,
    related: &Table,
    item: Value,
    writes: &mut Vec<CarriedWrite>,
) -> Result<Value> {
    let mut items = fire(call, related, vec![item], writes)?;
    match items.len() {
        0 => Ok(Value::Null),
        1 => Ok(items.swap_remove(0)),
        count => Err(antiphon_model::Error::new(
            500,
            format!("A script made {count} records of the one in '{}'.", relation.wire_name()),
        )),
    }
}

/// Fires the events for items of one table: those with a key are updates, those without are new.
fn fire(call: &Call<'_>, related: &Table, items: Vec<Value>, writes: &mut Vec<CarriedWrite>) -> Result<Vec<Value>> {
    let (known, new): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| has_key(related, item));
    let mut all = Vec::with_capacity(known.len() + new.len());
    for (verb, items) in [(Verb::Patch, known), (Verb::Post, new)] {
        if items.is_empty() {
            continue;
        }
        match call.carry(verb, format!("_table/{}", related.wire_name()), items.clone())? {
            Some((write, changed)) => {
                all.extend(changed);
                writes.push(write);
            }
            None => all.extend(items),
        }
    }
    Ok(all)
}

fn has_key(table: &Table, item: &Value) -> bool {
    let Some(members) = item.as_object() else { return false };
    table.primary_key.iter().any(|key| {
        let name = table.field(key).map_or(key.as_str(), |field| field.wire_name());
        members.iter().any(|(member, value)| member.eq_ignore_ascii_case(name) && !value.is_null())
    })
}
