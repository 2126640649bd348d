//! Prints what runs cost. Only the figures of an optimised build mean anything; nothing is asserted of them.

use super::fixture::{Call, finished};
use crate::Engines;
use antiphon_model::{Value, json};
use std::time::Instant;

fn payload(records: usize) -> Value {
    let record =
        |id| json!({ "id": id, "name": format!("record {id}"), "price": 12.5, "tags": ["a", "b"], "open": true });
    json!({ "resource": (0..records).map(record).collect::<Vec<_>>() })
}

#[test]
fn what_runs_cost() {
    let sources = [
        ("empty", ""),
        ("touch", "event.request.payload.resource[0].id"),
        ("validate", "for (const r of event.request.payload.resource) if (!r.name) throw 'name'"),
        ("transform", "for (const r of event.request.payload.resource) { r.total = r.price * 2; delete r.open }"),
        ("async", "await null; event.request.parameters.x = 1"),
        ("lodash", "const _ = require('lodash'); event.request.parameters.x = _.sum([1, 2])"),
    ];
    for records in [12, 240] {
        let payload = payload(records);
        let call = Call { content: payload.to_string().into_bytes(), payload, ..Call::default() };
        println!("{} bytes of JSON", call.content.len());
        for (name, source) in sources {
            let engines = Engines::new(&call.limits);
            let script = call.script(source);
            finished(call.run_on(&engines, &script));
            let rounds = if cfg!(debug_assertions) { 10 } else { 2000 };
            let best = (0..rounds).map(|_| {
                let begun = Instant::now();
                finished(call.run_on(&engines, &script));
                begun.elapsed()
            });
            let best = best.min().unwrap_or_default().as_secs_f64() * 1e6;
            println!("{name:>10} {best:7.1} µs, idle {} KB", engines.stats().idle_bytes / 1024);
        }
    }
}
