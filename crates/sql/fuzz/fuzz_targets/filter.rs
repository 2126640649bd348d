//! Any text through the filter parser: it never panics, and what it accepts prints as text that means the same.

#![no_main]

use antiphon_sql::filter::{FilterLimits, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Quoting makes printed texts longer and deeper than what was read.
    let generous = FilterLimits { bytes: usize::MAX, depth: 512, values: usize::MAX };
    if let Ok(Some(filter)) = parse(text, &FilterLimits::default()) {
        let printed = filter.to_string();
        let again = parse(&printed, &generous);
        let reprinted = again.expect("a printed filter parses").expect("a printed filter is not blank").to_string();
        assert_eq!(printed, reprinted);
    }
});
