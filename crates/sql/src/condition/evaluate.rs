//! A condition judged in memory, with the same answer as the database would give.
//!
//! Rules are SQLite's: a column of a number or date type takes texts that read as numbers for numbers, a text column takes
//! numbers for texts, numbers come before texts, LIKE ignores the case of ASCII letters, texts compare by their bytes.

use super::{Comparison, Condition, LIKE_ESCAPE, LikeForm, Operand};
use crate::catalog::FieldType;
use crate::statement::Bound;
use std::borrow::Cow;
use std::cmp::Ordering;

impl Condition {
    /// Whether the condition holds for a row; none when unknown, as a comparison with null is. `value_of` gives the row's
    /// value of a column.
    pub fn evaluate(&self, value_of: &dyn Fn(&str) -> Bound) -> Option<bool> {
        match self {
            Condition::True => Some(true),
            Condition::False => Some(false),
            Condition::And(all) => fold(all, value_of, false),
            Condition::Or(any) => fold(any, value_of, true),
            Condition::Xor(left, right) => Some(left.evaluate(value_of)? != right.evaluate(value_of)?),
            Condition::Not(inner) => inner.evaluate(value_of).map(|holds| !holds),
            Condition::IsNull(field) => Some(value_of(&field.column) == Bound::Null),
            Condition::Compare { field, operator, value } => {
                let order = compare(field.kind, &value_of(&field.column), value)?;
                Some(operator.holds(order))
            }
            Condition::In { field, values } => contained(field.kind, &value_of(&field.column), values),
            Condition::Between { field, low, high } => {
                let row = value_of(&field.column);
                let above = compare(field.kind, &row, low).map(Ordering::is_ge);
                let below = compare(field.kind, &row, high).map(Ordering::is_le);
                both(above, below)
            }
            Condition::Like { field, form, operand } => {
                let row = value_of(&field.column);
                if row == Bound::Null {
                    return None;
                }
                let escape = (*form != LikeForm::Pattern).then_some(LIKE_ESCAPE);
                Some(like(&form.pattern(operand), &text_of(&row), escape))
            }
        }
    }

    /// What is left to ask of the row when some of its columns are known: `value_of` gives a value for those. Parts of the
    /// tree that can be judged become true or false; unknown counts as false, as it does in WHERE.
    #[must_use]
    pub fn reduce(&self, value_of: &dyn Fn(&str) -> Option<Bound>) -> Condition {
        match self {
            Condition::And(all) => {
                let rest = all.iter().map(|each| each.reduce(value_of)).filter(|each| *each != Condition::True);
                let rest: Vec<_> = rest.collect();
                match rest.as_slice() {
                    [] => Condition::True,
                    rest if rest.contains(&Condition::False) => Condition::False,
                    _ => Condition::And(rest),
                }
            }
            Condition::Or(any) => {
                let rest = any.iter().map(|each| each.reduce(value_of)).filter(|each| *each != Condition::False);
                let rest: Vec<_> = rest.collect();
                match rest.as_slice() {
                    [] => Condition::False,
                    rest if rest.contains(&Condition::True) => Condition::True,
                    _ => Condition::Or(rest),
                }
            }
            other if other.columns_known(value_of) => {
                match other.evaluate(&|column| value_of(column).unwrap_or(Bound::Null)) {
                    Some(true) => Condition::True,
                    _ => Condition::False,
                }
            }
            other => other.clone(),
        }
    }

    fn columns_known(&self, value_of: &dyn Fn(&str) -> Option<Bound>) -> bool {
        self.all_columns(&|column| value_of(column).is_some())
    }

    /// Whether any part of the condition is about that column.
    pub fn mentions(&self, column: &str) -> bool {
        !self.all_columns(&|each| each != column)
    }

    fn all_columns(&self, holds: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Condition::True | Condition::False => true,
            Condition::And(each) | Condition::Or(each) => each.iter().all(|each| each.all_columns(holds)),
            Condition::Xor(left, right) => left.all_columns(holds) && right.all_columns(holds),
            Condition::Not(inner) => inner.all_columns(holds),
            Condition::Compare { field, .. }
            | Condition::In { field, .. }
            | Condition::Like { field, .. }
            | Condition::Between { field, .. }
            | Condition::IsNull(field) => holds(&field.column),
        }
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
        }
    }
}

/// AND (`decisive` false) or OR (`decisive` true) with three values: one decisive answer decides, else one unknown leaves
/// it unknown.
fn fold(conditions: &[Condition], value_of: &dyn Fn(&str) -> Bound, decisive: bool) -> Option<bool> {
    let mut answer = Some(!decisive);
    for condition in conditions {
        match condition.evaluate(value_of) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn contained(kind: FieldType, row: &Bound, values: &[Operand]) -> Option<bool> {
    let mut answer = Some(false);
    for value in values {
        match compare(kind, row, value) {
            Some(Ordering::Equal) => return Some(true),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

fn compare(kind: FieldType, row: &Bound, operand: &Operand) -> Option<Ordering> {
    match operand {
        Operand::Value(value) => Comparable::of(kind, row)?.order(&Comparable::of(kind, value)?),
        Operand::Time(function) => Comparable::of(kind, row)?.order(&Comparable::Text(Cow::Owned(function.now()))),
    }
}

/// A value as its column compares it.
enum Comparable<'v> {
    Integer(i64),
    Real(f64),
    Text(Cow<'v, str>),
    Blob(&'v [u8]),
}

impl<'v> Comparable<'v> {
    fn of(kind: FieldType, value: &'v Bound) -> Option<Comparable<'v>> {
        let textual = matches!(kind, FieldType::String | FieldType::Text | FieldType::Json | FieldType::Uuid);
        Some(match value {
            Bound::Null => return None,
            Bound::Blob(bytes) => Comparable::Blob(bytes),
            Bound::Text(text) if textual || kind == FieldType::Binary => Comparable::Text(Cow::Borrowed(text)),
            Bound::Text(text) => number(text).unwrap_or(Comparable::Text(Cow::Borrowed(text))),
            other if textual => Comparable::Text(text_of(other)),
            Bound::Boolean(value) => Comparable::Integer(i64::from(*value)),
            Bound::Integer(value) => Comparable::Integer(*value),
            Bound::Real(value) => Comparable::Real(*value),
        })
    }

    /// Numbers before texts before bytes.
    fn order(&self, other: &Comparable<'_>) -> Option<Ordering> {
        match (self, other) {
            (Comparable::Integer(left), Comparable::Integer(right)) => Some(left.cmp(right)),
            (Comparable::Real(left), Comparable::Real(right)) => left.partial_cmp(right),
            (Comparable::Integer(left), Comparable::Real(right)) => Some(integer_against_real(*left, *right)),
            (Comparable::Real(left), Comparable::Integer(right)) => Some(integer_against_real(*right, *left).reverse()),
            (Comparable::Text(left), Comparable::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
            (Comparable::Blob(left), Comparable::Blob(right)) => Some(left.cmp(right)),
            _ => Some(self.rank().cmp(&other.rank())),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Comparable::Integer(_) | Comparable::Real(_) => 0,
            Comparable::Text(_) => 1,
            Comparable::Blob(_) => 2,
        }
    }
}

/// Exact, also where the integer has more digits than a real can hold.
fn integer_against_real(integer: i64, real: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if real >= BEYOND {
        return Ordering::Less;
    }
    if real < -BEYOND {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range of i64, checked above")]
    let whole = real.trunc() as i64;
    integer.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal))
}

fn number(text: &str) -> Option<Comparable<'static>> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    if !crate::value::is_decimal(text) {
        return None;
    }
    match text.parse() {
        Ok(integer) => Some(Comparable::Integer(integer)),
        Err(_) => text.parse().ok().map(Comparable::Real),
    }
}

fn text_of(value: &Bound) -> Cow<'_, str> {
    match value {
        Bound::Null => Cow::Borrowed(""),
        Bound::Boolean(value) => Cow::Borrowed(if *value { "1" } else { "0" }),
        Bound::Integer(value) => Cow::Owned(value.to_string()),
        Bound::Real(value) => Cow::Owned(format!("{value:?}")),
        Bound::Text(text) => Cow::Borrowed(text),
        Bound::Blob(bytes) => String::from_utf8_lossy(bytes),
    }
}

enum Pattern {
    Any,
    One,
    Exactly(char),
}

/// Whether the text matches the pattern. Time is bounded by the product of both lengths.
fn like(pattern: &str, text: &str, escape: Option<char>) -> bool {
    let pattern = compiled(pattern, escape);
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Pattern::Any) => {
                p += 1;
                retry = Some((p, t));
                continue;
            }
            Some(Pattern::One) => (p, t) = (p + 1, t + 1),
            Some(Pattern::Exactly(c)) if c.eq_ignore_ascii_case(&text[t]) => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| matches!(rest, Pattern::Any))
}

fn compiled(pattern: &str, escape: Option<char>) -> Vec<Pattern> {
    let mut chars = pattern.chars();
    let mut compiled = Vec::with_capacity(pattern.len());
    while let Some(c) = chars.next() {
        compiled.push(match c {
            c if Some(c) == escape => Pattern::Exactly(chars.next().unwrap_or(c)),
            '%' => Pattern::Any,
            '_' => Pattern::One,
            c => Pattern::Exactly(c),
        });
    }
    compiled
}
