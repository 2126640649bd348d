//! What is in a package, checked as a whole before anything is done with it.

use super::archive::Reader;
use super::kinds::{KINDS, Kind};
use super::manifest::{Manifest, label, labels};
use antiphon_model::{Error, Object, Result, Value};
use indexmap::IndexMap;
use std::collections::HashSet;

/// The file of the manifest.
pub(super) const MANIFEST: &str = "package.json";

/// A package whose manifest and files agree.
pub(super) struct Contents {
    pub(super) manifest: Manifest,
    /// By resource, in the order of an import.
    pub(super) records: IndexMap<&'static str, Vec<Object>>,
    reader: Reader,
}

/// A part of a database service in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Schema,
    Rows,
}

impl Part {
    /// Its name on the wire.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Part::Schema => "_schema",
            Part::Rows => "_table",
        }
    }

    /// Its file in an archive.
    pub(super) fn file(self, service: &str) -> String {
        format!("{service}/{}.json", self.as_str())
    }
}

impl Contents {
    /// Reads a package. Tables are only looked at; they may be large, and are read again when their turn comes.
    ///
    /// # Errors
    /// 400 for a file that no package has, one that is no JSON of its kind, and a manifest that tells something else than
    /// there is: whoever reads the manifest must know what an import does.
    pub(super) fn read(mut reader: Reader) -> Result<Contents> {
        let manifest = Manifest::read(&reader.json(MANIFEST)?)?;
        let mut records = IndexMap::new();
        for kind in &KINDS {
            let found = match reader.names().contains(&kind.file()) {
                true => listed(&reader.json(&kind.file())?, &kind.file())?,
                false => Vec::new(),
            };
            check_selection(kind, manifest.system.get(kind.name).map(Vec::as_slice).unwrap_or_default(), &found)?;
            if !found.is_empty() {
                records.insert(kind.name, found);
            }
        }
        for name in reader.names() {
            check_expected(&manifest, name)?;
        }
        let mut contents = Contents { manifest, records, reader };
        contents.check_tables()?;
        Ok(contents)
    }

    /// The tables of a service, or their rows, in the order of the manifest.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn tables(&mut self, service: &str, part: Part) -> Result<Vec<Object>> {
        let wanted = match self.manifest.databases.get(service) {
            Some(tables) if part == Part::Schema => tables.schema.clone(),
            Some(tables) => tables.rows.clone(),
            None => Vec::new(),
        };
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let file = part.file(service);
        let tables = listed(&self.reader.json(&file)?, &file)?;
        let name = |table: &Object| table.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let there: HashSet<String> = tables.iter().map(name).collect();
        if let Some(missing) = wanted.iter().find(|wanted| !there.contains(*wanted)) {
            return Err(absent(&format!("{service}/{}/{missing}", part.as_str())));
        }
        let wanted: HashSet<String> = wanted.into_iter().collect();
        if let Some(unnamed) = there.iter().find(|name| !wanted.contains(*name)) {
            return Err(unexpected(&format!("{service}/{}/{unnamed}", part.as_str())));
        }
        Ok(tables)
    }

    fn check_tables(&mut self) -> Result<()> {
        for service in self.manifest.databases.keys().cloned().collect::<Vec<_>>() {
            self.tables(&service, Part::Schema)?;
            for table in self.tables(&service, Part::Rows)? {
                rows(&table)?;
            }
        }
        Ok(())
    }
}

/// The rows of a table of a package.
///
/// # Errors
/// 400 when they are no list of objects.
pub(super) fn rows(table: &Object) -> Result<Vec<Object>> {
    let name = table.get("name").and_then(Value::as_str).unwrap_or_default();
    let rows = table.get("record").and_then(Value::as_array);
    rows.and_then(|rows| rows.iter().map(|row| row.as_object().cloned()).collect()).ok_or_else(|| {
        Error::bad_request(format!("The rows of table '{name}' in the package must be a list 'record' of objects."))
    })
}

/// Every record that the manifest names must be there, and no other.
fn check_selection(kind: &Kind, selectors: &[Value], found: &[Object]) -> Result<()> {
    let labels_of = |record: &Object| labels(kind, record, record.get("id").unwrap_or(&Value::Null));
    let there: HashSet<String> = found.iter().flat_map(labels_of).collect();
    if let Some(missing) = selectors.iter().find(|selector| !there.contains(&label(kind, selector))) {
        return Err(absent(&format!("system/{} {missing}", kind.name)));
    }
    let selected: HashSet<String> = selectors.iter().map(|selector| label(kind, selector)).collect();
    match found.iter().find(|record| !labels_of(record).iter().any(|label| selected.contains(label))) {
        Some(record) => {
            let name = record.get(kind.key).cloned().unwrap_or_default();
            Err(unexpected(&format!("system/{} {name}", kind.name)))
        }
        None => Ok(()),
    }
}

fn check_expected(manifest: &Manifest, name: &str) -> Result<()> {
    let is_records = KINDS.iter().any(|kind| kind.file() == name);
    let of_service = name.split_once('/').is_some_and(|(service, file)| {
        let is_tables = manifest.databases.contains_key(service)
            && [Part::Schema, Part::Rows].iter().any(|part| part.file(service) == name);
        is_tables || (manifest.files.iter().any(|known| known == service) && !file.is_empty())
    });
    match name == MANIFEST || is_records || of_service {
        true => Ok(()),
        false => Err(unexpected(name)),
    }
}

fn listed(value: &Value, file: &str) -> Result<Vec<Object>> {
    let list = value.as_array().and_then(|items| items.iter().map(|item| item.as_object().cloned()).collect());
    list.ok_or_else(|| Error::bad_request(format!("The file '{file}' of the package must be a list of objects.")))
}

fn absent(what: &str) -> Error {
    Error::bad_request(format!("The manifest of the package names {what}, but the package does not hold it."))
}

fn unexpected(what: &str) -> Error {
    Error::bad_request(format!("The package holds {what}, which its manifest does not name."))
}
