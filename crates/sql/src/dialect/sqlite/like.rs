//! LIKE as SQLite has it, but within the time limit of statements: SQLite's own looks at no clock, and one long text can keep
//! it busy for minutes.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result, ffi};
use std::borrow::Cow;

/// Steps between two looks at the clock: about a tenth of a millisecond.
const CLOCK_STEPS: usize = 1 << 16;

/// Puts this LIKE in place of the connection's. `is_over` tells whether the running statement's time is up.
pub(super) fn install(connection: &Connection, is_over: impl Fn() -> bool + Clone + Send + 'static) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    for arguments in [2, 3] {
        let is_over = is_over.clone();
        connection.create_scalar_function("like", arguments, flags, move |context| like(context, &is_over))?;
    }
    Ok(())
}

/// `text LIKE pattern [ESCAPE character]`, which SQLite calls as `like(pattern, text, character)`.
fn like(context: &Context<'_>, is_over: &dyn Fn() -> bool) -> Result<Option<bool>> {
    let (Some(pattern), Some(text)) = (bytes_of(context.get_raw(0)), bytes_of(context.get_raw(1))) else {
        return Ok(None);
    };
    let escape = match context.len() {
        3 => match bytes_of(context.get_raw(2)) {
            None => return Ok(None),
            Some(escape) => Some(escape),
        },
        _ => None,
    };
    if escape.as_ref().is_some_and(|escape| escape.is_empty() || after_character(escape, 0) != escape.len()) {
        return Err(Error::UserFunctionError("ESCAPE expression must be a single character".into()));
    }
    matches(&pattern, escape.as_deref(), &text, is_over).map(Some)
}

/// A value as text; none for null.
fn bytes_of(value: ValueRef<'_>) -> Option<Cow<'_, [u8]>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes().into()),
        ValueRef::Real(number) => Some(format!("{number:?}").into_bytes().into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.into()),
    }
}

/// What stands at a place of a pattern.
enum Part {
    /// Any text.
    Any,
    /// One character.
    One,
    /// The byte at that position, in any case.
    Byte(usize),
    /// Nothing that a text could have: an escape character at the end, or the end itself.
    Nothing,
}

fn part(pattern: &[u8], at: usize, escape: Option<&[u8]>) -> Part {
    if let Some(escape) = escape
        && pattern[at..].starts_with(escape)
    {
        let escaped = at + escape.len();
        return if escaped < pattern.len() { Part::Byte(escaped) } else { Part::Nothing };
    }
    match pattern.get(at) {
        None => Part::Nothing,
        Some(b'%') => Part::Any,
        Some(b'_') => Part::One,
        Some(_) => Part::Byte(at),
    }
}

/// Whether the text fits. Only the last `%` that was passed is ever tried again, so the time is at most the product of both
/// lengths.
fn matches(pattern: &[u8], escape: Option<&[u8]>, text: &[u8], is_over: &dyn Fn() -> bool) -> Result<bool> {
    let (mut at, mut place) = (0, 0);
    let mut again = None;
    let mut steps = 0;
    while place < text.len() {
        steps += 1;
        if steps % CLOCK_STEPS == 0 && is_over() {
            return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None));
        }
        match part(pattern, at, escape) {
            Part::Any => {
                at += 1;
                if at == pattern.len() {
                    return Ok(true);
                }
                again = Some((at, place));
            }
            Part::One => (at, place) = (at + 1, after_character(text, place)),
            Part::Byte(byte) if pattern[byte].eq_ignore_ascii_case(&text[place]) => (at, place) = (byte + 1, place + 1),
            _ => match again {
                None => return Ok(false),
                Some((after, from)) => {
                    let next = after_character(text, from);
                    again = Some((after, next));
                    (at, place) = (after, next);
                }
            },
        }
    }
    while let Part::Any = part(pattern, at, escape) {
        at += 1;
    }
    Ok(at == pattern.len())
}

/// The position behind the character there.
fn after_character(text: &[u8], at: usize) -> usize {
    let rest = text[at + 1..].iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
    at + 1 + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(connection: &Connection, pattern: &str, text: &str, escape: bool) -> Option<bool> {
        let sql = if escape { "SELECT ?2 LIKE ?1 ESCAPE '!'" } else { "SELECT ?2 LIKE ?1" };
        connection.query_row(sql, [pattern, text], |row| row.get(0)).unwrap()
    }

    fn ours() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        install(&connection, || false).unwrap();
        connection
    }

    proptest! {
        #[test]
        fn it_answers_as_sqlite_does(pattern in "[a-cA!%_é☃]{0,8}", text in "[a-cB!%_é☃]{0,10}", escape: bool) {
            let theirs = Connection::open_in_memory().unwrap();
            prop_assert_eq!(ask(&ours(), &pattern, &text, escape), ask(&theirs, &pattern, &text, escape));
        }
    }

    #[test]
    fn numbers_are_texts_and_null_is_unknown() {
        let (ours, theirs) = (ours(), Connection::open_in_memory().unwrap());
        for sql in
            ["12 LIKE '1%'", "1.5 LIKE '1.5'", "2.0 LIKE '2.0'", "NULL LIKE '%'", "'x' LIKE NULL", "x'6162' LIKE 'A_'"]
        {
            let ask = |connection: &Connection| {
                connection.query_row(&format!("SELECT {sql}"), [], |row| row.get::<_, Option<bool>>(0)).unwrap()
            };
            assert_eq!(ask(&ours), ask(&theirs), "{sql}");
        }
    }

    #[test]
    fn it_ends_when_the_time_is_up() {
        let connection = Connection::open_in_memory().unwrap();
        install(&connection, || true).unwrap();
        let pattern = format!("%{}b%", "a".repeat(8000));
        let outcome =
            connection.query_row("SELECT ?2 LIKE ?1", [pattern, "a".repeat(1 << 20)], |row| row.get::<_, bool>(0));
        let Err(Error::SqliteFailure(failure, _)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.code, ffi::ErrorCode::OperationInterrupted);
        assert_eq!(ask(&connection, "a%", "abc", false), Some(true));
    }
}
