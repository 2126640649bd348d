//! HTTP verbs as the API sees them, and sets of verbs as role rows store them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The effective verb of a call, after tunnelling. `HEAD` is a `GET` without a body and `OPTIONS` never reaches a
/// service, so neither is here. `MERGE` is another spelling of `PATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Read.
    Get,
    /// Create, or act.
    Post,
    /// Update; the same as `PATCH` for records.
    Put,
    /// Update in part.
    Patch,
    /// Remove.
    Delete,
}

impl Verb {
    /// All verbs, in the order in which listings name them.
    pub const ALL: [Verb; 5] = [Verb::Get, Verb::Post, Verb::Put, Verb::Patch, Verb::Delete];

    /// The verb of that name, in any case; `MERGE` is `PATCH`.
    pub fn parse(text: &str) -> Option<Verb> {
        const NAMES: [(&str, Verb); 6] = [
            ("GET", Verb::Get),
            ("POST", Verb::Post),
            ("PUT", Verb::Put),
            ("PATCH", Verb::Patch),
            ("MERGE", Verb::Patch),
            ("DELETE", Verb::Delete),
        ];
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, verb)| *verb)
    }

    /// Upper case, as in HTTP and in `event.request.method`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }

    /// Lower case, as in event names.
    pub const fn lower(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Put => "put",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        }
    }

    /// Its bit in a verb mask.
    pub const fn bit(self) -> u8 {
        match self {
            Verb::Get => 1,
            Verb::Post => 2,
            Verb::Put => 4,
            Verb::Patch => 8,
            Verb::Delete => 16,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A set of verbs: GET 1, POST 2, PUT 4, PATCH 8, DELETE 16. Unknown bits are kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VerbMask(pub u8);

impl VerbMask {
    /// Every verb.
    pub const ALL: VerbMask = VerbMask(31);

    /// The set of just these verbs.
    pub const fn of(verbs: &[Verb]) -> VerbMask {
        let mut bits = 0;
        let mut index = 0;
        while index < verbs.len() {
            bits |= verbs[index].bit();
            index += 1;
        }
        VerbMask(bits)
    }

    /// Whether the verb is in the set.
    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & verb.bit() != 0
    }

    /// The verbs of the set, in listing order.
    pub fn verbs(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.contains(*verb))
    }
}
