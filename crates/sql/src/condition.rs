//! A condition on the rows of one table, bound to columns and values: written as SQL, or judged on a record in memory.
//!
//! Trees from different authors (a client's filter, a role's row filter, identifiers) are combined as trees, never as text.

mod evaluate;
#[cfg(test)]
mod tests;

use crate::catalog::{Field, FieldType};
use crate::expression::TimeFunction;
use crate::statement::{Bound, Statement};

/// The left side of a comparison: a column, or the SQL that stands in for it.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRef {
    /// Name on the wire, for messages.
    pub name: String,
    /// Column name.
    pub column: String,
    /// SQL of the field's FILTER function (database-service 5.2); an administrator wrote it.
    pub expression: Option<String>,
    /// Type on the wire.
    pub kind: FieldType,
}

impl FieldRef {
    /// The reference to a field, or none for one that can't be compared: what it holds is encrypted, or it is virtual and has
    /// no FILTER function.
    pub fn of(field: &Field) -> Option<FieldRef> {
        let expression = database_function(field, "FILTER").map(str::to_owned);
        if field.is_sealed || (field.is_virtual && expression.is_none()) {
            return None;
        }
        Some(FieldRef { name: field.wire_name().to_owned(), column: field.name.clone(), expression, kind: field.kind })
    }

    fn write(&self, statement: &mut Statement<'_>) {
        match &self.expression {
            Some(sql) => statement.push("(").push(sql).push(")"),
            None => statement.identifier(&self.column),
        };
    }
}

/// The SQL that a field's `db_function` gives for that use: `SELECT`, `FILTER`, `INSERT` or `UPDATE` (database-service 5.2).
pub fn database_function<'f>(field: &'f Field, usage: &str) -> Option<&'f str> {
    let functions = field.db_function.as_ref()?.as_array()?;
    let serves = |function: &&antiphon_model::Value| {
        let uses = function.get("use").and_then(|uses| uses.as_array());
        uses.is_some_and(|uses| {
            uses.iter().any(|each| each.as_str().is_some_and(|each| each.eq_ignore_ascii_case(usage)))
        })
    };
    functions.iter().find(serves)?.get("function")?.as_str()
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// The SQL operator.
    pub fn sql(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
        }
    }
}

/// The kinds of LIKE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikeForm {
    /// The operand is a pattern: `%` and `_` are wildcards.
    Pattern,
    /// The operand is plain text somewhere inside.
    Contains,
    /// The operand is plain text at the start.
    StartsWith,
    /// The operand is plain text at the end.
    EndsWith,
}

/// Escapes wildcards in the operands of CONTAINS, STARTS WITH and ENDS WITH. Not the backslash, which MySQL's string
/// literals would need doubled.
const LIKE_ESCAPE: char = '!';

impl LikeForm {
    /// The LIKE pattern for an operand.
    fn pattern(self, operand: &str) -> String {
        if self == LikeForm::Pattern {
            return operand.to_owned();
        }
        let mut pattern = String::with_capacity(operand.len() + 2);
        if matches!(self, LikeForm::Contains | LikeForm::EndsWith) {
            pattern.push('%');
        }
        for c in operand.chars() {
            if matches!(c, '%' | '_' | LIKE_ESCAPE) {
                pattern.push(LIKE_ESCAPE);
            }
            pattern.push(c);
        }
        if matches!(self, LikeForm::Contains | LikeForm::StartsWith) {
            pattern.push('%');
        }
        pattern
    }
}

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value, always bound.
    Value(Bound),
    /// The database's clock.
    Time(TimeFunction),
}

impl Operand {
    /// Appends a placeholder, or the time function.
    pub fn write(&self, statement: &mut Statement<'_>) {
        match self {
            Operand::Value(value) => statement.bind(value.clone()),
            Operand::Time(function) => statement.push(function.sql()),
        };
    }
}

impl From<Bound> for Operand {
    fn from(value: Bound) -> Operand {
        Operand::Value(value)
    }
}

/// A condition. Logic has three values, as in SQL: a comparison with null is neither true nor false.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Every row.
    True,
    /// No row.
    False,
    /// All hold; empty = every row.
    And(Vec<Condition>),
    /// One holds; empty = no row.
    Or(Vec<Condition>),
    /// Exactly one holds.
    Xor(Box<Condition>, Box<Condition>),
    /// Does not hold.
    Not(Box<Condition>),
    /// `field = value` and so on.
    #[expect(missing_docs, reason = "the fields say it")]
    Compare { field: FieldRef, operator: Comparison, value: Operand },
    /// One of the values; empty = no row.
    #[expect(missing_docs, reason = "the fields say it")]
    In { field: FieldRef, values: Vec<Operand> },
    /// Matches text.
    #[expect(missing_docs, reason = "the fields say it")]
    Like { field: FieldRef, form: LikeForm, operand: String },
    /// Has no value.
    IsNull(FieldRef),
    /// Within bounds, both included.
    #[expect(missing_docs, reason = "the fields say it")]
    Between { field: FieldRef, low: Operand, high: Operand },
}

impl Condition {
    /// `field = value`; for null, `field IS NULL`.
    pub fn equals(field: FieldRef, value: Bound) -> Condition {
        match value {
            Bound::Null => Condition::IsNull(field),
            value => Condition::Compare { field, operator: Comparison::Equal, value: value.into() },
        }
    }

    /// `field IN (values)`.
    pub fn one_of(field: FieldRef, values: impl IntoIterator<Item = Bound>) -> Condition {
        Condition::In { field, values: values.into_iter().map(Operand::from).collect() }
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: Condition) -> Condition {
        match (self, other) {
            (Condition::True, one) | (one, Condition::True) => one,
            (Condition::And(mut all), one) => {
                all.push(one);
                Condition::And(all)
            }
            (one, other) => Condition::And(vec![one, other]),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Condition {
        match self {
            Condition::True => Condition::False,
            Condition::False => Condition::True,
            other => Condition::Not(Box::new(other)),
        }
    }

    /// The opposite when `negated`.
    #[must_use]
    pub(crate) fn negate_if(self, negated: bool) -> Condition {
        if negated { self.negate() } else { self }
    }

    /// Appends the condition as SQL; every value is bound.
    pub fn write(&self, statement: &mut Statement<'_>) {
        match self {
            Condition::True => {
                statement.push("1 = 1");
            }
            Condition::False => {
                statement.push("1 = 0");
            }
            Condition::And(all) => write_joined(statement, all, " AND ", "1 = 1"),
            Condition::Or(any) => write_joined(statement, any, " OR ", "1 = 0"),
            Condition::Xor(left, right) => {
                write_grouped(statement, left);
                statement.push(" <> ");
                write_grouped(statement, right);
            }
            Condition::Not(inner) => {
                statement.push("NOT ");
                write_grouped(statement, inner);
            }
            Condition::IsNull(field) => {
                field.write(statement);
                statement.push(" IS NULL");
            }
            Condition::Compare { field, operator, value } => {
                field.write(statement);
                statement.push(" ").push(operator.sql()).push(" ");
                value.write(statement);
            }
            Condition::In { values, .. } if values.is_empty() => {
                statement.push("1 = 0");
            }
            Condition::In { field, values } => {
                field.write(statement);
                statement.push(" IN (").list(values, |statement, value| value.write(statement)).push(")");
            }
            Condition::Between { field, low, high } => {
                field.write(statement);
                statement.push(" BETWEEN ");
                low.write(statement);
                statement.push(" AND ");
                high.write(statement);
            }
            Condition::Like { field, form, operand } => {
                field.write(statement);
                statement.push(" LIKE ").bind(Bound::Text(form.pattern(operand)));
                if *form != LikeForm::Pattern {
                    statement.push(" ESCAPE '!'");
                }
            }
        }
    }
}

fn write_joined(statement: &mut Statement<'_>, conditions: &[Condition], operator: &str, empty: &str) {
    if conditions.is_empty() {
        statement.push(empty);
    }
    for (index, condition) in conditions.iter().enumerate() {
        if index > 0 {
            statement.push(operator);
        }
        write_grouped(statement, condition);
    }
}

fn write_grouped(statement: &mut Statement<'_>, condition: &Condition) {
    statement.push("(");
    condition.write(statement);
    statement.push(")");
}
