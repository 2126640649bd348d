//! One exchange, measured in turns with others: on one connection for the latency, on several for the rate.

use crate::error::Result;
use crate::load::{Exchange, Load, run};
use crate::process::Process;
use crate::statistics::{median, quantile};
use serde_json::Value;
use std::time::Duration;

/// Most exchanges of one connection in one turn.
const EXCHANGES: usize = 200_000;
/// Calls before the measurement: processes start and compile.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long a turn is.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// How long each of its two halves lasts.
    pub time: Duration,
    /// Connections of the half for the rate.
    pub connections: usize,
}

/// What was seen of one exchange so far.
pub struct Turns {
    exchange: Exchange,
    medians: Vec<f64>,
    latencies: Vec<f64>,
    rates: Vec<f64>,
}

impl Turns {
    /// None yet of the exchange with that server, which is made once and found right.
    ///
    /// # Errors
    /// When the answer is wrong.
    pub fn of(process: &Process, request: Vec<u8>, judge: fn(&Value) -> bool) -> Result<Turns> {
        let exchange = Exchange::learn("the measured call", process.address, request, judge)?;
        Ok(Turns { exchange, medians: Vec::new(), latencies: Vec::new(), rates: Vec::new() })
    }

    /// The exchange.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Calls that don't count.
    ///
    /// # Errors
    /// At the first wrong answer.
    pub fn warm_up(&self, turn: Turn) -> Result<()> {
        run(&self.exchange, Load { connections: turn.connections, time: WARM_UP, exchanges: EXCHANGES }).map(drop)
    }

    /// One turn.
    ///
    /// # Errors
    /// At the first wrong answer.
    pub fn take(&mut self, turn: Turn) -> Result<()> {
        let load = |connections| Load { connections, time: turn.time, exchanges: EXCHANGES };
        let alone = run(&self.exchange, load(1))?;
        let mut latencies: Vec<f64> = alone.latencies.iter().map(|nanoseconds| *nanoseconds as f64 / 1000.0).collect();
        self.medians.push(quantile(&mut latencies, 0.5));
        self.latencies.extend(latencies);
        self.rates.push(run(&self.exchange, load(turn.connections))?.rate);
        Ok(())
    }

    /// Median of the turns' median latencies, in microseconds.
    pub fn latency(&self) -> f64 {
        median(self.medians.iter().copied())
    }

    /// 99th percentile of all latencies, in microseconds.
    pub fn p99(&mut self) -> f64 {
        quantile(&mut self.latencies, 0.99)
    }

    /// Median of the turns' rates, in exchanges a second.
    pub fn rate(&self) -> f64 {
        median(self.rates.iter().copied())
    }

    /// What this one's median latency has more than the other's, turn by turn, in microseconds; the median of that.
    pub fn above(&self, base: &Turns) -> f64 {
        median(self.medians.iter().zip(&base.medians).map(|(own, base)| own - base))
    }
}

/// Takes turns in rounds, each round beginning with another one.
///
/// # Errors
/// At the first wrong answer.
pub fn take_turns(
    all: &mut [Turns],
    rounds: usize,
    turn: Turn,
    mut after: impl FnMut(usize) -> Result<()>,
) -> Result<()> {
    for turns in all.iter() {
        turns.warm_up(turn)?;
    }
    for round in 0..rounds {
        for place in 0..all.len() {
            let next = (round + place) % all.len();
            all[next].take(turn)?;
        }
        after(round)?;
    }
    Ok(())
}
