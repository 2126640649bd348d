//! `_spec?model=true`: a database in short, for programs that write queries: tables with columns, samples and relations.
//!
//! Everything is read through the records' own endpoints in the caller's name, so rows that a role hides and values that a script
//! masks stay hidden here too.

use antiphon_gateway::Call;
use antiphon_model::{Object, Request, Result, Value, Verb, json};

/// Rows of a sample.
const SAMPLE: usize = 3;
/// Most different values that are told of a column.
const MOST_VALUES: usize = 20;
/// Most text columns of a table whose values are looked for.
const MOST_COLUMNS: usize = 20;
/// Tables with more rows are not searched for values.
const MOST_ROWS: u64 = 100_000;
/// Relations of the first kind are joined in a template.
const JOINED: &str = "belongs_to";

/// The tables that the caller may read.
///
/// # Errors
/// When the list of tables can't be read.
pub(super) fn of_database(call: &Call<'_>) -> Result<Value> {
    let most = call.gateway.limits().modelled_tables;
    let asked = call.request.parameter(&["tables"]).unwrap_or_default();
    let asked: Vec<&str> = asked.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let names = call.entry.service.parameter_values("table_name");
    let wanted = |name: &&String| asked.is_empty() || asked.iter().any(|one| one.eq_ignore_ascii_case(name));
    let mut tables = Object::new();
    let mut relationships = Object::new();
    let mut templates = Object::new();
    for name in names.iter().filter(wanted).take(most) {
        // What the caller may not read is not part of its model.
        let Some(found) = Table::read(call, name) else { continue };
        let relations = found.relations();
        let values = found.values(call);
        found.templates(&values, &relations, &mut templates);
        let mut described = json!({
            "columns": found.columns(), "row_count": found.count, "sample_data": found.rows,
        });
        if !values.is_empty() {
            described["enum_values"] = Value::Object(values);
        }
        tables.insert(name.clone(), described);
        if !relations.is_empty() {
            relationships.insert(name.clone(), Value::Array(relations));
        }
    }
    Ok(json!({
        "service": call.entry.name, "description": call.entry.description.as_deref().unwrap_or_default(),
        "tables": tables, "relationships": relationships, "patterns": [], "query_templates": templates,
    }))
}

/// A table as its records' endpoint tells of it.
struct Table<'a> {
    name: &'a str,
    schema: Value,
    rows: Value,
    count: Value,
}

impl<'a> Table<'a> {
    fn read(call: &Call<'_>, name: &'a str) -> Option<Table<'a>> {
        let mut answer =
            records(call, name, json!({ "limit": SAMPLE, "include_count": true, "include_schema": true }))?;
        let (schema, count) = (answer["meta"]["schema"].take(), answer["meta"]["count"].take());
        Some(Table { name, rows: answer["resource"].take(), schema, count })
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let fields = self.schema["field"].as_array().into_iter().flatten();
        fields.filter_map(|field| Some((field["name"].as_str()?, field["type"].as_str()?, field)))
    }

    fn columns(&self) -> Vec<Value> {
        let columns = self.fields().map(|(name, kind, field)| {
            let mut column = json!({ "name": name, "type": kind });
            if field["is_primary_key"] == true {
                column["pk"] = json!(true);
            }
            if let (Some(table), Some(field)) = (field["ref_table"].as_str(), field["ref_field"].as_str()) {
                column["fk"] = json!(format!("{table}.{field}"));
            }
            if field["allow_null"] == false {
                column["required"] = json!(true);
            }
            column
        });
        columns.collect()
    }

    /// The values of the text columns that have few.
    fn values(&self, call: &Call<'_>) -> Object {
        let mut found = Object::new();
        if self.count.as_u64().is_none_or(|count| count > MOST_ROWS) {
            return found;
        }
        for (name, ..) in self.fields().filter(|(_, kind, _)| ["string", "text"].contains(kind)).take(MOST_COLUMNS) {
            let parameters = json!({ "fields": name, "group": name, "order": name, "limit": MOST_VALUES + 2 });
            let Some(answer) = records(call, self.name, parameters) else { continue };
            let rows = answer["resource"].as_array().map(Vec::as_slice).unwrap_or_default();
            let values: Vec<&Value> = rows.iter().map(|row| &row[name]).filter(|value| value.is_string()).collect();
            if !values.is_empty() && values.len() <= MOST_VALUES {
                found.insert(name.to_owned(), json!(values));
            }
        }
        found
    }

    fn relations(&self) -> Vec<Value> {
        let related = self.schema["related"].as_array().into_iter().flatten();
        related
            .filter_map(|relation| {
                let name = relation["name"].as_str()?;
                Some(json!({
                    "name": name, "type": relation["type"], "field": relation["field"],
                    "ref_table": relation["ref_table"], "ref_field": relation["ref_field"],
                    "junction_table": relation["junction_table"], "usage": format!("related={name}"),
                }))
            })
            .collect()
    }

    /// Queries that suggest themselves: how often each value occurs, the largest numbers, a record with what it belongs to.
    fn templates(&self, values: &Object, relations: &[Value], templates: &mut Object) {
        let mut add = |name: String, members: Value| {
            let mut params = json!({ "tableName": self.name });
            if let (Some(params), Value::Object(members)) = (params.as_object_mut(), members) {
                params.extend(members);
            }
            templates.insert(name, json!({ "description": "", "tool": "get_table_data", "params": params }));
        };
        let name = self.name;
        if let Some(column) = values.keys().next() {
            let members = json!({ "fields": [column], "group": column, "includeCount": true });
            add(format!("count_{name}_by_{column}"), members);
        }
        let is_amount = |kind: &str| ["decimal", "double", "float", "money"].contains(&kind);
        if let Some((column, ..)) = self.fields().find(|(_, kind, _)| is_amount(kind)) {
            add(format!("top_{name}_by_{column}"), json!({ "order": format!("{column} DESC"), "limit": 10 }));
        }
        if let Some(relation) = relations.iter().find(|relation| relation["type"] == JOINED) {
            add(format!("join_{name}"), json!({ "related": relation["name"], "limit": 10 }));
        }
    }
}

/// What the records' endpoint answers; nothing when it refuses.
fn records(call: &Call<'_>, table: &str, parameters: Value) -> Option<Value> {
    let mut request = Request::new(Verb::Get, call.entry.name.as_str(), format!("_table/{table}"));
    if let Value::Object(parameters) = parameters {
        request.parameters = parameters;
    }
    request.requestor = call.request.requestor;
    let response = call.nested(request);
    (response.status < 300).then(|| response.content.to_value())
}
