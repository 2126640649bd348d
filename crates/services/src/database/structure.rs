//! Changes of several tables in one call to `_schema`: a role that denies one of them by name denies it here too.

use antiphon_gateway::{Call, refuse_named};
use antiphon_model::{Request, Result, Value, Verb};

/// Refuses a change of the structure that names a table which the caller's role denies by name.
///
/// # Errors
/// 401 or 403, as for the path of that table.
pub(super) fn refuse_denied_tables(call: &Call<'_>) -> Result<()> {
    let Call { request, session, entry, .. } = call;
    if request.verb == Verb::Get {
        return Ok(());
    }
    tables(request).into_iter().try_for_each(|table| {
        refuse_named(session, request.requestor, request.verb, entry, &format!("_schema/{}", table.trim()))
    })
}

/// The tables that the request names, wherever it does.
fn tables(request: &Request) -> Vec<&str> {
    let body = &request.payload;
    let places = [Some(body), body.get("resource"), body.get("ids"), request.parameters.get("ids")];
    let mut found = Vec::new();
    for place in places.into_iter().flatten() {
        match place {
            Value::Array(items) => found.extend(items.iter().filter_map(name)),
            Value::String(list) => found.extend(list.split(',')),
            other => found.extend(name(other)),
        }
    }
    found
}

fn name(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| item.get("name")?.as_str())
}
