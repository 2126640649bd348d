//! The records that a manifest names, as a package.

use super::archive::Writer;
use super::contents::{MANIFEST, Part};
use super::kinds::{KINDS, Kind};
use super::manifest::{Manifest, label, labels, named};
use super::portable::{Naming, stored};
use super::tables;
use crate::system::SystemService;
use antiphon_gateway::Call;
use antiphon_model::{Error, Object, Result, Value};
use bytes::Bytes;
use indexmap::IndexMap;
use std::collections::HashSet;

/// The archive of what a manifest names.
///
/// # Errors
/// 400 when the manifest names nothing, or something that is not there.
pub(super) fn archive(service: &SystemService, call: &Call<'_>, manifest: &Manifest) -> Result<Bytes> {
    if manifest.is_empty() {
        return Err(Error::bad_request("The manifest names nothing to export."));
    }
    if let Some(files) = manifest.files.first() {
        return Err(Error::not_implemented(format!(
            "Files are not available in this release: leave '{files}' out of the manifest."
        )));
    }
    let naming = Naming::load(service.store(), manifest.secured)?;
    let mut writer = Writer::new(service.store().limits());
    let mut written = Manifest { system: IndexMap::new(), ..manifest.clone() };
    for kind in &KINDS {
        let Some(selectors) = manifest.system.get(kind.name) else { continue };
        let records = selected(service, call, &naming, kind, selectors)?;
        written.system.insert(kind.name, records.iter().map(|record| named(kind, record, &Value::Null)).collect());
        writer.add(&kind.file(), &records.into_iter().map(Value::Object).collect())?;
    }
    for (name, wanted) in &manifest.databases {
        if !wanted.schema.is_empty() {
            writer.add(&Part::Schema.file(name), &tables::definitions(call, name, &wanted.schema)?)?;
        }
        if !wanted.rows.is_empty() {
            writer.add(&Part::Rows.file(name), &tables::contents(call, name, &wanted.rows)?)?;
        }
    }
    writer.add(MANIFEST, &written.to_value())?;
    writer.finish()
}

fn selected(
    service: &SystemService,
    call: &Call<'_>,
    naming: &Naming,
    kind: &'static Kind,
    selectors: &[Value],
) -> Result<Vec<Object>> {
    let wanted: HashSet<String> = selectors.iter().map(|selector| label(kind, selector)).collect();
    let mut there = HashSet::new();
    let mut records = Vec::new();
    for stored in stored(service, call, naming, kind)? {
        let labels = labels(kind, &stored.record, &stored.id);
        if labels.iter().any(|label| wanted.contains(label)) {
            records.push(stored.record);
            there.extend(labels);
        }
    }
    match selectors.iter().find(|selector| !there.contains(&label(kind, selector))) {
        Some(missing) => Err(Error::bad_request(format!("There is no {} {missing} to export.", kind.name))),
        None => Ok(records),
    }
}
