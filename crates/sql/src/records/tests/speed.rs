//! How long the everyday requests take here; run by hand: `cargo test --release -p antiphon-sql speed -- --ignored --nocapture`.

use crate::records::{Caller, NoRule, RecordRequest, RowFilters, handle};
use crate::relations::SameDatabase;
use crate::sandbox::Sandbox;
use antiphon_model::{Object, Value, Verb, json};
use std::time::Instant;

#[test]
#[ignore = "a measurement, not a check"]
fn everyday_requests() {
    let shop = Sandbox::with_tables();
    let database = &*shop.database;
    let lookups = |_: &str, _: bool| None;
    let related = SameDatabase { database, lookups: &lookups };
    let caller = Caller {
        lookups: &lookups,
        user_id: None,
        row_filters: RowFilters::new(),
        related: &related,
        rule: &NoRule,
        is_admin: true,
    };
    let (none, ten) = (Object::new(), Object::from_iter([("limit".to_owned(), json!("10"))]));
    let change = json!({"note": "changed"});
    let cases = [
        ("GET one", Verb::Get, Some("1"), &none, &Value::Null, 100_000),
        ("GET up to ten", Verb::Get, None, &ten, &Value::Null, 50_000),
        ("PATCH one", Verb::Patch, Some("1"), &none, &change, 5_000),
    ];
    for (name, verb, id, parameters, payload, rounds) in cases {
        let request = RecordRequest { verb, table: "todo", id, parameters, payload };
        let start = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(handle(database, &request, &caller).unwrap());
        }
        println!("{name}: {} ns", start.elapsed().as_nanos() / rounds);
    }
}
