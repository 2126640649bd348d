//! `user/custom`: named values that belong to one user (system-and-users 2.7).

use crate::system::SystemStore;
use crate::system::store::{required_text, text};
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};
use antiphon_sql::dialect::Row;
use antiphon_sql::statement::Bound;

/// Longest name of a value.
const NAME_CHARS: usize = 255;

/// Answers for all values of the caller, or for one by its name.
pub(super) fn handle(store: &SystemStore, call: &Call<'_>, name: Option<&str>) -> Result<Response> {
    let user = call.session.user_id();
    let user = user.ok_or_else(|| Error::unauthorized("There is no valid session for the current request."))?;
    let values = Values { store, user };
    match (call.request.verb, name) {
        (Verb::Get, None) => Ok(Response::resource(values.all()?)),
        (Verb::Get, Some(name)) => values.one(name).map(Response::ok),
        (Verb::Delete, Some(name)) => values.delete(name).map(Response::ok),
        (Verb::Delete, None) => {
            let names = named(call)?;
            names.iter().map(|name| values.delete(name)).collect::<Result<_>>().map(Response::resource)
        }
        (_, Some(name)) => {
            let value = call.request.payload.get("value");
            let value = value.ok_or_else(|| Error::bad_request("A value is needed in the body of the request."))?;
            values.one(name)?;
            values.put(name, value).map(Response::ok)
        }
        (verb, None) => {
            // All names are looked at before anything is written.
            let records = records(call)?;
            let named = records.iter().map(named_value).collect::<Result<Vec<_>>>()?;
            let answers = named.iter().map(|(name, value)| values.put(name, value)).collect::<Result<_>>()?;
            let mut response = Response::resource(answers);
            response.status = if verb == Verb::Post { 201 } else { 200 };
            Ok(response)
        }
    }
}

/// The values of one user.
struct Values<'a> {
    store: &'a SystemStore,
    user: i64,
}

impl Values<'_> {
    fn all(&self) -> Result<Vec<Value>> {
        let sql = "SELECT name, value, created_date, last_modified_date FROM user_custom WHERE user_id = ? ORDER BY id";
        self.store.all(sql, &[Bound::Integer(self.user)], |row| {
            json!({
                "name": required_text(row, 0),
                "value": value(row, 1),
                "created_date": text(row, 2),
                "last_modified_date": text(row, 3),
            })
        })
    }

    fn one(&self, name: &str) -> Result<Value> {
        let sql = "SELECT value FROM user_custom WHERE user_id = ? AND name = ?";
        let found = self.store.one(sql, &self.key(name), |row| value(row, 0))?;
        found.ok_or_else(|| Error::record_not_found(name))
    }

    /// The count is taken by the statement that writes, so that two at once can't both take the last place.
    fn put(&self, name: &str, value: &Value) -> Result<Value> {
        let most = self.store.limits().user_custom_values;
        let longest = self.store.limits().user_custom_bytes;
        let text = value.to_string();
        if text.len() > longest {
            return Err(Error::bad_request(format!(
                "The value '{name}' is longer than {longest} bytes (limit user_custom_bytes). Store less in it."
            )));
        }
        let [user, key] = self.key(name);
        let written = self.store.database().execute(
            "INSERT INTO user_custom (user_id, name, value) SELECT ?, ?, ? \
             WHERE (SELECT count(*) FROM user_custom WHERE user_id = ? AND name <> ?) < ? \
             ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value, last_modified_date = CURRENT_TIMESTAMP",
            &[
                user.clone(),
                key.clone(),
                Bound::Text(text),
                user,
                key,
                Bound::Integer(i64::try_from(most).unwrap_or(i64::MAX)),
            ],
        )?;
        match written {
            0 => Err(Error::bad_request(format!(
                "A user may keep at most {most} values. Delete some first, or put several into one."
            ))),
            _ => Ok(json!({ "name": name })),
        }
    }

    fn delete(&self, name: &str) -> Result<Value> {
        let sql = "DELETE FROM user_custom WHERE user_id = ? AND name = ?";
        match self.store.database().execute(sql, &self.key(name))? {
            0 => Err(Error::record_not_found(name)),
            _ => Ok(json!({ "name": name })),
        }
    }

    fn key(&self, name: &str) -> [Bound; 2] {
        [Bound::Integer(self.user), Bound::Text(name.to_owned())]
    }
}

fn value(row: &dyn Row, column: usize) -> Value {
    text(row, column).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// The name and the value of a record.
fn named_value(record: &Object) -> Result<(&str, &Value)> {
    let name = record.get("name").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    match (1..=NAME_CHARS).contains(&name.chars().count()) {
        true => Ok((name, record.get("value").unwrap_or(&Value::Null))),
        false => Err(Error::bad_request(format!("A name of 1 to {NAME_CHARS} characters is needed for each value."))),
    }
}

fn records(call: &Call<'_>) -> Result<Vec<Object>> {
    let list = call.request.payload.get("resource").unwrap_or(&call.request.payload);
    let records: Option<Vec<Object>> = match list {
        Value::Array(items) => items.iter().map(|item| item.as_object().cloned()).collect(),
        _ => None,
    };
    records.filter(|records| !records.is_empty()).ok_or_else(Error::no_records)
}

/// The names to delete: of `ids`, or of the records in the body.
fn named(call: &Call<'_>) -> Result<Vec<String>> {
    let ids = call.request.parameter(&["ids"]).unwrap_or_default();
    let names: Vec<String> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if !names.is_empty() {
        return Ok(names);
    }
    let records = records(call).map_err(|_| Error::bad_request("No filter or records given for delete request."))?;
    records.iter().map(|record| named_value(record).map(|(name, _)| name.to_owned())).collect()
}
