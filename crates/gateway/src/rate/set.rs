//! The limits in force, found by the call that they apply to.

use super::RateLimit;
use super::limit::Whose;
use antiphon_model::Verb;
use std::collections::HashMap;
use std::sync::Arc;

/// What limits look at in a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub user_id: Option<i64>,
    pub role_id: Option<i64>,
    pub service_id: i64,
    pub resource: &'a str,
    pub verb: Verb,
}

/// All limits; those of one user or one role are looked at only for calls of theirs, so a thousand of them cost nobody anything.
#[derive(Debug, Default)]
pub(super) struct LimitSet {
    by_id: HashMap<i64, Arc<RateLimit>>,
    shared: Vec<Arc<RateLimit>>,
    of_user: HashMap<i64, Vec<Arc<RateLimit>>>,
    of_role: HashMap<i64, Vec<Arc<RateLimit>>>,
}

impl LimitSet {
    pub(super) fn new(limits: Vec<RateLimit>) -> LimitSet {
        let mut set = LimitSet::default();
        for limit in limits.into_iter().map(Arc::new) {
            set.by_id.insert(limit.id, Arc::clone(&limit));
            match (limit.user_id, limit.role_id) {
                (Some(id), _) => set.of_user.entry(id).or_default().push(limit),
                (None, Some(id)) => set.of_role.entry(id).or_default().push(limit),
                (None, None) => set.shared.push(limit),
            }
        }
        set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn find(&self, id: i64) -> Option<&Arc<RateLimit>> {
        self.by_id.get(&id)
    }

    /// The limits that count this call: those that apply and are replaced by none of the others.
    pub(super) fn counting(&self, call: &Attempt<'_>) -> Vec<&Arc<RateLimit>> {
        let own = of_id(&self.of_user, call.user_id).iter().chain(of_id(&self.of_role, call.role_id));
        let applying: Vec<_> = self.shared.iter().chain(own).filter(|limit| limit.applies(call)).collect();
        let is_replaced = |limit: &RateLimit| applying.iter().any(|other| replaces(other, limit));
        applying.iter().copied().filter(|limit| !is_replaced(limit)).collect()
    }
}

fn of_id(map: &HashMap<i64, Vec<Arc<RateLimit>>>, id: Option<i64>) -> &[Arc<RateLimit>] {
    id.and_then(|id| map.get(&id)).map_or(&[], Vec::as_slice)
}

/// Of two limits that apply to the same call.
fn replaces(special: &RateLimit, general: &RateLimit) -> bool {
    let closer_person = special.kind.whose() == Whose::User && general.kind.whose() == Whose::EachUser;
    let same_person = special.kind.whose() == general.kind.whose();
    let closer_verb = special.verb.is_some() && general.verb.is_none();
    (closer_person || (same_person && closer_verb)) && special.is_at_the_place_of(general)
}
