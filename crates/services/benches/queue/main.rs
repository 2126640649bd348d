//! Jobs a second, and how long a job waits from being added to being begun, on each store of jobs: queued scripts that do nothing, with everything that
//! belongs to them (sealed payload, rights, script, ledger, books), beside what can be written by hand on the same server with none of it.

mod by_hand;
mod ours;

use antiphon_model::{Error, Result};
use antiphon_test_servers::{NatsServer, PostgresServer};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Jobs whose rate is measured, in each round.
const JOBS: usize = 4_000;
/// Jobs that are added one by one, each when the one before has begun.
const SINGLE: usize = 200;
/// Rounds; in each, every contestant has one turn.
const ROUNDS: usize = 5;
/// The share of the rate by hand that is promised.
const PROMISED: f64 = 0.7;
/// Longest that one turn may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What one turn saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Jobs added a second.
    pub(crate) added: f64,
    /// Jobs ended a second.
    pub(crate) ended: f64,
    /// From adding to beginning, in microseconds.
    pub(crate) waits: Vec<f64>,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let runtime = runtime.map_err(|error| Error::internal("No runtime.", error))?;
    let report = runtime.block_on(report())?;
    // Nobody is left to be told when the terminal is gone.
    let _ = std::io::stdout().write_all(report.as_bytes());
    Ok(())
}

async fn report() -> Result<String> {
    let postgres = PostgresServer::start().map_err(|error| Error::internal("No PostgreSQL.", error))?;
    let nats = NatsServer::start().map_err(|error| Error::internal("No NATS.", error))?;
    let database = postgres.create_database().map_err(|error| Error::internal("No database.", error))?;
    let (postgres_url, nats_url) = (postgres.url(&database), nats.url());
    let mut seen: Vec<(String, Vec<Seen>)> = Vec::new();
    for round in 0..ROUNDS {
        let turns = [
            ("SQLite: queued script", ours::turn("sqlite", None).await?),
            ("PostgreSQL: queued script", ours::turn("postgres", Some(&postgres_url)).await?),
            ("PostgreSQL by hand: one job at a time", by_hand::skip_locked(&postgres_url, 1).await?),
            ("PostgreSQL by hand: 64 jobs at a time", by_hand::skip_locked(&postgres_url, 64).await?),
            ("NATS: queued script", ours::turn("nats", Some(&nats_url)).await?),
            ("NATS by hand: bare pull consumer", by_hand::jetstream(&nats_url, round).await?),
            ("the same script without any queue", ours::without_queue().await?),
        ];
        for (place, (title, turn)) in turns.into_iter().enumerate() {
            if seen.len() <= place {
                seen.push((title.to_owned(), Vec::new()));
            }
            seen[place].1.push(turn);
        }
    }
    Ok(markdown(&seen))
}

fn markdown(seen: &[(String, Vec<Seen>)]) -> String {
    let rate = |place: usize| median(seen[place].1.iter().map(|seen| seen.ended));
    let mut out = String::from(
        "| Jobs | added/s | ended/s | added to begun, median µs | p99 µs | of by hand | at least 70 % |\n|---|--:|--:|--:|--:|--:|---|\n",
    );
    for (place, (title, turns)) in seen.iter().enumerate() {
        let base = match place {
            1 => Some(2),
            4 => Some(5),
            _ => None,
        };
        let share = base.map(|base| rate(place) / rate(base));
        let mut waits: Vec<f64> = turns.iter().flat_map(|seen| seen.waits.iter().copied()).collect();
        waits.sort_by(f64::total_cmp);
        let quantile = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied();
        let figure = |value: Option<f64>| value.map(|value| format!("{value:.0}")).unwrap_or_default();
        out.push_str(&format!(
            "| {title} | {:.0} | {:.0} | {} | {} | {} | {} |\n",
            median(turns.iter().map(|seen| seen.added)),
            rate(place),
            figure(quantile(0.5)),
            figure(quantile(0.99)),
            share.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default(),
            share.map_or("", |share| if share >= PROMISED { "PASS" } else { "**MISS**" }),
        ));
    }
    out
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Things a second.
pub(crate) fn rate(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// Microseconds since then.
pub(crate) fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}
