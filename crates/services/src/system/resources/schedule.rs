//! Schedules: when their event fires, and in whose name.

use super::{Resource, invalid, require, require_if_given};
use crate::system::dates::date;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value, json};
use antiphon_queue::Clock;
use antiphon_queue::schedule::{Misfire, Timing, TimingError};
use antiphon_sql::records::Stage;

pub(super) struct Schedules;

impl Resource for Schedules {
    fn computed(&self) -> &'static [(&'static str, &'static str)] {
        &[("next_run_date", "string")]
    }

    fn computed_from(&self) -> &'static [&'static str] {
        &["id", "cron", "time_zone", "is_active"]
    }

    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        require(record, "name")?;
        require(record, "cron")?;
        if record.get("user_id").is_none_or(Value::is_null) {
            record.insert("user_id".into(), json!(call.session.user_id()));
            let app = call.session.app.as_ref().filter(|_| !record.contains_key("app_id"));
            record.extend(app.map(|app| ("app_id".to_owned(), json!(app.id))));
        }
        record.entry("time_zone").or_insert_with(|| json!("UTC"));
        check(call, &Object::new(), record)
    }

    fn settle(&self, call: &Call<'_>, stage: &Stage<'_>, _record: &mut Object) -> Result<()> {
        let most = call.gateway.limits().schedules;
        let mut count = 0;
        stage.query("SELECT 1 FROM schedule", &[], &mut |_| {
            count += 1;
            Ok(())
        })?;
        match count < most {
            true => Ok(()),
            false => Err(Error::bad_request(format!("There are {count} schedules already, and {most} are allowed."))),
        }
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        require_if_given(record, "name")?;
        require_if_given(record, "cron")?;
        let is_nobodys = |record: &Object| record.get("user_id").is_none_or(Value::is_null);
        if is_nobodys(existing) && is_nobodys(record) {
            // Its user was deleted. Whoever takes it up is its user.
            record.insert("user_id".into(), json!(call.session.user_id()));
        }
        check(call, existing, record)
    }

    fn complete(&self, _call: &Call<'_>, row: &mut Object) {
        let (Some(cron), Some(zone), Some(active)) = (row.get("cron"), row.get("time_zone"), row.get("is_active"))
        else {
            return;
        };
        let next = (active == &Value::Bool(true)).then(|| next_moment(cron, zone)).flatten();
        row.insert("next_run_date".into(), json!(next));
    }
}

/// Checks what a change makes of a schedule; what it leaves out stays.
fn check(call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
    for kept in ["last_run_date", "next_run_date"] {
        record.shift_remove(kept);
    }
    if let Some(name) = record.get("name").and_then(Value::as_str) {
        check_name(name)?;
    }
    for name in ["cron", "time_zone"] {
        let Some(value) = record.get_mut(name) else { continue };
        let Some(text) = value.as_str().map(str::trim) else {
            return Err(invalid(name, &format!("The {} must be a text.", name.replace('_', " "))));
        };
        *value = json!(text);
    }
    if record.contains_key("cron") || record.contains_key("time_zone") {
        let text = |name: &str| record.get(name).or(existing.get(name)).and_then(Value::as_str).unwrap_or_default();
        let parsed = Timing::parse(text("cron"), text("time_zone"), Clock::default().now_ms());
        parsed.map_err(|error| {
            let field = if matches!(error, TimingError::Zone { .. }) { "time_zone" } else { "cron" };
            invalid(field, &error.to_string())
        })?;
    }
    if let Some(misfire) = record.get("misfire")
        && misfire.as_str().and_then(Misfire::parse).is_none()
    {
        let reason = "The misfire says what becomes of moments that were missed: 'once' makes up for the latest, 'skip' for none.";
        return Err(invalid("misfire", reason));
    }
    let config = record.get("config").filter(|config| !config.is_null());
    let mistakes = config.zip(call.gateway.jobs()).map(|(config, jobs)| jobs.mistakes(config)).unwrap_or_default();
    if !mistakes.is_empty() {
        return Err(invalid("config", &mistakes.join(" ")));
    }
    Ok(())
}

/// A name is a part of an event's.
fn check_name(name: &str) -> Result<()> {
    let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    match is_plain && name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        true => Ok(()),
        false => Err(invalid(
            "name",
            "The name of a schedule is a part of its event's name: it has only letters, digits, underscores and dashes, and begins with \
             a letter or a digit.",
        )),
    }
}

fn next_moment(cron: &Value, zone: &Value) -> Option<String> {
    let now = Clock::default().now_ms();
    date(Timing::parse(cron.as_str()?, zone.as_str()?, now).ok()?.next_after(now)?)
}
