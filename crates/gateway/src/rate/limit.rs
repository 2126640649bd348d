//! One limit: whom it counts, where, how many calls in which time.

use super::Period;
use super::set::Attempt;
use crate::access::component_covers;
use antiphon_model::{Value, Verb, json};

/// Whose calls a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// All calls.
    Everybody,
    /// Those of one user.
    User,
    /// Those of every user, each for himself.
    EachUser,
    /// Those of all callers with one role.
    Role,
}

/// How far a limit reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Instance,
    Service,
    Endpoint,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitType {
    name: &'static str,
    whose: Whose,
    reach: Reach,
}

const TYPES: [LimitType; 10] = [
    kind("instance", Whose::Everybody, Reach::Instance),
    kind("instance.user", Whose::User, Reach::Instance),
    kind("instance.each_user", Whose::EachUser, Reach::Instance),
    kind("instance.role", Whose::Role, Reach::Instance),
    kind("instance.service", Whose::Everybody, Reach::Service),
    kind("instance.service.endpoint", Whose::Everybody, Reach::Endpoint),
    kind("instance.user.service", Whose::User, Reach::Service),
    kind("instance.each_user.service", Whose::EachUser, Reach::Service),
    kind("instance.user.service.endpoint", Whose::User, Reach::Endpoint),
    kind("instance.each_user.service.endpoint", Whose::EachUser, Reach::Endpoint),
];

const fn kind(name: &'static str, whose: Whose, reach: Reach) -> LimitType {
    LimitType { name, whose, reach }
}

impl LimitType {
    /// The type of that name.
    pub fn parse(name: &str) -> Option<LimitType> {
        TYPES.into_iter().find(|kind| kind.name.eq_ignore_ascii_case(name.trim()))
    }

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The names of all, for a message.
    pub fn names() -> String {
        TYPES.map(LimitType::name).join(", ")
    }

    /// Whether it is for one user.
    pub fn needs_user(self) -> bool {
        self.whose == Whose::User
    }

    /// Whether it is for one role.
    pub fn needs_role(self) -> bool {
        self.whose == Whose::Role
    }

    /// Whether it is for one service.
    pub fn needs_service(self) -> bool {
        self.reach != Reach::Instance
    }

    /// Whether it is for one endpoint of a service.
    pub fn needs_endpoint(self) -> bool {
        self.reach == Reach::Endpoint
    }

    /// Whether every user has a bucket of his own.
    pub fn counts_each_user(self) -> bool {
        self.whose == Whose::EachUser
    }

    pub(super) fn whose(self) -> Whose {
        self.whose
    }
}

/// A limit in force. Members that its type does not name are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Record identifier.
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// What it counts.
    pub kind: LimitType,
    /// Calls allowed in a window.
    pub rate: u64,
    /// Length of a window.
    pub period: Period,
    /// The one user.
    pub user_id: Option<i64>,
    /// The one role.
    pub role_id: Option<i64>,
    /// The one service.
    pub service_id: Option<i64>,
    /// Path below the service, without slashes around it: as in access rows, and `prefix*`.
    pub endpoint: Option<String>,
    /// The one verb; none = all.
    pub verb: Option<Verb>,
}

impl RateLimit {
    /// What tells it from all others, and its buckets from those of others: `instance.user:5.service:3.minute`.
    /// `user_id` names one of the buckets of a limit for each user.
    pub fn key(&self, user_id: Option<i64>) -> String {
        let part = |name: &str, id: Option<i64>| id.map(|id| format!("{name}:{id}"));
        let each = self.kind.counts_each_user().then(|| match user_id {
            Some(id) => format!("each_user:{id}"),
            None => "each_user".to_owned(),
        });
        let parts = [
            Some("instance".to_owned()),
            part("user", self.user_id),
            each,
            part("role", self.role_id),
            part("service", self.service_id),
            self.endpoint.as_ref().map(|endpoint| format!("endpoint:{}", endpoint.to_lowercase())),
            self.verb.map(|verb| format!("verb:{}", verb.lower())),
            Some(self.period.name().to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }

    /// Its description in errors and events.
    pub(crate) fn to_value(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "type": self.kind.name(), "rate": self.rate, "period": self.period.name() })
    }

    /// Whether the call is one of those that it counts.
    pub(super) fn applies(&self, call: &Attempt<'_>) -> bool {
        let person = match self.kind.whose {
            Whose::Everybody => true,
            Whose::User => self.user_id.is_some() && self.user_id == call.user_id,
            Whose::EachUser => call.user_id.is_some(),
            Whose::Role => self.role_id.is_some() && self.role_id == call.role_id,
        };
        person
            && self.verb.is_none_or(|verb| verb == call.verb)
            && self.service_id.is_none_or(|id| id == call.service_id)
            && self.endpoint.as_deref().is_none_or(|endpoint| covers(endpoint, call.resource))
    }

    /// Whether both are about the same service and endpoint.
    pub(super) fn is_at_the_place_of(&self, other: &RateLimit) -> bool {
        let endpoint = |limit: &RateLimit| limit.endpoint.as_ref().map(|endpoint| endpoint.to_lowercase());
        self.service_id == other.service_id && endpoint(self) == endpoint(other)
    }

    /// Whether both count the same calls in the same windows, so that what one has counted is right for the other.
    pub(super) fn counts_like(&self, other: &RateLimit) -> bool {
        self.kind == other.kind && self.key(None) == other.key(None)
    }
}

/// As components of access rows; a star that is not behind a slash stands for any rest.
fn covers(endpoint: &str, resource: &str) -> bool {
    match endpoint.strip_suffix('*').filter(|prefix| !prefix.is_empty() && !prefix.ends_with('/')) {
        Some(prefix) => {
            let path = resource.trim_matches('/');
            path.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        }
        None => component_covers(endpoint, resource),
    }
}
