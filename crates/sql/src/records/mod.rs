//! Records of one table: reading, creating, updating, deleting (6 to 11).
//!
//! [`handle`] is the one entry. Who the caller is, what it may see and how related tables are reached comes in through
//! [`Caller`]; the answer is the body of the response.

mod assign;
mod batch;
mod create;
mod delete;
mod group;
mod identify;
mod options;
mod order;
mod payload;
mod plan;
mod read;
mod reply;
mod rule;
#[cfg(test)]
mod tests;
mod unit;
mod update;
mod write;

pub use rule::{NoRule, RecordRule, Stage, Verbatim};
pub use unit::Unit;

pub(crate) use identify::{condition_of, fields as identifying_fields};
pub(crate) use options::{Options, RelatedOption, plain};
pub(crate) use payload::value;
pub(crate) use plan::Plan;
pub(crate) use write::{delete_row, insert, update};

use crate::catalog::{Field, Table};
use crate::condition::Condition;
use crate::database::Database;
use crate::lookup::Lookups;
use crate::outbox::Followup;
use crate::relations::RelatedTables;
use crate::row_filter::{RowCondition, row_condition};
use crate::statement::Statement;
use crate::transaction::Transaction;
use antiphon_model::{Error, FilterOp, Object, Result, ServerFilter, Value, Verb};

/// Conditions that the roles of a caller put on the rows of a table: lists at one level, which all must hold.
pub type RowFilters = Vec<(Vec<ServerFilter>, FilterOp)>;

/// Who asks, as far as records depend on it.
pub struct Caller<'a> {
    /// Session values and stored lookups for filters and record values.
    pub lookups: &'a dyn Lookups,
    /// Identifier of the user, for `user_id_on_create` and its like.
    pub user_id: Option<i64>,
    /// Conditions on the rows of the requested table; empty for administrators.
    pub row_filters: RowFilters,
    /// How related tables are read, and whether they may be written.
    pub related: &'a dyn RelatedTables,
    /// The table's own rules.
    pub rule: &'a dyn RecordRule,
    /// Whether an administrator asks.
    pub is_admin: bool,
    /// What must follow the writes.
    pub followup: Option<&'a dyn Followup>,
}

/// A request for records.
pub struct RecordRequest<'a> {
    /// The effective verb, after tunnelling.
    pub verb: Verb,
    /// Name of the table on the wire.
    pub table: &'a str,
    /// Identifier from the path.
    pub id: Option<&'a str>,
    /// Query parameters.
    pub parameters: &'a Object,
    /// The parsed body; null when there is none.
    pub payload: &'a Value,
}

/// One table as this caller may use it: for the requested table, and for each table that nested data goes to.
pub(crate) struct Scope<'a> {
    pub(crate) database: &'a Database,
    pub(crate) table: &'a Table,
    pub(crate) lookups: &'a dyn Lookups,
    pub(crate) user_id: Option<i64>,
    pub(crate) related: &'a dyn RelatedTables,
    pub(crate) rule: &'a dyn RecordRule,
    pub(crate) rows: RowCondition,
    /// Fields that identify a record: the primary key, or what `id_field` names; empty for tables without a key.
    pub(crate) identifiers: Vec<&'a Field>,
    pub(crate) allow_related_delete: bool,
    pub(crate) followup: Option<&'a dyn Followup>,
}

impl<'a> Scope<'a> {
    /// The table as this caller may use it, records identified by the primary key.
    fn of(database: &'a Database, table: &'a Table, caller: &'a Caller<'_>) -> Result<Scope<'a>> {
        Ok(Scope {
            database,
            table,
            lookups: caller.lookups,
            user_id: caller.user_id,
            related: caller.related,
            rule: caller.rule,
            rows: row_condition(&caller.row_filters, table, caller.lookups)?,
            identifiers: identify::fields(table, None)?,
            allow_related_delete: caller.rule.deletes_detached(),
            followup: caller.followup,
        })
    }

    /// The rows that this caller may see and change.
    pub(crate) fn visible(&self) -> Condition {
        let allowed = self.rows.condition().clone();
        match self.rule.condition(self.table) {
            Some(fixed) => fixed.and(allowed),
            None => allowed,
        }
    }

    /// Begins the transaction of the request's writes.
    pub(crate) fn begin(&self) -> Result<Transaction<'_>> {
        Transaction::begin_with(self.database, self.followup)
    }

    /// A statement in the database's dialect.
    pub(crate) fn statement(&self) -> Statement<'_> {
        Statement::new(self.database.backend().dialect())
    }
}

/// Everything that the handling of one request needs to know.
pub(crate) struct Context<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) options: Options<'a>,
}

/// Answers a request for records: a bare record, `{"resource": [...], "meta": {...}}`, or a bare number.
///
/// # Errors
/// As section 22 says; failures of several records come as one batch error (11).
pub fn handle(database: &Database, request: &RecordRequest<'_>, caller: &Caller<'_>) -> Result<Value> {
    let table = database.table_by_wire_name(request.table)?;
    if request.verb == Verb::Post && request.id.is_some() {
        return Err(Error::bad_request("Create record by identifier not currently supported."));
    }
    let options = Options::read(request)?;
    let mut scope = Scope::of(database, &table, caller)?;
    scope.identifiers = identify::fields(&table, options.id_field.as_deref())?;
    scope.allow_related_delete |= options.allow_related_delete;
    let context = Context { scope, options };
    let answer = match request.verb {
        Verb::Get => read::handle(&context, request),
        Verb::Post => create::handle(&context, request),
        Verb::Put | Verb::Patch => update::handle(&context, request),
        Verb::Delete => delete::handle(&context, request),
    };
    answer.map_err(|error| if caller.is_admin { with_cause(error) } else { error })
}

/// Administrators are told what the database said; it may hold SQL, which is no secret to them (11).
fn with_cause(error: Error) -> Error {
    match (error.status, &error.cause) {
        (500, Some(cause)) => Error { message: format!("{} {cause}", error.message), ..error },
        _ => error,
    }
}
