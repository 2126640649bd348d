//! The load generator: the same exchange over and over, each answer verified, each latency kept.

use crate::client::Client;
use crate::error::{BenchError, Result, attempt};
use serde_json::Value;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Exchanges of every new connection that are not counted: both sides fill their caches.
const WARM_UP: usize = 50;
/// Characters of a wrong answer that its error shows.
const SHOWN: usize = 300;

/// A call with the one answer that is right.
#[derive(Debug, Clone)]
pub struct Exchange {
    what: String,
    address: SocketAddr,
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Exchange {
    /// Makes the call once, has its answer judged, and from then on takes only that very answer as right.
    ///
    /// # Errors
    /// When the status is not 200 or the judge says that the answer is wrong.
    pub fn learn(
        what: &str,
        address: SocketAddr,
        request: Vec<u8>,
        judge: impl Fn(&Value) -> bool,
    ) -> Result<Exchange> {
        let mut client = attempt(what, Client::connect(address))?;
        let answer = attempt(what, client.exchange(&request))?;
        let right = answer.status == 200 && serde_json::from_slice(answer.body).is_ok_and(|body| judge(&body));
        if !right {
            return Err(wrong(what, answer.status, answer.body));
        }
        Ok(Exchange { what: what.to_owned(), address, body: answer.body.to_vec(), request })
    }

    /// The body of the right answer.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Bytes of the answer's body.
    pub fn answer_bytes(&self) -> usize {
        self.body.len()
    }

    fn once(&self, client: &mut Client) -> Result<()> {
        let answer = attempt(&self.what, client.exchange(&self.request))?;
        if answer.status == 200 && answer.body == self.body {
            Ok(())
        } else {
            Err(wrong(&self.what, answer.status, answer.body))
        }
    }
}

/// How much load: what ends first counts, the time or the number of exchanges.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections at one time, each with its own thread.
    pub connections: usize,
    /// How long it lasts.
    pub time: Duration,
    /// Most exchanges of each connection.
    pub exchanges: usize,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Nanoseconds of every exchange, in no order.
    pub latencies: Vec<u64>,
    /// Exchanges in one second, all connections together.
    pub rate: f64,
}

/// Puts a server under load.
///
/// # Errors
/// At the first answer that is not the expected one, and when a connection breaks.
pub fn run(exchange: &Exchange, load: Load) -> Result<Measured> {
    let parts: Vec<Result<Measured>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..load.connections).map(|_| scope.spawn(|| one_connection(exchange, load))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(died(exchange)))).collect()
    });
    let mut all = Measured::default();
    for part in parts {
        let part = part?;
        all.latencies.extend(part.latencies);
        all.rate += part.rate;
    }
    Ok(all)
}

fn one_connection(exchange: &Exchange, load: Load) -> Result<Measured> {
    let mut client = attempt(&exchange.what, Client::connect(exchange.address))?;
    for _ in 0..WARM_UP {
        exchange.once(&mut client)?;
    }
    let mut latencies = Vec::with_capacity(load.exchanges.min(1 << 16));
    let start = Instant::now();
    let mut before = start;
    while latencies.len() < load.exchanges && before - start < load.time {
        exchange.once(&mut client)?;
        let now = Instant::now();
        latencies.push(u64::try_from((now - before).as_nanos()).unwrap_or(u64::MAX));
        before = now;
    }
    let seconds = (before - start).as_secs_f64();
    Ok(Measured { rate: if seconds > 0.0 { latencies.len() as f64 / seconds } else { 0.0 }, latencies })
}

fn wrong(what: &str, status: u16, body: &[u8]) -> BenchError {
    let body = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
    BenchError::Answer { what: what.to_owned(), status, body }
}

fn died(exchange: &Exchange) -> BenchError {
    let source = std::io::Error::other("a thread of the load generator died");
    BenchError::Io { what: exchange.what.clone(), source }
}
