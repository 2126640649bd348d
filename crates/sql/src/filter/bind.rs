//! Syntax tree to condition: fields found, parameters and lookups put in, values converted to the type of their field.

use super::parser::too_many_values;
use super::{Literal, Node, Predicate, Test, unknown_field};
use crate::condition::{Comparison, Condition, FieldRef, Operand};
use crate::lookup::{Lookups, replace};
use crate::statement::Bound;
use crate::value::{bind_compared, bind_compared_text};
use antiphon_model::{Error, Object, Value};
use std::borrow::Cow;

pub(super) struct Binder<'b> {
    field: &'b dyn Fn(&str) -> Option<FieldRef>,
    params: Option<&'b Object>,
    lookups: &'b dyn Lookups,
    /// Values that list parameters may still add.
    values_left: usize,
    values_limit: usize,
}

impl<'b> Binder<'b> {
    pub(super) fn new(
        field: &'b dyn Fn(&str) -> Option<FieldRef>,
        params: Option<&'b Object>,
        lookups: &'b dyn Lookups,
        values_limit: usize,
    ) -> Binder<'b> {
        Binder { field, params, lookups, values_left: values_limit, values_limit }
    }

    pub(super) fn bind(&mut self, node: &Node) -> Result<Condition, Error> {
        Ok(match node {
            Node::Or(nodes) => Condition::Or(self.bind_all(nodes)?),
            Node::And(nodes) => Condition::And(self.bind_all(nodes)?),
            Node::Xor(nodes) => {
                let mut conditions = self.bind_all(nodes)?.into_iter();
                let first = conditions.next().unwrap_or(Condition::False);
                conditions.fold(first, |left, right| Condition::Xor(Box::new(left), Box::new(right)))
            }
            Node::Not(inner) => self.bind(inner)?.negate(),
            Node::Predicate(predicate) => self.predicate(predicate)?,
        })
    }

    fn bind_all(&mut self, nodes: &[Node]) -> Result<Vec<Condition>, Error> {
        nodes.iter().map(|node| self.bind(node)).collect()
    }

    fn predicate(&mut self, predicate: &Predicate) -> Result<Condition, Error> {
        let field = (self.field)(&predicate.field)
            .ok_or_else(|| unknown_field(&predicate.field).with_cause(format!("at byte {}", predicate.position)))?;
        let condition = match &predicate.test {
            Test::IsNull => Condition::IsNull(field),
            Test::Compare(operator, value) => compare(*operator, self.operand(&field, value)?, field),
            Test::Like(form, value) => match self.text(value)? {
                Some(operand) => Condition::Like { field, form: *form, operand: operand.into_owned() },
                None => unknown(field),
            },
            Test::Between(low, high) => {
                Condition::Between { low: self.operand(&field, low)?, high: self.operand(&field, high)?, field }
            }
            Test::In(values) => self.list(field, values)?,
        };
        Ok(condition.negate_if(predicate.negated))
    }

    /// Nulls in a list mean what `= null` means.
    fn list(&mut self, field: FieldRef, literals: &[Literal]) -> Result<Condition, Error> {
        let mut values = Vec::with_capacity(literals.len());
        for literal in literals {
            match self.parameter(literal)? {
                Some(Value::Array(items)) => {
                    self.count(items.len())?;
                    for item in items {
                        values.push(self.json_operand(&field, item)?);
                    }
                }
                _ => {
                    self.count(1)?;
                    values.push(self.operand(&field, literal)?);
                }
            }
        }
        let with_null = values.iter().any(is_null);
        values.retain(|value| !is_null(value));
        if !with_null {
            return Ok(Condition::In { field, values });
        }
        Ok(Condition::Or(vec![Condition::In { field: field.clone(), values }, Condition::IsNull(field)]))
    }

    fn count(&mut self, values: usize) -> Result<(), Error> {
        let left = self.values_left.checked_sub(values);
        self.values_left = left.ok_or_else(|| too_many_values(self.values_limit))?;
        Ok(())
    }

    fn operand(&self, field: &FieldRef, literal: &Literal) -> Result<Operand, Error> {
        let bound = match literal {
            Literal::Time(function) => return Ok(Operand::Time(*function)),
            Literal::Bare(text) if text.eq_ignore_ascii_case("null") => Bound::Null,
            Literal::Bare(text) | Literal::Quoted(text) => {
                bind_compared_text(field.kind, &field.name, &replace(text, self.lookups, false))?
            }
            Literal::Parameter(name) => match self.parameter(literal)? {
                Some(value) => return self.json_operand(field, value),
                None => bind_compared_text(field.kind, &field.name, &format!(":{name}"))?,
            },
        };
        Ok(Operand::Value(bound))
    }

    fn json_operand(&self, field: &FieldRef, value: &Value) -> Result<Operand, Error> {
        let bound = match value {
            Value::String(text) => bind_compared_text(field.kind, &field.name, &replace(text, self.lookups, false))?,
            value => bind_compared(field.kind, &field.name, value)?,
        };
        Ok(Operand::Value(bound))
    }

    /// The value of a parameter; none for other literals, and for every `:word` when no parameters are given: it is text.
    fn parameter(&self, literal: &Literal) -> Result<Option<&'b Value>, Error> {
        let (Literal::Parameter(name), Some(params)) = (literal, self.params) else { return Ok(None) };
        let with_colon = params.iter().find(|(key, _)| key.strip_prefix(':') == Some(name.as_str()));
        match with_colon.map(|(_, value)| value).or_else(|| params.get(name)) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::bad_request(format!("Missing filter parameter ':{name}'."))),
        }
    }

    /// The operand of LIKE: text whatever the field's type; none for a null parameter.
    fn text<'l>(&self, literal: &'l Literal) -> Result<Option<Cow<'l, str>>, Error>
    where
        'b: 'l,
    {
        Ok(match literal {
            Literal::Quoted(text) | Literal::Bare(text) => Some(replace(text, self.lookups, false)),
            Literal::Time(function) => Some(Cow::Borrowed(function.wire_name())),
            Literal::Parameter(name) => match self.parameter(literal)? {
                Some(Value::Null) => None,
                Some(Value::String(text)) => Some(replace(text, self.lookups, false)),
                Some(value) => Some(Cow::Owned(value.to_string())),
                None => Some(Cow::Owned(format!(":{name}"))),
            },
        })
    }
}

fn is_null(operand: &Operand) -> bool {
    *operand == Operand::Value(Bound::Null)
}

/// `= null` and `!= null` ask whether there is a value; every other comparison with null is unknown.
pub(crate) fn compare(operator: Comparison, value: Operand, field: FieldRef) -> Condition {
    match operator {
        Comparison::Equal if is_null(&value) => Condition::IsNull(field),
        Comparison::NotEqual if is_null(&value) => Condition::IsNull(field).negate(),
        _ => Condition::Compare { field, operator, value },
    }
}

/// A condition that holds for no row, and whose opposite holds for none either.
fn unknown(field: FieldRef) -> Condition {
    Condition::Compare { field, operator: Comparison::Equal, value: Operand::Value(Bound::Null) }
}
