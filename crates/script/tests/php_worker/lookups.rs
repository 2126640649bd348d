//! Lookups in string literals: whatever a value holds, it stays a text.

use super::worker::Worker;
use proptest::prelude::*;
use serde_json::json;
use std::cell::RefCell;

#[test]
fn any_value_arrives_as_it_is_in_any_literal() {
    let worker = RefCell::new(Worker::start());
    let values = prop_oneof![
        any::<String>(),
        "['\"\\\\$`{}<>?;()\\n\\r\\t a-z0-9]{0,12}",
        Just("'; define('LEFT', 1); '".to_owned()),
        Just("\n  EOT;\ndefine('LEFT', 1);".to_owned()),
    ];
    proptest!(ProptestConfig::with_cases(400), |(value in values, slashes in 0..4usize)| {
        let slashes = "\\".repeat(slashes);
        // Two backslashes in a literal are one in the text.
        let before = "\\".repeat(slashes.len().div_ceil(2));
        let source = format!(
            "$a = '{slashes}{{k}}'; $b = \"{slashes}{{k}}\"; $c = <<<EOT\n  {slashes}{{k}} $a[0]\n  EOT;\n\
             return [$a, $b, substr($c, 0, -2), \"{{$a}}{{k}}\"];"
        );
        let ran = worker.borrow_mut().run_with(&source, json!({"lookups": {"k": value}}));
        let text = format!("{before}{value}");
        prop_assert_eq!(&ran.end["returned"], &json!([text, text, text, format!("{text}{value}")]), "{:?}", ran);
        prop_assert!(ran.is_clean);
    });
}

#[test]
fn a_nowdoc_that_a_value_would_end_stays_as_it_is() {
    let mut worker = Worker::start();
    let source = "return <<<'EOT'\n{k}T x\nEOT;";
    let ran = worker.run_with(source, json!({"lookups": {"k": "y"}}));
    assert_eq!(ran.end["returned"], "yT x");
    for value in ["EO", "a\nEOT;\n1;\n$x = <<<'EOT'\n"] {
        let ran = worker.run_with(source, json!({"lookups": {"k": value}}));
        assert_eq!(ran.end["returned"], "{k}T x", "{value}");
    }
}

#[test]
fn code_is_left_alone_and_so_are_unknown_names() {
    let mut worker = Worker::start();
    let source = "$k = 'own'; if (true) {$k = $k;} return [\"{$k}\", '{other}', '{urlencode(k)}', `echo {k}` ?? 1, fn() => {k}];";
    assert_eq!(worker.check(source)["t"], "threw");
    let source = "$k = 'own'; if (true) {$k = $k;} return [\"{$k} ${k}\", '{other} {k}', \"{urlencode(k)}\"];";
    let ran = worker.run_with(source, json!({"lookups": {"k": "v", "urlencode(k)": "%27"}}));
    assert_eq!(ran.end["returned"], json!(["own own", "{other} v", "%27"]));
}
