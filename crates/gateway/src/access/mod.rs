//! Whether a caller may do what it asks for (system-and-users 3.2, 3.4).

mod cover;

pub use cover::covers;

use crate::ServiceEntry;
use antiphon_model::{
    AccessRow, Error, FilterOp, Fitting, Requestor, Result, Role, ServerFilter, Session, Verb, VerbMask,
};

/// What a call needs permission for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    pub requestor: Requestor,
    pub verb: Verb,
    pub service: &'a str,
    /// None for a service that does not exist: only rows for every service can grant it.
    pub service_id: Option<i64>,
    pub resource: &'a str,
}

/// Whether the session may make that call; if not, why, in the original's words.
pub(crate) fn check(session: &Session, access: Access<'_>) -> Result<()> {
    if session.is_admin() {
        return Ok(());
    }
    if let Some(role) = &session.role {
        if !role.is_active {
            return Err(Error::forbidden(
                "Access Forbidden. The role assigned to you or your application or the default role of your application is \
                 not active.",
            ));
        }
        if is_granted(role, access) {
            return Ok(());
        }
    }
    Err(refusal(session, access))
}

/// Whether the session may use the verb on that resource of a service; if not, why.
pub fn authorize(
    session: &Session,
    requestor: Requestor,
    verb: Verb,
    entry: &ServiceEntry,
    resource: &str,
) -> Result<()> {
    check(session, Access { requestor, verb, service: &entry.name, service_id: Some(entry.id), resource })
}

/// Refuses what a row of the caller's role denies by its very name, for calls that reach it by another path which they may use.
///
/// # Errors
/// As for a call to the resource itself.
pub fn refuse_named(
    session: &Session,
    requestor: Requestor,
    verb: Verb,
    entry: &ServiceEntry,
    resource: &str,
) -> Result<()> {
    let Some(role) = session.role.as_ref().filter(|_| !session.is_admin()) else { return Ok(()) };
    let counts = |row: &&AccessRow| row.requestor_mask & requestor.bit() != 0;
    match role.access.fitting(Some(entry.id), component_of(resource)).exact.iter().any(counts) {
        true => authorize(session, requestor, verb, entry, resource),
        false => Ok(()),
    }
}

/// Whether the session may use the verb there; for listings that leave out what the caller can't use.
pub fn may(session: &Session, verb: Verb, service_id: i64, resource: &str) -> bool {
    let access = Access { requestor: Requestor::Api, verb, service: "", service_id: Some(service_id), resource };
    check(session, access).is_ok()
}

/// The verbs that the session may use there from outside, by the words of `include_access` (system-and-users 1.5).
pub fn verbs_for(session: &Session, service_id: i64, resource: &str) -> Vec<Verb> {
    Verb::ALL.into_iter().filter(|verb| may(session, *verb, service_id, resource)).collect()
}

/// Whether the session may use anything at all of a service; listings of services leave out the others.
pub fn uses(session: &Session, service_id: i64) -> bool {
    let grants = |row: &AccessRow| {
        let reaches = match row.service_id {
            Some(id) => id == service_id,
            None => row.component.trim_matches('/') == "*",
        };
        reaches && row.requestor_mask & Requestor::Api.bit() != 0 && row.verb_mask != VerbMask::default()
    };
    Verb::ALL.into_iter().any(|verb| may(session, verb, service_id, ""))
        || session.role.as_ref().is_some_and(|role| role.is_active && role.access.iter().any(grants))
}

/// The conditions that the caller's role puts on the rows of a table, one entry for each row of the deciding level; all of them
/// hold together. Empty = every row (database-service 13).
pub fn row_filters(
    session: &Session,
    requestor: Requestor,
    verb: Verb,
    service_id: i64,
    resource: &str,
) -> Vec<(Vec<ServerFilter>, FilterOp)> {
    match &session.role {
        Some(role) if !session.is_admin() => {
            let access = Access { requestor, verb, service: "", service_id: Some(service_id), resource };
            deciding_rows(role, access)
                .filter(|row| row.verb_mask.contains(verb) && !row.filters.is_empty())
                .map(|row| (row.filters.clone(), row.filter_op))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn refusal(session: &Session, access: Access<'_>) -> Error {
    // A key that names no app is a key all the same: what is missing is something else.
    let has_key = session.api_key.is_some();
    let has_user = session.user.is_some();
    match (&session.role, has_key, has_user) {
        (None, false, false) => Error::bad_request(
            "No session token (JWT) or API Key detected in request. Please send in X-DreamFactory-Session-Token and/or \
             X-DreamFactory-API-Key request header. You can also use URL query parameters session_token and/or api_key.",
        ),
        (None, false, true) => Error::bad_request(
            "No API Key provided. Please provide a valid API Key using X-DreamFactory-API-Key request header or 'api_key' \
             url query parameter.",
        ),
        (None, true, false) => Error::bad_request(
            "No session token (JWT) provided. Please provide a valid JWT using X-DreamFactory-Session-Token request header \
             or 'session_token' url query parameter.",
        ),
        (None, true, true) => {
            Error::forbidden("Role not found. A role may not be assigned to you or your application.")
        }
        (Some(_), _, false) => Error::unauthorized("Unauthorized. User is not authenticated."),
        (Some(_), _, true) => Error::forbidden(forbidden_message(access)),
    }
}

fn forbidden_message(access: Access<'_>) -> String {
    let Access { verb, service, resource, .. } = access;
    match resource.trim_end_matches('/') {
        "" => format!("Access Forbidden. {verb} access to service '{service}' is not allowed by this user's role."),
        component => format!(
            "Access Forbidden. {verb} access to component '{component}' of service '{service}' is not allowed by this \
             user's role."
        ),
    }
}

fn is_granted(role: &Role, access: Access<'_>) -> bool {
    deciding_rows(role, access).any(|row| row.verb_mask.contains(access.verb))
}

/// The rows of the closest level that has any for the requestor: those that name the path, then wildcards, then rows for every
/// service.
fn deciding_rows<'a>(role: &'a Role, access: Access<'a>) -> impl Iterator<Item = &'a AccessRow> {
    let Fitting { exact, wildcard, every_service } =
        role.access.fitting(access.service_id, component_of(access.resource));
    let counts = move |row: &&AccessRow| row.requestor_mask & access.requestor.bit() != 0;
    let levels = [exact, wildcard, every_service];
    let deciding = levels.into_iter().find(|rows| rows.iter().any(counts));
    deciding.into_iter().flatten().filter(counts)
}

/// Whether a component names the path of a call to its service, closely or by a star.
pub(crate) fn component_covers(component: &str, resource: &str) -> bool {
    let (component, path) = (component.trim_matches('/'), component_of(resource));
    component == "*"
        || component.eq_ignore_ascii_case(path)
        || component.strip_suffix("/*").is_some_and(|prefix| cover::is_within(path, prefix))
}

/// The path as components name it: no slashes around, no argument list behind.
fn component_of(resource: &str) -> &str {
    let path = resource.trim_matches('/');
    match path.strip_suffix(')').and_then(|_| path.find('(')) {
        Some(open) => path[..open].trim_end_matches('/'),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn row(service_id: Option<i64>, component: &str, verbs: u8, requestor_mask: u8) -> AccessRow {
        AccessRow {
            service_id,
            service: None,
            component: component.into(),
            verb_mask: VerbMask(verbs),
            requestor_mask,
            filters: vec![],
            filter_op: FilterOp::And,
        }
    }

    fn session(rows: Vec<AccessRow>) -> Session {
        Session {
            role: Some(Arc::new(Role { id: 1, name: "r".into(), is_active: true, access: rows.into() })),
            ..Session::default()
        }
    }

    fn allowed(rows: &[AccessRow], verb: Verb, resource: &str) -> bool {
        may(&session(rows.to_vec()), verb, 5, resource)
    }

    #[test]
    fn an_exact_row_decides_alone_even_when_it_denies() {
        let rows = [row(Some(5), "*", 31, 3), row(Some(5), "_table/todo/", 0, 3)];
        assert!(!allowed(&rows, Verb::Get, "_table/todo"));
        assert!(allowed(&rows, Verb::Get, "_table/todo/1"));
    }

    #[test]
    fn wildcards_of_a_service_add_up() {
        let rows = [row(Some(5), "_table/*", 1, 3), row(Some(5), "*", 2, 3)];
        assert!(allowed(&rows, Verb::Get, "_table/todo") && allowed(&rows, Verb::Post, "_TABLE/todo"));
        assert!(!allowed(&rows, Verb::Get, "_schema/todo"));
        assert!(!allowed(&rows, Verb::Get, ""));
    }

    #[test]
    fn a_prefix_matches_whole_segments_only() {
        let rows = [row(Some(5), "_table/todo/*", 1, 3)];
        assert!(allowed(&rows, Verb::Get, "_table/todo") && allowed(&rows, Verb::Get, "_table/todo/7"));
        assert!(!allowed(&rows, Verb::Get, "_table/todos"));
    }

    #[test]
    fn rows_for_every_service_come_last_and_other_services_never_count() {
        assert!(allowed(&[row(None, "*", 1, 3)], Verb::Get, "_table/todo"));
        assert!(!allowed(&[row(Some(6), "*", 31, 3)], Verb::Get, "_table/todo"));
        assert!(!allowed(&[row(None, "*", 1, 3), row(Some(5), "*", 2, 3)], Verb::Get, "_table/todo"));
    }

    #[test]
    fn a_row_for_the_other_requestor_is_ignored() {
        assert!(!allowed(&[row(Some(5), "*", 31, 2)], Verb::Get, "x"));
    }

    #[test]
    fn an_argument_list_is_no_part_of_the_component() {
        assert!(allowed(&[row(Some(5), "_proc/f", 1, 3)], Verb::Get, "_proc/f(1,'a/b')"));
    }
}
