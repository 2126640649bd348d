#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use jiff::civil::DateTime;
use proptest::prelude::*;

const START: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z

/// Zones whose clocks are put forward and back: by an hour, by half an hour, at midnight, and never.
const ZONES: [&str; 5] = ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "America/New_York", "UTC"];

fn timing(cron: &str, zone: &str) -> Timing {
    Timing::parse(cron, zone, START).unwrap()
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// The moments of a day in UTC, as text.
fn moments(timing: &Timing, from: &str, until: &str) -> Vec<String> {
    let (mut at, until) = (ms(from) - 1, ms(until));
    let mut found = Vec::new();
    while let Some(next) = timing.next_after(at).filter(|next| *next <= until) {
        found.push(Timestamp::from_millisecond(next).unwrap().to_string());
        at = next;
    }
    found
}

#[test]
fn an_expression_has_five_fields_or_six_with_seconds_or_is_a_nickname() {
    let every = |cron: &str| timing(cron, "UTC").next_after(START).unwrap() - START;
    assert_eq!(every("* * * * *"), 60_000);
    assert_eq!(every("*/10 * * * * *"), 10_000);
    assert_eq!(every("@hourly"), 3_600_000);
    assert_eq!(every(" @Daily "), 86_400_000);
    assert_eq!(every("30 6 * * MON-FRI"), 6 * 3_600_000 + 30 * 60_000);
}

#[test]
fn what_is_wrong_with_an_expression_or_zone_is_told() {
    let why = |cron: &str, zone: &str| Timing::parse(cron, zone, START).unwrap_err().to_string();
    for cron in ["", "* * * *", "61 * * * *", "* * * * * * *", "* 25 * * *", "@sometimes", "a b c d e", "5 0 @daily"] {
        let told = why(cron, "UTC");
        assert!(told.starts_with(&format!("The cron expression '{cron}' can't be read: ")), "{told}");
        assert!(told.contains("Write five fields"), "{told}");
    }
    assert!(why("0 0 30 2 *", "UTC").contains("no day that ever comes"));
    assert!(why(&"*".repeat(300), "UTC").contains("longer than"));
    assert!(why("* * * * *", "Europe/Berlim").contains("The time zone 'Europe/Berlim' is unknown"));
}

#[test]
fn a_fixed_time_that_clocks_skip_happens_when_they_go_on_and_one_that_they_repeat_happens_once() {
    let daily = timing("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        moments(&daily, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        moments(&daily, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
}

#[test]
fn what_repeats_within_the_hours_goes_on_through_a_change_of_clocks() {
    let half = timing("*/30 * * * *", "Europe/Berlin");
    for night in ["2026-03-29", "2026-10-25"] {
        let found = moments(&half, &format!("{night}T00:00:00Z"), &format!("{night}T03:59:00Z"));
        assert_eq!(found.len(), 8, "{found:?}");
    }
}

#[test]
fn a_leap_day_comes_every_four_years() {
    let leap = timing("0 0 29 2 *", "UTC");
    assert_eq!(leap.next_after(START), Some(ms("2028-02-29T00:00:00Z")));
    assert_eq!(leap.latest_until(START), Some(ms("2024-02-29T00:00:00Z")));
}

fn look(settled: &str, now: &str, misfire: Misfire) -> Due {
    Due { settled_ms: ms(settled), now_ms: ms(now), grace_ms: 60_000, misfire, most: 100 }
}

#[test]
fn every_moment_that_has_just_come_is_owed_and_of_the_missed_the_latest() {
    let minutes = timing("* * * * *", "UTC");
    let owed = |settled, now, misfire| due(&minutes, look(settled, now, misfire));
    assert_eq!(owed("2026-01-01T10:00:00Z", "2026-01-01T10:00:59Z", Misfire::Once), [0_i64; 0]);
    assert_eq!(owed("2026-01-01T10:00:00Z", "2026-01-01T10:01:00Z", Misfire::Once), [ms("2026-01-01T10:01:00Z")]);
    let after_an_hour = [ms("2026-01-01T10:59:00Z"), ms("2026-01-01T11:00:00Z")];
    assert_eq!(owed("2026-01-01T10:00:00Z", "2026-01-01T11:00:30Z", Misfire::Once), after_an_hour);
    assert_eq!(owed("2026-01-01T10:00:00Z", "2026-01-01T11:00:30Z", Misfire::Skip), after_an_hour[1..]);
    assert_eq!(owed("2026-01-01T10:00:00Z", "2026-01-01T09:00:00Z", Misfire::Once), [0_i64; 0]);
}

#[test]
fn ten_years_without_a_look_owe_one_moment() {
    let seconds = timing("* * * * * *", "UTC");
    let late = Due { grace_ms: 5000, ..look("2016-01-01T10:00:00Z", "2026-01-01T10:00:00Z", Misfire::Once) };
    assert_eq!(due(&seconds, late).len(), 6, "the latest missed, and five within the time of grace");
    assert_eq!(due(&seconds, Due { most: 2, ..late }), [ms("2026-01-01T09:59:59Z"), ms("2026-01-01T10:00:00Z")]);
}

/// Minutes and hours of an expression, so that a test can say by itself which times of day fit.
fn fields() -> impl Strategy<Value = (String, Vec<i8>, Vec<i8>)> {
    let minutes = prop_oneof![
        (0i8..60).prop_map(|minute| (minute.to_string(), vec![minute])),
        (1i8..30).prop_map(|step| (format!("*/{step}"), (0..60).step_by(usize::try_from(step).unwrap()).collect())),
        Just(("*".to_owned(), (0..60).collect())),
    ];
    let hours = prop_oneof![
        (0i8..24).prop_map(|hour| (hour.to_string(), vec![hour])),
        (0i8..12, 12i8..24).prop_map(|(from, to)| (format!("{from}-{to}"), (from..=to).collect())),
        Just(("*".to_owned(), (0..24).collect())),
    ];
    (minutes, hours).prop_map(|((minute, minutes), (hour, hours))| (format!("{minute} {hour} * * *"), minutes, hours))
}

proptest! {
    /// Over days around changes of clocks: moments grow, and each minute of the clocks that fits is a moment (the second time that clocks
    /// show it only for what repeats). What else is a moment comes right after a skipped time.
    #[test]
    fn moments_are_the_times_on_the_clocks((cron, minutes, hours) in fields(), zone in 0..ZONES.len(), day in 0i64..366) {
        let timing = timing(&cron, ZONES[zone]);
        let clocks = TimeZone::get(ZONES[zone]).unwrap();
        let (from, until) = (START + day * 86_400_000, START + (day + 2) * 86_400_000);
        let mut found = Vec::new();
        let mut at = from - 1;
        while let Some(next) = timing.next_after(at).filter(|next| *next <= until) {
            prop_assert!(next > at, "moments grow");
            found.push(next);
            at = next;
        }
        let civil = |ms: i64| -> DateTime { Timestamp::from_millisecond(ms).unwrap().to_zoned(clocks.clone()).datetime() };
        let fits = |at: DateTime| minutes.contains(&at.minute()) && hours.contains(&at.hour()) && at.second() == 0;
        for minute in (from..=until).step_by(60_000) {
            let shown = civil(minute);
            let is_repeated = clocks.to_ambiguous_timestamp(shown).earlier().unwrap().as_millisecond() < minute;
            let is_moment = found.contains(&minute);
            if fits(shown) && !is_repeated {
                prop_assert!(is_moment, "{shown} is left out");
            }
            if is_moment && !fits(shown) {
                let before = civil(minute - 60_000);
                prop_assert!(before.until(shown).unwrap().get_minutes() != 1, "{shown} does not fit");
            }
        }
    }

    /// Going back finds what going forward found.
    #[test]
    fn the_latest_moment_is_the_last_before((cron, ..) in fields(), zone in 0..ZONES.len(), minute in 0i64..525_600) {
        let timing = timing(&cron, ZONES[zone]);
        let now = START + minute * 60_000 + 17_500;
        let latest = timing.latest_until(now).unwrap();
        prop_assert!(latest <= now);
        prop_assert!(timing.next_after(latest).unwrap() > now, "nothing comes between");
        prop_assert_eq!(timing.next_after(latest - 1), Some(latest), "it is a moment");
    }

    /// Whoever looks often and whoever looks seldom owe no moment twice, and the frequent looker owes them all.
    #[test]
    fn looks_settle_each_moment_once((cron, ..) in fields(), steps in prop::collection::vec(1i64..50_000, 1..60)) {
        let timing = timing(&cron, "Europe/Berlin");
        let (mut settled, mut owed) = (START, Vec::new());
        for step in steps {
            let now = settled + step;
            let look = Due { settled_ms: settled, now_ms: now, grace_ms: 60_000, misfire: Misfire::Once, most: 100 };
            owed.extend(due(&timing, look));
            settled = now;
        }
        let all: Vec<i64> = std::iter::successors(timing.next_after(START), |last| timing.next_after(*last)).take_while(|moment| *moment <= settled).collect();
        prop_assert_eq!(owed, all);
    }
}
