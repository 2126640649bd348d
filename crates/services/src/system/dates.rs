//! Moments as the answers of the system tell them.

use jiff::Timestamp;

/// A moment in milliseconds since 1970 in the form of the system's other dates, in UTC and without fractions of a second; none for what no
/// calendar has.
pub(super) fn date(ms: i64) -> Option<String> {
    Some(Timestamp::from_millisecond(ms).ok()?.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
