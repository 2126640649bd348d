//! Waiting for what happens later.

use crate::support::{TestApp, Value};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest wait for something that must happen: far more than it takes on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` finds something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(20));
    }
}

/// Waits until the journal has that many entries, and gives them in the order in which they were written.
pub fn entries(app: &TestApp, count: usize) -> Vec<Value> {
    let read = || {
        let rows = app.admin().get("db/_table/journal?fields=entry&order=id").values("entry");
        (rows.len() >= count).then_some(rows)
    };
    let rows = eventually(&format!("{count} entries in the journal"), read);
    rows.iter().map(|entry| serde_json::from_str(entry.as_str().unwrap()).unwrap_or_else(|_| entry.clone())).collect()
}

/// A script that writes this expression into the journal.
pub fn telling(expression: &str) -> String {
    format!("platform.api.post('db/_table/journal', {{resource: [{{entry: JSON.stringify({expression})}}]}});")
}
