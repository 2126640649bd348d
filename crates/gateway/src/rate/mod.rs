//! How many calls a client may make in a time (system-and-users 4.14 and 7, other-services 9).
//!
//! A limit counts in a bucket of its own, or in one for each user. What the sources leave open is decided so:
//!
//! * **All or nothing.** A call that one limit refuses uses up no attempt of the others, and none of its own: whoever keeps
//!   knocking waits no longer for it.
//! * **Fixed windows.** A window begins with its first call and ends one period later, whatever happens meanwhile.
//! * **Who replaces whom.** Among the limits that apply to a call, one for its very user replaces those for each user of the same
//!   place (service and endpoint), and one for its very verb replaces those for every verb of the same person and place,
//!   whatever their periods.
//! * **Who is counted.** Clients. Not administrators, not scripts, not the calls by which services read from each other.
//!
//! A call that no limit applies to costs one atomic load while there are no limits at all. With limits no database is on its way:
//! buckets are in memory, and whoever owns the [`RateLimiter`] saves what [`RateLimiter::take_changes`] hands over. Processes that
//! save to the same place learn of each other's counts when they do so.

mod bucket;
mod clock;
mod limit;
mod limiter;
mod period;
mod set;
#[cfg(test)]
mod tests;
mod verdict;

pub use bucket::{Bucket, BucketKey};
pub use clock::{Clock, SystemClock};
pub use limit::{LimitType, RateLimit};
pub use limiter::RateLimiter;
pub use period::Period;
pub(crate) use set::Attempt;
pub(crate) use verdict::{Refusal, Standing, Verdict};
