//! Whether a caller may use anything of what a pattern stands for: for documents and listings, which name patterns.

use crate::may;
use antiphon_model::{Requestor, Session, Verb};

/// Whether the session may use the verb on some path of that pattern, such as `_table/{table_name}`.
pub fn may_some(session: &Session, verb: Verb, service_id: i64, pattern: &str) -> bool {
    if may(session, verb, service_id, pattern) {
        return true;
    }
    // Whoever may use one table only may use the pattern: every row that grants the verb tells a path to ask about.
    granting_rows(session, service_id)
        .filter(|row| row.verb_mask.contains(verb))
        .filter_map(|row| instance(pattern, &row.component))
        .any(|path| may(session, verb, service_id, &path))
}

fn granting_rows(session: &Session, service_id: i64) -> impl Iterator<Item = &antiphon_model::AccessRow> {
    let role = session.role.as_ref().filter(|role| role.is_active);
    let rows = role.map(|role| &role.access[..]).unwrap_or_default();
    rows.iter().filter(move |row| {
        row.service_id.is_none_or(|id| id == service_id) && row.requestor_mask & Requestor::Api.bit() != 0
    })
}

/// The path of that pattern which a row's component names, if it names one: parameters take the component's segments, and a
/// trailing star leaves the rest of the pattern as it is.
fn instance(pattern: &str, component: &str) -> Option<String> {
    let component = component.trim_matches('/');
    let (fixed, is_open) = match component.strip_suffix('*') {
        Some(prefix) => (prefix.trim_end_matches('/'), true),
        None => (component, false),
    };
    let mut named = fixed.split('/').filter(|segment| !segment.is_empty());
    let mut path: Vec<&str> = Vec::new();
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        let is_parameter = segment.starts_with('{');
        match named.next() {
            Some(given) if is_parameter || given.eq_ignore_ascii_case(segment) => path.push(given),
            Some(_) => return None,
            None if is_open => path.push(segment),
            None => return None,
        }
        if segment.ends_with("*}") {
            path.extend(named.by_ref());
        }
    }
    named.next().is_none().then(|| path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{AccessRow, FilterOp, Role, VerbMask};
    use std::sync::Arc;

    fn session(rows: &[(&str, u8)]) -> Session {
        let row = |(component, verbs): &(&str, u8)| AccessRow {
            service_id: Some(5),
            service: None,
            component: (*component).into(),
            verb_mask: VerbMask(*verbs),
            requestor_mask: 1,
            filters: vec![],
            filter_op: FilterOp::And,
        };
        let role = Role { id: 1, name: "r".into(), is_active: true, access: rows.iter().map(row).collect() };
        Session { role: Some(Arc::new(role)), ..Session::default() }
    }

    #[test]
    fn a_pattern_is_granted_by_any_path_of_it() {
        let clerk = session(&[("_table/todo", 1), ("_table/todo/*", 1)]);
        assert!(may_some(&clerk, Verb::Get, 5, "_table/{table_name}"));
        assert!(may_some(&clerk, Verb::Get, 5, "_table/{table_name}/{id}"));
        assert!(may_some(&clerk, Verb::Get, 5, "_table/todo"));
        for (verb, pattern) in [
            (Verb::Post, "_table/{table_name}"),
            (Verb::Get, "_table"),
            (Verb::Get, "_schema/{table_name}"),
            (Verb::Get, "_table/contact"),
        ] {
            assert!(!may_some(&clerk, verb, 5, pattern), "{verb} {pattern}");
        }
    }

    #[test]
    fn what_an_exact_row_forbids_is_no_path_of_the_pattern() {
        let denied = session(&[("_table/todo", 0)]);
        assert!(!may_some(&denied, Verb::Get, 5, "_table/{table_name}"));
        assert!(may_some(&session(&[("_table/*", 1), ("_table/todo", 0)]), Verb::Get, 5, "_table/{table_name}"));
    }

    #[test]
    fn a_component_names_at_most_one_path_of_a_pattern() {
        assert_eq!(instance("_table/{table_name}", "_table/todo/"), Some("_table/todo".into()));
        assert_eq!(instance("_table/{table_name}/{id}", "_table/todo/*"), Some("_table/todo/{id}".into()));
        assert_eq!(instance("_table/{table_name}", "_table/todo/7"), None);
        assert_eq!(instance("{file_path*}", "a/b/c"), Some("a/b/c".into()));
    }
}
