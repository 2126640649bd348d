//! Rules for calls from web pages: a rule that could not be in force is not stored.

use super::{Resource, invalid, require, require_if_given};
use crate::cors::{CorsRow, CorsRule};
use antiphon_gateway::Call;
use antiphon_model::{Limits, Object, Result, Value, VerbMask, json, truthy};

pub(super) struct Cors;

impl Resource for Cors {
    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        require(record, "path")?;
        require(record, "origin")?;
        // Without any verb the rule would allow nothing, which nobody asks for by leaving it out.
        record.entry("method").or_insert_with(|| json!(VerbMask::ALL.0));
        check(record, call.gateway.limits())
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        require_if_given(record, "path")?;
        require_if_given(record, "origin")?;
        let mut merged = existing.clone();
        merged.extend(record.clone());
        check(&merged, call.gateway.limits())
    }
}

fn check(record: &Object, limits: &Limits) -> Result<()> {
    let text = |column: &str| record.get(column).and_then(Value::as_str).map(str::to_owned);
    let row = CorsRow {
        path: text("path").unwrap_or_default(),
        origin: text("origin").unwrap_or_default(),
        header: text("header"),
        exposed_header: text("exposed_header"),
        supports_credentials: record.get("supports_credentials").is_some_and(truthy),
        ..CorsRow::default()
    };
    CorsRule::of(&row, limits).map(drop).map_err(|(column, reason)| invalid(column, &reason))
}
