//! From a record to the columns that are written: required fields, validations, values, expressions (8, 9.3, 14).

use super::{Scope, payload};
use crate::catalog::{Field, FieldType};
use crate::condition::{Operand, database_function};
use crate::expression::Expression;
use crate::lookup::{NoLookups, has_lookup, replace};
use crate::statement::Statement;
use crate::validation::{Verdict, validate};
use crate::value::{WriteContext, automatic_value, bind_value};
use antiphon_model::{Error, Object, Result, Value};
use std::borrow::Cow;

/// What is going to be written.
pub(super) struct Assignments<'t> {
    columns: Vec<(&'t Field, Assigned, bool)>,
    /// The record as it will be stored, for row filters.
    pub(super) resolved: Object,
    /// Whether the client gave anything to write.
    pub(super) given: bool,
}

enum Assigned {
    Operand(Operand),
    Expression(Expression),
}

/// What kind of write the assignments are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new record; its place in the request is for messages.
    Create(usize),
    /// A change of a record.
    Update,
    /// A new record in place of a change: the database decides what is required (9.4).
    Upsert,
}

impl Purpose {
    fn creates(self) -> bool {
        self != Purpose::Update
    }
}

impl<'t> Assignments<'t> {
    /// Judges every field of the record.
    ///
    /// # Errors
    /// 400 for a missing required field and for every value that is refused.
    pub(super) fn of(scope: &Scope<'t>, record: &Object, purpose: Purpose) -> Result<Assignments<'t>> {
        let mut found = Assignments { columns: Vec::new(), resolved: Object::new(), given: false };
        let context = WriteContext { lookups: scope.lookups, user_id: scope.user_id };
        for field in scope.table.fields.iter().filter(|field| !field.is_virtual) {
            let given = payload::value(record, field.wire_name());
            let keeps_stamp = scope.rule.is_verbatim() && field.kind.is_automatic() && given.is_some();
            if let Some(operand) = automatic_value(field, purpose.creates(), &context).filter(|_| !keeps_stamp) {
                found.resolved.insert(field.wire_name().to_owned(), told(&operand));
                found.columns.push((field, Assigned::Operand(operand), purpose.creates()));
                continue;
            }
            let is_read_only = field.kind.is_automatic() && !keeps_stamp;
            if is_read_only || (purpose == Purpose::Update && is_identifier(scope, field)) {
                continue;
            }
            match given {
                Some(Value::Null) if field.auto_increment => {}
                Some(value) => found.add(scope, field, value, purpose)?,
                None => require(field, purpose)?,
            }
        }
        Ok(found)
    }

    fn add(&mut self, scope: &Scope<'t>, field: &'t Field, value: &Value, purpose: Purpose) -> Result<()> {
        let expression = match scope.rule.is_verbatim() {
            true => None,
            false => Expression::parse(value, scope.table)?,
        };
        if let Some(expression) = expression {
            self.resolved.insert(field.wire_name().to_owned(), value.clone());
            self.push(field, Assigned::Expression(expression), purpose);
            return Ok(());
        }
        let value = match value {
            Value::String(text) if has_lookup(text) => {
                Cow::Owned(Value::from(replace(text, scope.lookups, false).into_owned()))
            }
            other => Cow::Borrowed(other),
        };
        if validate(field, &value, purpose.creates())? == Verdict::Drop {
            return require(field, purpose);
        }
        // Texts are replaced already; what a lookup resolved to must not be searched again.
        let context = match &*value {
            Value::String(_) => WriteContext { lookups: &NoLookups, user_id: scope.user_id },
            _ => WriteContext { lookups: scope.lookups, user_id: scope.user_id },
        };
        let bound = bind_value(field, &value, &context)?;
        self.resolved.insert(field.wire_name().to_owned(), value.into_owned());
        self.push(field, Assigned::Operand(Operand::Value(bound)), purpose);
        Ok(())
    }

    fn push(&mut self, field: &'t Field, assigned: Assigned, purpose: Purpose) {
        self.given = true;
        self.columns.push((field, assigned, purpose.creates()));
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Appends `(columns) VALUES (values)`.
    pub(super) fn write_insert(&self, statement: &mut Statement<'_>) {
        statement.push(" (").list(&self.columns, |statement, (field, ..)| {
            statement.identifier(&field.name);
        });
        statement.push(") VALUES (").list(&self.columns, |statement, column| write_value(statement, column));
        statement.push(")");
    }

    /// Appends `column = value, ...`.
    pub(super) fn write_update(&self, statement: &mut Statement<'_>) {
        statement.list(&self.columns, |statement, column| {
            statement.identifier(&column.0.name).push(" = ");
            write_value(statement, column);
        });
    }
}

fn write_value(statement: &mut Statement<'_>, (field, assigned, creates): &(&Field, Assigned, bool)) {
    let function = database_function(field, if *creates { "INSERT" } else { "UPDATE" });
    let Some(function) = function else { return write_assigned(statement, assigned) };
    let mut pieces = function.split("{value}");
    statement.push(trim_quote_end(pieces.next().unwrap_or_default()));
    for piece in pieces {
        write_assigned(statement, assigned);
        statement.push(piece.strip_prefix('\'').unwrap_or(piece));
    }
}

/// Functions written for spliced values put quotes around the placeholder; a bound value needs none.
fn trim_quote_end(piece: &str) -> &str {
    piece.strip_suffix('\'').unwrap_or(piece)
}

fn write_assigned(statement: &mut Statement<'_>, assigned: &Assigned) {
    match assigned {
        Assigned::Operand(operand) => operand.write(statement),
        Assigned::Expression(expression) => expression.write(statement),
    }
}

fn told(operand: &Operand) -> Value {
    use crate::statement::Bound;
    match operand {
        Operand::Value(Bound::Integer(value)) => Value::from(*value),
        Operand::Time(function) => Value::from(function.now()),
        Operand::Value(_) => Value::Null,
    }
}

fn is_identifier(scope: &Scope<'_>, field: &Field) -> bool {
    field.kind == FieldType::Id
        || field.is_primary_key
        || scope.identifiers.iter().any(|known| known.name == field.name)
}

fn require(field: &Field, purpose: Purpose) -> Result<()> {
    let Purpose::Create(index) = purpose else { return Ok(()) };
    if !field.required {
        return Ok(());
    }
    let name = field.wire_name();
    Err(match field.is_primary_key {
        true => Error::bad_request(format!("Required id field(s) not found in record {index}: {name}")),
        false => Error::bad_request(format!("Required field '{name}' can not be NULL.")),
    })
}
