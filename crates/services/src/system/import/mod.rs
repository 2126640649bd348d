//! `system/import`: a file of records becomes a table (system-and-users 4.13).
//!
//! A table that is not there is made, its columns guessed from the values. Everything goes through the API of the database
//! service, on behalf of the caller: what the caller may not do there can't be done here either, and scripts run as always.

mod columns;

use super::upload;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Request, Response, Result, Value, Verb, json};
use columns::Column;

/// The service that is meant when none is named.
const SERVICE: &str = "db";

/// Answers for `system/import`.
///
/// # Errors
/// 400 for a file that is missing or no table; whatever the database service answers. Then nothing was stored.
pub(super) fn handle(call: &Call<'_>) -> Result<Response> {
    if option(call, "import_url").is_some() {
        return Err(Error::bad_request("This server fetches no files from other servers. Send the file itself."));
    }
    let rows = rows(call)?;
    let service = option(call, "service").unwrap_or_else(|| SERVICE.to_owned());
    let table = option(call, "resource")
        .or_else(|| of_file_name(call))
        .ok_or_else(|| Error::bad_request("Name the table that the file is for, as 'resource'."))?;
    match ask(call, Verb::Get, &service, &format!("_schema/{table}"), Object::new(), Value::Null) {
        Ok(schema) => fill(call, &service, &table, columns::fitting(&schema, rows)?)?,
        Err(error) if error.status == 404 && has_tables(call, &service) => create(call, &service, &table, rows)?,
        Err(error) => return Err(error),
    }
    let host = call.session.client.host_url.as_deref().unwrap_or_default();
    Ok(Response::created(json!({ "resource": format!("{host}/api/v2/{service}/_table/{table}") })))
}

/// The records of the file, or of the body.
fn rows(call: &Call<'_>) -> Result<Vec<Object>> {
    let sent = match upload::records_of(call.request)? {
        Some(records) => records,
        None => call.request.payload.clone(),
    };
    let listed = match &sent {
        Value::Object(members) => members.get("resource").and_then(Value::as_array),
        Value::Array(items) => Some(items),
        _ => None,
    };
    let rows = listed.ok_or_else(|| {
        Error::bad_request("No import file supplied. Send a CSV file as 'file' of a form, or as the body.")
    })?;
    let rows: Option<Vec<Object>> = rows.iter().map(|row| row.as_object().cloned()).collect();
    rows.ok_or_else(|| Error::bad_request("Each record of the file must be an object of names and values."))
}

/// An option, in the query or in the form.
fn option(call: &Call<'_>, name: &str) -> Option<String> {
    let in_form = || call.request.payload.get(name).and_then(Value::as_str).map(str::to_owned);
    call.request.parameter(&[name]).or_else(in_form).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The name of the file without its ending, as far as it makes the name of a table.
fn of_file_name(call: &Call<'_>) -> Option<String> {
    let file = call.request.uploads.first()?;
    let stem = file.file_name.rsplit_once('.').map_or(file.file_name.as_str(), |(stem, _)| stem);
    let letters = stem.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' });
    let name: String = letters.collect::<String>().trim_matches('_').to_lowercase();
    Some(name).filter(|name| !name.is_empty())
}

fn has_tables(call: &Call<'_>, service: &str) -> bool {
    let entry = call.gateway.registry().find(service);
    entry.is_some_and(|entry| entry.service.routes().iter().any(|route| route.pattern() == "_schema"))
}

/// Makes the table and fills it; a table that can't be filled goes again.
fn create(call: &Call<'_>, service: &str, table: &str, rows: Vec<Object>) -> Result<()> {
    let columns = columns::guess(&rows)?;
    let fields: Vec<Value> = columns::with_key(&columns).iter().map(Column::definition).collect();
    let definition = json!({ "resource": [{ "name": table, "field": fields }] });
    ask(call, Verb::Post, service, "_schema", Object::new(), definition)?;
    let filled = fill(call, service, table, columns::typed(&columns, rows));
    if filled.is_err()
        && let Err(error) = ask(call, Verb::Delete, service, &format!("_schema/{table}"), Object::new(), Value::Null)
    {
        tracing::warn!(%error, service, table, "a table that could not be filled stays, empty");
    }
    filled
}

/// Stores the rows, all or none.
fn fill(call: &Call<'_>, service: &str, table: &str, rows: Vec<Value>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let parameters = Object::from_iter([("rollback".to_owned(), json!(true))]);
    ask(call, Verb::Post, service, &format!("_table/{table}"), parameters, json!({ "resource": rows })).map(drop)
}

fn ask(
    call: &Call<'_>,
    verb: Verb,
    service: &str,
    resource: &str,
    parameters: Object,
    payload: Value,
) -> Result<Value> {
    let requestor = call.request.requestor;
    call.ask(Request { parameters, payload, requestor, ..Request::new(verb, service, resource) })
}
