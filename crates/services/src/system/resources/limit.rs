//! Limits on calls (system-and-users 4.14, other-services 9.1). That a user, role or service exists, and that no other limit is the
//! same, the database itself sees to.

use super::{Resource, invalid, require};
use antiphon_gateway::Call;
use antiphon_gateway::rate::{LimitType, Period, RateLimit};
use antiphon_model::{Error, Object, Result, Value, Verb, json};

/// The longest path of an endpoint, as the column.
const ENDPOINT_CHARS: usize = 255;

pub(super) struct Limits;

impl Resource for Limits {
    fn create(&self, _call: &Call<'_>, record: &mut Object) -> Result<()> {
        complete(record)
    }

    /// What a change leaves out stays, and all of it together must make a limit.
    fn update(&self, _call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        for (name, value) in existing.iter().filter(|(name, _)| DEFINING.contains(&name.as_str())) {
            if !record.contains_key(name) {
                record.insert(name.clone(), value.clone());
            }
        }
        complete(record)
    }
}

/// The fields that make a limit what it is.
const DEFINING: [&str; 9] = ["name", "type", "rate", "period", "user_id", "role_id", "service_id", "endpoint", "verb"];

/// Checks a whole limit, and writes its fields as they are stored.
fn complete(record: &mut Object) -> Result<()> {
    require(record, "name")?;
    require(record, "type")?;
    let name = text(record, "name");
    let kind = LimitType::parse(&text(record, "type")).ok_or_else(|| {
        invalid(
            "type",
            &format!("The limit type '{}' is unknown. Use one of: {}.", text(record, "type"), LimitType::names()),
        )
    })?;
    let limit = RateLimit {
        id: 0,
        kind,
        rate: rate(record)?,
        period: period(record)?,
        user_id: reference(record, "user_id", kind.needs_user(), &name)?,
        role_id: reference(record, "role_id", kind.needs_role(), &name)?,
        service_id: reference(record, "service_id", kind.needs_service(), &name)?,
        endpoint: endpoint(record, kind.needs_endpoint(), &name)?,
        verb: verb(record)?,
        name,
    };
    let stored = [
        ("type", json!(limit.kind.name())),
        ("rate", json!(limit.rate)),
        ("period", json!(limit.period.name())),
        ("user_id", json!(limit.user_id)),
        ("role_id", json!(limit.role_id)),
        ("service_id", json!(limit.service_id)),
        ("endpoint", json!(limit.endpoint)),
        ("verb", json!(limit.verb.map(Verb::as_str))),
        ("key_text", json!(limit.key(None))),
    ];
    record.extend(stored.map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}

/// A field as text; empty when it has none.
fn text(record: &Object, field: &str) -> String {
    match record.get(field) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn rate(record: &Object) -> Result<u64> {
    let rate =
        text(record, "rate").parse::<i64>().ok().filter(|rate| *rate > 0).and_then(|rate| u64::try_from(rate).ok());
    rate.ok_or_else(|| field_error("rate", "Limit rate must be an integer. Limit not saved."))
}

fn period(record: &Object) -> Result<Period> {
    require(record, "period")?;
    let given = text(record, "period");
    let unknown = || invalid("period", &format!("The period '{given}' is unknown. Use one of: {}.", Period::names()));
    Period::parse(&given).ok_or_else(unknown)
}

/// The identifier that the type asks for; others are dropped.
fn reference(record: &Object, field: &str, is_needed: bool, limit: &str) -> Result<Option<i64>> {
    if !is_needed {
        return Ok(None);
    }
    match text(record, field).parse() {
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(missing(field, limit)),
    }
}

fn endpoint(record: &Object, is_needed: bool, limit: &str) -> Result<Option<String>> {
    if !is_needed {
        return Ok(None);
    }
    let endpoint = text(record, "endpoint").trim_matches('/').to_owned();
    if endpoint.is_empty() {
        return Err(missing("endpoint", limit));
    }
    if endpoint.chars().count() > ENDPOINT_CHARS {
        return Err(invalid("endpoint", &format!("The endpoint may have at most {ENDPOINT_CHARS} characters.")));
    }
    Ok(Some(endpoint))
}

/// Nothing, an empty text and 0 mean every verb.
fn verb(record: &Object) -> Result<Option<Verb>> {
    match text(record, "verb").as_str() {
        "" | "0" => Ok(None),
        verb => Verb::parse(verb).map(Some).ok_or_else(|| invalid("verb", &format!("The verb '{verb}' is unknown."))),
    }
}

fn missing(field: &str, limit: &str) -> Error {
    field_error(field, &format!("{field} must be specified with this limit type. Limit: {limit}"))
}

/// 400 with a text that clients know.
fn field_error(field: &str, message: &str) -> Error {
    Error::bad_request(message).with_context(json!({ field: [message] }))
}
