//! Reading along relations: one read of the related table for many parents, given out to each (15.2).

use crate::catalog::{Junction, Relation, RelationType, Table};
use crate::filter;
use crate::records::{Context, Plan, RelatedOption, plain};
use antiphon_model::{Error, Object, Result, Value, json};
use std::collections::{HashMap, HashSet};

/// Most keys in one read of a related table.
const KEYS_PER_READ: usize = 1000;
/// Name of the filter parameter that holds the keys; it can't be one of the client's.
const KEYS: &str = ":antiphon_keys";

/// Options that choose other records or another shape than relations need.
const NOT_FOR_RELATIONS: [&str; 7] =
    ["ids", "id_field", "count_only", "as_list", "include_count", "include_schema", "continue"];

/// A relation to read along.
pub(crate) struct Wanted<'t> {
    relation: &'t Relation,
    /// Named by the client: then being forbidden is an error, else the relation is left out.
    named: bool,
}

/// The relations that a read answers with.
///
/// # Errors
/// 400 for unknown names where the table's rule says so.
pub(crate) fn requested<'t>(context: &'t Context<'_>) -> Result<Vec<Wanted<'t>>> {
    let table = context.scope.table;
    let mut wanted: Vec<Wanted<'t>> = requested_by_write(context)?;
    if matches!(&context.options.related, RelatedOption::Named(names) if names.is_empty()) {
        return Ok(wanted);
    }
    for relation in table.relations.iter().filter(|relation| relation.always_fetch) {
        if wanted.iter().all(|known| known.relation.name != relation.name) {
            wanted.push(Wanted { relation, named: false });
        }
    }
    Ok(wanted)
}

/// The relations that a write answers with: only those asked for.
///
/// # Errors
/// As [`requested`].
pub(crate) fn requested_by_write<'t>(context: &'t Context<'_>) -> Result<Vec<Wanted<'t>>> {
    let table = context.scope.table;
    let names = match &context.options.related {
        RelatedOption::Default => return Ok(Vec::new()),
        RelatedOption::All => {
            return Ok(table.relations.iter().map(|relation| Wanted { relation, named: false }).collect());
        }
        RelatedOption::Named(names) => names,
    };
    let mut wanted: Vec<Wanted<'t>> = Vec::with_capacity(names.len());
    for name in names {
        match table.relation(name) {
            Some(relation) if wanted.iter().any(|known| known.relation.name == relation.name) => {}
            Some(relation) => wanted.push(Wanted { relation, named: true }),
            None if context.scope.rule.refuses_unknown_relations() => {
                return Err(Error::bad_request(format!("Invalid relationship requested: {name}")));
            }
            None => {}
        }
    }
    Ok(wanted)
}

/// Adds the fields that the relations join by; they stay in the answer.
pub(crate) fn add_join_fields<'t>(table: &'t Table, wanted: &[Wanted<'_>], plan: &mut Plan<'t>) {
    for name in wanted.iter().flat_map(|wanted| &wanted.relation.fields) {
        if let Some(field) = table.field(name) {
            plan.add(field);
        }
    }
}

/// Puts the related records into each record.
///
/// # Errors
/// What reading the related tables answers; 401 and 403 only for relations that were named.
pub(crate) fn attach(context: &Context<'_>, wanted: &[Wanted<'_>], records: &mut [Object]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    for Wanted { relation, named } in wanted {
        match Reader::new(context, relation)?.read(records) {
            Ok(found) => {
                for (record, related) in records.iter_mut().zip(found) {
                    record.insert(relation.wire_name().to_owned(), related);
                }
            }
            Err(error) if matches!(error.status, 401 | 403) && !named => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads along one relation.
struct Reader<'a> {
    context: &'a Context<'a>,
    relation: &'a Relation,
    /// Name of the related table and of its joining fields on the wire.
    table: String,
    ref_fields: Vec<String>,
    parameters: Object,
    /// Records for each parent, when limited.
    limit: Option<usize>,
    /// Joining fields that nobody asked for.
    removed: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(context: &'a Context<'_>, relation: &'a Relation) -> Result<Reader<'a>> {
        let mut parameters = context.options.of_relation(relation.wire_name());
        check_depth(context, &parameters)?;
        parameters.retain(|name, _| !NOT_FOR_RELATIONS.contains(&name.as_str()));
        parameters.entry("related").or_insert_with(|| json!(""));
        let (table, ref_fields) = wire_names(context, relation);
        let limit = ["limit", "top"]
            .iter()
            .find_map(|name| parameters.remove(*name))
            .and_then(|limit| plain(&limit).trim().parse::<usize>().ok())
            .filter(|limit| *limit > 0);
        let mut reader = Reader { context, relation, table, ref_fields, parameters, limit, removed: Vec::new() };
        reader.add_to_list(&["fields", "select"], true);
        reader.add_to_list(&["group", "group_by"], false);
        reader.check_filter()?;
        Ok(reader)
    }

    /// Adds the joining fields to a list of names of the client's, if there is one.
    fn add_to_list(&mut self, names: &[&str], is_answer: bool) {
        let Some((name, given)) = names.iter().find_map(|name| self.parameters.get(*name).map(|value| (*name, value)))
        else {
            return;
        };
        let mut listed: Vec<String> = match given {
            Value::Array(items) => items.iter().map(plain).collect(),
            other => plain(other).split(',').map(|item| item.trim().to_owned()).collect(),
        };
        listed.retain(|item| !item.is_empty());
        if listed.iter().any(|item| item == "*") || (is_answer && listed.is_empty()) {
            return;
        }
        for field in &self.ref_fields {
            if !listed.iter().any(|item| item.eq_ignore_ascii_case(field)) {
                if is_answer {
                    self.removed.push(field.clone());
                }
                listed.push(field.clone());
            }
        }
        self.parameters.insert(name.to_owned(), json!(listed));
    }

    /// A filter of the client's must stand on its own before it is put beside the keys.
    fn check_filter(&mut self) -> Result<()> {
        let Some(own) = ["filter", "where"].iter().find_map(|name| self.parameters.remove(*name)) else {
            return Ok(());
        };
        let Value::String(text) = own else { return Err(Error::bad_request("Invalid filter.")) };
        let limits = filter::FilterLimits::from(self.context.scope.database.limits());
        if filter::parse(&text, &limits)?.is_some() {
            self.parameters.insert("filter".into(), Value::String(text));
        }
        Ok(())
    }

    /// The related value for each record.
    fn read(&self, records: &[Object]) -> Result<Vec<Value>> {
        let keys: Vec<Option<String>> = records.iter().map(|record| self.key_of(record)).collect();
        let related = match &self.relation.junction {
            Some(junction) => self.read_many_many(junction, records, &keys)?,
            None => self.read_direct(records, &keys)?,
        };
        Ok(keys
            .into_iter()
            .map(|key| {
                let mut found = key.and_then(|key| related.get(&key).cloned()).unwrap_or_default();
                match self.relation.kind {
                    RelationType::BelongsTo | RelationType::HasOne => {
                        if found.is_empty() {
                            Value::Null
                        } else {
                            found.swap_remove(0)
                        }
                    }
                    RelationType::HasMany | RelationType::ManyMany => {
                        found.truncate(self.limit.unwrap_or(usize::MAX));
                        Value::Array(found)
                    }
                }
            })
            .collect())
    }

    fn read_direct(&self, records: &[Object], keys: &[Option<String>]) -> Result<HashMap<String, Vec<Value>>> {
        let mut by_key: HashMap<String, Vec<Value>> = HashMap::new();
        let maximum = self.maximum();
        for chunk in self.distinct(records, keys).chunks(KEYS_PER_READ.min(maximum)) {
            let mut rows = self.fetch(&self.table, &self.ref_fields, chunk, self.parameters.clone())?;
            if let Some(limit) = self.limit.filter(|_| rows.len() >= maximum && chunk.len() > 1) {
                // More rows than one read answers with: what a parent may have must not depend on the other parents.
                rows.clear();
                for key in chunk {
                    let mut parameters = self.parameters.clone();
                    parameters.insert("limit".into(), json!(limit));
                    rows.extend(self.fetch(&self.table, &self.ref_fields, std::slice::from_ref(key), parameters)?);
                }
            }
            for mut row in rows {
                let Some(key) = row.as_object().and_then(|row| joined(row, &self.ref_fields)) else { continue };
                self.strip(&mut row);
                by_key.entry(key).or_default().push(row);
            }
        }
        Ok(by_key)
    }

    fn read_many_many(
        &self,
        junction: &Junction,
        records: &[Object],
        keys: &[Option<String>],
    ) -> Result<HashMap<String, Vec<Value>>> {
        let (table, field, ref_field) = junction_names(self.context, junction);
        let mut links: HashMap<String, HashSet<String>> = HashMap::new();
        let mut far_keys: Vec<Vec<Value>> = Vec::new();
        let mut known: HashSet<String> = HashSet::new();
        let maximum = self.maximum();
        for chunk in self.distinct(records, keys).chunks(KEYS_PER_READ) {
            let mut offset = 0;
            loop {
                let mut parameters = Object::new();
                parameters.insert("fields".into(), json!([field, ref_field]));
                parameters.insert("related".into(), json!(""));
                parameters.insert("limit".into(), json!(maximum));
                parameters.insert("offset".into(), json!(offset));
                let rows = self.fetch(&table, std::slice::from_ref(&field), chunk, parameters)?;
                for row in rows.iter().filter_map(Value::as_object) {
                    let (Some(here), Some(there)) =
                        (joined(row, std::slice::from_ref(&field)), joined(row, std::slice::from_ref(&ref_field)))
                    else {
                        continue;
                    };
                    if known.insert(there.clone()) {
                        far_keys.push(vec![row.get(&ref_field).cloned().unwrap_or_default()]);
                    }
                    links.entry(there).or_default().insert(here);
                }
                offset += rows.len();
                if rows.len() < maximum {
                    break;
                }
            }
        }
        let mut by_key: HashMap<String, Vec<Value>> = HashMap::new();
        for chunk in far_keys.chunks(KEYS_PER_READ.min(maximum)) {
            for mut row in self.fetch(&self.table, &self.ref_fields, chunk, self.parameters.clone())? {
                let Some(there) = row.as_object().and_then(|row| joined(row, &self.ref_fields)) else { continue };
                self.strip(&mut row);
                for here in links.get(&there).into_iter().flatten() {
                    by_key.entry(here.clone()).or_default().push(row.clone());
                }
            }
        }
        Ok(by_key)
    }

    /// Reads the rows of a table whose fields have one of the keys.
    fn fetch(&self, table: &str, fields: &[String], keys: &[Vec<Value>], mut parameters: Object) -> Result<Vec<Value>> {
        let mut params = match parameters.remove("params") {
            Some(Value::Object(params)) => params,
            _ => Object::new(),
        };
        let own = match fields {
            [field] => {
                params.insert(KEYS.into(), keys.iter().flatten().cloned().collect());
                format!("({} IN ({KEYS}))", quoted(field))
            }
            several => {
                let mut alternatives = Vec::with_capacity(keys.len());
                for (row, key) in keys.iter().enumerate() {
                    let equalities = several.iter().zip(key).enumerate().map(|(column, (field, value))| {
                        let name = format!("{KEYS}_{row}_{column}");
                        params.insert(name.clone(), value.clone());
                        format!("({} = {name})", quoted(field))
                    });
                    alternatives.push(format!("({})", equalities.collect::<Vec<_>>().join(" AND ")));
                }
                format!("({})", alternatives.join(" OR "))
            }
        };
        let filter = match parameters.get("filter").and_then(Value::as_str) {
            Some(client) => format!("{own} AND ({client})"),
            None => own,
        };
        parameters.insert("filter".into(), Value::String(filter));
        parameters.insert("params".into(), Value::Object(params));
        self.context.scope.related.read(self.relation.ref_service_id, table, parameters)
    }

    /// The key of each parent once.
    fn distinct(&self, records: &[Object], keys: &[Option<String>]) -> Vec<Vec<Value>> {
        let mut seen = HashSet::new();
        records
            .iter()
            .zip(keys)
            .filter(|(_, key)| key.as_ref().is_some_and(|key| seen.insert(key.clone())))
            .map(|(record, _)| {
                self.own_fields().iter().map(|name| record.get(name).cloned().unwrap_or_default()).collect()
            })
            .collect()
    }

    fn key_of(&self, record: &Object) -> Option<String> {
        joined(record, &self.own_fields())
    }

    fn own_fields(&self) -> Vec<String> {
        let table = self.context.scope.table;
        let wire = |name: &String| table.field(name).map_or_else(|| name.clone(), |field| field.wire_name().to_owned());
        self.relation.fields.iter().map(wire).collect()
    }

    fn strip(&self, row: &mut Value) {
        if let Some(row) = row.as_object_mut() {
            self.removed.iter().for_each(|name| {
                row.shift_remove(name);
            });
        }
    }

    fn maximum(&self) -> usize {
        usize::try_from(self.context.scope.database.max_records()).unwrap_or(usize::MAX).max(1)
    }
}

/// How deep `related` inside `related` goes, told by the dots of its longest name.
fn check_depth(context: &Context<'_>, parameters: &Object) -> Result<()> {
    let most = context.scope.database.limits().related_depth;
    let levels = |name: &String| match name.strip_suffix("related")? {
        "" => Some(2),
        below if below.ends_with('.') => Some(2 + below.matches('.').count()),
        below if below.ends_with('_') => Some(3 + below.matches('.').count()),
        _ => None,
    };
    let deepest = parameters.keys().filter_map(levels).max().unwrap_or(1);
    match deepest <= most {
        true => Ok(()),
        false => Err(Error::bad_request(format!("Relations can be read at most {most} levels deep."))),
    }
}

/// The names on the wire of the related table and its joining fields; another service's are taken as they are.
fn wire_names(context: &Context<'_>, relation: &Relation) -> (String, Vec<String>) {
    let database = context.scope.database;
    let own = relation.ref_service_id.is_none() || relation.ref_service_id == database.config().service_id;
    match database.table(&relation.ref_table).ok().filter(|_| own) {
        None => (relation.ref_table.clone(), relation.ref_fields.clone()),
        Some(table) => {
            (table.wire_name().to_owned(), relation.ref_fields.iter().map(|name| field_name(&table, name)).collect())
        }
    }
}

fn junction_names(context: &Context<'_>, junction: &Junction) -> (String, String, String) {
    match context.scope.database.table(&junction.table) {
        Err(_) => (junction.table.clone(), junction.field.clone(), junction.ref_field.clone()),
        Ok(table) => {
            (table.wire_name().to_owned(), field_name(&table, &junction.field), field_name(&table, &junction.ref_field))
        }
    }
}

fn field_name(table: &Table, name: &str) -> String {
    table.field(name).map_or_else(|| name.to_owned(), |field| field.wire_name().to_owned())
}

/// The key of a record as one text; none when a part is null. Parts are kept apart by a character that no text needs.
fn joined(record: &Object, fields: &[String]) -> Option<String> {
    let mut key = String::new();
    for name in fields {
        match record.get(name)? {
            Value::Null => return None,
            Value::String(text) => key.push_str(text),
            other => key.push_str(&other.to_string()),
        }
        key.push('\u{1f}');
    }
    Some(key)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
