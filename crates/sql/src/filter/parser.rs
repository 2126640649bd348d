//! Text to syntax tree, by recursive descent over the grammar of database-service 12.1. Depth and number of values are
//! bounded, and no part of the text is read more than a fixed number of times.

use super::scan::{self, Logic};
use super::{FilterLimits, Literal, Node, Operator, Predicate, Test, unknown_field};
use crate::expression::TimeFunction;
use antiphon_model::{Error, json};

/// Reads a whole text that is not blank.
pub(super) fn parse(text: &str, limits: &FilterLimits) -> Result<Node, Error> {
    let mut parser = Parser { text, at: 0, depth: 0, values: 0, limits };
    let root = parser.disjunction()?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(root),
        Some(b')') => Err(parser.unparsable_at("this parenthesis closes nothing")),
        Some(_) => Err(parser.unparsable_at("AND, OR or XOR is missing here")),
    }
}

/// The operator that a text is as a whole, and whether it is negated: for operators that are given apart from their values.
pub(crate) fn parse_operator(text: &str) -> Option<(bool, Operator)> {
    // A value stands in, because a word alone is no operator.
    let text = format!("{} 0", text.trim());
    let (negated, operator, end) = scan::operator(&text, 0)?;
    (end + 2 == text.len()).then_some((negated, operator))
}

/// The values of a list, with or without parentheses around it.
pub(crate) fn parse_values(text: &str, limits: &FilterLimits) -> Result<Vec<Literal>, Error> {
    let text = text.trim();
    let wrapped = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
    let mut parser = Parser { text: &wrapped, at: 0, depth: 0, values: 0, limits };
    let values = parser.list()?;
    if parser.at < wrapped.len() {
        return Err(parser.unparsable_at("the list ends before here"));
    }
    Ok(values)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    values: usize,
    limits: &'t FilterLimits,
}

impl Parser<'_> {
    fn disjunction(&mut self) -> Result<Node, Error> {
        self.chain(Logic::Or, Node::Or, |parser| {
            parser.chain(Logic::Xor, Node::Xor, |parser| parser.chain(Logic::And, Node::And, Self::negation))
        })
    }

    /// Terms with one logical operator between; a single term stands for itself.
    fn chain(
        &mut self,
        operator: Logic,
        join: fn(Vec<Node>) -> Node,
        mut term: impl FnMut(&mut Self) -> Result<Node, Error>,
    ) -> Result<Node, Error> {
        let first = term(self)?;
        let mut more = Vec::new();
        while let Some((_, end)) = self.peek_logic().filter(|(found, _)| *found == operator) {
            self.at = end;
            more.push(term(self)?);
        }
        if more.is_empty() {
            return Ok(first);
        }
        more.insert(0, first);
        Ok(join(more))
    }

    fn negation(&mut self) -> Result<Node, Error> {
        self.skip_space();
        if let Some(end) = scan::word(self.text, self.at, "NOT") {
            self.at = end;
            return self.nested(|parser| Ok(Node::Not(Box::new(parser.negation()?))));
        }
        if self.peek() == Some(b'(') {
            self.at += 1;
            return self.nested(Self::group);
        }
        self.predicate().map(Node::Predicate)
    }

    /// After an opening parenthesis.
    fn group(&mut self) -> Result<Node, Error> {
        let inner = self.disjunction()?;
        self.skip_space();
        if self.peek() != Some(b')') {
            return Err(self.unparsable_at("a closing parenthesis is missing here"));
        }
        self.at += 1;
        Ok(inner)
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<Node, Error>) -> Result<Node, Error> {
        if self.depth == self.limits.depth {
            return Err(Error::bad_request(format!(
                "The filter is nested too deeply: at most {} levels are allowed.",
                self.limits.depth
            )));
        }
        self.depth += 1;
        let node = inner(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn predicate(&mut self) -> Result<Predicate, Error> {
        let start = self.at;
        let (field, negated, operator) = match self.quoted_field() {
            Some(found) => found,
            None => self.bare_field()?,
        };
        let test = match operator {
            Operator::IsNull => Test::IsNull,
            Operator::Compare(comparison) => Test::Compare(comparison, self.value(false)?),
            Operator::Like(form) => Test::Like(form, self.value(false)?),
            Operator::In => Test::In(self.list()?),
            Operator::Between => self.between()?,
        };
        Ok(Predicate { field, position: start, negated, test })
    }

    /// A field name in double quotes or backticks, and the operator after it.
    fn quoted_field(&mut self) -> Option<(String, bool, Operator)> {
        if !matches!(self.peek()?, b'"' | b'`') {
            return None;
        }
        let (name, end) = scan::quoted(self.text, self.at)?;
        let (negated, operator, end) = scan::operator(self.text, scan::skip_space(self.text, end))?;
        self.at = end;
        Some((name, negated, operator))
    }

    /// Everything to the first operator outside parentheses, and that operator. Whether it is a field is seen when the
    /// filter is bound.
    fn bare_field(&mut self) -> Result<(String, bool, Operator), Error> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut depth = 0_usize;
        for (at, byte) in bytes.iter().enumerate().skip(start) {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => {
                    if scan::symbol(self.text, scan::skip_space(self.text, at + 1)).is_some() {
                        return Err(unknown_field(&self.text[start..=at]));
                    }
                    break;
                }
                b')' => depth -= 1,
                _ if depth > 0 => {}
                b'&' | b'|' if scan::logic(self.text, at).is_some() => break,
                _ => {
                    let Some((negated, operator, end)) = scan::operator(self.text, at) else { continue };
                    // A word at the very start is a name: `in = 1`.
                    if at == start && scan::symbol(self.text, at).is_none() {
                        continue;
                    }
                    self.at = end;
                    return Ok((self.text[start..at].trim_ascii_end().to_owned(), negated, operator));
                }
            }
        }
        Err(unparsable().with_cause(format!("no operator after position {}", self.position(start))))
    }

    fn between(&mut self) -> Result<Test, Error> {
        let low = self.value(false)?;
        match self.peek_logic() {
            Some((Logic::And, end)) => self.at = end,
            _ => return Err(self.unparsable_at("BETWEEN needs AND and a second value here")),
        }
        Ok(Test::Between(low, self.value(false)?))
    }

    /// Values in parentheses.
    fn list(&mut self) -> Result<Vec<Literal>, Error> {
        self.skip_space();
        if self.peek() != Some(b'(') {
            return Err(Error::bad_request("Filter value lists must be wrapped in parentheses."));
        }
        self.at += 1;
        self.skip_space();
        let mut values = Vec::new();
        if self.peek() == Some(b')') {
            self.at += 1;
            return Ok(values);
        }
        loop {
            values.push(self.value(true)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b')') => {
                    self.at += 1;
                    return Ok(values);
                }
                _ => return Err(self.unparsable_at("the list's closing parenthesis is missing here")),
            }
        }
    }

    fn value(&mut self, in_list: bool) -> Result<Literal, Error> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(too_many_values(self.limits.values));
        }
        self.skip_space();
        let start = self.at;
        let found = match self.peek() {
            Some(b'\'' | b'"') => Some(self.quoted_value(in_list)?),
            Some(b':') => self.parameter(in_list),
            _ => None,
        };
        if let Some(value) = found {
            return Ok(value);
        }
        let end = self.bare_end(start, in_list)?;
        self.at = end;
        Ok(bare(self.text[start..end].trim_ascii_end()))
    }

    /// Text in quotes. A quote that ends too early (`'it's'`) is taken for a part of the text, when the value ends in the
    /// same quote.
    fn quoted_value(&mut self, in_list: bool) -> Result<Literal, Error> {
        let start = self.at;
        let Some((content, close)) = scan::quoted(self.text, start) else {
            return Err(self.unparsable_at("this quote has no partner; write it twice if it is part of the text"));
        };
        self.at = close;
        if self.ends_value(in_list) {
            return Ok(Literal::Quoted(content));
        }
        let end = self.bare_end(close, in_list)?;
        let written = self.text[start..end].trim_ascii_end();
        if written.as_bytes()[0] != written.as_bytes()[written.len() - 1] {
            self.skip_space();
            return Err(self.unparsable_at("there is text after the closing quote"));
        }
        self.at = end;
        Ok(Literal::Quoted(written[1..written.len() - 1].to_owned()))
    }

    /// `:name`, when nothing else follows before the value's end.
    fn parameter(&mut self, in_list: bool) -> Option<Literal> {
        let start = self.at;
        let name =
            self.text[start + 1..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        self.at = start + 1 + name;
        if name > 0 && self.ends_value(in_list) {
            return Some(Literal::Parameter(self.text[start + 1..start + 1 + name].to_owned()));
        }
        self.at = start;
        None
    }

    /// Where text without quotes ends: at the parenthesis that closes its term, at a list's comma, at a logical operator
    /// outside parentheses and lists, or with the filter.
    fn bare_end(&self, start: usize, in_list: bool) -> Result<usize, Error> {
        let bytes = self.text.as_bytes();
        let mut open = Vec::new();
        for (at, byte) in bytes.iter().enumerate().skip(start) {
            match byte {
                b'(' => open.push(at),
                b')' if open.pop().is_none() => return Ok(at),
                b',' if in_list && open.is_empty() => return Ok(at),
                _ if !in_list && open.is_empty() && scan::logic(self.text, at).is_some() => return Ok(at),
                _ => {}
            }
        }
        match open.first() {
            None => Ok(bytes.len()),
            Some(at) => Err(self.unparsable_from(*at, "this parenthesis is not closed; quote the value if it is text")),
        }
    }

    /// Whether a value can end here.
    fn ends_value(&self, in_list: bool) -> bool {
        let at = scan::skip_space(self.text, self.at);
        match self.text.as_bytes().get(at) {
            None | Some(b')') => true,
            Some(b',') => in_list,
            Some(_) => !in_list && scan::logic(self.text, at).is_some(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn peek_logic(&self) -> Option<(Logic, usize)> {
        scan::logic(self.text, scan::skip_space(self.text, self.at))
    }

    fn skip_space(&mut self) {
        self.at = scan::skip_space(self.text, self.at);
    }

    /// In characters, as people count.
    fn position(&self, at: usize) -> usize {
        self.text[..at].chars().count()
    }

    fn unparsable_at(&self, reason: &str) -> Error {
        self.unparsable_from(self.at, reason)
    }

    fn unparsable_from(&self, at: usize, reason: &str) -> Error {
        unparsable().with_context(json!({ "position": self.position(at), "reason": reason }))
    }
}

/// What text without quotes means: the clock, what a pair of parentheses wraps (a number or a quoted text), or itself. No
/// text at all means the empty one.
fn bare(text: &str) -> Literal {
    if text.is_empty() {
        return Literal::Quoted(String::new());
    }
    let unwrapped = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).map(str::trim);
    if let Some(function) = TimeFunction::parse(text).or_else(|| unwrapped.and_then(TimeFunction::parse)) {
        return Literal::Time(function);
    }
    match unwrapped {
        Some(number) if crate::value::is_decimal(number) => Literal::Bare(number.to_owned()),
        Some(inner) if inner.starts_with(['\'', '"']) => match scan::quoted(inner, 0) {
            Some((content, end)) if end == inner.len() => Literal::Quoted(content),
            _ => Literal::Bare(text.to_owned()),
        },
        _ => Literal::Bare(text.to_owned()),
    }
}

pub(super) fn too_many_values(limit: usize) -> Error {
    Error::bad_request(format!("The filter has too many values: at most {limit} are allowed."))
}

fn unparsable() -> Error {
    Error::bad_request("Invalid or unparsable filter request.")
}
