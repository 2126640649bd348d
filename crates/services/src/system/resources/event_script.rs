//! Event scripts (events-and-scripting 6.2, 6.3).

use super::{Resource, invalid, require, require_if_given};
use antiphon_gateway::Call;
use antiphon_model::{Error, EventName, Object, Phase, Result, Value};
use antiphon_script::known_type;
use std::path::Path;

pub(super) struct EventScripts;

impl Resource for EventScripts {
    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        require(record, "name")?;
        EventName::parse(record.get("name").and_then(Value::as_str).unwrap_or_default())?;
        require(record, "type")?;
        check(call, record, record.get("type"))
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        refuse_linked(existing)?;
        require_if_given(record, "type")?;
        // A script keeps its name; whole records come back with it.
        if let Some(name) = existing.get("name") {
            record.insert("name".into(), name.clone());
        }
        check(call, record, record.get("type").or(existing.get("type")))
    }

    fn delete(&self, _call: &Call<'_>, existing: &Object) -> Result<()> {
        // What was left behind by a folder that is no longer there can go.
        match existing.get("linked_file").and_then(Value::as_str).is_some_and(|file| Path::new(file).exists()) {
            true => refuse_linked(existing),
            false => Ok(()),
        }
    }
}

/// A script that comes from a file is changed there: what is stored of it is a copy.
fn refuse_linked(existing: &Object) -> Result<()> {
    let text = |field: &str| existing.get(field).and_then(Value::as_str).unwrap_or_default();
    match text("linked_file") {
        "" => Ok(()),
        _ => Err(Error::forbidden(format!(
            "Script '{}' comes from the file '{}' in the server's folder of scripts; change or delete it there.",
            text("name"),
            text("storage_path")
        ))),
    }
}

/// Refuses a type that is unknown or switched off, and a text that is none or too large. `kind` is the type that the record has in the end.
pub(super) fn check(call: &Call<'_>, record: &Object, kind: Option<&Value>) -> Result<()> {
    if let Some(kind) = kind.and_then(Value::as_str) {
        if !known_type(kind) {
            return Err(invalid("type", &format!("The script type '{kind}' is unknown; see system/script_type.")));
        }
        call.gateway.engines().enabled(kind)?;
    }
    match record.get("content") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(content)) => {
            let largest = call.gateway.limits().script_source_bytes;
            match content.len() > largest {
                true => Err(invalid("content", &format!("The content may not be larger than {largest} bytes."))),
                false => Ok(()),
            }
        }
        Some(_) => Err(invalid("content", "The content must be a string.")),
    }
}

/// Why these scripts will not run, or not do what their author expects, one sentence each. The original stores any text, and so do we.
///
/// # Errors
/// 400 with the first syntax error when the request says `validate=true`.
pub(in crate::system) fn warnings(call: &Call<'_>, records: &[&Object], name: Option<&str>) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for record in records {
        let text = |field: &str| record.get(field).and_then(Value::as_str);
        let script = name.or_else(|| text("name")).unwrap_or_default();
        let stored = call.gateway.scripts().find(script);
        let stored_kind = stored.as_ref().map(|slot| slot.script.kind.as_str());
        let Some(kind) = text("type").or(stored_kind).filter(|kind| known_type(kind)) else { continue };
        let is_queued = EventName::parse(script).is_ok_and(|event| event.phase == Phase::Queued);
        if is_queued && let (Some(jobs), Some(config)) = (call.gateway.jobs(), record.get("config")) {
            let mistakes = jobs.mistakes(config);
            warnings.extend(mistakes.iter().map(|mistake| format!("In the config of script '{script}' {mistake}")));
        }
        if let Err(reason) = call.gateway.engines().usable(kind) {
            warnings.push(format!("Script '{script}' is stored, but can't run: {}", reason.message));
            continue;
        }
        let Some(mistake) = mistake(call, kind, text("content")) else { continue };
        let warning = format!("Script '{script}' can't run: {mistake}");
        if call.request.flag("validate") {
            return Err(Error::bad_request(warning));
        }
        warnings.push(warning);
    }
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(warnings)
}

/// Where a text stops being a script of that type; none when it is one, or can't be looked at here.
pub(super) fn mistake(call: &Call<'_>, kind: &str, content: Option<&str>) -> Option<String> {
    let error = call.gateway.engines().check(kind, content?).err()?;
    Some(format!("{} (line {}, column {})", error.message, error.line, error.column))
}
