//! Row filters of roles: conditions that an administrator puts on the rows of a table (reference: database-service 13).
//!
//! They are read apart from any text of a client's and combined with it as trees, so nothing that a client sends can widen
//! them. What can't be read or resolved denies.

#[cfg(test)]
mod tests;

use crate::catalog::{FieldType, Table};
use crate::condition::{Condition, FieldRef, Operand};
use crate::expression::{Expression, TimeFunction};
use crate::filter::{FilterLimits, Literal, Operator, compare, parse_operator, parse_values};
use crate::lookup::{Lookups, NoLookups, has_lookup, replace_all};
use crate::statement::Bound;
use crate::value::{WriteContext, bind_compared, bind_compared_text, bind_value};
use antiphon_model::{Error, FilterOp, Object, Result, ServerFilter, Value};
use std::borrow::Cow;

/// What a caller's role lets through of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct RowCondition {
    condition: Condition,
}

/// The condition of the role rows in force, which all must hold; within one row, its filters combine as the row says. No
/// rows, or rows without filters, let everything through.
///
/// # Errors
/// 500 `Invalid server-side filter configuration detected.` for a filter that makes no sense; 403 when a lookup in it has no
/// value for this caller, or one that the field can't have.
pub fn row_condition(
    filters: &[(Vec<ServerFilter>, FilterOp)],
    table: &Table,
    lookups: &dyn Lookups,
) -> Result<RowCondition> {
    let mut condition = Condition::True;
    for (filters, combine) in filters.iter().filter(|(filters, _)| !filters.is_empty()) {
        let each = filters.iter().map(|filter| one(filter, table, lookups)).collect::<Result<Vec<_>>>()?;
        condition = condition.and(match combine {
            FilterOp::And => Condition::And(each),
            FilterOp::Or => Condition::Or(each),
        });
    }
    Ok(RowCondition { condition })
}

impl RowCondition {
    /// Lets every row through: administrators, and roles without filters.
    pub fn everything() -> RowCondition {
        RowCondition { condition: Condition::True }
    }

    /// To be AND-ed with every condition by which rows are read, changed or deleted.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether a record may be written: one whose fields have these values, in which a missing field is null; with
    /// `partial`, one whose missing fields are as the stored row has them, see [`RowCondition::remaining`]. The record's
    /// lookups are replaced before. Field names are those of the wire.
    pub fn admits(&self, table: &Table, record: &Object, partial: bool) -> bool {
        if self.condition == Condition::True {
            return true;
        }
        let Some(values) = self.bound_values(table, record) else { return false };
        if partial {
            return self.remaining_of(&values) != Condition::False;
        }
        self.condition.evaluate(&|column| value_of(&values, column).unwrap_or(Bound::Null)) == Some(true)
    }

    /// What must hold of a stored row so that it is still within the filter after these changes: to be AND-ed with the
    /// condition of the update. `False` when no row can be.
    pub fn remaining(&self, table: &Table, changes: &Object) -> Condition {
        match self.bound_values(table, changes) {
            Some(values) => self.remaining_of(&values),
            None => Condition::False,
        }
    }

    fn remaining_of(&self, values: &[(&str, Bound)]) -> Condition {
        self.condition.reduce(&|column| value_of(values, column))
    }

    /// The record's values of the columns that the filter speaks of. None when one of them can't be judged: it does not
    /// convert, or only the database will know it.
    fn bound_values<'t>(&self, table: &'t Table, record: &Object) -> Option<Vec<(&'t str, Bound)>> {
        let context = WriteContext { lookups: &NoLookups, user_id: None };
        let mut values = Vec::new();
        for (name, value) in record {
            let Some(field) = table.field(name).filter(|field| self.condition.mentions(&field.name)) else { continue };
            let bound = match Expression::parse(value, table).ok()? {
                Some(Expression::Null) => Bound::Null,
                Some(_) => return None,
                None if value.is_null() => Bound::Null,
                None => bind_value(field, value, &context).ok()?,
            };
            values.push((field.name.as_str(), bound));
        }
        Some(values)
    }

    /// 403, when [`RowCondition::admits`] says no.
    pub fn denied() -> Error {
        Error::forbidden("Denied access to some of the requested fields.")
    }
}

fn value_of(values: &[(&str, Bound)], column: &str) -> Option<Bound> {
    values.iter().find(|(name, _)| *name == column).map(|(_, value)| value.clone())
}

fn one(filter: &ServerFilter, table: &Table, lookups: &dyn Lookups) -> Result<Condition> {
    let field = table.field(filter.name.trim()).and_then(FieldRef::of);
    let field = field.ok_or_else(|| misconfigured(filter, "no such field"))?;
    let (negated, operator) =
        parse_operator(&filter.operator).ok_or_else(|| misconfigured(filter, "no such operator"))?;
    let values = Values { filter, lookups, kind: field.kind };
    let condition = match operator {
        Operator::IsNull => Condition::IsNull(field),
        Operator::Compare(comparison) => {
            let value = values.single(&filter.value)?;
            compare(comparison, value, field)
        }
        Operator::Like(form) => {
            let operand = values.text()?;
            Condition::Like { field, form, operand }
        }
        Operator::In => {
            let values = values.list()?;
            Condition::In { field, values }
        }
        Operator::Between => return Err(misconfigured(filter, "BETWEEN needs two filters: >= and <=")),
    };
    Ok(condition.negate_if(negated))
}

struct Values<'v> {
    filter: &'v ServerFilter,
    lookups: &'v dyn Lookups,
    kind: FieldType,
}

impl Values<'_> {
    fn single(&self, value: &Value) -> Result<Operand> {
        match value {
            Value::String(text) => match whole_quoted(text) {
                Some(content) => self.convert_literal(content),
                None => self.bare(text.trim()),
            },
            Value::Array(_) | Value::Object(_) => Err(misconfigured(self.filter, "one value is expected")),
            value => self.scalar(value),
        }
    }

    /// Values of `in`: a JSON array, or a text such as `('a','b')` or `1,2`.
    fn list(&self) -> Result<Vec<Operand>> {
        match &self.filter.value {
            Value::Array(items) => items.iter().map(|item| self.single(item)).collect(),
            Value::String(text) => {
                let literals = parse_values(text, &FilterLimits::default())
                    .map_err(|error| misconfigured(self.filter, &error.message))?;
                literals.iter().map(|literal| self.literal(literal)).collect()
            }
            value => Ok(vec![self.single(value)?]),
        }
    }

    fn literal(&self, literal: &Literal) -> Result<Operand> {
        match literal {
            Literal::Quoted(text) => self.convert_literal(text),
            Literal::Bare(text) => self.bare(text),
            Literal::Parameter(name) => self.bare(&format!(":{name}")),
            Literal::Time(function) => Ok(Operand::Time(*function)),
        }
    }

    /// The operand of LIKE: text, whatever the type of the field.
    fn text(&self) -> Result<String> {
        match &self.filter.value {
            Value::String(text) => match whole_quoted(text) {
                Some(content) => Ok(content.to_owned()),
                None => self.resolve(text.trim()).map(Cow::into_owned),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => Err(misconfigured(self.filter, "a text is expected")),
            value => Ok(value.to_string()),
        }
    }

    /// Text without quotes: null, the clock, or text with lookups.
    fn bare(&self, text: &str) -> Result<Operand> {
        if text.eq_ignore_ascii_case("null") {
            return Ok(Operand::Value(Bound::Null));
        }
        if let Some(function) = TimeFunction::parse(text) {
            return Ok(Operand::Time(function));
        }
        if !has_lookup(text) {
            return self.convert_literal(text);
        }
        let resolved = self.resolve(text)?;
        // What a lookup says may be the caller's own doing: it denies, it is not the administrator's mistake.
        bind_compared_text(self.kind, &self.filter.name, &resolved)
            .map(Operand::Value)
            .map_err(|error| RowCondition::denied().with_cause(error))
    }

    fn resolve<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        replace_all(text, self.lookups, true).ok_or_else(|| {
            RowCondition::denied().with_cause(format!("row filter on '{}': no value for {text}", self.filter.name))
        })
    }

    fn convert_literal(&self, text: &str) -> Result<Operand> {
        let bound = bind_compared_text(self.kind, &self.filter.name, text);
        bound.map(Operand::Value).map_err(|error| misconfigured(self.filter, &error.message))
    }

    fn scalar(&self, value: &Value) -> Result<Operand> {
        let bound = bind_compared(self.kind, &self.filter.name, value);
        bound.map(Operand::Value).map_err(|error| misconfigured(self.filter, &error.message))
    }
}

/// The content of a text that is quoted as a whole.
fn whole_quoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].strip_suffix(quote)
}

fn misconfigured(filter: &ServerFilter, why: &str) -> Error {
    let ServerFilter { name, operator, .. } = filter;
    Error::internal(
        "Invalid server-side filter configuration detected.",
        format!("row filter '{name}' '{operator}': {why}"),
    )
}
