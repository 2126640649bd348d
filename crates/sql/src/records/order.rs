//! `order`: fields with directions and the place of nulls (7.2).

use super::plan::write_field;
use crate::catalog::{Field, Table};
use crate::statement::Statement;
use antiphon_model::{Error, Result};

/// One field of an order.
#[derive(Debug, PartialEq)]
pub(super) struct Term<'t> {
    field: &'t Field,
    descending: bool,
    /// Whether nulls come first; the database decides when nothing is said.
    nulls_first: Option<bool>,
}

/// Reads an order clause.
///
/// # Errors
/// 400 for an unknown field or word.
pub(super) fn parse<'t>(text: &str, table: &'t Table) -> Result<Vec<Term<'t>>> {
    if text.contains(';') {
        return Err(invalid());
    }
    text.split(',').filter(|item| !item.trim().is_empty()).map(|item| term(item, table)).collect()
}

fn term<'t>(item: &str, table: &'t Table) -> Result<Term<'t>> {
    let mut words: Vec<&str> = item.split_whitespace().collect();
    let is = |word: Option<&&str>, known: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(known));
    let mut nulls_first = None;
    if let [.., before, last] = words.as_slice()
        && before.eq_ignore_ascii_case("nulls")
    {
        nulls_first = match () {
            () if last.eq_ignore_ascii_case("first") => Some(true),
            () if last.eq_ignore_ascii_case("last") => Some(false),
            () => return Err(invalid()),
        };
        words.truncate(words.len() - 2);
    }
    let descending = is(words.last(), "desc");
    if words.len() > 1 && (descending || is(words.last(), "asc")) {
        words.pop();
    }
    let name = words.join(" ");
    match table.comparable_field(&name) {
        Some(field) => Ok(Term { field, descending, nulls_first }),
        None if words.len() > 1 && table.field(words[0]).is_some() => Err(Error::bad_request(format!(
            "Invalid word '{}' in order by clause: 'asc' or 'desc' may follow a field.",
            words[1..].join(" ")
        ))),
        None => Err(Error::bad_request(format!("Invalid field '{name}' in order by clause."))),
    }
}

fn invalid() -> Error {
    Error::bad_request("Invalid order by clause in request.")
}

/// Appends `ORDER BY`. The place of nulls is written as a term of its own, which every database understands.
pub(super) fn write(statement: &mut Statement<'_>, terms: &[Term<'_>]) {
    if terms.is_empty() {
        return;
    }
    statement.push(" ORDER BY ").list(terms, |statement, term| {
        if let Some(first) = term.nulls_first {
            write_field(statement, term.field);
            statement.push(if first { " IS NOT NULL, " } else { " IS NULL, " });
        }
        write_field(statement, term.field);
        statement.push(if term.descending { " DESC" } else { "" });
    });
}

/// Ascending by these fields.
pub(super) fn by<'t>(fields: impl IntoIterator<Item = &'t Field>) -> Vec<Term<'t>> {
    fields.into_iter().map(|field| Term { field, descending: false, nulls_first: None }).collect()
}
