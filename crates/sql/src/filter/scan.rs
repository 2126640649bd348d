//! Looking at a filter text byte by byte: white space, words, operators, quotes. All syntax is ASCII, so every position at
//! which something was recognised is also a boundary between characters.

use super::Operator;
use crate::condition::{Comparison, LikeForm};

/// AND, OR, XOR between terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logic {
    And,
    Or,
    Xor,
}

/// The first position at or after `at` that is not white space.
pub fn skip_space(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of a keyword at that position, in any case. Before and after it is white space, other syntax or nothing.
pub fn word(text: &str, at: usize, word: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let end = at + word.len();
    let found = bytes.get(at..end)?.eq_ignore_ascii_case(word.as_bytes());
    let open = at == 0 || b"()'\"`=<>&|".contains(&bytes[at - 1]) || bytes[at - 1].is_ascii_whitespace();
    let closed = bytes.get(end).is_none_or(|byte| b"()'\"&|".contains(byte) || byte.is_ascii_whitespace());
    (found && open && closed).then_some(end)
}

/// The end of several keywords with white space between.
fn words(text: &str, at: usize, all: &[&str]) -> Option<usize> {
    all.iter()
        .enumerate()
        .try_fold(at, |at, (index, each)| word(text, if index == 0 { at } else { skip_space(text, at) }, each))
}

/// A logical operator at that position, and its end.
pub fn logic(text: &str, at: usize) -> Option<(Logic, usize)> {
    let rest = text.as_bytes().get(at..)?;
    match rest.first()? {
        b'&' if rest.starts_with(b"&&") => Some((Logic::And, at + 2)),
        b'|' if rest.starts_with(b"||") => Some((Logic::Or, at + 2)),
        b'a' | b'A' => word(text, at, "AND").map(|end| (Logic::And, end)),
        b'o' | b'O' => word(text, at, "OR").map(|end| (Logic::Or, end)),
        b'x' | b'X' => word(text, at, "XOR").map(|end| (Logic::Xor, end)),
        _ => None,
    }
}

const SYMBOLS: [(&str, Comparison); 7] = [
    ("!=", Comparison::NotEqual),
    ("<>", Comparison::NotEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<=", Comparison::LessOrEqual),
    ("=", Comparison::Equal),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
];

const WORDS: [(&[&str], Operator); 12] = [
    (&["EQ"], Operator::Compare(Comparison::Equal)),
    (&["NE"], Operator::Compare(Comparison::NotEqual)),
    (&["GT"], Operator::Compare(Comparison::Greater)),
    (&["GTE"], Operator::Compare(Comparison::GreaterOrEqual)),
    (&["LT"], Operator::Compare(Comparison::Less)),
    (&["LTE"], Operator::Compare(Comparison::LessOrEqual)),
    (&["IN"], Operator::In),
    (&["LIKE"], Operator::Like(LikeForm::Pattern)),
    (&["CONTAINS"], Operator::Like(LikeForm::Contains)),
    (&["STARTS", "WITH"], Operator::Like(LikeForm::StartsWith)),
    (&["ENDS", "WITH"], Operator::Like(LikeForm::EndsWith)),
    (&["BETWEEN"], Operator::Between),
];

/// A comparison symbol at that position, and its end.
pub fn symbol(text: &str, at: usize) -> Option<(Comparison, usize)> {
    let rest = text.as_bytes().get(at..)?;
    let (symbol, comparison) = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol.as_bytes()))?;
    Some((*comparison, at + symbol.len()))
}

/// An operator at that position: whether NOT precedes it, what it is, and its end.
pub fn operator(text: &str, at: usize) -> Option<(bool, Operator, usize)> {
    if let Some((comparison, end)) = symbol(text, at) {
        return Some((false, Operator::Compare(comparison), end));
    }
    if !text.as_bytes().get(at)?.is_ascii_alphabetic() {
        return None;
    }
    if let Some(end) = words(text, at, &["IS", "NULL"]) {
        return Some((false, Operator::IsNull, end));
    }
    if let Some(end) = words(text, at, &["IS", "NOT", "NULL"]) {
        return Some((true, Operator::IsNull, end));
    }
    if let Some(end) = word(text, at, "NOT") {
        let at = skip_space(text, end);
        if let Some((comparison, end)) = symbol(text, at) {
            return Some((true, Operator::Compare(comparison), end));
        }
        return word_operator(text, at).map(|(operator, end)| (true, operator, end));
    }
    word_operator(text, at).map(|(operator, end)| (false, operator, end))
}

/// An operator of words. Something must follow: `id eq` alone says nothing.
fn word_operator(text: &str, at: usize) -> Option<(Operator, usize)> {
    WORDS.iter().find_map(|(all, operator)| {
        let end = words(text, at, all)?;
        (skip_space(text, end) < text.len()).then_some((*operator, end))
    })
}

/// The text between the quote at that position and its partner, doubled quotes made single, and the end after it. None when
/// the partner is missing.
pub fn quoted(text: &str, at: usize) -> Option<(String, usize)> {
    let quote = char::from(*text.as_bytes().get(at)?);
    let mut content = String::new();
    let mut from = at + 1;
    loop {
        let close = from + text[from..].find(quote)?;
        content.push_str(&text[from..close]);
        if !text[close + 1..].starts_with(quote) {
            return Some((content, close + 1));
        }
        content.push(quote);
        from = close + 2;
    }
}
