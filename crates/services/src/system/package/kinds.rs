//! What of the system goes into packages: resources, the records that are part of theirs, and what tells them apart.

use super::super::resources::{self, RecordResource};

/// A resource whose records packages carry.
pub(super) struct Kind {
    /// Its name on the wire, in manifests and in the archive.
    pub(super) name: &'static str,
    /// The field by which installations know a record; identifiers differ between them.
    pub(super) key: &'static str,
    pub(super) children: &'static [Child],
}

/// Records that are written as part of another one.
pub(super) struct Child {
    pub(super) relation: &'static str,
    /// Their field that names the record they are part of.
    pub(super) parent: &'static str,
    /// The fields that tell the children of one record apart; none when there can be only one.
    pub(super) key: &'static [&'static str],
}

const fn child(relation: &'static str, parent: &'static str, key: &'static [&'static str]) -> Child {
    Child { relation, parent, key }
}

const ACCOUNT_CHILDREN: [Child; 2] =
    [child("user_to_app_to_role_by_user_id", "user_id", &["app_id"]), child("lookup_by_user_id", "user_id", &["name"])];

/// Each after those that it refers to, which is the order of an import (system-and-users 4.13). What a service's
/// configuration refers to may come after it: configurations with references are completed at the end.
pub(super) const KINDS: [Kind; 14] = [
    Kind { name: "service", key: "name", children: &[child("service_doc_by_service_id", "service_id", &[])] },
    Kind {
        name: "role",
        key: "name",
        children: &[
            child("role_service_access_by_role_id", "role_id", &["service_id", "component", "requestor_mask"]),
            child("lookup_by_role_id", "role_id", &["name"]),
        ],
    },
    Kind { name: "app", key: "name", children: &[child("lookup_by_app_id", "app_id", &["name"])] },
    Kind {
        name: "app_group",
        key: "name",
        children: &[child("app_to_app_group_by_group_id", "group_id", &["app_id"])],
    },
    Kind { name: "user", key: "email", children: &ACCOUNT_CHILDREN },
    Kind { name: "admin", key: "email", children: &ACCOUNT_CHILDREN },
    Kind { name: "custom", key: "name", children: &[] },
    Kind { name: "cors", key: "path", children: &[] },
    Kind { name: "email_template", key: "name", children: &[] },
    Kind { name: "lookup", key: "name", children: &[] },
    Kind { name: "limit", key: "name", children: &[] },
    Kind { name: "script_library", key: "name", children: &[] },
    Kind { name: "event_script", key: "name", children: &[] },
    Kind { name: "schedule", key: "name", children: &[] },
];

impl Kind {
    /// The kind of that name.
    pub(super) fn find(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The resource itself; none when this release does not have it.
    pub(super) fn resource(&self) -> Option<&'static RecordResource> {
        resources::find(self.name)
    }

    /// The file of its records in an archive.
    pub(super) fn file(&self) -> String {
        format!("system/{}.json", self.name)
    }
}

/// The tables that records refer to, with the column by which they are named.
pub(super) const NAMED: [(&str, &str); 6] = [
    ("service", "name"),
    ("role", "name"),
    ("app", "name"),
    ("app_group", "name"),
    ("email_template", "name"),
    ("user", "email"),
];

/// The table that a member of a service's configuration refers to, by the end of its name.
pub(super) fn referred_by_config(member: &str) -> Option<&'static str> {
    const ENDS: [(&str, &str); 4] =
        [("service_id", "service"), ("role_id", "role"), ("app_id", "app"), ("template_id", "email_template")];
    let ends_so = |end: &str| member.strip_suffix(end).is_some_and(|start| start.is_empty() || start.ends_with('_'));
    ENDS.iter().find(|(end, _)| ends_so(end)).map(|(_, table)| *table)
}
