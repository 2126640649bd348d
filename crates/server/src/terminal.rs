//! The only place that writes to the terminal: the command line's own output. Everything else goes to the log.

use std::io::Write;

/// A line that was asked for.
pub fn say(line: &str) {
    // A reader that closed its end (`antiphon limits | head`) is no failure.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line about what went wrong.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "antiphon: {line}");
}
