//! The checks that a field's `validation` puts on written values (reference: database-service 14.3).

mod formats;
#[cfg(test)]
mod tests;

use crate::catalog::Field;
use antiphon_model::{Error, Object, Value};

/// What becomes of a value that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Keep,
    /// It is left out, silently: a check failed whose `on_fail` is `ignore_field`.
    Drop,
}

/// Runs every check of the field on a value that a record gives for it. Expressions and lookups come before: what is
/// checked is what would be stored.
///
/// # Errors
/// 400 with the check's `on_fail` text or its default; 500 when the configuration of a check is unusable.
pub fn validate(field: &Field, value: &Value, creating: bool) -> Result<Verdict, Error> {
    let Some(checks) = &field.validation else { return Ok(Verdict::Keep) };
    for (name, config) in checks {
        let check = Check { field, value, creating, config: config.as_object() };
        let Some(default) = check.run(name)? else { continue };
        match config.get("on_fail").and_then(Value::as_str) {
            Some("ignore_field") => return Ok(Verdict::Drop),
            // The original drops what may only be read without a word; clients that send whole records back rely on it.
            None | Some("") if name == "api_read_only" => return Ok(Verdict::Drop),
            Some(message) if !message.is_empty() => return Err(Error::bad_request(message)),
            _ => return Err(Error::bad_request(format!("Field '{}' {default}", field.wire_name()))),
        }
    }
    Ok(Verdict::Keep)
}

struct Check<'c> {
    field: &'c Field,
    value: &'c Value,
    creating: bool,
    config: Option<&'c Object>,
}

impl Check<'_> {
    /// The end of the default message when the value fails. A null passes everything but `not_null`: whether it may be
    /// stored is the column's business. Checks of unknown names pass.
    fn run(&self, name: &str) -> Result<Option<&'static str>, Error> {
        let failed = |holds: bool, message: &'static str| if holds { None } else { Some(message) };
        let null = self.value.is_null();
        Ok(match name {
            "api_read_only" => Some("is read only."),
            "create_only" => failed(self.creating, "can only be set during record creation."),
            "not_null" => failed(!null, "value can not be null."),
            _ if null => None,
            "not_empty" => failed(self.value.as_str() != Some(""), "value can not be empty."),
            "not_zero" => failed(!self.is_zero(), "value can not be empty."),
            "email" => failed(formats::is_email(&self.text()), "value must be a valid email address."),
            "url" => failed(self.is_url(), "value must be a valid URL."),
            "int" => failed(self.is_integer_in_range(), "value is not in the valid range."),
            "float" => failed(self.is_float(), "value is not an acceptable float value."),
            "boolean" => failed(self.is_boolean(), "value is not an acceptable boolean value."),
            "match" => failed(self.matches_pattern()?, "value is invalid."),
            "picklist" => failed(self.picklist()?.contains(&self.text()), "value is invalid."),
            "multi_picklist" => self.multi_picklist()?,
            _ => None,
        })
    }

    fn text(&self) -> String {
        match self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    fn setting(&self, name: &str) -> Option<&Value> {
        self.config?.get(name)
    }

    /// A text setting; blank is none.
    fn text_setting(&self, name: &str) -> Option<&str> {
        self.setting(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn is_zero(&self) -> bool {
        match self.value {
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => super::value::is_decimal(text.trim()) && text.trim().parse() == Ok(0.0),
            _ => false,
        }
    }

    /// `sections` asks for a path or a query besides scheme and host.
    fn is_url(&self) -> bool {
        let text = self.text();
        let asks = |section: &str| match self.setting("sections") {
            Some(Value::Array(sections)) => sections.iter().any(|each| each.as_str() == Some(section)),
            Some(Value::String(sections)) => sections.split(',').any(|each| each.trim() == section),
            Some(Value::Object(sections)) => sections.get(section).is_some_and(antiphon_model::truthy),
            _ => false,
        };
        formats::is_url(&text, asks("path"), asks("query"))
    }

    /// `range.min`, `range.max`; `formats` additionally allows `hex` and `octal`.
    fn is_integer_in_range(&self) -> bool {
        let formats = self.setting("formats");
        let allows = |format: &str| match formats {
            Some(Value::Array(all)) => all.iter().any(|each| each.as_str() == Some(format)),
            Some(Value::String(all)) => all.split(',').any(|each| each.trim() == format),
            _ => false,
        };
        let Some(number) = formats::integer(self.text().trim(), allows("hex"), allows("octal")) else { return false };
        let bound = |end: &str| self.setting("range").and_then(|range| range.get(end)).and_then(as_integer);
        bound("min").is_none_or(|min| number >= min) && bound("max").is_none_or(|max| number <= max)
    }

    /// `decimal` is the sign between whole and fraction.
    fn is_float(&self) -> bool {
        let text = self.text();
        match self.text_setting("decimal") {
            Some(point) if point != "." => {
                !text.contains('.') && super::value::is_decimal(text.trim().replacen(point, ".", 1).as_str())
            }
            _ => super::value::is_decimal(text.trim()),
        }
    }

    fn is_boolean(&self) -> bool {
        const WORDS: [&str; 9] = ["true", "false", "1", "0", "yes", "no", "on", "off", ""];
        self.value.is_boolean() || WORDS.iter().any(|word| word.eq_ignore_ascii_case(self.text().trim()))
    }

    fn matches_pattern(&self) -> Result<bool, Error> {
        let pattern = self.text_setting("regexp").or_else(|| self.text_setting("regex"));
        match pattern.and_then(formats::pattern) {
            Some(pattern) => Ok(pattern.is_match(&self.text())),
            None => Err(self.unusable("its `match` validation has no usable `regexp`")),
        }
    }

    fn picklist(&self) -> Result<&[String], Error> {
        match self.field.picklist.as_deref() {
            Some(list) if !list.is_empty() => Ok(list),
            _ => Err(self.unusable("its validation needs a picklist, and it has none")),
        }
    }

    fn multi_picklist(&self) -> Result<Option<&'static str>, Error> {
        let list = self.picklist()?;
        let text = self.text();
        let delimiter = self.text_setting("delimiter").unwrap_or(",");
        let chosen: Vec<&str> = text.split(delimiter).filter(|each| !each.is_empty()).collect();
        let count = |name: &str| self.setting(name).and_then(as_integer);
        let chosen_count = i128::try_from(chosen.len()).unwrap_or(i128::MAX);
        Ok(if count("min").is_some_and(|min| chosen_count < min) {
            Some("value does not contain enough selections.")
        } else if count("max").is_some_and(|max| chosen_count > max) {
            Some("value contains too many selections.")
        } else if chosen.iter().any(|each| !list.iter().any(|known| known == each)) {
            Some("value is invalid.")
        } else {
            None
        })
    }

    fn unusable(&self, why: &str) -> Error {
        let name = self.field.wire_name();
        Error::new(500, format!("Invalid validation configuration detected for field '{name}': {why}."))
    }
}

fn as_integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.as_i64().map(i128::from),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
