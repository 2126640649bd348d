//! Any text through the reader of event names: it never panics, and a name printed and read again is the same name.

#![no_main]

use antiphon_model::EventName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = EventName::parse(text) {
        let again = EventName::parse(&name.to_string()).expect("a printed name can be read");
        assert_eq!(name, again);
    }
});
