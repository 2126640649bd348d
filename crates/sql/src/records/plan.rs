//! Which columns a statement answers with, and how a row becomes a record.

use super::options::FieldsOption;
use super::{Context, Scope};
use crate::catalog::{Field, Table};
use crate::condition::{Condition, database_function};
use crate::dialect::{Connection, Row};
use crate::statement::Statement;
use crate::value::{Stored, read_value};
use antiphon_model::{Error, Object, Result, Value, json};
use std::borrow::Cow;

/// The columns of an answer, in order.
pub(crate) struct Plan<'t> {
    columns: Vec<Column<'t>>,
}

struct Column<'t> {
    key: Cow<'t, str>,
    source: Source<'t>,
}

enum Source<'t> {
    Field(&'t Field),
    /// Its SQL name, and the field unless it is `COUNT(*)`.
    Aggregate(&'static str, Option<&'t Field>),
}

/// The aggregates of 7.2.
pub(super) const AGGREGATES: [&str; 5] = ["SUM", "AVG", "MIN", "MAX", "COUNT"];

impl<'t> Plan<'t> {
    /// Exactly these fields, each once.
    pub(crate) fn of(fields: impl IntoIterator<Item = &'t Field>) -> Plan<'t> {
        let mut plan = Plan { columns: Vec::new() };
        fields.into_iter().for_each(|field| plan.add(field));
        plan
    }

    /// Every field that is answered without being named.
    pub(crate) fn all(table: &'t Table) -> Plan<'t> {
        let shown = |field: &&Field| !field.is_hidden && !field.is_aggregate;
        Plan {
            columns: table
                .fields
                .iter()
                .filter(shown)
                .map(|field| Column { key: Cow::Borrowed(field.wire_name()), source: Source::Field(field) })
                .collect(),
        }
    }

    /// The fields that a request asks for; `unsaid` when it says nothing.
    ///
    /// # Errors
    /// 400 for an unknown field, and for an aggregate without `group`.
    pub(super) fn requested(context: &'t Context<'_>, unsaid: impl FnOnce() -> Plan<'t>) -> Result<Plan<'t>> {
        let (table, options) = (context.scope.table, &context.options);
        let names = match &options.fields {
            FieldsOption::Default => return Ok(unsaid()),
            FieldsOption::All => return Ok(Plan::all(table)),
            FieldsOption::Identifiers => return Ok(Plan::of(context.scope.identifiers.iter().copied())),
            FieldsOption::Named(names) => names,
        };
        let mut plan = Plan { columns: Vec::with_capacity(names.len()) };
        for name in names {
            if name == "*" {
                Plan::all(table).columns.into_iter().for_each(|column| plan.push(column));
            } else if let Some(field) = table.field(name) {
                plan.add(field);
            } else if let Some(column) = aggregate(table, name).filter(|_| options.group.is_some()) {
                plan.push(column);
            } else {
                return Err(Error::bad_request(format!("Invalid field requested: {name}")));
            }
        }
        Ok(plan)
    }

    /// Adds a field unless it is there.
    pub(crate) fn add(&mut self, field: &'t Field) {
        self.push(Column { key: Cow::Borrowed(field.wire_name()), source: Source::Field(field) });
    }

    fn push(&mut self, column: Column<'t>) {
        if self.columns.iter().all(|known| known.key != column.key) {
            self.columns.push(column);
        }
    }

    /// Whether it answers just these fields.
    pub(super) fn is_only(&self, fields: &[&Field]) -> bool {
        self.columns.len() == fields.len()
            && self.columns.iter().zip(fields).all(|(column, field)| column.key == field.wire_name())
    }

    /// Appends the list of columns.
    pub(crate) fn write(&self, statement: &mut Statement<'_>) {
        if self.columns.is_empty() {
            statement.push("1");
        }
        statement.list(&self.columns, |statement, column| match column.source {
            Source::Field(field) => write_field(statement, field),
            Source::Aggregate(function, field) => {
                statement.push(function).push("(");
                match field {
                    Some(field) => write_field(statement, field),
                    None => {
                        statement.push("*");
                    }
                }
                statement.push(")");
            }
        });
    }

    /// Makes a record of a row.
    pub(crate) fn record(&self, row: &dyn Row) -> Object {
        let mut record = Object::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let stored = row.stored(index);
            let value = match column.source {
                Source::Field(field) | Source::Aggregate("MIN" | "MAX", Some(field)) => read_value(field, stored),
                Source::Aggregate(..) => number(stored),
            };
            record.insert(column.key.clone().into_owned(), value);
        }
        record
    }

    /// The first record for which the condition holds.
    pub(crate) fn first(
        &self,
        connection: &dyn Connection,
        scope: &Scope<'_>,
        condition: &Condition,
    ) -> Result<Option<Object>> {
        let mut statement = scope.statement();
        statement.push("SELECT ");
        self.write(&mut statement);
        statement.push(" FROM ").identifier(&scope.table.name).push(" WHERE ");
        condition.write(&mut statement);
        statement.push(" LIMIT 1");
        let mut found = None;
        connection.query(&statement, &mut |row| {
            found = Some(self.record(row));
            Ok(())
        })?;
        Ok(found)
    }
}

/// Appends what a field is read by: its column, or its SELECT function.
pub(super) fn write_field(statement: &mut Statement<'_>, field: &Field) {
    match database_function(field, "SELECT") {
        Some(sql) => {
            statement.push("(").push(sql).push(")");
        }
        None if field.is_virtual => {
            statement.push("NULL");
        }
        None => {
            statement.identifier(&field.name);
        }
    }
}

/// The aggregate of that text: `SUM(total)`, `count(*)`.
fn aggregate<'t>(table: &'t Table, text: &str) -> Option<Column<'t>> {
    let (function, argument) = text.trim().strip_suffix(')')?.split_once('(')?;
    let function = *AGGREGATES.iter().find(|known| known.eq_ignore_ascii_case(function.trim()))?;
    let argument = argument.trim();
    if argument == "*" {
        return (function == "COUNT")
            .then_some(Column { key: Cow::Borrowed("COUNT_ALL"), source: Source::Aggregate(function, None) });
    }
    let field = table.comparable_field(argument)?;
    Some(Column {
        key: Cow::Owned(format!("{function}_{}", field.wire_name())),
        source: Source::Aggregate(function, Some(field)),
    })
}

fn number(stored: Stored<'_>) -> Value {
    match stored {
        Stored::Integer(value) => json!(value),
        Stored::Real(value) => whole(value).map_or_else(|| json!(value), Value::from),
        Stored::Text(text) => json!(text),
        Stored::Null | Stored::Blob(_) => Value::Null,
    }
}

/// An average that comes out even is shown as a whole number.
fn whole(value: f64) -> Option<i64> {
    /// Beyond it, reals skip whole numbers.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and small enough, checked here")]
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
}
