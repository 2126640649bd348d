//! Columns of a file whose values are all text: what they are, and what the database is given for them.

use antiphon_model::{Error, Object, Result, Value, json};
use indexmap::IndexMap;

/// Longest name of a column.
const NAME_CHARS: usize = 64;
/// Longest value of a `string`; longer ones make a `text`.
const STRING_CHARS: usize = 255;
/// Digits that every database keeps exactly in a `double`; numbers with more are left as they are written.
const EXACT_DIGITS: usize = 15;

/// What all values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers that tell rows apart, under the name `id`.
    Id,
    Boolean,
    Integer,
    Double,
    Date,
    DateTime,
    String,
    Text,
}

/// A column of a table to be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Column {
    /// As a database service is told.
    pub(super) fn definition(&self) -> Value {
        let kind = match self.kind {
            Kind::Id => return json!({ "name": self.name, "type": "id" }),
            Kind::Boolean => "boolean",
            Kind::Integer => "bigint",
            Kind::Double => "double",
            Kind::Date => "date",
            Kind::DateTime => "datetime",
            Kind::String => {
                return json!({ "name": self.name, "type": "string", "length": STRING_CHARS, "allow_null": true });
            }
            Kind::Text => "text",
        };
        json!({ "name": self.name, "type": kind, "allow_null": true })
    }

    fn value(&self, given: &Value) -> Value {
        let Some(text) = given.as_str() else { return given.clone() };
        match (text.is_empty(), self.kind) {
            (true, _) => Value::Null,
            (_, Kind::Boolean) => json!(text.eq_ignore_ascii_case("true")),
            (_, Kind::Id | Kind::Integer) => text.parse::<i64>().map_or(Value::Null, Value::from),
            (_, Kind::Double) => text.parse::<f64>().map_or(Value::Null, Value::from),
            _ => given.clone(),
        }
    }
}

/// The columns of these rows, in the order of their first appearance.
///
/// # Errors
/// 400 for names that can't be those of columns.
pub(super) fn guess(rows: &[Object]) -> Result<Vec<Column>> {
    let mut found: IndexMap<&str, Vec<&Value>> = IndexMap::new();
    for (name, value) in rows.iter().flatten() {
        let values = found.entry(name).or_default();
        if !value.is_null() && value != "" {
            values.push(value);
        }
    }
    if found.is_empty() {
        return Err(Error::bad_request("The file has no records to make a table of."));
    }
    for (index, name) in found.keys().enumerate() {
        let is_repeated = found.keys().take(index).any(|other| other.eq_ignore_ascii_case(name));
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS || name.contains(char::is_control) || is_repeated
        {
            return Err(Error::bad_request(format!(
                "The file's column '{}' can't be made: each needs a name of its own of at most {NAME_CHARS} characters.",
                name.escape_debug()
            )));
        }
    }
    Ok(found
        .iter()
        .map(|(name, values)| {
            let is_key = name.eq_ignore_ascii_case("id") && values.len() == rows.len() && tells_apart(values);
            let kind = if is_key { Kind::Id } else { kind_of(values) };
            Column { name: (*name).to_owned(), kind }
        })
        .collect())
}

/// The columns with one that identifies the rows; a new one called `id` if need be.
pub(super) fn with_key(columns: &[Column]) -> Vec<Column> {
    let mut all = columns.to_vec();
    if all.iter().all(|column| column.kind != Kind::Id) {
        let is_taken = all.iter().any(|column| column.name.eq_ignore_ascii_case("id"));
        let name = if is_taken { "row_id" } else { "id" };
        all.insert(0, Column { name: name.to_owned(), kind: Kind::Id });
    }
    all
}

/// The rows with values in the types of the columns.
pub(super) fn typed(columns: &[Column], rows: Vec<Object>) -> Vec<Value> {
    let typed = |row: Object| -> Object {
        let value = |column: &Column| row.get(&column.name).map_or(Value::Null, |value| column.value(value));
        columns.iter().map(|column| (column.name.clone(), value(column))).collect()
    };
    rows.into_iter().map(|row| Value::Object(typed(row))).collect()
}

/// The rows as a table takes them that is there already: what is left empty is unset, where that is possible.
///
/// # Errors
/// 400 for a column that the table does not have: its values would be lost.
pub(super) fn fitting(schema: &Value, mut rows: Vec<Object>) -> Result<Vec<Value>> {
    let fields = schema.get("field").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let field = |name: &str| {
        let is_it = |member: &str, field: &Value| {
            field.get(member).and_then(Value::as_str).is_some_and(|known| known.eq_ignore_ascii_case(name))
        };
        fields.iter().find(|field| is_it("alias", field) || is_it("name", field))
    };
    if let Some(unknown) = rows.iter().flat_map(Object::keys).find(|name| field(name).is_none()) {
        return Err(Error::bad_request(format!("The table has no field '{unknown}', which the file has.")));
    }
    for row in &mut rows {
        row.retain(|name, value| {
            let says =
                |member: &str| field(name).and_then(|field| field.get(member)).is_some_and(antiphon_model::truthy);
            let is_text =
                field(name).and_then(|field| field.get("type")).is_some_and(|kind| kind == "string" || kind == "text");
            value != "" || (is_text && !says("allow_null"))
        });
    }
    Ok(rows.into_iter().map(Value::Object).collect())
}

fn tells_apart(values: &[&Value]) -> bool {
    let numbers = values.iter().map(|value| number(value).filter(|number| *number > 0)).collect::<Option<Vec<i64>>>();
    numbers.is_some_and(|mut numbers| {
        numbers.sort_unstable();
        numbers.windows(2).all(|pair| pair[0] != pair[1])
    })
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) if is_integer(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

/// Whether a text can be read as something.
type Fits = fn(&str) -> bool;

/// The narrowest kind that all values are of.
fn kind_of(values: &[&Value]) -> Kind {
    let all = |fits: Fits| !values.is_empty() && values.iter().all(|value| fits(&written(value)));
    let kinds: [(Kind, Fits); 5] = [
        (Kind::Boolean, |text| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")),
        (Kind::Integer, is_integer),
        (Kind::Double, is_number),
        (Kind::Date, is_date),
        (Kind::DateTime, is_date_time),
    ];
    let narrow = kinds.into_iter().find(|(_, fits)| all(*fits)).map(|(kind, _)| kind);
    let is_long = || values.iter().any(|value| written(value).chars().count() > STRING_CHARS);
    narrow.unwrap_or_else(|| if is_long() { Kind::Text } else { Kind::String })
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Post codes and telephone numbers are no numbers: a leading zero or plus must not get lost.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (digits == "0" || !digits.starts_with('0')) && is_digits(digits) && text != "-0" && text.parse::<i64>().is_ok()
}

fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_whole = is_integer(whole) || whole == "-0";
    is_whole && is_digits(fraction) && whole.len() + fraction.len() <= EXACT_DIGITS
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    text.len() == 19
        && text.get(10..11).is_some_and(|middle| middle == " " || middle == "T")
        && text.parse::<jiff::civil::DateTime>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(values: &[&str]) -> Kind {
        let values: Vec<Value> = values.iter().map(|value| json!(value)).collect();
        kind_of(&values.iter().collect::<Vec<_>>())
    }

    fn rows(rows: Value) -> Vec<Object> {
        rows.as_array().unwrap().iter().map(|row| row.as_object().cloned().unwrap()).collect()
    }

    #[test]
    fn a_column_is_the_narrowest_thing_that_all_its_values_are() {
        assert_eq!(kind(&["true", "FALSE"]), Kind::Boolean);
        assert_eq!(kind(&["0", "-7", "9223372036854775807"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.50", "-0.5"]), Kind::Double);
        assert_eq!(kind(&["2016-02-29"]), Kind::Date);
        assert_eq!(kind(&["2016-02-29 10:11:12", "2016-02-28T00:00:00"]), Kind::DateTime);
        assert_eq!(kind(&["a", "1"]), Kind::String);
        assert_eq!(kind(&["x".repeat(256).as_str()]), Kind::Text);
        assert_eq!(kind(&[]), Kind::String);
    }

    #[test]
    fn what_only_looks_like_a_number_stays_text() {
        for text in [
            "01234",
            "+49123",
            "1e5",
            "NaN",
            "9223372036854775808",
            "-",
            "",
            "1.",
            ".5",
            "0x1F",
            "1,5",
            "3.14159265358979323846",
        ] {
            assert_eq!(kind(&[text]), Kind::String, "{text}");
        }
        assert_eq!(kind(&["2015-02-29"]), Kind::String);
    }

    #[test]
    fn rows_are_identified_by_their_id_or_get_one() {
        let named = |rows: &[Object]| -> Vec<(String, Kind)> {
            with_key(&guess(rows).unwrap()).into_iter().map(|column| (column.name, column.kind)).collect()
        };
        let (id, row_id) = (("id".to_owned(), Kind::Id), ("row_id".to_owned(), Kind::Id));
        assert_eq!(named(&rows(json!([{"id": "1"}, {"id": "2"}]))), std::slice::from_ref(&id));
        assert_eq!(named(&rows(json!([{"a": "1"}])))[0], id);
        for twice in [
            json!([{"id": "1"}, {"id": "1"}]),
            json!([{"id": "x"}]),
            json!([{"id": "1"}, {"id": ""}]),
            json!([{"id": "0"}]),
        ] {
            assert_eq!(named(&rows(twice))[0], row_id);
        }
    }

    #[test]
    fn values_get_the_types_of_their_columns_and_nothing_is_null() {
        let rows = rows(json!([{"n": "1", "d": "1.5", "b": "True", "s": ""}, {"n": "", "d": "", "b": "", "s": "x"}]));
        let columns = guess(&rows).unwrap();
        let expected = json!([{"n": 1, "d": 1.5, "b": true, "s": null}, {"n": null, "d": null, "b": null, "s": "x"}]);
        assert_eq!(Value::Array(typed(&columns, rows)), expected);
    }

    #[test]
    fn names_that_no_column_can_have_are_refused() {
        let long = "x".repeat(65);
        for row in [
            json!({"": "1"}),
            json!({" ": "1"}),
            json!({"a\nb": "1"}),
            json!({"A": "1", "a": "2"}),
            json!({ long: "1" }),
        ] {
            assert_eq!(guess(&rows(json!([row]))).unwrap_err().status, 400);
        }
        assert_eq!(guess(&[]).unwrap_err().status, 400);
    }

    #[test]
    fn an_existing_table_keeps_its_own_ideas_of_empty() {
        let schema = json!({"field": [
            {"name": "n", "type": "integer", "allow_null": true}, {"name": "s", "type": "string", "allow_null": false},
            {"name": "t", "alias": "text", "type": "text", "allow_null": true},
        ]});
        let fitted = fitting(&schema, rows(json!([{"n": "", "s": "", "text": ""}, {"n": "1"}]))).unwrap();
        assert_eq!(Value::Array(fitted), json!([{"s": ""}, {"n": "1"}]));
        assert!(fitting(&schema, rows(json!([{"z": "1"}]))).unwrap_err().message.contains("'z'"));
    }
}
