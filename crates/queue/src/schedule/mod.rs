//! Moments that come again and again: cron expressions in time zones, and which moments a look at the clock owes.

mod due;
#[cfg(test)]
mod tests;

pub use due::{Due, Misfire, due};

use croner::Cron;
use croner::parser::{CronParser, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Longest text of an expression, in bytes: any sensible one is far shorter.
const CRON_BYTES: usize = 255;

/// When something happens again: a cron expression, read on the wall clocks of a time zone.
///
/// Where clocks are put forward, a fixed time that they skip happens as soon as they go on, and what repeats within the hours does not
/// happen in the skipped ones. Where they are put back, a fixed time happens once, and what repeats happens in both hours.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    cron: Cron,
    zone: TimeZone,
}

/// Why a text makes no timing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// The expression can't be read.
    #[error(
        "The cron expression '{text}' can't be read: {reason} Write five fields (minute, hour, day of the month, month, day of the week), \
         such as '30 6 * * MON-FRI', six with seconds before them, or one of @hourly, @daily, @weekly, @monthly and @yearly."
    )]
    Cron {
        /// As it was given.
        text: String,
        /// What is wrong, as a sentence.
        reason: String,
    },
    /// It can be read, but its days never come.
    #[error("The cron expression '{text}' names no day that ever comes.")]
    Never {
        /// As it was given.
        text: String,
    },
    /// There is no such zone.
    #[error("The time zone '{name}' is unknown. Use a name of the IANA database, such as 'Europe/Berlin' or 'UTC'.")]
    Zone {
        /// As it was given.
        name: String,
    },
}

impl Timing {
    /// The timing of an expression of five fields, of six with seconds first, or of a nickname such as `@hourly`, in the zone of that
    /// name in the IANA database. `now_ms` is the moment from which it must come again.
    ///
    /// # Errors
    /// What is wrong with the expression or the zone; [`TimingError::Never`] when no moment after `now_ms` fits.
    pub fn parse(cron: &str, zone: &str, now_ms: i64) -> Result<Timing, TimingError> {
        let unreadable = |reason: String| TimingError::Cron { text: shortened(cron), reason };
        if cron.len() > CRON_BYTES {
            return Err(unreadable(format!("It is longer than {CRON_BYTES} characters.")));
        }
        let parser = CronParser::builder().year(Year::Disallowed).build();
        // The parser reads any text as a nickname in which there is an @.
        if cron.contains('@') && !NICKNAMES.iter().any(|name| name.eq_ignore_ascii_case(cron.trim())) {
            return Err(unreadable("This short form is unknown.".to_owned()));
        }
        let parsed = parser.parse(cron).map_err(|error| unreadable(sentence(&error.to_string())))?;
        let name = zone.trim();
        let zone = TimeZone::get(name).map_err(|_| TimingError::Zone { name: shortened(name) })?;
        let timing = Timing { cron: parsed, zone };
        match timing.next_after(now_ms) {
            Some(_) => Ok(timing),
            None => Err(TimingError::Never { text: shortened(cron) }),
        }
    }

    /// The first moment after that one, in milliseconds since 1970; none when there is none any more.
    pub fn next_after(&self, after_ms: i64) -> Option<i64> {
        let next = self.cron.find_next_occurrence(&self.on_clocks(after_ms)?, false).ok()?;
        Some(next.timestamp().as_millisecond())
    }

    /// The last moment at or before that one; none when there was none.
    pub fn latest_until(&self, until_ms: i64) -> Option<i64> {
        // Whole seconds only, which is how fine expressions are.
        let until = self.on_clocks(until_ms.div_euclid(1000).saturating_mul(1000))?;
        let latest = self.cron.find_previous_occurrence(&until, true).ok()?;
        Some(latest.timestamp().as_millisecond())
    }

    fn on_clocks(&self, ms: i64) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(ms).ok()?.to_zoned(self.zone.clone()))
    }
}

/// Short forms of common expressions.
const NICKNAMES: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

fn shortened(text: &str) -> String {
    text.chars().take(CRON_BYTES).collect()
}

/// The parser's reason as a sentence.
fn sentence(reason: &str) -> String {
    let reason = ["Component error: ", "Invalid pattern: "]
        .iter()
        .fold(reason, |reason, start| reason.strip_prefix(start).unwrap_or(reason))
        .replace("CronPattern", "The expression")
        .replace("Pattern", "The expression");
    if reason.ends_with('.') { reason } else { format!("{reason}.") }
}
