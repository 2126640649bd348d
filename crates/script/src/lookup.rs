//! Replacing `{name}` and `{modifier(name)}` in text (reference 4.6).

use crate::host::Host;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Longest text between braces that is taken for a lookup.
const TOKEN_LIMIT: usize = 255;
/// What raw URL encoding leaves as it is (RFC 3986).
const RAW: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What form encoding leaves as it is, apart from blanks.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// Scopes that safe lookups don't reach: what a caller can choose must not get into an author's text.
const CALLERS_SCOPES: [&str; 3] = ["user.", "role.", "session."];

/// The value of a name in a string of a script whose author did not ask for raw lookups.
pub(crate) fn safe(host: &dyn Host, name: &str) -> Option<String> {
    let callers = CALLERS_SCOPES.iter().any(|scope| name.starts_with(scope));
    if callers { None } else { host.lookup(name) }
}

/// What stands between the braces of everything in the text that may be a lookup.
pub(crate) fn candidates(text: &str) -> Vec<String> {
    let mut names: Vec<String> = tokens(text).map(|(start, end)| text[start + 1..end - 1].to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether the text has anything that may be a lookup.
pub(crate) fn has_candidate(text: &str) -> bool {
    tokens(text).next().is_some()
}

/// The text with every token replaced that `find` knows; other tokens stay as they are.
pub(crate) fn replace(text: &str, find: &dyn Fn(&str) -> Option<String>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = 0;
    for (start, end) in tokens(text) {
        if let Some(value) = resolve(&text[start + 1..end - 1], find) {
            replaced.push_str(&text[rest..start]);
            replaced.push_str(&value);
            rest = end;
        }
    }
    replaced.push_str(&text[rest..]);
    replaced
}

/// Start and end of every `{…}` whose inside is made of word characters, dots, dashes and parentheses.
fn tokens(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(start) = bytes.get(at..)?.iter().position(|byte| *byte == b'{').map(|offset| at + offset) {
            let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'(' | b')');
            let length = bytes[start + 1..].iter().take(TOKEN_LIMIT + 1).take_while(|byte| inside(byte)).count();
            let end = start + 1 + length;
            at = start + 1;
            if (1..=TOKEN_LIMIT).contains(&length) && bytes.get(end) == Some(&b'}') {
                at = end + 1;
                return Some((start, end + 1));
            }
        }
        None
    })
}

/// The text for `name` or `modifier(name)`, as it stands between braces.
pub(crate) fn resolve(token: &str, find: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match token.split_once('(') {
        None if token.contains(')') => None,
        None => find(token),
        Some((modifier, rest)) => {
            let inner = resolve(rest.strip_suffix(')')?, find)?;
            modify(modifier, inner)
        }
    }
}

/// The modifiers that lookups allow.
fn modify(modifier: &str, text: String) -> Option<String> {
    Some(match modifier {
        "strtoupper" => text.to_uppercase(),
        "strtolower" => text.to_lowercase(),
        "ucfirst" => first(&text, char::to_uppercase),
        "lcfirst" => first(&text, char::to_lowercase),
        "ucwords" => text.split_inclusive(char::is_whitespace).map(|word| first(word, char::to_uppercase)).collect(),
        "urlencode" => utf8_percent_encode(&text, FORM).to_string().replace(' ', "+"),
        "rawurlencode" => utf8_percent_encode(&text, RAW).to_string(),
        "urldecode" => percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned(),
        "rawurldecode" => percent_decode_str(&text).decode_utf8_lossy().into_owned(),
        "base64_encode" => STANDARD.encode(text),
        "base64_decode" => String::from_utf8_lossy(&STANDARD.decode(text).ok()?).into_owned(),
        "trim" => text.trim().to_owned(),
        _ => return None,
    })
}

fn first<I: Iterator<Item = char>>(text: &str, change: fn(char) -> I) -> String {
    let mut rest = text.chars();
    rest.next().map(change).into_iter().flatten().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> String {
        replace(text, &|name| match name {
            "my_key" => Some("a b&c".into()),
            "app.name" => Some("Shop".into()),
            _ => None,
        })
    }

    #[test]
    fn known_names_are_replaced_and_others_stay() {
        assert_eq!(replaced("x{my_key}y{other}{app.name}{{my_key}}"), "xa b&cy{other}Shop{a b&c}");
        assert_eq!(replaced("{ my_key } {my_key {} {my key}"), "{ my_key } {my_key {} {my key}");
    }

    #[test]
    fn modifiers_nest_and_unknown_ones_leave_the_token() {
        assert_eq!(replaced("{urlencode(my_key)}|{rawurlencode(strtoupper(my_key))}"), "a+b%26c|A%20B%26C");
        assert_eq!(replaced("{ucwords(my_key)} {base64_encode(app.name)}"), "A B&c U2hvcA==");
        assert_eq!(
            replaced("{eval(my_key)} {trim(my_key} {trim my_key)}"),
            "{eval(my_key)} {trim(my_key} {trim my_key)}"
        );
    }
}
