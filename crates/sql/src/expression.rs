//! `{"expression": "..."}` as a record value: the few forms that are allowed, and their SQL (reference: database-service 14.2).
//!
//! Nothing of the client's text reaches the statement: it is read into one of the forms below, and those write SQL of our own.

use crate::catalog::Table;
use crate::statement::{Bound, Statement};
use antiphon_model::{Error, Object, Value};

/// The database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum TimeFunction {
    Timestamp,
    Date,
    Time,
}

impl TimeFunction {
    /// The names that clients write, without parentheses, and whether an empty pair of them must follow.
    pub const NAMES: [(&'static str, bool, TimeFunction); 4] = [
        ("NOW", true, TimeFunction::Timestamp),
        ("CURRENT_TIMESTAMP", false, TimeFunction::Timestamp),
        ("CURRENT_DATE", false, TimeFunction::Date),
        ("CURRENT_TIME", false, TimeFunction::Time),
    ];

    /// The function of that text, in any case: `NOW()`, `CURRENT_TIMESTAMP`, `CURRENT_DATE`, `CURRENT_TIME`.
    pub fn parse(text: &str) -> Option<TimeFunction> {
        let (name, called) = match text.trim().strip_suffix(')') {
            Some(call) => (call.trim_end().strip_suffix('(')?.trim_end(), true),
            None => (text.trim(), false),
        };
        let found = Self::NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        (found.1 == called).then_some(found.2)
    }

    /// The standard SQL of it, understood by every dialect.
    pub fn sql(self) -> &'static str {
        match self {
            TimeFunction::Timestamp => "CURRENT_TIMESTAMP",
            TimeFunction::Date => "CURRENT_DATE",
            TimeFunction::Time => "CURRENT_TIME",
        }
    }

    /// The name that clients write.
    pub fn wire_name(self) -> &'static str {
        match self {
            TimeFunction::Timestamp => "NOW()",
            other => other.sql(),
        }
    }

    /// What it says now, in the database's text form, UTC.
    pub fn now(self) -> String {
        let form = match self {
            TimeFunction::Timestamp => "%Y-%m-%d %H:%M:%S",
            TimeFunction::Date => "%Y-%m-%d",
            TimeFunction::Time => "%H:%M:%S",
        };
        jiff::Timestamp::now().strftime(form).to_string()
    }
}

/// A permitted expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// `NULL`.
    Null,
    /// One of the time functions.
    Time(TimeFunction),
    /// `column + number`, `column - number`, `column * number`.
    Arithmetic {
        /// Column of the same table.
        column: String,
        /// The SQL operator.
        operator: &'static str,
        /// The number.
        number: Bound,
    },
}

impl Expression {
    /// The expression that a record value stands for; none when the value is plain data.
    ///
    /// # Errors
    /// 400 `SQL expression '...' is not permitted.` for every other text.
    pub fn parse(value: &Value, table: &Table) -> Result<Option<Expression>, Error> {
        let Some(content) = content(value) else { return Ok(None) };
        let (text, params) = match content {
            Value::String(text) => (text.as_str(), None),
            Value::Object(parts) => (
                parts.get("value").and_then(Value::as_str).unwrap_or_default(),
                parts.get("params").and_then(Value::as_object),
            ),
            _ => ("", None),
        };
        match Self::parse_text(text, params, table) {
            Some(expression) => Ok(Some(expression)),
            None => Err(Error::bad_request(format!("SQL expression '{text}' is not permitted."))),
        }
    }

    fn parse_text(text: &str, params: Option<&Object>, table: &Table) -> Option<Expression> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("null") {
            return Some(Expression::Null);
        }
        if let Some(function) = TimeFunction::parse(text) {
            return Some(Expression::Time(function));
        }
        let (at, operator) = text.char_indices().find_map(|(at, c)| match c {
            '+' => Some((at, "+")),
            '-' => Some((at, "-")),
            '*' => Some((at, "*")),
            _ => None,
        })?;
        let field = table.comparable_field(text[..at].trim()).filter(|field| !field.is_virtual)?;
        let number = number(text[at + 1..].trim(), params)?;
        Some(Expression::Arithmetic { column: field.name.clone(), operator, number })
    }

    /// Appends it as SQL.
    pub fn write(&self, statement: &mut Statement<'_>) {
        match self {
            Expression::Null => statement.push("NULL"),
            Expression::Time(function) => statement.push(function.sql()),
            Expression::Arithmetic { column, operator, number } => {
                statement.identifier(column).push(" ").push(operator).push(" ").bind(number.clone())
            }
        };
    }
}

/// Whether a record value is an expression, permitted or not.
pub fn is_expression(value: &Value) -> bool {
    content(value).is_some()
}

fn content(value: &Value) -> Option<&Value> {
    value.as_object().filter(|object| object.len() == 1)?.get("expression")
}

fn number(text: &str, params: Option<&Object>) -> Option<Bound> {
    if let Some(name) = text.strip_prefix(':') {
        let params = params?;
        let value = params.get(text).or_else(|| params.get(name))?;
        return value.is_number().then(|| Bound::from(value));
    }
    if !crate::value::is_decimal(text) {
        return None;
    }
    text.parse().map(Bound::Integer).ok().or_else(|| text.parse().map(Bound::Real).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{field, table};
    use antiphon_model::json;

    fn parse(value: &Value) -> Result<Option<Expression>, Error> {
        let table = table("t", vec![field("a", crate::catalog::FieldType::Integer)]);
        Expression::parse(value, &table)
    }

    #[test]
    fn plain_data_is_no_expression() {
        for value in [json!(1), json!("NOW()"), json!({"expression": "NULL", "more": 1}), json!([])] {
            assert_eq!(parse(&value), Ok(None));
        }
    }

    #[test]
    fn the_few_forms_are_permitted() {
        let time = |text: &str| parse(&json!({ "expression": text })).unwrap().unwrap();
        assert_eq!(time("null"), Expression::Null);
        assert_eq!(time("now()"), Expression::Time(TimeFunction::Timestamp));
        assert_eq!(time(" CURRENT_DATE "), Expression::Time(TimeFunction::Date));
        let plus = Expression::Arithmetic { column: "a".into(), operator: "+", number: Bound::Integer(-2) };
        assert_eq!(time("A + -2"), plus);
        let by_parameter = json!({"expression": {"value": "a*:n", "params": {":n": 1.5}}});
        let times = Expression::Arithmetic { column: "a".into(), operator: "*", number: Bound::Real(1.5) };
        assert_eq!(parse(&by_parameter), Ok(Some(times)));
    }

    #[test]
    fn everything_else_is_refused_with_its_text() {
        for text in [
            "1); DROP TABLE t; --",
            "LOWER('x')",
            "b + 1",
            "a + a",
            "a + 1; DELETE FROM t",
            "NOW",
            "(SELECT 1)",
            "a + inf",
        ] {
            let error = parse(&json!({ "expression": text })).unwrap_err();
            assert_eq!(error.status, 400);
            assert_eq!(error.message, format!("SQL expression '{text}' is not permitted."));
        }
        assert!(parse(&json!({"expression": 5})).is_err());
    }
}
