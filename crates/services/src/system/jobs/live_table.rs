//! Records that no table keeps, served by the code that serves tables: for one request they are put into a table in memory. So every record
//! parameter means what it means everywhere.

use crate::database::SessionLookups;
use antiphon_gateway::Call;
use antiphon_model::{Limits, Object, Result, Value, Verb, json};
use antiphon_sql::catalog::Table;
use antiphon_sql::extras::{Extra, MemoryExtras, Subject};
use antiphon_sql::lookup::{Lookups, NoLookups};
use antiphon_sql::records::{Caller, NoRule, RecordRequest, RecordRule, RowFilters, handle};
use antiphon_sql::relations::SameDatabase;
use antiphon_sql::statement::Bound;
use antiphon_sql::{Database, DatabaseConfig, Location};
use std::sync::Arc;

/// What such a table is like.
pub(super) struct LiveTable {
    pub(super) name: &'static str,
    /// Columns with their types; the first is the key.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// Further columns that clients may write, but that no answer shows.
    pub(super) written: &'static [(&'static str, &'static str)],
}

impl LiveTable {
    /// The table in memory with these rows, each a list in the order of the columns. Of rows with the same key the first stays.
    fn with(&self, rows: &[Value], limits: &Limits) -> Result<Arc<Database>> {
        let hidden = self.written.iter().map(|(column, _)| {
            let mut values = Object::new();
            values.insert("is_hidden".into(), json!(true));
            Extra { table: self.name.to_owned(), subject: Subject::Field((*column).to_owned()), values }
        });
        let extras = MemoryExtras::new(hidden.collect());
        let database = Database::open(DatabaseConfig::at(Location::Memory), Arc::new(extras), limits)?;
        let columns = self.columns.iter().chain(self.written).enumerate().map(|(index, (name, kind))| {
            let key = if index == 0 { " NOT NULL PRIMARY KEY" } else { "" };
            format!("\"{name}\" {kind}{key}")
        });
        database.run(&format!("CREATE TABLE {} ({})", self.name, columns.collect::<Vec<_>>().join(", ")))?;
        let values = (0..self.columns.len()).map(|index| format!("e.value ->> {index}")).collect::<Vec<_>>().join(", ");
        let names = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let insert = format!("INSERT OR IGNORE INTO {} ({names}) SELECT {values} FROM json_each(?) e", self.name);
        database.execute(&insert, &[Bound::Text(Value::from(rows.to_vec()).to_string())])?;
        Ok(database)
    }

    /// Its structure, for descriptions.
    pub(super) fn structure(&self, limits: &Limits) -> Result<Arc<Table>> {
        self.with(&[], limits)?.table(self.name)
    }

    /// Answers a request over these rows.
    pub(super) fn answer(
        &self,
        call: &Call<'_>,
        rows: &[Value],
        request: &LiveRequest<'_>,
        rule: &dyn RecordRule,
    ) -> Result<Value> {
        self.ask(call, call.request.verb, rows, call.gateway.limits(), request, rule)
    }

    /// The rows that a request reads, however many.
    pub(super) fn read(&self, call: &Call<'_>, rows: &[Value], request: &LiveRequest<'_>) -> Result<Vec<Value>> {
        let most = u64::try_from(rows.len()).unwrap_or(u64::MAX).max(1);
        let limits = Limits { max_records: most, max_records_cap: most, ..call.gateway.limits().clone() };
        let mut answer = self.ask(call, Verb::Get, rows, &limits, request, &NoRule)?;
        Ok(answer["resource"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    fn ask(
        &self,
        call: &Call<'_>,
        verb: Verb,
        rows: &[Value],
        limits: &Limits,
        request: &LiveRequest<'_>,
        rule: &dyn RecordRule,
    ) -> Result<Value> {
        let database = self.with(rows, limits)?;
        let session = SessionLookups(call.session);
        let lookups: &dyn Lookups = if verb == Verb::Get { &session } else { &NoLookups };
        let caller = Caller {
            lookups,
            user_id: call.session.user_id(),
            row_filters: RowFilters::new(),
            related: &SameDatabase { database: &database, lookups },
            rule,
            is_admin: call.session.is_admin(),
            followup: None,
        };
        let LiveRequest { id, parameters, payload } = *request;
        let request = RecordRequest { verb, table: self.name, id, parameters, payload };
        handle(&database, &request, &caller)
    }
}

/// What is asked of the rows.
#[derive(Clone, Copy)]
pub(super) struct LiveRequest<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) parameters: &'a Object,
    pub(super) payload: &'a Value,
}
