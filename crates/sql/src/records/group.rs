//! `group` and `having` (7.2).

use super::plan::{AGGREGATES, Plan, write_field};
use super::{Context, Scope};
use crate::catalog::{Field, FieldType};
use crate::condition::{Condition, FieldRef};
use crate::filter;
use crate::statement::Statement;
use antiphon_model::{Error, Result};

/// The grouping of a read.
pub(super) struct Grouping<'t> {
    fields: Vec<&'t Field>,
    having: Option<Condition>,
}

impl<'t> Grouping<'t> {
    /// Reads the grouping of a request, if it has one.
    ///
    /// # Errors
    /// 400 for unknown fields, and for `having` without `group`.
    pub(super) fn read(context: &'t Context<'_>) -> Result<Option<Grouping<'t>>> {
        let table = context.scope.table;
        let Some(text) = &context.options.group else {
            return match context.options.having {
                Some(_) => Err(Error::bad_request("A having clause needs a group clause.")),
                None => Ok(None),
            };
        };
        let fields = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| {
                table
                    .comparable_field(name)
                    .ok_or_else(|| Error::bad_request(format!("Invalid or unknown field '{name}' in group by clause.")))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Some(Grouping { having: having(context, &fields)?, fields }))
    }

    pub(super) fn fields(&self) -> Vec<&'t Field> {
        self.fields.clone()
    }

    pub(super) fn plan(&self) -> Plan<'t> {
        Plan::of(self.fields.iter().copied())
    }

    /// Appends `GROUP BY` and `HAVING`.
    pub(super) fn write(&self, statement: &mut Statement<'_>) {
        statement.push(" GROUP BY ").list(&self.fields, |statement, field| write_field(statement, field));
        if let Some(having) = &self.having {
            statement.push(" HAVING ");
            having.write(statement);
        }
    }
}

/// The condition on groups: the filter language, its left sides being the grouped fields and the aggregates.
fn having(context: &Context<'_>, grouped: &[&Field]) -> Result<Option<Condition>> {
    let (scope, options) = (&context.scope, &context.options);
    let Some(text) = &options.having else { return Ok(None) };
    let text = name_aggregates(text);
    let Some(filter) = filter::parse(&text, &filter::FilterLimits::from(scope.database.limits()))? else {
        return Ok(None);
    };
    let field = |name: &str| match grouped.iter().find(|field| field.wire_name().eq_ignore_ascii_case(name)) {
        Some(field) => FieldRef::of(field),
        None => aggregate(scope, name),
    };
    filter.bind_fields(&field, options.params(), scope.lookups).map(Some)
}

/// The aggregate that answers under this name, such as `SUM_total` or `COUNT_ALL`.
fn aggregate(scope: &Scope<'_>, name: &str) -> Option<FieldRef> {
    let (function, argument) = name.split_once('_')?;
    let function = *AGGREGATES.iter().find(|known| known.eq_ignore_ascii_case(function))?;
    let mut sql = scope.statement();
    sql.push(function).push("(");
    let field = match function == "COUNT" && argument.eq_ignore_ascii_case("ALL") {
        true => None,
        false => Some(scope.table.comparable_field(argument)?),
    };
    match field {
        Some(field) => write_field(&mut sql, field),
        None => {
            sql.push("*");
        }
    }
    sql.push(")");
    let kind = match (function, field) {
        ("MIN" | "MAX", Some(field)) => field.kind,
        ("COUNT", _) => FieldType::Integer,
        _ => FieldType::Double,
    };
    Some(FieldRef { name: name.to_owned(), column: name.to_owned(), expression: Some(sql.sql().to_owned()), kind })
}

/// Writes every `SUM(total)` outside quotes as the name that it answers under: `SUM_total`.
fn name_aggregates(text: &str) -> String {
    let mut named = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let inside_word = named.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        if quote.is_none()
            && !inside_word
            && let Some((name, length)) = call(rest)
        {
            named.push_str(&name);
            rest = &rest[length..];
            continue;
        }
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            _ => {}
        }
        named.push(character);
        rest = &rest[character.len_utf8()..];
    }
    named
}

/// The name of the aggregate that the text begins with, and how long its call is.
fn call(text: &str) -> Option<(String, usize)> {
    let function =
        AGGREGATES.iter().find(|known| text.get(..known.len()).is_some_and(|head| head.eq_ignore_ascii_case(known)))?;
    let arguments = text[function.len()..].trim_start().strip_prefix('(')?;
    let end = arguments.find(')')?;
    let argument = match arguments[..end].trim() {
        "*" => "ALL",
        name => name,
    };
    Some((format!("{function}_{argument}"), text.len() - arguments.len() + end + 1))
}
