//! Rounds: every call gets a short turn in each, so that what disturbs the machine disturbs all alike.

use crate::error::Result;
use crate::load::{Load, run};
use crate::plan::{Call, Servers, Variant};
use crate::statistics::{median, quantile};
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Rounds.
    pub rounds: usize,
    /// How long each turn lasts; a call has two turns in a round, one for the latency, one for the rate.
    pub turn: Duration,
    /// Connections of the turn for the rate.
    pub connections: usize,
    /// Scripts of the crowded server, and users of the large one.
    pub elsewhere: usize,
}

/// Most exchanges of one connection in one turn.
const EXCHANGES: usize = 200_000;

/// What a call's turns have shown.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which call.
    pub call: Call,
    /// Its name in the report.
    pub title: String,
    /// Bytes of the answer.
    pub answer_bytes: usize,
    /// Exchanges counted.
    pub count: usize,
    /// Exchanges in a second, by round.
    pub rates: Vec<f64>,
    /// Median microseconds on one connection, by round.
    pub medians: Vec<f64>,
    /// Microseconds that 99 of 100 exchanges on one connection stay below, all rounds.
    pub p99: f64,
    /// Microseconds of the server's processor time for one exchange under load.
    pub processor: f64,
}

impl Row {
    /// The middle of the rounds' rates.
    pub fn rate(&self) -> f64 {
        median(self.rates.iter().copied())
    }

    /// The middle of the rounds' median latencies, in microseconds.
    pub fn latency(&self) -> f64 {
        median(self.medians.iter().copied())
    }

    /// The middle of the rate relative to another's in the same round.
    pub fn rate_relative_to(&self, other: &Row) -> f64 {
        median(self.rates.iter().zip(&other.rates).map(|(own, other)| own / other))
    }

    /// The middle of the median latency relative to another's in the same round.
    pub fn latency_relative_to(&self, other: &Row) -> f64 {
        median(self.medians.iter().zip(&other.medians).map(|(own, other)| own / other))
    }

    /// The middle of what the median latency is above another's in the same round, in microseconds.
    pub fn latency_above(&self, other: &Row) -> f64 {
        median(self.medians.iter().zip(&other.medians).map(|(own, other)| own - other))
    }
}

#[derive(Default)]
struct Turns {
    rates: Vec<f64>,
    medians: Vec<f64>,
    latencies: Vec<f64>,
    count: usize,
    loaded: usize,
    processor: Duration,
}

/// Measures all calls, a turn each, round after round; each round starts with another call.
///
/// # Errors
/// At the first wrong answer.
pub fn measure(servers: &Servers, variants: &[Variant], extent: Extent) -> Result<Vec<Row>> {
    let mut turns: Vec<Turns> = variants.iter().map(|_| Turns::default()).collect();
    for round in 0..extent.rounds {
        for turn in 0..variants.len() {
            let place = (round + turn) % variants.len();
            take_turn(servers, &variants[place], extent, &mut turns[place])?;
        }
    }
    Ok(variants.iter().zip(turns).map(|(variant, turns)| row(variant, turns)).collect())
}

fn take_turn(servers: &Servers, variant: &Variant, extent: Extent, turns: &mut Turns) -> Result<()> {
    let load = |connections| Load { connections, time: extent.turn, exchanges: EXCHANGES };
    let alone = run(&variant.exchange, load(1))?;
    let mut latencies: Vec<f64> = alone.latencies.iter().map(|nanoseconds| *nanoseconds as f64 / 1000.0).collect();
    turns.medians.push(quantile(&mut latencies, 0.5));
    turns.latencies.extend(latencies);

    let before = servers.process(variant).processor_time()?;
    let loaded = run(&variant.exchange, load(extent.connections))?;
    turns.processor += servers.process(variant).processor_time()?.saturating_sub(before);
    turns.rates.push(loaded.rate);
    turns.loaded += loaded.latencies.len();
    turns.count += alone.latencies.len() + loaded.latencies.len();
    Ok(())
}

fn row(variant: &Variant, mut turns: Turns) -> Row {
    Row {
        call: variant.call,
        title: variant.title.clone(),
        answer_bytes: variant.exchange.answer_bytes(),
        count: turns.count,
        p99: quantile(&mut turns.latencies, 0.99),
        processor: turns.processor.as_secs_f64() * 1e6 / turns.loaded.max(1) as f64,
        rates: turns.rates,
        medians: turns.medians,
    }
}
