//! Finding the string literals of a JavaScript text that hold lookups, and making each ask for its text when it is run.
//!
//! A literal `'… {my_key} …'` becomes `lookup$('… {my_key} …')`: the text stays the author's, the value comes at run time as
//! a value, so nothing in it can be code, and the compiled script serves every caller. Lines stay as they were.

use crate::lookup::has_candidate;

/// Name of the function that is put around literals; a parameter of the function around the script.
pub(crate) const LOOKUP_NAME: &str = "lookup$";

/// Words after which a slash begins a regular expression and a literal is an expression of its own.
const BEFORE_EXPRESSION: [&str; 14] = [
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "instanceof",
    "yield",
    "await",
];

/// The text with its lookups in string and template literals made to be asked for; none if there are none.
pub(crate) fn with_lookups(source: &str) -> Option<String> {
    if !has_candidate(source) {
        return None;
    }
    let mut scanner =
        Scanner { source, bytes: source.as_bytes(), at: 0, before: Before::Operator, inserts: Vec::new() };
    scanner.code(0);
    if scanner.inserts.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(source.len() + scanner.inserts.len() * 16);
    let mut rest = 0;
    for (at, insert) in scanner.inserts {
        text.push_str(&source[rest..at]);
        text.push_str(&insert);
        rest = at;
    }
    text.push_str(&source[rest..]);
    Some(text)
}

/// What the last token was, as far as it decides what the next one means.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// A value has ended: a slash divides, a template is tagged.
    Value,
    /// `{` or `,`: a literal followed by a colon is a key.
    Opening,
    Operator,
}

struct Scanner<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    before: Before,
    /// Where to insert what, in order.
    inserts: Vec<(usize, String)>,
}

/// Deepest nesting of templates that is looked into.
const TEMPLATE_DEPTH: usize = 32;

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Scans code up to the end, or inside a template up to the brace that ends the expression.
    fn code(&mut self, depth: usize) {
        let mut braces = 0usize;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'/' if self.peek(1) == b'/' => self.skip_to("\n"),
                b'/' if self.peek(1) == b'*' => self.skip_to("*/"),
                b'/' if self.before != Before::Value => self.regular_expression(),
                quote @ (b'\'' | b'"') => self.string(quote),
                b'`' => self.template(depth),
                b'}' if depth > 0 && braces == 0 => return,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80 => self.word(),
                byte => {
                    braces = match byte {
                        b'{' => braces + 1,
                        b'}' => braces.saturating_sub(1),
                        _ => braces,
                    };
                    self.before = match byte {
                        b')' | b']' | b'}' => Before::Value,
                        b'{' | b',' => Before::Opening,
                        _ => Before::Operator,
                    };
                    self.at += 1;
                }
            }
        }
    }

    fn skip_to(&mut self, end: &str) {
        self.at = self
            .source
            .get(self.at + 2..)
            .and_then(|rest| rest.find(end))
            .map_or(self.bytes.len(), |found| self.at + 2 + found + end.len());
    }

    fn word(&mut self) {
        let start = self.at;
        while self.at < self.bytes.len() {
            let byte = self.peek(0);
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80) {
                break;
            }
            self.at += 1;
        }
        let expects = BEFORE_EXPRESSION.contains(&&self.source[start..self.at]);
        self.before = if expects { Before::Operator } else { Before::Value };
    }

    fn regular_expression(&mut self) {
        let mut class = false;
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => break,
                b'\n' => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        self.before = Before::Value;
    }

    fn string(&mut self, quote: u8) {
        let start = self.at;
        self.at += 1;
        while self.at < self.bytes.len() && self.peek(0) != quote && self.peek(0) != b'\n' {
            self.at += if self.peek(0) == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.bytes.len());
        let key = self.before == Before::Opening && self.next_is_colon();
        if !key && self.source.get(start..self.at).is_some_and(has_candidate) {
            self.inserts.push((start, format!("{LOOKUP_NAME}(")));
            self.inserts.push((self.at, ")".into()));
        }
        self.before = Before::Value;
    }

    fn next_is_colon(&self) -> bool {
        self.bytes[self.at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    }

    /// Each `{name}` in the text of a template becomes an expression of it. A tagged template gets its text unchanged.
    fn template(&mut self, depth: usize) {
        let tagged = self.before == Before::Value || depth >= TEMPLATE_DEPTH;
        self.at += 1;
        while self.at < self.bytes.len() && self.peek(0) != b'`' {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'$' if self.peek(1) == b'{' => {
                    self.at += 2;
                    self.before = Before::Operator;
                    self.code(depth + 1);
                    self.at += 1;
                }
                b'{' if !tagged => self.template_token(),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.before = Before::Value;
    }

    fn template_token(&mut self) {
        let end = self.source.get(self.at..).and_then(|rest| rest.find('}')).map(|found| self.at + found + 1);
        match end {
            Some(end) if has_candidate(&self.source[self.at..end]) && !self.source[self.at + 1..end].contains('{') => {
                self.inserts.push((self.at, format!("${{{LOOKUP_NAME}('")));
                self.inserts.push((end, "')}".into()));
                self.at = end;
            }
            _ => self.at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn changed(source: &str) -> String {
        with_lookups(source).unwrap_or_else(|| "unchanged".into())
    }

    #[test]
    fn literals_with_lookups_ask_for_their_text() {
        assert_eq!(changed("const a = 'x {my_key}';"), "const a = lookup$('x {my_key}');");
        assert_eq!(changed(r#"f("{a\"b}", "{c}")"#), r#"f("{a\"b}", lookup$("{c}"))"#);
        assert_eq!(changed("return '{urlencode(k)}' + 1"), "return lookup$('{urlencode(k)}') + 1");
        assert_eq!(changed("a ? '{x}' : '{y}'"), "a ? lookup$('{x}') : lookup$('{y}')");
        assert_eq!(changed("`a {k} ${f({id}, '{z}')} b`"), "`a ${lookup$('{k}')} ${f({id}, lookup$('{z}'))} b`");
    }

    #[test]
    fn code_comments_patterns_keys_and_tagged_templates_stay() {
        for source in [
            "f({id})",
            "// '{x}'\nf({id})",
            "/* '{x}' */",
            "/'{x}'/.test(a)",
            "x = a / b; // '{x}'",
            "const o = { '{x}': 1 };",
            "String.raw`{x}`",
            "`${id}`",
            "const t = /[/'{x}]/;",
            "'unterminated {x",
        ] {
            assert_eq!(changed(source), "unchanged", "{source}");
        }
        assert_eq!(changed("a / 2; b = '{x}' / 3"), "a / 2; b = lookup$('{x}') / 3");
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_and_only_added_to(source in "[a-z{}'\"`/\\\\$()\\[\\]:,.?=\n é*+-]{0,60}") {
            let changed = with_lookups(&source).unwrap_or_else(|| source.clone());
            let mut rest = changed.chars().peekable();
            for expected in source.chars() {
                prop_assert!(rest.any(|character| character == expected));
            }
            prop_assert_eq!(changed.matches('\n').count(), source.matches('\n').count());
        }
    }
}
