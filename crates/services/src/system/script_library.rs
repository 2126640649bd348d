//! `system/script_library`: code that scripts share, and its versions (events-and-scripting D13).

use super::event_script::attach;
use super::records::{Records, each_record};
use super::resources::{self, RecordResource};
use super::store::{required_text, text};
use super::{SystemService, SystemStore, upsert, written};
use antiphon_gateway::{Call, LibraryStore};
use antiphon_model::{Error, Object, Response, Result, Value, Verb, json};
use antiphon_script::Library;
use antiphon_sql::statement::Bound;

/// Answers for a collection of libraries, or for one by its name; `version=2` reads it as it was then.
pub(super) fn handle(
    service: &SystemService,
    call: &Call<'_>,
    resource: &'static RecordResource,
    name: Option<&str>,
) -> Result<Response> {
    let warnings = warnings(call, name);
    let mut response = match (name, call.request.verb) {
        (Some(name), Verb::Post) => {
            let (created, answer) = upsert::put(service, call, resource, name)?;
            if created { Response::created(answer) } else { Response::ok(answer) }
        }
        _ => written(call.request.verb, Records::of(call, resource, name).run(service, call)?),
    };
    attach(&mut response, &warnings);
    if let (Some(name), Verb::Get, Some(version)) = (name, call.request.verb, call.request.parameter(&["version"])) {
        at_version(service.store(), name, &version, &mut response)?;
    }
    Ok(response)
}

/// Puts what the library was in an older version in place of what it is.
fn at_version(store: &SystemStore, name: &str, version: &str, response: &mut Response) -> Result<()> {
    let unknown = || Error::not_found(format!("The library '{name}' has no version '{version}'."));
    let number: i64 = version.trim().parse().map_err(|_| unknown())?;
    let sql = "SELECT type, content, created_date FROM script_library_version WHERE library = ? AND version = ?";
    let values = [Bound::Text(name.to_owned()), Bound::Integer(number)];
    let found = store.one(sql, &values, |row| {
        json!({
            "type": required_text(row, 0), "content": text(row, 1), "version": number,
            "last_modified_date": text(row, 2),
        })
    })?;
    let Some(Value::Object(found)) = found else { return Err(unknown()) };
    if let antiphon_model::Content::Value(Value::Object(record)) = &mut response.content {
        for (field, value) in found {
            if let Some(shown) = record.get_mut(&field) {
                *shown = value;
            }
        }
    }
    Ok(())
}

fn warnings(call: &Call<'_>, name: Option<&str>) -> Vec<String> {
    if !matches!(call.request.verb, Verb::Post | Verb::Put | Verb::Patch) {
        return Vec::new();
    }
    let mut records: Vec<Object> = Vec::new();
    each_record(&mut call.request.payload.clone(), &mut |record| {
        if let Some(name) = name {
            record.insert("name".into(), json!(name));
        }
        records.push(std::mem::take(record));
    });
    resources::library_warnings(call, &records.iter().collect::<Vec<_>>())
}

impl LibraryStore for SystemStore {
    fn library(&self, name: &str, version: Option<u64>) -> Result<Option<Library>> {
        let Ok(version) = version.map(i64::try_from).transpose() else { return Ok(None) };
        let sql = "SELECT l.name, v.version, v.type, v.content FROM script_library l \
             JOIN script_library_version v ON v.library = l.name \
             WHERE l.name = ?1 AND l.is_active = 1 AND v.version = coalesce(?2, l.version)";
        let version = version.map_or(Bound::Null, Bound::Integer);
        self.one(sql, &[Bound::Text(name.to_owned()), version], |row| Library {
            name: required_text(row, 0),
            version: super::store::optional_integer(row, 1).and_then(|version| u64::try_from(version).ok()),
            kind: required_text(row, 2),
            source: text(row, 3).unwrap_or_default().into(),
        })
    }
}
