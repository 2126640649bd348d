//! What legitimately differs between two runs: tokens, keys, times, hosts, and how quotes are escaped.

use regex::Regex;
use std::sync::LazyLock;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|<(jwt:\d+|admin_token|jane_token(_2)?)>")
});
static KEY: LazyLock<Regex> = LazyLock::new(|| regex(r"<(todo_app_key|norole_app_key|key_[a-z_]+)>"));
static HEX: LazyLock<Regex> = LazyLock::new(|| regex(r"\b[0-9a-f]{13,64}\b"));
static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"));

/// Hosts under which the original was recorded.
pub const RECORDED_HOSTS: [&str; 2] = ["127.0.0.1:8081", "localhost:8081"];

/// The text with everything masked.
pub fn mask(text: &str, host: &str) -> String {
    let mut text = text.to_owned();
    for (escaped, plain) in [("&quot;", "\""), ("&#039;", "'"), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replace(escaped, plain);
    }
    text = TOKEN.replace_all(&text, "<jwt>").into_owned();
    text = KEY.replace_all(&text, "<hex>").into_owned();
    for name in [host].into_iter().chain(RECORDED_HOSTS) {
        text = text.replace(name, "<host>");
    }
    text = TIME.replace_all(&text, "<time>").into_owned();
    HEX.replace_all(&text, "<hex>").into_owned()
}

mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_masked_and_nothing_else() {
        let here = "127.0.0.1:4711";
        assert_eq!(mask("at 2026-01-02T03:04:05.000000Z on 127.0.0.1:4711", here), "at <time> on <host>");
        assert_eq!(mask("<admin_token> eyJh.eyJi.c-d", here), "<jwt> <jwt>");
        assert_eq!(mask("<key_todo_star> 0123456789abc", here), "<hex> <hex>");
        assert_eq!(mask("say &quot;a&quot; &lt;b&gt;", here), "say \"a\" <b>");
        assert_eq!(mask("Task 01 0123456789ab", here), "Task 01 0123456789ab");
    }
}
