//! The manifest of everything that there is to export.

use super::kinds::{KINDS, Kind};
use super::manifest::{named, written};
use super::portable::{Naming, stored};
use super::tables;
use crate::system::SystemService;
use antiphon_gateway::{Call, ServiceEntry};
use antiphon_model::{Object, Result, Value, json};

/// Everything that there is; with `system_only` without what lies in services.
///
/// # Errors
/// When the system database can't be read.
pub(super) fn manifest(service: &SystemService, call: &Call<'_>) -> Result<Value> {
    let naming = Naming::load(service.store(), false)?;
    let mut system = Object::new();
    for kind in &KINDS {
        let names = names(service, call, &naming, kind)?;
        if !names.is_empty() {
            system.insert(kind.name.to_owned(), Value::Array(names));
        }
    }
    let mut services = Object::from_iter([("system".to_owned(), Value::Object(system))]);
    if !call.request.flag("system_only") {
        for entry in call.gateway.registry().list().iter().filter(|entry| is_database(entry)) {
            services.insert(entry.name.clone(), database(call, &entry.name));
        }
    }
    Ok(written(false, "", services))
}

fn names(service: &SystemService, call: &Call<'_>, naming: &Naming, kind: &'static Kind) -> Result<Vec<Value>> {
    let stored = stored(service, call, naming, kind)?;
    Ok(stored.iter().map(|stored| named(kind, &stored.record, &stored.id)).collect())
}

fn database(call: &Call<'_>, service: &str) -> Value {
    let schema = tables::names(call, service, "_schema");
    let rows = tables::names(call, service, "_table");
    json!({ "reachable": schema.is_some(), "_schema": schema.unwrap_or_default(), "_table": rows.unwrap_or_default() })
}

/// Whether a service has tables.
fn is_database(entry: &ServiceEntry) -> bool {
    entry.is_active && entry.service.routes().iter().any(|route| route.pattern() == "_schema")
}
