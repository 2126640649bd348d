//! Writing the record that the path names, whether it is there or not: so clients store scripts (events-and-scripting 6.3).

use super::SystemService;
use super::records::{Records, each_record, unbatched};
use super::resources::RecordResource;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value, Verb, json};
use antiphon_sql::statement::Bound;

/// Creates the record, or changes it in part when it is there. The name of the path wins over one in the body. Tells whether
/// it was created.
pub(super) fn put(
    service: &SystemService,
    call: &Call<'_>,
    resource: &'static RecordResource,
    name: &str,
) -> Result<(bool, Value)> {
    let mut record = single(&call.request.payload)?;
    record.insert("name".into(), json!(name));
    if !exists(service, resource.table, name)? {
        let mut request = Records::of(call, resource, None);
        request.payload = json!({ "resource": [record] });
        match request.run(service, call) {
            Ok(mut answer) => {
                let created = answer.get_mut("resource").and_then(|list| list.get_mut(0)).map(Value::take);
                return Ok((true, created.unwrap_or_default()));
            }
            Err(error) => {
                let error = unbatched(error);
                // Somebody else created it in between.
                if error.status != 409 {
                    return Err(error);
                }
            }
        }
    }
    let mut request = Records::of(call, resource, Some(name));
    request.verb = Verb::Patch;
    request.payload = Value::Object(record);
    Ok((false, request.run(service, call)?))
}

fn exists(service: &SystemService, table: &str, name: &str) -> Result<bool> {
    let sql = format!("SELECT 1 FROM {table} WHERE name = ?");
    Ok(service.store().one(&sql, &[Bound::Text(name.to_owned())], |_| ())?.is_some())
}

/// The only record of a body: bare, or wrapped.
fn single(payload: &Value) -> Result<Object> {
    let mut found = Vec::new();
    each_record(&mut payload.clone(), &mut |record| found.push(std::mem::take(record)));
    match <[Object; 1]>::try_from(found) {
        Ok([record]) if !record.is_empty() => Ok(record),
        _ => Err(Error::no_records()),
    }
}
