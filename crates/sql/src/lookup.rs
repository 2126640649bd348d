//! `{name}` in a text is replaced by what the caller's session or a stored lookup says (reference: events-and-scripting 4.6).
//!
//! One pass: what a lookup resolves to is never scanned again, so its content can't name another lookup.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;

/// Who knows what a lookup stands for.
pub trait Lookups {
    /// The text of the lookup of that name, such as `user.id` or a stored key. Private ones only when `private` is true,
    /// which is right only for texts that an administrator wrote.
    fn lookup(&self, name: &str, private: bool) -> Option<String>;
}

impl<F: Fn(&str, bool) -> Option<String>> Lookups for F {
    fn lookup(&self, name: &str, private: bool) -> Option<String> {
        self(name, private)
    }
}

/// Knows no lookup: every `{name}` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLookups;

impl Lookups for NoLookups {
    fn lookup(&self, _name: &str, _private: bool) -> Option<String> {
        None
    }
}

/// The text with every lookup replaced; those that nobody knows stay as they are.
pub fn replace<'t>(text: &'t str, lookups: &dyn Lookups, private: bool) -> Cow<'t, str> {
    scan(text, lookups, private).0
}

/// The text with every lookup replaced, or none when it names a lookup that nobody knows.
pub fn replace_all<'t>(text: &'t str, lookups: &dyn Lookups, private: bool) -> Option<Cow<'t, str>> {
    let (replaced, complete) = scan(text, lookups, private);
    complete.then_some(replaced)
}

/// Whether the text names any lookup.
pub fn has_lookup(text: &str) -> bool {
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if token(rest).is_some() {
            return true;
        }
    }
    false
}

/// The replaced text, and whether every lookup in it was known.
fn scan<'t>(text: &'t str, lookups: &dyn Lookups, private: bool) -> (Cow<'t, str>, bool) {
    let mut replaced = String::new();
    let mut copied = 0;
    let mut complete = true;
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(name) = token(&text[from..]) else { continue };
        match resolve(name, lookups, private) {
            Some(value) => {
                replaced.push_str(&text[copied..open]);
                replaced.push_str(&value);
                from += name.len() + 1;
                copied = from;
            }
            None => complete = false,
        }
    }
    if copied == 0 {
        return (Cow::Borrowed(text), complete);
    }
    replaced.push_str(&text[copied..]);
    (Cow::Owned(replaced), complete)
}

/// The name at the start of the text, when a closing brace follows it.
fn token(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '(' | ')')))?;
    (end > 0 && text[end..].starts_with('}')).then(|| &text[..end])
}

/// A name, or modifiers around one: `strtoupper(trim(name))`.
fn resolve(name: &str, lookups: &dyn Lookups, private: bool) -> Option<String> {
    match name.split_once('(') {
        Some((modifier, rest)) => {
            let modify = modifier_of(modifier)?;
            resolve(rest.strip_suffix(')')?, lookups, private).map(|value| modify(&value))
        }
        None => lookups.lookup(name, private),
    }
}

fn modifier_of(name: &str) -> Option<fn(&str) -> String> {
    Some(match name {
        "strtoupper" => |text| text.to_uppercase(),
        "strtolower" => |text| text.to_lowercase(),
        "ucfirst" => |text| first_letter(text, |c| c.to_uppercase().collect()),
        "lcfirst" => |text| first_letter(text, |c| c.to_lowercase().collect()),
        "ucwords" => |text| {
            text.split_inclusive(char::is_whitespace)
                .map(|word| first_letter(word, |c| c.to_uppercase().collect()))
                .collect()
        },
        "urlencode" => |text| utf8_percent_encode(text, FORM).to_string().replace("%20", "+"),
        "rawurlencode" => |text| utf8_percent_encode(text, RAW).to_string(),
        "urldecode" => |text| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned(),
        "rawurldecode" => |text| percent_decode_str(text).decode_utf8_lossy().into_owned(),
        "base64_encode" => |text| STANDARD.encode(text),
        "base64_decode" => {
            |text| STANDARD.decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        }
        "trim" => |text| text.trim().to_owned(),
        _ => return None,
    })
}

const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
const RAW: &AsciiSet = &FORM.remove(b'~');

fn first_letter(text: &str, change: fn(char) -> String) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => change(first) + rest.as_str(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, private: bool) -> Option<String> {
        match (name, private) {
            ("user.id", _) => Some("7".to_owned()),
            ("name", _) => Some("ann lee & {user.id}".to_owned()),
            ("secret", true) => Some("s3".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn names_are_replaced_once_and_unknown_ones_stay() {
        assert_eq!(replace("u{user.id}-{nobody}", &known, false), "u7-{nobody}");
        assert_eq!(replace("{name}", &known, false), "ann lee & {user.id}");
        assert_eq!(replace("{\"a\":1} {not closed", &known, false), "{\"a\":1} {not closed");
        assert_eq!(replace("{{user.id}}", &known, false), "{7}");
        assert!(matches!(replace("nothing", &known, false), Cow::Borrowed(_)));
    }

    #[test]
    fn private_names_need_an_administrators_text() {
        assert_eq!(replace("{secret}", &known, false), "{secret}");
        assert_eq!(replace("{secret}", &known, true), "s3");
        assert_eq!(replace_all("{secret}", &known, false), None);
        assert_eq!(replace_all("{secret} {user.id}", &known, true).as_deref(), Some("s3 7"));
    }

    #[test]
    fn modifiers_nest() {
        assert_eq!(replace("{strtoupper(user.id)}{ucwords(name)}", &known, false), "7Ann Lee & {user.id}");
        assert_eq!(replace("{urlencode(name)}", &known, false), "ann+lee+%26+%7Buser.id%7D");
        assert_eq!(replace("{rawurlencode(ucfirst(name))}", &known, false), "Ann%20lee%20%26%20%7Buser.id%7D");
        assert_eq!(replace("{base64_decode(base64_encode(user.id))}", &known, false), "7");
        assert_eq!(replace("{system(user.id)}", &known, false), "{system(user.id)}");
    }

    #[test]
    fn a_lookup_is_noticed() {
        assert!(has_lookup("a {user.id}"));
        assert!(!has_lookup("{a b} {}"));
    }
}
