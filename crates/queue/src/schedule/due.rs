//! Which moments are owed when somebody looks at the clock.

use super::Timing;

/// What becomes of moments that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misfire {
    /// The latest of them is made up for, the others are not.
    #[default]
    Once,
    /// None is made up for.
    Skip,
}

impl Misfire {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Misfire::Once => "once",
            Misfire::Skip => "skip",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Misfire> {
        [Misfire::Once, Misfire::Skip].into_iter().find(|misfire| misfire.as_str() == name)
    }
}

/// A look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Moments up to this one are settled, in milliseconds since 1970.
    pub settled_ms: i64,
    /// The time of the look.
    pub now_ms: i64,
    /// How long a moment may have passed without counting as missed.
    pub grace_ms: u64,
    /// What becomes of those that were missed.
    pub misfire: Misfire,
    /// Most moments; the latest are owed.
    pub most: usize,
}

/// The moments that are owed, earliest first: every one that has just come, and of those that were missed what `misfire` says.
/// Nothing is owed while the clock shows less than what is settled. Takes the same time however long nobody looked.
pub fn due(timing: &Timing, look: Due) -> Vec<i64> {
    let grace = i64::try_from(look.grace_ms).unwrap_or(i64::MAX);
    let missed_until = look.now_ms.saturating_sub(grace);
    let mut owed = Vec::new();
    if look.misfire == Misfire::Once && missed_until > look.settled_ms {
        owed.extend(timing.latest_until(missed_until).filter(|moment| *moment > look.settled_ms));
    }
    let mut after = missed_until.max(look.settled_ms);
    while let Some(moment) = timing.next_after(after).filter(|moment| *moment <= look.now_ms) {
        owed.push(moment);
        after = moment;
    }
    owed.split_off(owed.len().saturating_sub(look.most))
}
