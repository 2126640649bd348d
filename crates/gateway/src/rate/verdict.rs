//! What limits say about a call, and how the client is told.

use super::{BucketKey, RateLimit};
use antiphon_model::{Error, Response, Value, json};
use std::sync::Arc;

/// Whether a call is within the limits.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// No limit counts it.
    Unlimited,
    /// It was counted.
    Within(Standing),
    /// It is one too many.
    Exceeded(Refusal),
}

/// Where a caller stands with one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Calls allowed in a window.
    pub rate: u64,
    /// Calls left in this one.
    pub remaining: u64,
    /// When it ends, in milliseconds since 1970.
    pub ends: i64,
}

/// A call that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The limits that refuse it, the one with the longest wait first.
    pub exceeded: Vec<Arc<RateLimit>>,
    /// Where the caller stands with the first of them.
    pub standing: Standing,
    /// Seconds until that one's window ends.
    pub retry_after: u32,
    /// The limits that refuse for the first time in their windows, with their buckets.
    pub first_time: Vec<(Arc<RateLimit>, BucketKey)>,
}

impl Standing {
    /// Tells the client (other-services 9.2).
    pub(crate) fn annotate(&self, response: &mut Response) {
        let reset = self.ends.div_euclid(1000) + i64::from(self.ends.rem_euclid(1000) > 0);
        let headers = [
            ("x-ratelimit-limit", self.rate.to_string()),
            ("x-ratelimit-remaining", self.remaining.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ];
        for (name, value) in headers {
            response.headers.insert(name.into(), value);
        }
    }
}

impl Refusal {
    /// 429 with every limit that refused, and when to come again.
    pub(crate) fn response(&self) -> Response {
        let context: Value = self
            .exceeded
            .iter()
            .map(|limit| json!({ "id": limit.id, "name": limit.name, "object": limit.to_value() }))
            .collect();
        let error = Error {
            retry_after: Some(self.retry_after),
            ..Error::new(429, "API limit(s) exceeded. ").with_context(context)
        };
        let mut response = Response::from(&error);
        self.standing.annotate(&mut response);
        response
    }
}
