//! The judgement: a target is met exactly when its numbers are good enough.

use super::*;
use std::time::Duration;

type Change = fn(&mut Report);

fn row(call: Call, rate: f64, latency: f64) -> Row {
    let (rates, medians) = (vec![rate; 3], vec![latency; 3]);
    Row { call, title: format!("{call:?}"), answer_bytes: 1000, count: 9, rates, medians, p99: 99.0, processor: 7.0 }
}

fn good() -> Report {
    let extent = Extent { rounds: 3, turn: Duration::from_secs(1), connections: 8, elsewhere: 10_000 };
    let rows = vec![
        row(Call::Bare, 1000.0, 50.0),
        row(Call::Plain, 500.0, 80.0),
        row(Call::Scripted, 300.0, 130.0),
        row(Call::OneElsewhere, 500.0, 80.0),
        row(Call::ManyElsewhere, 475.0, 80.0),
        row(Call::PatchPlain, 100.0, 300.0),
        row(Call::PatchScripted, 90.0, 350.0),
        row(Call::Person, 450.0, 100.0),
        row(Call::PersonAmongMany, 450.0, 105.0),
    ];
    let singles = Singles {
        first_start: 900.0,
        next_start: 100.0,
        memory: 50.0,
        crowded_memory: 70.0,
        first_call: 2.0,
        second_call: 1.0,
    };
    Report { extent, rows, singles, conditions: "Two cores.".to_owned() }
}

fn missed(report: &Report) -> Vec<&'static str> {
    report.targets().into_iter().filter(|target| !target.met).map(|target| target.promise).collect()
}

#[test]
fn numbers_on_the_edge_of_every_target_are_good_enough() {
    assert_eq!(missed(&good()), Vec::<&str>::new());
}

#[test]
fn each_worse_number_misses_its_own_target() {
    let worsen: [(Change, &str); 8] = [
        (|report| report.rows[0].rates = vec![1001.0; 3], "(b) answers at least 50 %"),
        (|report| report.rows[2].rates = vec![299.0; 3], "(c) answers at least 60 %"),
        (|report| report.rows[2].medians = vec![130.1; 3], "the pair of scripts adds"),
        (|report| report.rows[6].medians = vec![350.1; 3], "and at most 50 µs"),
        (|report| report.rows[4].rates = vec![474.0; 3], "(d) with many scripts"),
        (|report| report.rows[8].medians = vec![105.1; 3], "(e) a user's median"),
        (|report| report.singles.memory = 58.0, "memory at rest"),
        (|report| report.singles.first_start = 1000.0, "first start"),
    ];
    for (change, promise) in worsen {
        let mut report = good();
        change(&mut report);
        let missed = missed(&report);
        assert!(missed.len() == 1 && missed[0].starts_with(promise), "{missed:?} for {promise}");
    }
}

#[test]
fn one_disturbed_round_does_not_change_the_judgement() {
    let mut report = good();
    report.rows[1].rates[1] = 1.0;
    report.rows[2].medians[2] = 9000.0;
    assert_eq!(missed(&report), Vec::<&str>::new());
}

#[test]
fn the_report_shows_every_call_and_every_target() {
    let mut report = good();
    report.singles.memory = 99.0;
    let text = report.markdown();
    assert!(text.contains("| Plain | 80.0 | 99 | 500 | 7.0 | 1000 | 9 |"), "{text}");
    assert_eq!(text.matches("PASS").count(), report.targets().len() - 1);
    assert!(text.contains("| memory at rest below 60 MB | 99.0 MiB | **MISS** |"), "{text}");
}
