//! The filter language (reference: database-service 12): text to syntax tree to bound [`Condition`].
//!
//! [`parse`] knows only the grammar; [`Filter::bind`] knows the table. A value of the text ends as a bound value and nothing
//! else, so no text, parameter or lookup can add syntax.

mod bind;
mod parser;
mod print;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use bind::compare;
pub(crate) use parser::{parse_operator, parse_values};

use crate::catalog::Table;
use crate::condition::{Comparison, Condition, FieldRef, LikeForm};
use crate::expression::TimeFunction;
use crate::lookup::Lookups;
use antiphon_model::{Error, Limits, Object};

/// What bounds a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterLimits {
    /// Longest text in bytes.
    pub bytes: usize,
    /// Deepest nesting of parentheses and NOT.
    pub depth: usize,
    /// Most values, those of list parameters included.
    pub values: usize,
}

impl From<&Limits> for FilterLimits {
    fn from(limits: &Limits) -> FilterLimits {
        FilterLimits { bytes: limits.filter_bytes, depth: limits.filter_depth, values: limits.filter_values }
    }
}

impl Default for FilterLimits {
    fn default() -> FilterLimits {
        FilterLimits::from(&Limits::default())
    }
}

/// A parsed filter. Its `Display` writes text that parses to the same tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: Node,
    limits: FilterLimits,
}

/// A part of the syntax tree.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Or(Vec<Node>),
    Xor(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Predicate(Predicate),
}

impl Node {
    /// See [`Filter::demands`].
    fn demand(&self) -> Option<(&str, Vec<&str>)> {
        let Node::Predicate(Predicate { field, negated: false, test, .. }) = self else { return None };
        let literals = match test {
            Test::Compare(Comparison::Equal, literal) => std::slice::from_ref(literal),
            Test::In(literals) => literals.as_slice(),
            _ => return None,
        };
        Some((field, literals.iter().map(Literal::plain).collect::<Option<_>>()?))
    }
}

/// One field under one test.
#[derive(Debug, Clone, PartialEq)]
struct Predicate {
    field: String,
    /// Where it starts in the text, in bytes from zero.
    position: usize,
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Compare(Comparison, Literal),
    In(Vec<Literal>),
    Like(LikeForm, Literal),
    IsNull,
    Between(Literal, Literal),
}

/// An operator before its value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `=` and so on.
    Compare(Comparison),
    /// `IN`.
    In,
    /// `LIKE`, `CONTAINS`, `STARTS WITH`, `ENDS WITH`.
    Like(LikeForm),
    /// `IS NULL`; `IS NOT NULL` is its negation.
    IsNull,
    /// `BETWEEN`.
    Between,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// In quotes: always text.
    Quoted(String),
    /// Without quotes: `null` is no value here.
    Bare(String),
    /// `:name`.
    Parameter(String),
    /// The clock.
    Time(TimeFunction),
}

impl Literal {
    /// The text that it stands for by itself.
    fn plain(&self) -> Option<&str> {
        let (Literal::Quoted(text) | Literal::Bare(text)) = self else { return None };
        // In braces is a lookup.
        (!text.contains('{') && !text.eq_ignore_ascii_case("null")).then_some(text.as_str())
    }
}

/// Reads a filter text; none when it is blank.
///
/// # Errors
/// 400 `Invalid or unparsable filter request.`, with the position in the context where the original has no such error; 400
/// `Filter value lists must be wrapped in parentheses.`; 400 beyond a limit.
pub fn parse(text: &str, limits: &FilterLimits) -> Result<Option<Filter>, Error> {
    if text.len() > limits.bytes {
        return Err(Error::bad_request(format!(
            "The filter is too long: at most {} bytes are allowed. Send long value lists as `ids` or split the request.",
            limits.bytes
        )));
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    parser::parse(text, limits).map(|root| Some(Filter { root, limits: *limits }))
}

impl Filter {
    /// The texts that a field must be one of, for each field of which the filter demands that whatever else holds. For those who fetch
    /// the rows from elsewhere and need not fetch all: it says less than the filter, never more.
    pub fn demands(&self) -> Vec<(&str, Vec<&str>)> {
        let nodes = match &self.root {
            Node::And(nodes) => nodes.as_slice(),
            other => std::slice::from_ref(other),
        };
        nodes.iter().filter_map(Node::demand).collect()
    }

    /// The condition that the filter puts on rows of the table. `params` are the values for `:name`; lookups are public
    /// ones only.
    ///
    /// # Errors
    /// 400 `Invalid or unparsable field in filter request: 'x'`, `Field 'x' must be a valid integer.`,
    /// `Missing filter parameter ':x'.`
    pub fn bind(&self, table: &Table, params: Option<&Object>, lookups: &dyn Lookups) -> Result<Condition, Error> {
        self.bind_fields(&|name| table.field(name).and_then(FieldRef::of), params, lookups)
    }

    /// Like [`Filter::bind`] with fields of one's own, such as the aggregates of a HAVING clause.
    ///
    /// # Errors
    /// As [`Filter::bind`].
    pub fn bind_fields(
        &self,
        field: &dyn Fn(&str) -> Option<FieldRef>,
        params: Option<&Object>,
        lookups: &dyn Lookups,
    ) -> Result<Condition, Error> {
        bind::Binder::new(field, params, lookups, self.limits.values).bind(&self.root)
    }
}

/// 400 for a field that the table does not have, or a left side that is no field.
fn unknown_field(text: &str) -> Error {
    Error::bad_request(format!("Invalid or unparsable field in filter request: '{text}'"))
}
