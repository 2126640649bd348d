//! Whether a role may do all that a row would grant: nobody can give away more than they have (system-and-users 3.5).
//!
//! The answer is on the safe side. A row is covered only if it grants nothing beyond the role whatever other rows stand beside
//! it, so a role whose rows are all covered stays within, also when rows of it are changed or taken away.

use super::{Access, component_of, deciding_rows};
use antiphon_model::{AccessRow, Requestor, Role, Verb};

/// Whether the role may do, unconditionally or under the same conditions, everything that the row could grant.
pub fn covers(role: &Role, row: &AccessRow) -> bool {
    let requestors = [Requestor::Api, Requestor::Script].into_iter();
    requestors.filter(|requestor| row.requestor_mask & requestor.bit() != 0).all(|requestor| {
        let own = role.access.iter().filter(|own| own.requestor_mask & requestor.bit() != 0);
        let cover = Cover { own: own.collect(), row };
        row.verb_mask.verbs().all(|verb| match row.service_id {
            None => cover.everywhere(verb),
            Some(service_id) => match pattern(row) {
                Pattern::Below(prefix) => cover.below(service_id, prefix, verb),
                Pattern::At(path) => cover.at(role, requestor, service_id, path, verb),
            },
        })
    })
}

/// What a component names.
enum Pattern<'r> {
    At(&'r str),
    /// The path and everything below it; the empty one is the whole service.
    Below(&'r str),
}

fn pattern(row: &AccessRow) -> Pattern<'_> {
    match row.component.trim_matches('/') {
        "*" => Pattern::Below(""),
        component => match component.strip_suffix("/*") {
            Some(prefix) => Pattern::Below(prefix),
            None => Pattern::At(component),
        },
    }
}

struct Cover<'r> {
    /// The rows of the role that count for the requestor.
    own: Vec<&'r AccessRow>,
    row: &'r AccessRow,
}

impl Cover<'_> {
    /// Whether a row of the role lets the verb through under no other condition than the row in question has.
    fn lets_through(&self, own: &AccessRow, verb: Verb) -> bool {
        own.verb_mask.contains(verb) && self.is_no_stricter(own)
    }

    fn is_no_stricter(&self, own: &AccessRow) -> bool {
        own.filters.is_empty() || (own.filters == self.row.filters && own.filter_op == self.row.filter_op)
    }

    /// A row for every service: the role needs one too, and its rows for single services, which come first, must agree.
    fn everywhere(&self, verb: Verb) -> bool {
        let is_root = self.row.component.trim_matches('/').is_empty();
        let general = |own: &&&AccessRow| match own.component.trim_matches('/') {
            "*" => true,
            "" => is_root,
            _ => false,
        };
        let mut for_all = self.own.iter().filter(|own| own.service_id.is_none()).filter(general);
        let agrees = self.own.iter().filter(|own| own.service_id.is_some()).all(|own| self.lets_through(own, verb));
        agrees && for_all.any(|own| self.lets_through(own, verb))
    }

    /// A row for one path. Conditions on what the path is part of hold for the path too.
    fn at(&self, role: &Role, requestor: Requestor, service_id: i64, path: &str, verb: Verb) -> bool {
        let access = Access { requestor, verb, service: "", service_id: Some(service_id), resource: path };
        let mut deciding = deciding_rows(role, access).filter(|own| own.verb_mask.contains(verb)).peekable();
        let above = |own: &&&AccessRow| match pattern(own) {
            Pattern::At(above) | Pattern::Below(above) => is_within(path, above),
        };
        deciding.peek().is_some()
            && deciding.all(|own| self.is_no_stricter(own))
            && self.of(service_id).filter(above).all(|own| self.is_no_stricter(own))
    }

    /// A row for a path and everything below: no row of the role may say less about a part of it.
    fn below(&self, service_id: i64, prefix: &str, verb: Verb) -> bool {
        let covering = |own: &&&AccessRow| matches!(pattern(own), Pattern::Below(above) if is_within(prefix, above));
        let touching = |own: &&&AccessRow| match pattern(own) {
            Pattern::At(path) => is_within(path, prefix) || is_within(prefix, path),
            Pattern::Below(path) => is_within(path, prefix) || is_within(prefix, path),
        };
        if !self.of(service_id).filter(touching).all(|own| self.is_no_stricter(own)) {
            return false;
        }
        let denies = |own: &&&AccessRow| !own.verb_mask.contains(verb);
        let mut exact =
            self.of(service_id).filter(|own| matches!(pattern(own), Pattern::At(path) if is_within(path, prefix)));
        if exact.any(|own| denies(&own)) {
            return false;
        }
        if self.of(service_id).filter(covering).any(|own| self.lets_through(own, verb)) {
            return true;
        }
        // Rows for every service count only where no row of this service does.
        let mut wildcards = self.of(service_id).filter(touching);
        let for_all = |own: &&AccessRow| own.service_id.is_none() && own.component.trim_matches('/') == "*";
        !wildcards.any(|own| denies(&own)) && self.own.iter().any(|own| for_all(own) && self.lets_through(own, verb))
    }

    fn of(&self, service_id: i64) -> impl Iterator<Item = &&AccessRow> {
        self.own.iter().filter(move |own| own.service_id == Some(service_id))
    }
}

/// Whether the path is that other one or lies below it.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    let (path, above) = (component_of(path), component_of(above));
    above.is_empty()
        || (path.len() >= above.len()
            && path.as_bytes()[..above.len()].eq_ignore_ascii_case(above.as_bytes())
            && path.as_bytes().get(above.len()).is_none_or(|next| *next == b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{FilterOp, ServerFilter, VerbMask};

    fn row(service_id: Option<i64>, component: &str, verbs: u8) -> AccessRow {
        AccessRow {
            service_id,
            service: None,
            component: component.into(),
            verb_mask: VerbMask(verbs),
            requestor_mask: 3,
            filters: vec![],
            filter_op: FilterOp::And,
        }
    }

    fn filtered(mut row: AccessRow, value: i64) -> AccessRow {
        row.filters = vec![ServerFilter { name: "id".into(), operator: "=".into(), value: value.into() }];
        row
    }

    fn covered(own: &[AccessRow], wanted: &AccessRow) -> bool {
        covers(&Role { access: own.to_vec().into(), ..Role::default() }, wanted)
    }

    #[test]
    fn a_row_is_covered_by_a_wider_one_and_by_its_like() {
        let own = [row(Some(5), "_table/*", 7)];
        for (component, verbs) in [("_table/*", 7), ("_table/todo", 1), ("_TABLE/Todo/*", 2), ("_table", 1), ("x", 0)] {
            assert!(covered(&own, &row(Some(5), component, verbs)), "{component}");
        }
        for (component, verbs) in [("_table/*", 8), ("*", 1), ("", 1), ("_schema", 1), ("_tables", 1)] {
            assert!(!covered(&own, &row(Some(5), component, verbs)), "{component}");
        }
        assert!(!covered(&own, &row(Some(6), "_table/todo", 1)));
        assert!(!covered(&own, &row(None, "*", 1)));
    }

    #[test]
    fn what_is_denied_inside_is_not_given_away() {
        let own = [row(Some(5), "*", 31), row(Some(5), "_table/vault", 0)];
        assert!(!covered(&own, &row(Some(5), "*", 1)) && !covered(&own, &row(Some(5), "_table/*", 1)));
        assert!(!covered(&own, &row(Some(5), "_table/vault", 1)));
        assert!(covered(&own, &row(Some(5), "_table/todo/*", 31)));
    }

    #[test]
    fn rows_for_every_service_are_overruled_by_those_of_a_service() {
        let own = [row(None, "*", 31), row(Some(5), "_table/*", 1)];
        assert!(covered(&own, &row(Some(6), "*", 31)) && covered(&own, &row(Some(5), "_schema/*", 31)));
        assert!(covered(&own, &row(None, "*", 1)) && !covered(&own, &row(None, "*", 2)));
        assert!(!covered(&own, &row(Some(5), "*", 2)) && !covered(&own, &row(Some(5), "_table/todo", 2)));
        assert!(!covered(&[row(None, "", 1)], &row(None, "*", 1)) && covered(&[row(None, "", 1)], &row(None, "", 1)));
    }

    #[test]
    fn conditions_are_not_lost() {
        let own = [filtered(row(Some(5), "_table/todo/*", 31), 1)];
        assert!(!covered(&own, &row(Some(5), "_table/todo/*", 1)) && !covered(&own, &row(Some(5), "_table/todo/7", 1)));
        assert!(covered(&own, &filtered(row(Some(5), "_table/todo/*", 1), 1)));
        assert!(!covered(&own, &filtered(row(Some(5), "_table/todo/*", 1), 2)));
        let beside = [row(Some(5), "_table/todo/7", 1), filtered(row(Some(5), "_table/todo", 1), 1)];
        assert!(!covered(&beside, &row(Some(5), "_table/todo/7", 1)));
        assert!(covered(&[row(Some(5), "*", 1)], &filtered(row(Some(5), "_table/todo", 1), 2)));
    }

    #[test]
    fn a_right_of_scripts_is_no_right_of_clients() {
        let mut own = row(Some(5), "*", 31);
        own.requestor_mask = 2;
        let mut wanted = row(Some(5), "x", 1);
        assert!(!covered(&[own.clone()], &wanted));
        wanted.requestor_mask = 2;
        assert!(covered(&[own], &wanted));
    }
}
