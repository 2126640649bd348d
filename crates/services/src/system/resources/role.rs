//! Roles and their access rows (system-and-users 3.4, 3.5, 4.5).

use super::Resource;
use super::named::Named;
use antiphon_gateway::{Call, Registry, may};
use antiphon_model::{AccessRow, Object, Result, Role, Session, Value, Verb, json};
use std::sync::Arc;

/// What of the system gives its writers more than it seems to: scripts and services act with the rights of whoever calls them;
/// lookups are in the filters of roles; the others hold the instance's settings.
const SENSITIVE: [&str; 7] = ["service", "event_script", "script_library", "lookup", "config", "package", "import"];
/// What gives its writers as much as they have themselves, but no more: see `escalation`.
const BOUNDED: [&str; 3] = ["role", "app", "user"];

const NAMED: Named = Named(&["name"]);

pub(super) struct Roles;

impl Resource for Roles {
    fn create(&self, call: &Call<'_>, record: &mut Object) -> Result<()> {
        NAMED.create(call, record)
    }

    fn update(&self, call: &Call<'_>, existing: &Object, record: &mut Object) -> Result<()> {
        NAMED.update(call, existing, record)
    }

    /// `warnings`: a list of sentences about what the role grants, when there is anything to warn of.
    fn complete(&self, call: &Call<'_>, row: &mut Object) {
        if !is_shown(call) {
            return;
        }
        let Some(id) = row.get("id").and_then(Value::as_i64) else { return };
        let warnings = match call.gateway.identity().stored_role(id) {
            Ok(Some(role)) => warnings(call.gateway.registry(), &role),
            Ok(None) => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, role = id, "the rows of a role can't be judged");
                Vec::new()
            }
        };
        if !warnings.is_empty() {
            row.insert("warnings".into(), json!(warnings));
        }
    }
}

/// Whoever asks for certain fields gets those.
fn is_shown(call: &Call<'_>) -> bool {
    call.request.parameter(&["fields", "select"]).is_none_or(|fields| {
        fields.trim().is_empty() || fields.split(',').any(|field| matches!(field.trim(), "*" | "warnings"))
    })
}

/// What an administrator should know of a role that grants this.
fn warnings(registry: &Registry, role: &Role) -> Vec<String> {
    role.access.iter().flat_map(|row| [missing_service(registry, row), sensitive(registry, row)]).flatten().collect()
}

fn missing_service(registry: &Registry, row: &AccessRow) -> Option<String> {
    let id = row.service_id.filter(|id| registry.find_by_id(*id).is_none())?;
    Some(format!("The access to '{}' names the service {id}, which does not exist; it grants nothing.", row.component))
}

fn sensitive(registry: &Registry, row: &AccessRow) -> Option<String> {
    let system = registry.list().into_iter().find(|entry| entry.kind == "system")?;
    let alone = AccessRow { requestor_mask: 3, ..row.clone() };
    let role = Role { is_active: true, access: vec![alone].into(), ..Role::default() };
    let session = Session { role: Some(Arc::new(role)), ..Session::default() };
    let writes = |resource: &&&str| {
        [(**resource).to_owned(), format!("{resource}/0")].iter().any(|path| {
            [Verb::Post, Verb::Put, Verb::Patch, Verb::Delete]
                .into_iter()
                .any(|verb| may(&session, verb, system.id, path))
        })
    };
    let named = |resources: &[&'static str]| resources.iter().filter(writes).copied().collect::<Vec<_>>().join(", ");
    let (sensitive, bounded) = (named(&SENSITIVE), named(&BOUNDED));
    if !sensitive.is_empty() {
        return Some(format!(
            "The access to '{}' lets its holders write {sensitive} of the system: with that they can act with the rights of others, \
             administrators included. Grant it only to people whom you would make administrators.",
            row.component
        ));
    }
    (!bounded.is_empty()).then(|| {
        format!(
            "The access to '{}' lets its holders write {bounded} of the system. They can give others what they have themselves, \
             and take over accounts that have no more.",
            row.component
        )
    })
}
