//! The report: a table in Markdown, the targets, and whether each is met.

use crate::plan::Call;
use crate::rounds::{Extent, Row};
use crate::single::Singles;
use std::fmt::Write;

/// All that was measured.
pub struct Report {
    /// How much.
    pub extent: Extent,
    /// The calls.
    pub rows: Vec<Row>,
    /// The rest.
    pub singles: Singles,
    /// Processors, kernel and the like.
    pub conditions: String,
}

/// A promise and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What was promised.
    pub promise: &'static str,
    /// What was measured.
    pub measured: String,
    /// Whether it is kept.
    pub met: bool,
}

impl Report {
    /// The promises that the project makes about its speed and size.
    pub fn targets(&self) -> Vec<Target> {
        let ratio = |call, base| self.rows_of(call, base).map_or(0.0, |(row, base)| row.rate_relative_to(base));
        let above = |call, base| self.rows_of(call, base).map_or(f64::MAX, |(row, base)| row.latency_above(base));
        let percent = |promise, ratio: f64, met| Target { promise, measured: format!("{:.1} %", ratio * 100.0), met };
        let micros = |promise, value: f64| Target { promise, measured: format!("{value:.1} µs"), met: value <= 50.0 };
        let millis = |promise, value: f64| Target { promise, measured: format!("{value:.0} ms"), met: value < 1000.0 };
        let plain = ratio(Call::Plain, Call::Bare);
        let scripted = ratio(Call::Scripted, Call::Plain);
        let one = ratio(Call::OneElsewhere, Call::Plain);
        let many = ratio(Call::ManyElsewhere, Call::Plain);
        let people = self.rows_of(Call::PersonAmongMany, Call::Person);
        let people = people.map_or(f64::MAX, |(row, base)| row.latency_relative_to(base));
        let memory = self.singles.memory;
        vec![
            percent("(b) answers at least 50 % of (a)'s calls in a second", plain, plain >= 0.5),
            percent("(c) answers at least 60 % of (b)'s", scripted, scripted >= 0.6),
            micros("the pair of scripts adds at most 50 µs to (b)'s median", above(Call::Scripted, Call::Plain)),
            micros("and at most 50 µs to that of a `PATCH` of 1 KB", above(Call::PatchScripted, Call::PatchPlain)),
            percent("(d) with 1 script elsewhere is within 5 % of (b)", one, one >= 0.95),
            percent("(d) with many scripts elsewhere is within 5 % of (b)", many, many >= 0.95),
            percent(
                "(e) a user's median among many is within 5 % of that in a small installation",
                people,
                people <= 1.05,
            ),
            Target { promise: "memory at rest below 60 MB", measured: format!("{memory:.1} MiB"), met: memory < 57.2 },
            millis("first start to first answer below 1 s", self.singles.first_start),
            millis("next start to first answer below 1 s", self.singles.next_start),
        ]
    }

    /// The whole report.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a text can't fail.
        let _ = self.write_markdown(&mut out);
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}\n", self.conditions)?;
        let connections = self.extent.connections;
        writeln!(
            out,
            "| Call | median µs | p99 µs | calls/s with {connections} connections | server CPU µs/call | answer bytes | calls |"
        )?;
        writeln!(out, "|---|--:|--:|--:|--:|--:|--:|")?;
        for row in &self.rows {
            let (latency, rate) = (row.latency(), row.rate());
            let Row { title, p99, processor, answer_bytes, count, .. } = row;
            writeln!(
                out,
                "| {title} | {latency:.1} | {p99:.0} | {rate:.0} | {processor:.1} | {answer_bytes} | {count} |"
            )?;
        }
        writeln!(out, "\n| Target | measured | |\n|---|--:|---|")?;
        for Target { promise, measured, met } in self.targets() {
            writeln!(out, "| {promise} | {measured} | {} |", if met { "PASS" } else { "**MISS**" })?;
        }
        let Singles { first_call, second_call, crowded_memory, .. } = self.singles;
        writeln!(out, "\nFirst call after a script is saved: {first_call:.2} ms; the one after: {second_call:.2} ms.")?;
        let elsewhere = self.extent.elsewhere;
        writeln!(out, "Memory of the server with {elsewhere} scripts after the load: {crowded_memory:.1} MiB.")
    }

    fn rows_of(&self, call: Call, base: Call) -> Option<(&Row, &Row)> {
        let row = |call| self.rows.iter().find(|row| row.call == call);
        Some((row(call)?, row(base)?))
    }
}

#[cfg(test)]
mod tests;
