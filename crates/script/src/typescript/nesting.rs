//! Bounds for the parser, which goes down with the text's nesting: room on the stack for whatever the text may be, and a limit on
//! brackets inside of each other, because it reads some of them once more on every level.

use super::Mistake;

/// Brackets inside of each other: some thirty are the most that people write.
const DEPTH: usize = 100;
/// Brackets altogether in a text that can be read in two ways.
const UNCERTAIN_BRACKETS: usize = 1000;
/// Stack for each byte of a text. The worst text takes 800, in a build without optimisation.
const STACK_PER_BYTE: usize = 2 << 10;
const STACK: usize = 1 << 20;

/// Runs the parser with room for the worst text of that length. Of the stack only what is used takes memory.
pub(super) fn with_stack_for<T: Send>(length: usize, work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    let thread = std::thread::Builder::new().name("typescript".into()).stack_size(STACK + length * STACK_PER_BYTE);
    std::thread::scope(|scope| {
        let parser = thread.spawn_scoped(scope, work)?;
        parser.join().map_err(|_| std::io::Error::other("the TypeScript parser panicked"))
    })
}

/// Refuses a text that is nested too deeply. Where a slash may divide or begin a pattern and the difference hides brackets, the
/// text is held to a stricter measure, so that nothing passes by being misread.
pub(super) fn check(source: &str) -> Result<(), Mistake> {
    let mut scan = Scan {
        source,
        bytes: source.as_bytes(),
        at: 0,
        before: Before::Operator,
        open: Vec::new(),
        brackets: 0,
        uncertain: None,
    };
    if source.starts_with("#!") {
        scan.skip_past("\n");
    }
    while scan.at < scan.bytes.len() {
        scan.step();
        if scan.open.len() > DEPTH {
            let message =
                format!("The text is nested too deeply: more than {DEPTH} brackets are inside of each other.");
            return Err(Mistake::new(scan.at as u32, message));
        }
    }
    match scan.uncertain {
        Some(at) if scan.brackets > UNCERTAIN_BRACKETS => Err(Mistake::new(
            at as u32,
            "This '/' can be read in two ways, which a text as large as this must not have; put the pattern into a variable of its own.",
        )),
        _ => Ok(()),
    }
}

/// What the last token was, as far as it decides about a slash.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Value,
    Operator,
    Either,
}

#[derive(Clone, Copy, PartialEq)]
enum Open {
    Bracket,
    /// `<`, which the parser tries as the beginning of types.
    Angle,
    /// An expression inside a template.
    Template,
}

struct Scan<'s> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    before: Before,
    open: Vec<Open>,
    brackets: usize,
    uncertain: Option<usize>,
}

/// Words after which an expression begins.
const BEFORE_EXPRESSION: [&str; 12] =
    ["return", "typeof", "case", "in", "delete", "void", "throw", "new", "else", "do", "instanceof", "extends"];
/// Words that are names as well.
const EITHER: [&str; 8] = ["of", "await", "yield", "async", "as", "satisfies", "is", "let"];

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn step(&mut self) {
        match self.peek(0) {
            b'/' if self.peek(1) == b'/' => self.skip_past("\n"),
            b'/' if self.peek(1) == b'*' => {
                self.at += 2;
                self.skip_past("*/");
            }
            b'/' => self.slash(),
            quote @ (b'\'' | b'"') => self.string(quote),
            b'`' => self.template(),
            b'(' | b'[' | b'{' => {
                self.brackets += 1;
                self.open.push(Open::Bracket);
                self.pass(Before::Operator);
            }
            b'<' if self.peek(1) == b'=' => self.no_types(2),
            b'<' => {
                self.open.push(Open::Angle);
                self.at += usize::from(self.peek(1) == b'<');
                self.pass(Before::Operator);
            }
            b'=' if self.peek(1) == b'>' => self.no_types(2),
            b'>' => {
                self.open.pop_if(|open| *open == Open::Angle);
                self.pass(Before::Either);
            }
            b';' | b'*' | b'%' | b'^' | b'~' => self.no_types(1),
            byte @ (b')' | b']' | b'}') => {
                self.end_types();
                if byte == b'}' && self.open.last() == Some(&Open::Template) {
                    self.open.pop();
                    return self.template();
                }
                self.open.pop_if(|open| *open == Open::Bracket);
                self.pass(if byte == b']' { Before::Value } else { Before::Either });
            }
            byte if byte.is_ascii_whitespace() => self.at += 1,
            byte if is_word(byte) => self.word(),
            byte @ (b'+' | b'-') if self.peek(1) == byte => {
                self.at += 1;
                self.pass(Before::Either);
            }
            b'!' => self.pass(Before::Either),
            _ => self.pass(Before::Operator),
        }
    }

    /// Passes an operator that ends what could be types, as it is in none.
    fn no_types(&mut self, length: usize) {
        if self.peek(0) != b'=' && self.peek(0) != b'<' {
            self.end_types();
        }
        self.at += length - 1;
        self.pass(Before::Operator);
    }

    fn end_types(&mut self) {
        while self.open.pop_if(|open| *open == Open::Angle).is_some() {}
    }

    fn pass(&mut self, before: Before) {
        self.at += 1;
        self.before = before;
    }

    fn skip_past(&mut self, end: &str) {
        let found = self.source.get(self.at..).and_then(|rest| rest.find(end));
        self.at = found.map_or(self.bytes.len(), |found| self.at + found + end.len());
    }

    fn word(&mut self) {
        let start = self.at;
        while self.at < self.bytes.len() && is_word(self.peek(0)) {
            self.at += 1;
        }
        let word = &self.source[start..self.at];
        let member = self.source[..start].trim_end().ends_with('.');
        self.before = if member {
            Before::Value
        } else if BEFORE_EXPRESSION.contains(&word) {
            Before::Operator
        } else if EITHER.contains(&word) {
            Before::Either
        } else {
            Before::Value
        };
    }

    fn slash(&mut self) {
        let line = self.source.get(self.at + 1..).and_then(|rest| rest.lines().next()).unwrap_or("");
        if self.before == Before::Operator {
            self.pattern();
            self.before = Before::Value;
            return;
        }
        let hidden = line.rfind('/').map_or("", |end| &line[..end]);
        if self.before == Before::Either && hidden.contains(['\'', '"', '`', '(', ')', '[', ']', '{', '}', '*']) {
            self.uncertain.get_or_insert(self.at);
        }
        self.pass(Before::Operator);
    }

    fn pattern(&mut self) {
        let mut class = false;
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => break,
                b'\n' => return,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }

    fn string(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.bytes.len() && self.peek(0) != quote && self.peek(0) != b'\n' {
            self.at += if self.peek(0) == b'\\' { 2 } else { 1 };
        }
        self.pass(Before::Value);
    }

    /// The text of a template from its backtick, or from the end of an expression in it, on.
    fn template(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'`' => return self.pass(Before::Value),
                b'$' if self.peek(1) == b'{' => {
                    self.brackets += 1;
                    self.open.push(Open::Template);
                    self.at += 1;
                    return self.pass(Before::Operator);
                }
                _ => self.at += 1,
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(open: &str, close: &str, times: usize) -> String {
        format!("{}1{}", open.repeat(times), close.repeat(times))
    }

    #[test]
    fn deep_texts_are_refused_and_wide_ones_are_not() {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{", "}"),
            ("`${", "}`"),
            ("(a=", ")"),
            ("A<", ">"),
            ("f(')', /[)/]/, /* ) */", ")"),
        ] {
            assert_eq!(check(&deep(open, close, DEPTH)), Ok(()), "{open}");
            assert!(check(&deep(open, close, DEPTH + 1)).is_err(), "{open}");
        }
        assert_eq!(
            check(&"f('(', \"[\", `{`, /[(/]/); // (\n/* [ */ if (a < 1) b = c / 2 / (d) << 3;\n".repeat(DEPTH * 20)),
            Ok(())
        );
        assert_eq!(check("#! `\n(1)"), Ok(()));
        assert!(check(&format!("#! `\n{}", deep("(", ")", DEPTH + 1))).is_err());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_held_to_a_stricter_measure() {
        let hides = "(a) /')'/ 1;\n";
        assert_eq!(check(&hides.repeat(UNCERTAIN_BRACKETS)), Ok(()));
        assert!(check(&hides.repeat(UNCERTAIN_BRACKETS + 1)).is_err());
    }
}
