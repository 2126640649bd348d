//! Tables of a package on their way into database services: structure first, then rows, each table all or nothing.

use super::contents::{Contents, Part, rows};
use super::import::Wishes;
use super::report::{Action, Report};
use super::tables::{ask, copy, covers, definition, names};
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value, Verb, json};
use std::collections::HashMap;

/// Rows that are looked up at once.
const PAGE: usize = 200;
/// Fields that the database or the server computes.
const COMPUTED: [&str; 2] = ["is_virtual", "is_aggregate"];

/// Imports every table of a package. A table that can't be imported is reported and does not hold up the others.
///
/// # Errors
/// 400 for a package that is damaged.
pub(super) fn import(call: &Call<'_>, contents: &mut Contents, wishes: Wishes, report: &mut Report) -> Result<()> {
    for service in contents.manifest.databases.keys().cloned().collect::<Vec<_>>() {
        let known = names(call, &service, Part::Schema.as_str());
        if known.is_none() && !(wishes.dry_run && brings_service(contents, &service)) {
            report.warn(format!(
                "The tables of '{service}' were left out: there is no such service, or it does not answer."
            ));
            continue;
        }
        let known = known.unwrap_or_default();
        let mut import = Import { call, service: &service, wishes, report };
        import.structures(&known, contents.tables(&service, Part::Schema)?);
        let definitions = contents.tables(&service, Part::Schema)?;
        let tables = contents.tables(&service, Part::Rows)?.into_iter();
        let filled = tables.map(|table| import.filled(table, &definitions)).collect::<Result<Vec<_>>>()?;
        for table in in_order(filled, |table| &table.name, |table| &table.target.fields) {
            import.contents(table);
        }
    }
    Ok(())
}

fn brings_service(contents: &Contents, service: &str) -> bool {
    let services = contents.records.get("service").map(Vec::as_slice).unwrap_or_default();
    let name = |record: &Object| record.get("name").and_then(Value::as_str).map(str::to_lowercase);
    services.iter().any(|record| name(record).is_some_and(|name| name == service.to_lowercase()))
}

struct Import<'a> {
    call: &'a Call<'a>,
    service: &'a str,
    wishes: Wishes,
    report: &'a mut Report,
}

/// Rows, and the table that they go to.
struct Filled {
    name: String,
    rows: Vec<Object>,
    target: Target,
}

/// What is known of a table that rows go to.
struct Target {
    fields: Vec<Value>,
    /// In a trial it may be one that is yet to be made.
    is_there: bool,
}

impl Target {
    fn keys(&self) -> Vec<&str> {
        self.named(|field| is(field, "is_primary_key"))
    }

    /// The fields that hold something: the others are computed.
    fn stored(&self) -> Vec<&str> {
        self.named(|field| !COMPUTED.iter().any(|what| is(field, what)))
    }

    fn named(&self, wanted: impl Fn(&Value) -> bool) -> Vec<&str> {
        self.fields.iter().filter(|field| wanted(field)).map(name_of).collect()
    }
}

fn is(field: &Value, what: &str) -> bool {
    field.get(what).is_some_and(antiphon_model::truthy)
}

/// What is to be done with rows.
#[derive(Default)]
struct Sorted {
    new: Vec<Value>,
    changed: Vec<Value>,
    unchanged: usize,
    skipped: usize,
}

impl Import<'_> {
    fn structures(&mut self, known: &[Value], tables: Vec<Object>) {
        let mut with_relations = Vec::new();
        let tables: Vec<Value> = tables.into_iter().map(Value::Object).collect();
        for table in in_order(tables, name_of, fields_of) {
            let name = name_of(&table).to_owned();
            let exists = known.iter().filter_map(Value::as_str).any(|known| known.eq_ignore_ascii_case(&name));
            match self.structure(&name, exists, &table) {
                Ok(action) => {
                    self.report.part(&self.path(Part::Schema), &name, action, None);
                    if matches!(action, Action::Created | Action::Updated) {
                        with_relations.push((name, table));
                    }
                }
                Err(error) => self.failed(Part::Schema, &name, &error, None),
            }
        }
        for (name, table) in with_relations {
            if let Err(error) = self.relations(&name, &table) {
                self.failed(Part::Schema, &name, &error, None);
            }
        }
    }

    fn structure(&self, name: &str, exists: bool, table: &Value) -> Result<Action> {
        if table.get("is_view").is_some_and(antiphon_model::truthy) && !exists {
            return Err(Error::bad_request("Views can't be created through the API."));
        }
        if exists && !self.wishes.overwrite {
            return Ok(Action::Skipped);
        }
        if exists && covers(&definition(self.call, self.service, name)?, table) {
            return Ok(Action::Unchanged);
        }
        let action = if exists { Action::Updated } else { Action::Created };
        if !self.wishes.dry_run {
            let verb = if exists { Verb::Patch } else { Verb::Post };
            let body = json!({ "resource": [table] });
            ask(self.call, verb, self.service, Part::Schema.as_str(), Object::new(), body)?;
        }
        Ok(action)
    }

    /// Stores what is known of relations beyond the database.
    fn relations(&self, table: &str, definition: &Value) -> Result<()> {
        let Some(Value::Array(relations)) = definition.get("related") else { return Ok(()) };
        let mut relations = relations.clone();
        for relation in &mut relations {
            for member in ["ref_service_id", "junction_service_id"] {
                let Some(value) = relation.get_mut(member) else { continue };
                if let Some(name) = value.as_str() {
                    let entry = self.call.gateway.registry().find(name).ok_or_else(|| {
                        Error::bad_request(format!("A relation leads to the service '{name}', which is not there."))
                    })?;
                    *value = json!(entry.id);
                }
            }
        }
        if relations.is_empty() || self.wishes.dry_run {
            return Ok(());
        }
        let path = format!("{}/{table}/_related", Part::Schema.as_str());
        ask(self.call, Verb::Patch, self.service, &path, Object::new(), json!({ "resource": relations })).map(drop)
    }

    /// The rows of a table, with what there is of it here, or in the package.
    fn filled(&mut self, table: Object, definitions: &[Object]) -> Result<Filled> {
        let rows = rows(&table)?;
        let name = name_of(&Value::Object(table)).to_owned();
        let parameters =
            Object::from_iter([("limit".to_owned(), json!(1)), ("include_schema".to_owned(), json!(true))]);
        let described = ask(self.call, Verb::Get, self.service, &rows_of(&name), parameters, Value::Null);
        let is_there = described.is_ok();
        let fields = match described {
            Ok(described) => fields_of(&described["meta"]["schema"]).to_vec(),
            Err(_) => {
                let definitions = definitions.iter().cloned().map(Value::Object);
                definitions
                    .filter(|table| name_of(table) == name)
                    .flat_map(|table| fields_of(&table).to_vec())
                    .collect()
            }
        };
        Ok(Filled { name, rows, target: Target { fields, is_there } })
    }

    fn contents(&mut self, Filled { name, rows, target }: Filled) {
        let count = rows.len();
        match self.store(&name, rows, &target) {
            Ok(sorted) => {
                let path = self.path(Part::Rows);
                let parts = [
                    (Action::Created, sorted.new.len()),
                    (Action::Updated, sorted.changed.len()),
                    (Action::Unchanged, sorted.unchanged),
                    (Action::Skipped, sorted.skipped),
                ];
                for (action, count) in parts.into_iter().filter(|(_, count)| *count > 0) {
                    self.report.part(&path, &name, action, Some(count));
                }
            }
            Err(error) => self.failed(Part::Rows, &name, &error, Some(count)),
        }
    }

    fn store(&self, table: &str, rows: Vec<Object>, target: &Target) -> Result<Sorted> {
        let path = rows_of(table);
        let sorted = match target.is_there {
            true => self.sort(&path, target, rows)?,
            false => Sorted { new: rows.into_iter().map(Value::Object).collect(), ..Sorted::default() },
        };
        if self.wishes.dry_run {
            return Ok(sorted);
        }
        for (verb, rows) in [(Verb::Post, &sorted.new), (Verb::Patch, &sorted.changed)] {
            if !rows.is_empty() {
                copy(self.call, verb, self.service, &path, json!({ "resource": rows }))?;
            }
        }
        Ok(sorted)
    }

    fn sort(&self, path: &str, target: &Target, rows: Vec<Object>) -> Result<Sorted> {
        let mut sorted = Sorted::default();
        let stored = target.stored();
        if target.keys().is_empty() {
            let parameters = Object::from_iter([("count_only".to_owned(), json!(true))]);
            let count = ask(self.call, Verb::Get, self.service, path, parameters, Value::Null)?;
            // Rows that nothing tells apart go into an empty table only, or they would double with every import.
            match count.as_u64() {
                Some(0) => sorted.new = rows.into_iter().map(Value::Object).collect(),
                _ => sorted.skipped = rows.len(),
            }
            return Ok(sorted);
        }
        for page in rows.chunks(PAGE) {
            let known = self.known(path, target, page)?;
            for (row, known) in page.iter().zip(known) {
                let kept = row.iter().filter(|(name, _)| stored.contains(&name.as_str()));
                let row = Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect());
                match known {
                    None => sorted.new.push(row),
                    Some(_) if !self.wishes.overwrite => sorted.skipped += 1,
                    Some(known) if covers(&known, &row) => sorted.unchanged += 1,
                    Some(_) => sorted.changed.push(row),
                }
            }
        }
        Ok(sorted)
    }

    /// The stored rows with the keys of these, as far as there are any.
    fn known(&self, path: &str, target: &Target, rows: &[Object]) -> Result<Vec<Option<Value>>> {
        let names = target.keys();
        let key = |row: &Object| -> Option<Value> {
            let value = |name: &str| row.get(name).filter(|value| !value.is_null()).cloned();
            names
                .iter()
                .map(|name| Some(((*name).to_owned(), value(name)?)))
                .collect::<Option<Object>>()
                .map(Value::Object)
        };
        let keys: Vec<Option<Value>> = rows.iter().map(key).collect();
        let asked: Vec<&Value> = keys.iter().flatten().collect();
        if asked.is_empty() {
            return Ok(vec![None; rows.len()]);
        }
        let parameters = Object::from_iter([("continue".to_owned(), json!(true))]);
        let body = json!({ "resource": asked });
        let (mut found, failed) = match ask(self.call, Verb::Get, self.service, path, parameters, body) {
            Ok(mut answer) => (answer.get_mut("resource").map(Value::take), Value::Null),
            Err(mut error) if error.code == json!(Error::BATCH_CODE) => {
                let failed = error.context.get_mut("error").map(Value::take).unwrap_or_default();
                (error.context.get_mut("resource").map(Value::take), failed)
            }
            Err(error) => return Err(error),
        };
        let mut found =
            found.as_mut().and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default().into_iter();
        let failed: Vec<u64> = failed.as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let mut place = 0;
        let known = keys.iter().map(|key| {
            key.as_ref()?;
            let row = found.next();
            place += 1;
            row.filter(|_| !failed.contains(&(place - 1)))
        });
        Ok(known.collect())
    }

    fn failed(&mut self, part: Part, table: &str, error: &Error, count: Option<usize>) {
        let path = self.path(part);
        self.report.warn(format!("'{path}/{table}' was not imported: {}", reason(error)));
        self.report.part(&path, table, Action::Failed, count);
    }

    fn path(&self, part: Part) -> String {
        format!("{}/{}", self.service, part.as_str())
    }
}

/// The path of a table's rows.
fn rows_of(table: &str) -> String {
    format!("{}/{table}", Part::Rows.as_str())
}

/// What went wrong with the first record of a batch, or with the whole.
fn reason(error: &Error) -> String {
    let entries = error.context.get("resource").and_then(Value::as_array);
    let index = error.context.get("error").and_then(|failed| failed.get(0)).and_then(Value::as_u64).unwrap_or_default();
    let entry = entries.zip(usize::try_from(index).ok()).and_then(|(entries, index)| entries.get(index));
    match entry.and_then(|entry| entry.get("message")).and_then(Value::as_str) {
        Some(message) => format!("record {index}: {message}"),
        None => error.message.clone(),
    }
}

fn name_of(table: &Value) -> &str {
    table.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Tables after those that their foreign keys refer to; in a circle somebody must be first.
fn in_order<T>(tables: Vec<T>, name: impl Fn(&T) -> &str, fields: impl Fn(&T) -> &[Value]) -> Vec<T> {
    let places: HashMap<String, usize> =
        tables.iter().enumerate().map(|(place, table)| (name(table).to_lowercase(), place)).collect();
    let referred = |table: &T| -> Vec<usize> {
        let names = fields(table).iter().filter_map(|field| field.get("ref_table").and_then(Value::as_str));
        names.filter_map(|name| places.get(&name.to_lowercase()).copied()).collect()
    };
    let before: Vec<Vec<usize>> = tables.iter().map(referred).collect();
    let mut tables: Vec<Option<T>> = tables.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(tables.len());
    let mut seen = vec![false; tables.len()];
    for start in 0..tables.len() {
        let mut path = if std::mem::replace(&mut seen[start], true) { Vec::new() } else { vec![(start, 0)] };
        while let Some((place, next)) = path.pop() {
            match before[place].get(next) {
                None => ordered.extend(tables[place].take()),
                Some(other) => {
                    path.push((place, next + 1));
                    if !std::mem::replace(&mut seen[*other], true) {
                        path.push((*other, 0));
                    }
                }
            }
        }
    }
    ordered
}

fn fields_of(table: &Value) -> &[Value] {
    table.get("field").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(tables: Value) -> Vec<String> {
        let tables = tables.as_array().cloned().unwrap();
        in_order(tables, name_of, fields_of).iter().map(|table| name_of(table).to_owned()).collect()
    }

    #[test]
    fn tables_come_after_those_that_they_refer_to() {
        let table = |name: &str, refers: &[&str]| {
            let fields: Vec<Value> = refers.iter().map(|other| json!({ "ref_table": other })).collect();
            json!({ "name": name, "field": fields })
        };
        assert_eq!(
            order(json!([table("c", &["B", "a"]), table("b", &["a"]), table("a", &["elsewhere"])])),
            ["a", "b", "c"]
        );
        assert_eq!(
            order(json!([table("tree", &["tree"]), table("x", &["y"]), table("y", &["x"])])),
            ["tree", "y", "x"]
        );
        assert_eq!(order(json!([])), [""; 0]);
    }

    #[test]
    fn the_reason_of_a_batch_is_that_of_its_first_failure() {
        let error = Error::bad_request("Refused.");
        assert_eq!(reason(&error), "Refused.");
        let entries = vec![json!({"id": 1}), json!({"message": "Too long."})];
        let batch = Error::batch(antiphon_model::BatchVerb::Created, &[1], entries, true);
        assert_eq!(reason(&batch), "record 1: Too long.");
    }
}
