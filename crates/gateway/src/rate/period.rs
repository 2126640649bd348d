//! How long a window lasts.

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The length of a limit's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// Seven days.
    SevenDays,
    /// Thirty days.
    ThirtyDays,
}

impl Period {
    /// In the order of their numbers.
    const ALL: [Period; 5] = [Period::Minute, Period::Hour, Period::Day, Period::SevenDays, Period::ThirtyDays];

    /// The period of that name, or of that number: clients of old send 0 to 4.
    pub fn parse(text: &str) -> Option<Period> {
        let text = text.trim();
        let numbered = text.parse::<usize>().ok().and_then(|number| Period::ALL.get(number).copied());
        numbered.or_else(|| Period::ALL.into_iter().find(|period| period.name().eq_ignore_ascii_case(text)))
    }

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Period::Minute => "minute",
            Period::Hour => "hour",
            Period::Day => "day",
            Period::SevenDays => "7-day",
            Period::ThirtyDays => "30-day",
        }
    }

    /// The names of all, for a message.
    pub fn names() -> String {
        Period::ALL.map(Period::name).join(", ")
    }

    /// In milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Period::Minute => MINUTE,
            Period::Hour => HOUR,
            Period::Day => DAY,
            Period::SevenDays => 7 * DAY,
            Period::ThirtyDays => 30 * DAY,
        }
    }
}
