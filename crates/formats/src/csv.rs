//! CSV bodies (RFC 4180, the first row names the fields) and CSV answers.

use antiphon_model::{Error, Object, Result, Value};
use indexmap::IndexSet;
use serde_json::json;

/// Reads a CSV body: `{"resource": [...]}`, one object per row, every value a string.
pub fn decode(body: &[u8]) -> Result<Value> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let mut reader = csv::ReaderBuilder::new().from_reader(body);
    let unreadable = |error: csv::Error| {
        Error::bad_request(format!(
            "The request body is not valid CSV: {error}. The first row must name the fields, and every row must have as \
             many values."
        ))
    };
    let names = reader.headers().map_err(unreadable)?.clone();
    let mut seen = IndexSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(Error::bad_request(format!("The request body is not valid CSV: two fields are named '{twice}'.")));
    }
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let record: Object = names.iter().zip(&row).map(|(name, value)| (name.to_owned(), value.into())).collect();
        records.push(Value::Object(record));
    }
    Ok(json!({ "resource": records }))
}

/// Writes an answer: the records of `resource` (a wrapper and its `meta` are dropped), or one object as one record. The
/// first line names every field that any record has; nested values are JSON text; null and false are empty, true is 1.
pub fn encode(value: &Value) -> Vec<u8> {
    let records = records_of(value);
    let names: IndexSet<&str> =
        records.iter().filter_map(|record| record.as_object()).flatten().map(|(name, _)| name.as_str()).collect();
    let mut out = String::new();
    if names.is_empty() && records.is_empty() {
        // An answer without records is an empty line of names and an empty line of values, as in the recordings.
        return b"\n\n".to_vec();
    }
    if !names.is_empty() {
        push_line(&mut out, names.iter().map(|name| (*name).to_owned()));
    }
    for record in records {
        match record {
            Value::Object(members) => {
                push_line(&mut out, names.iter().map(|name| members.get(*name).map(cell).unwrap_or_default()));
            }
            scalar => push_line(&mut out, [cell(scalar)].into_iter()),
        }
    }
    out.into_bytes()
}

fn records_of(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(members) => match (members.get("resource"), members.get("error")) {
            (Some(Value::Array(list)), _) => list.iter().collect(),
            (_, Some(error @ Value::Object(_))) if members.len() == 1 => vec![error],
            _ => vec![value],
        },
        scalar => vec![scalar],
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn push_line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        // Blanks are quoted too: that is what clients of the original have seen.
        if cell.contains([',', '"', ' ', '\n', '\r', '\t', '\\']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: Value) -> String {
        String::from_utf8(encode(&value)).unwrap()
    }

    #[test]
    fn records_are_lines_quoted_as_recorded() {
        let answer = json!({"resource": [{"id": 1, "name": "Task 01", "complete": false, "note": null}], "meta": {}});
        assert_eq!(write(answer), "id,name,complete,note\n1,\"Task 01\",,\n");
        assert_eq!(write(json!({"resource": [{"name": "a,\"b\"\nc"}]})), "name\n\"a,\"\"b\"\"\nc\"\n");
        assert_eq!(write(json!({"id": 1, "nested": {"a": [1]}})), "id,nested\n1,\"{\"\"a\"\":[1]}\"\n");
    }

    #[test]
    fn fields_that_only_later_records_have_are_named_too() {
        assert_eq!(write(json!([{"a": 1}, {"b": true}])), "a,b\n1,\n,1\n");
    }

    #[test]
    fn errors_scalars_and_nothing() {
        assert_eq!(write(json!({"error": {"code": 404, "message": "gone"}})), "code,message\n404,gone\n");
        assert_eq!(write(json!(26)), "26\n");
        assert_eq!(write(json!({"resource": []})), "\n\n");
    }

    #[test]
    fn the_first_row_names_the_fields_of_a_body() {
        let body = decode(b"name,priority\r\ncsv one,1\r\n\"csv, two\",2").unwrap();
        let rows = json!([{"name": "csv one", "priority": "1"}, {"name": "csv, two", "priority": "2"}]);
        assert_eq!(body, json!({ "resource": rows }));
        assert_eq!(decode(b"name\n").unwrap(), json!({"resource": []}));
        assert_eq!(decode(b"a,b\n1\n").unwrap_err().status, 400);
        assert!(decode(b"a,b,a\n1,2,3\n").unwrap_err().message.contains("two fields are named 'a'"));
    }
}
